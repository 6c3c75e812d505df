"""One shell means one account: `keys` and `removal` find the credentials that the framework finds."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_core.errors import Unavailable
from providers.aws.deploying import identity
from providers.aws.deploying.identity import identify, region_of

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

# The framework's own resolution, for each of the shells on standard input.
ASK_THE_FRAMEWORK = """
const { getAwsSdkV3CredentialsProvider } = require('./node_modules/osls/lib/aws/credentials.js');
const shells = JSON.parse(require('fs').readFileSync(0));
(async () => {
  const found = [];
  for (const { env, stage, profile } of shells) {
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, env);
    const provider = {
      getStage: () => stage,
      options: { 'aws-profile': profile },
      serverless: { service: { provider: {} } },
    };
    const credentials = await getAwsSdkV3CredentialsProvider({ provider })();
    found.push([credentials.accessKeyId, credentials.sessionToken || null]);
  }
  console.log(JSON.stringify(found));
})();
"""

# What the plugin hands to its Python steps, when the framework resolved the credentials on standard input.
ASK_THE_PLUGIN = """
const Plugin = require('./providers/aws/plugin.js');
const credentials = JSON.parse(require('fs').readFileSync(0));
const aws = {
  getRegion: () => 'eu-west-1',
  getAwsSdkV3CredentialsProvider: () => async () => credentials,
};
const serverless = { serviceDir: '.', getProvider: () => aws };
new Plugin(serverless, {}, {}).identity().then((env) => console.log(JSON.stringify(env)));
"""

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


def node(script: str, given: object, env: dict[str, str]) -> Any:
    """What a script prints last, as JSON."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ran = subprocess.run(
        ["node", "-e", script],
        cwd=ROOT,
        env={**bare, **env},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Where the profiles are; this process has no other AWS than that."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    (tmp_path / "credentials").write_text(FILE)
    found = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def test_every_shell_means_the_account_that_the_framework_means(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = []
    for env, profile, _ in SHELLS:
        with monkeypatch.context() as shell:
            for name, value in env.items():
                shell.setenv(name, value)
            found = identity._session({**files, **env}, "dev", profile).get_credentials()
            ours.append([found.access_key, found.token])
    asked = [{"env": {**files, **env}, "stage": "dev", "profile": profile} for env, profile, _ in SHELLS]
    assert ours == node(ASK_THE_FRAMEWORK, asked, {})
    assert [key for key, _ in ours] == [key for _, _, key in SHELLS]


@pytest.mark.parametrize("token", [None, "token of the run"])
def test_a_step_of_the_plugin_has_the_frameworks_credentials_and_no_others(token: str | None) -> None:
    of_the_shell = {
        **KEYS,
        "AWS_SESSION_TOKEN": "of the shell",
        "AWS_SECURITY_TOKEN": "of the shell",
        "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
        "AWS_PROFILE": "of the shell",
        "AWS_DEFAULT_PROFILE": "of the shell",
        "AWS_DEFAULT_REGION": "of the shell",
        "AWS_ENDPOINT_URL": "kept",
    }
    resolved = {"accessKeyId": "of the run", "secretAccessKey": "its secret", "sessionToken": token}
    given = node(ASK_THE_PLUGIN, resolved, of_the_shell)
    assert {name: value for name, value in given.items() if name.startswith("AWS_")} == {
        "AWS_ACCESS_KEY_ID": "of the run",
        "AWS_SECRET_ACCESS_KEY": "its secret",
        **({"AWS_SESSION_TOKEN": token} if token else {}),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "kept",
    }


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
