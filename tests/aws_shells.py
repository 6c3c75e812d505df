"""Shells in which AWS credentials are found in different places, and the account that each of them means."""

import os
from pathlib import Path

import pytest

FILE = """
[default]
aws_access_key_id = of-default
aws_secret_access_key = secret
region = ap-south-1

[staging]
aws_access_key_id = of-staging
aws_secret_access_key = secret
aws_session_token = token-of-staging
region = eu-west-3

[production]
aws_access_key_id = of-production
aws_secret_access_key = secret
"""
KEYS = {"AWS_ACCESS_KEY_ID": "of-keys", "AWS_SECRET_ACCESS_KEY": "secret"}
STAGE_KEYS = {"AWS_DEV_ACCESS_KEY_ID": "of-stage", "AWS_DEV_SECRET_ACCESS_KEY": "secret"}
SHELLS: list[tuple[dict[str, str], str | None, str]] = [
    ({}, None, "of-default"),
    (KEYS, None, "of-keys"),
    ({**KEYS, "AWS_SESSION_TOKEN": "token"}, None, "of-keys"),
    ({**KEYS, "AWS_SECURITY_TOKEN": "boto3's alone"}, None, "of-keys"),
    ({"AWS_ACCESS_KEY_ID": "half"}, None, "of-default"),
    (KEYS, "staging", "of-staging"),
    ({**KEYS, "AWS_SESSION_TOKEN": "token"}, "production", "of-production"),
    ({**KEYS, "AWS_PROFILE": "staging"}, None, "of-staging"),
    ({"AWS_PROFILE": "staging"}, "production", "of-production"),
    ({**KEYS, "AWS_DEFAULT_PROFILE": "staging"}, None, "of-keys"),
    ({**KEYS, "AWS_DEFAULT_PROFILE": "nobody"}, None, "of-keys"),
    ({"AWS_DEFAULT_PROFILE": "staging"}, None, "of-staging"),
    ({"AWS_DEFAULT_PROFILE": "nobody"}, None, "of-default"),
    ({"AWS_PROFILE": "production", "AWS_DEFAULT_PROFILE": "staging"}, None, "of-production"),
    ({**KEYS, **STAGE_KEYS}, None, "of-stage"),
    ({**STAGE_KEYS, "AWS_PROFILE": "staging"}, None, "of-stage"),
    ({**KEYS, **STAGE_KEYS, "AWS_DEV_PROFILE": "production"}, None, "of-production"),
    ({**KEYS, "AWS_PROD_PROFILE": "production"}, None, "of-keys"),
    ({**KEYS, "AWS_PROFILE": ""}, None, "of-keys"),
]


def only_these_profiles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Write the profiles of `FILE`, and let this process know of no other AWS; the variables that say so."""
    (folder / "credentials").write_text(FILE)
    found = {
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found
