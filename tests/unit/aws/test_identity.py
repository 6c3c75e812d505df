"""One shell means one account: `keys` and `removal` find the credentials that the framework finds.

That the framework does find these is asked of it in `tests/aws/test_framework_identity.py`.
"""

import os
from pathlib import Path

import pytest
import yaml

from ml_core.errors import Unavailable
from providers.aws.deploying import identity
from providers.aws.deploying.identity import identify, region_of
from tests.aws_shells import KEYS, SHELLS, only_these_profiles

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    return only_these_profiles(tmp_path, monkeypatch)


@pytest.mark.parametrize(("env", "profile", "key"), SHELLS)
def test_a_shell_means_the_account_that_it_is_to_mean(
    files: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
    profile: str | None,
    key: str,
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert identity._session({**files, **env}, "dev", profile).get_credentials().access_key == key


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("nobody", "there is no AWS profile 'nobody'"),
        ("empty", "the AWS profile 'empty' holds no credentials"),
    ],
)
def test_a_profile_that_gives_no_credentials_is_not_replaced_by_others(
    files: dict[str, str], profile: str, said: str
) -> None:
    with open(files["AWS_CONFIG_FILE"], "w", encoding="utf-8") as file:
        file.write("[profile empty]\nregion = eu-west-1\n")
    with pytest.raises(Unavailable, match=said):
        identify({**files, **KEYS}, "eu-central-1", profile=profile)


def test_without_any_credentials_one_line_says_what_to_do(files: dict[str, str]) -> None:
    os.unlink(files["AWS_SHARED_CREDENTIALS_FILE"])
    with pytest.raises(Unavailable, match="there are no AWS credentials: name a profile"):
        identify(files, "eu-central-1")


@pytest.mark.parametrize(
    ("env", "region"),
    [
        ({}, "us-east-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, "us-east-1"),  # set, if to nothing
    ],
)
def test_the_region_is_found_as_a_deployment_finds_it(env: dict[str, str], region: str) -> None:
    assert region_of(env) == region
    with open(os.path.join(ROOT, "providers", "aws", "config.yml"), encoding="utf-8") as file:
        configured = yaml.safe_load(file)["provider"]["region"]
    assert configured == "${opt:region, env:AWS_REGION, env:AWS_DEFAULT_REGION, 'us-east-1'}"
