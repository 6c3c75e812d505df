"""What a person reads who deploys without a credential, or with one that Azure refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError

from providers.azure.deploying.refusals import said
from tests.azure.conftest import ROOT, make_service

LOOK = """
from providers.azure.deploying.credentials import credential
from providers.azure.deploying.refusals import said
said(lambda: credential().get_token("https://management.azure.com/.default"))
"""


def test_no_credential_at_all_is_one_clear_line_without_the_sdks_own() -> None:
    bare = {"PATH": os.path.dirname(sys.executable), "HOME": "/nonexistent"}
    ended = subprocess.run(
        [sys.executable, "-c", LOOK], env=bare, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.stderr.splitlines()[-1].endswith("AZURE_CLIENT_ID and AZURE_CLIENT_SECRET")
    assert not ended.stderr.startswith("ChainedTokenCredential")


@pytest.mark.parametrize("verb", [("deploy",), ("remove", "--yes"), ("info",)])
def test_a_verb_without_credentials_says_so_before_it_packages(verb: tuple[str, ...], tmp_path: Path) -> None:
    service = make_service()
    document = {
        "service": service.name,
        "stage": service.stage,
        "folder": str(tmp_path),
        "provider": service.provider,
        "functions": {name: each.settings for name, each in service.functions.items()},
        "patterns": service.patterns,
    }
    ended = subprocess.run(
        [sys.executable, "-m", "providers", *verb],
        input=json.dumps(document),
        env={"PATH": os.path.dirname(sys.executable), "HOME": "/nonexistent"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("serverless-ml: no Azure credential was accepted: run `az login`")
    assert list(tmp_path.iterdir()) == []


def test_what_azure_says_of_a_refused_credential_is_kept() -> None:
    def refuse() -> None:
        raise ClientAuthenticationError(
            "Authentication failed: AADSTS7000215: Invalid client secret provided."
        )

    with pytest.raises(Exception, match="AADSTS7000215: Invalid client secret"):
        said(refuse)
