"""`python -m providers keys`, on the laptop's folder."""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest


def _providers(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "providers", *arguments],
        env={**os.environ, "ML_ROOT": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_new_key_is_shown_once_and_only_its_digest_is_kept(tmp_path: Path) -> None:
    made = _providers(tmp_path, "keys", "new", "--cloud", "local", "--role", "train")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert re.fullmatch(r"sml_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", key)
    file = tmp_path / "keys.json"
    text = file.read_text()
    assert key not in text
    (record,) = json.loads(text)
    assert record["sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert record["role"] == "train"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_keys_are_listed_and_revoked_by_their_id(tmp_path: Path) -> None:
    for role in ("predict", "admin"):
        _providers(tmp_path, "keys", "new", "--cloud", "local", "--role", role)
    listed = _providers(tmp_path, "keys", "list", "--cloud", "local").stdout.split("\n")
    first, second = listed[0].split()[0], listed[1].split()[0]
    assert "predict" in listed[0]
    assert "admin" in listed[1]
    assert _providers(tmp_path, "keys", "revoke", "--cloud", "local", first).returncode == 0
    assert [record["id"] for record in json.loads((tmp_path / "keys.json").read_text())] == [second]


def test_the_list_says_that_the_laptop_is_open_until_a_key_was_made(tmp_path: Path) -> None:
    said = _providers(tmp_path, "keys", "list", "--cloud", "local").stderr
    assert "until the first is made, `make serve` asks its own machine for none" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("keys", "revoke", "--cloud", "local", "nobody"), "nobody"),
        (("keys", "list", "--cloud", "moon"), "moon"),
    ],
)
def test_a_failure_is_one_line_and_exit_code_one(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = _providers(tmp_path, *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("keys",), ("keys", "new"), ("keys", "list"), ("keys", "revoke")])
def test_help_is_everywhere(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = _providers(tmp_path, *arguments, "--help")
    assert done.returncode == 0
    assert "usage: python -m providers" in done.stdout


def test_where_a_key_went_is_said_beside_it(tmp_path: Path) -> None:
    made = _providers(tmp_path, "keys", "new", "--cloud", "local", "--role", "train")
    assert made.stdout.count("\n") == 1
    assert f"file {tmp_path}/keys.json" in made.stderr


@pytest.mark.parametrize(
    ("cloud", "option"),
    [("local", "--region"), ("azure", "--profile"), ("google", "--subscription"), ("aws", "--project")],
)
def test_an_option_that_the_cloud_does_not_have_is_refused(tmp_path: Path, cloud: str, option: str) -> None:
    """Nobody is to believe that a key went where an option said, which nothing read."""
    done = _providers(tmp_path, "keys", "list", "--cloud", cloud, option, "somewhere")
    assert (done.returncode, done.stderr) == (
        1,
        f"serverless-ml: {option} is not an option of --cloud {cloud}\n",
    )


WITHOUT_CLOUDS = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"boto3", "botocore", "google", "azure", "msal", "msrest", "requests"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nothing())
"""


@pytest.mark.parametrize("cloud", ["aws", "google", "azure"])
@pytest.mark.parametrize("action", [("new", "--role", "admin"), ("list",), ("revoke", "0123abcd")])
def test_without_a_clouds_libraries_one_line_says_what_to_run(
    tmp_path: Path, cloud: str, action: tuple[str, ...]
) -> None:
    """As in the environment that `make demo` and `make serve` make."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_CLOUDS)
    done = subprocess.run(
        [sys.executable, "-m", "providers", "keys", *action, "--stage", "dev", "--cloud", cloud],
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "GOOGLE_CLOUD_PROJECT": "demo-1",
            "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "run `make setup`" in done.stderr
