"""Parameters that nothing reads are refused, and those that go back to their defaults are told."""

import json
import os
import subprocess
from shutil import which
from typing import Any

import pytest

from providers.deploying.parameters import SETTING, Parameters
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
DEFAULTS = {"apiMemory": "512", "corsOrigins": ""}
CLOUDS = sorted(
    entry.name
    for entry in os.scandir(os.path.join(ROOT, "providers"))
    if os.path.exists(os.path.join(entry.path, "config.yml"))
)


def kept(**changed: str) -> str | None:
    return Parameters(changed, DEFAULTS).setting.get(SETTING)


def test_what_is_at_its_default_is_not_kept() -> None:
    assert Parameters({}, DEFAULTS).setting == {}


def test_a_parameter_that_is_not_given_again_is_told_with_how_to_keep_it() -> None:
    memory, origins = Parameters({}, DEFAULTS).going_back(kept(apiMemory="1024", corsOrigins="*"))
    assert memory.startswith("the parameter apiMemory goes back from 1024 to its default, 512: pass --param")
    assert memory.endswith(" --param apiMemory=1024 to keep it")
    assert origins.startswith("the parameter corsOrigins goes back from * to its default, nothing: ")


@pytest.mark.parametrize("now", ["1024", "2048"])
def test_a_parameter_that_is_given_again_goes_nowhere(now: str) -> None:
    assert Parameters({"apiMemory": now}, DEFAULTS).going_back(kept(apiMemory="1024")) == []


def test_a_parameter_that_is_there_no_more_cannot_be_kept() -> None:
    assert Parameters({}, {}).going_back(kept(apiMemory="1024")) == []


@pytest.mark.parametrize("text", [None, "", "{", "[]", "7", '"x"'])
def test_a_text_that_somebody_else_wrote_counts_as_nothing(text: str | None) -> None:
    assert Parameters({}, DEFAULTS).going_back(text) == []


def test_a_service_carries_them() -> None:
    document: dict[str, Any] = {
        "service": "s",
        "stage": "dev",
        "folder": ROOT,
        "provider": {"name": "google"},
        "functions": {},
        "parameters": {"changed": {"apiMemory": "1024"}, "defaults": DEFAULTS},
    }
    assert Service.from_json(json.dumps(document)).parameters == Parameters({"apiMemory": "1024"}, DEFAULTS)
    document["parameters"] = {"unheard": {}}
    with pytest.raises(DeploymentFailed):
        Service.from_json(json.dumps(document))


def of_the_framework(expression: str, cloud: str, params: Any, *given: str, stage: str | None = None) -> Any:
    """What `providers/parameters.js` answers to the framework's own object."""
    serverless = {
        "serviceDir": ROOT,
        "service": {"provider": {"name": cloud, "stage": "dev"}},
        "configurationInput": {"params": params},
        "processedInput": {"options": {**({"stage": stage} if stage else {}), "param": list(given)}},
    }
    program = (
        "const parameters = require('./providers/parameters.js');"
        "const serverless = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        f"console.log(JSON.stringify({expression}(serverless)));"
    )
    done = subprocess.run(
        ["node", "-e", program],
        input=json.dumps(serverless),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(which("node") is None, reason="Node is not installed")
class TestFramework:
    @pytest.mark.parametrize("cloud", CLOUDS)
    def test_a_name_that_nothing_reads_is_unknown(self, cloud: str) -> None:
        said = of_the_framework("parameters.unknown", cloud, None, "apiMemmory=1", f"cloud={cloud}")
        assert said.startswith(f"--param: expected parameters of {cloud} (")
        assert said.endswith("), got apiMemmory, which nothing reads")
        assert "corsOrigins" in said

    @pytest.mark.parametrize(("cloud", "of_another"), [("aws", "project"), ("google", "requestBurst")])
    def test_another_clouds_parameter_is_unknown(self, cloud: str, of_another: str) -> None:
        assert f"got {of_another}" in of_the_framework("parameters.unknown", cloud, None, f"{of_another}=x")

    def test_what_is_read_or_declared_is_known(self) -> None:
        params = {"default": {"ours": 1}, "prod": {"theirs": 2}}
        given = ["project=p", "region=r", "ours=2", "theirs=3", "corsOrigins=https://a.example=b"]
        assert of_the_framework("parameters.unknown", "google", params, *given, stage="prod") == ""
        assert "got theirs" in of_the_framework("parameters.unknown", "google", params, *given)

    def test_what_differs_is_what_the_run_takes(self) -> None:
        params = {"default": {"a": 1, "b": "x", "c": ""}, "prod": {"b": "y", "a": 5}}
        differing = of_the_framework(
            "parameters.differing", "aws", params, "a=1", "a=2", "c=k=v", stage="prod"
        )
        assert differing == {
            "changed": {"a": "2", "b": "y", "c": "k=v"},
            "defaults": {"a": "1", "b": "x", "c": ""},
        }
        assert of_the_framework("parameters.differing", "aws", params, "a=1")["changed"] == {}
