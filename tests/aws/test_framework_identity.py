"""The framework and our plugin are asked which credentials they find; Node has to be there for it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from providers.aws.deploying import identity
from tests.aws_shells import KEYS, SHELLS, only_these_profiles

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

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
    return only_these_profiles(tmp_path, monkeypatch)


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
