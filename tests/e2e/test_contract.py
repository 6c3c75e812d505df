"""The contract in /openapi.json against what is answered: schemathesis sends what fits it, and what does not.

`SEED=7 python -m pytest tests/e2e/test_contract.py` sends other requests; each failure tells the seed.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.settings import read_settings
from tests.e2e.local_server import ROOT, LocalServer

PROGRAM = os.path.join(ROOT, ".tools", "schemathesis", "bin", "schemathesis")
SEED = os.environ.get("SEED", "0")
EXAMPLES = os.environ.get("EXAMPLES", "10")  # for each operation; `make fuzz` asks for more
ALL, DRAWN = ("--phases", "examples,coverage,fuzzing"), ("--phases", "examples,fuzzing")
KEY = "sml_contract_0123456789abcdef"
RECORDS = [{"id": "contract", "role": "admin", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}]
# What `/openapi.json` tells the story of: its examples reach more where the model is there.
FRUIT = {
    "algorithm": "logistic_regression",
    "feature_names": ["grams", "redness"],
    "instances": [[120, 0.9], [130, 0.8], [125, 0.95], [170, 0.2], [160, 0.1], [155, 0.3]],
    "targets": ["apple", "apple", "apple", "quince", "quince", "quince"],
    "test_fraction": 0,
}
# A schema cannot say all that a request has to be: rows have to have the model's width.
UNCHECKED = ["positive_data_acceptance"]
OPEN = [*UNCHECKED, "ignored_auth"]


def _explored(url: str, folder: Path, *options: str, unchecked: list[str]) -> None:
    assert os.path.exists(PROGRAM), "schemathesis is not installed: run `make .tools/schemathesis.ready`"
    ran = subprocess.run(
        [
            *(PROGRAM, "run", f"{url}/openapi.json", "--seed", SEED, "--max-examples", EXAMPLES),
            *("--no-shrink", "--continue-on-failure", "--request-timeout", "60"),
            *("--exclude-checks", ",".join(unchecked), "--warnings", "off", "--no-color", *options),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, f"SEED={SEED}\n{ran.stdout[-20_000:]}{ran.stderr[-2_000:]}"
    assert "Test cases:" in ran.stdout
    print(ran.stdout[-600:])


def _trained(server: LocalServer, **headers: str) -> None:
    for _ in range(2):
        job = server.call("POST", "/v1/models/fruit:train", FRUIT, prefer="wait=20", **headers).body
        while job["state"] in ("queued", "running"):
            job = server.call("GET", f"/v1/jobs/{job['id']}", **headers).body
        assert job["state"] == "succeeded", job
    put = server.call("PUT", "/v1/models/fruit/aliases/production", {"version": 1}, **headers)
    assert put.status == 200, put


def _keys(folder: Path) -> Path:
    file = folder / "keys.json"
    file.write_text(json.dumps(RECORDS))
    return file


@contextmanager
def _adapter(cloud: str, root: Path, keys: Path) -> Iterator[str]:
    """A cloud's adapter over a folder; its address."""
    command = [sys.executable, "-m", "tests.e2e.event_server", cloud, str(root), str(keys)]
    with (root / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert url, (root / "log").read_text()
        following = subprocess.Popen(["cat"], stdin=server.stdout, stdout=subprocess.DEVNULL)
        yield url
    finally:
        server.kill()
        server.wait()
    following.wait()


def test_the_laptop_without_keys(tmp_path: Path) -> None:
    with LocalServer(tmp_path / "root", ML_MAX_WAIT="0", ML_ONNX="here") as server:
        _trained(server)
        _explored(server.url, tmp_path, *DRAWN, "--exclude-method", "DELETE", unchecked=OPEN)


def test_the_laptop_with_keys(tmp_path: Path) -> None:
    keys = _keys(tmp_path)
    with LocalServer(tmp_path / "root", "--keys", str(keys), ML_MAX_WAIT="0", ML_ONNX="here") as server:
        _trained(server, authorization=f"Bearer {KEY}")
        _explored(server.url, tmp_path, *ALL, "-H", f"Authorization: Bearer {KEY}", unchecked=UNCHECKED)


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_the_events_of_clouds(cloud: str, tmp_path: Path) -> None:
    keys, root = _keys(tmp_path), tmp_path / "root"
    services = folder_services(read_settings({"ML_ROOT": str(root)}), key_records=None)
    for _ in range(2):
        assert train_now(services, {"model": "fruit", **FRUIT}).state == "succeeded"
    with _adapter(cloud, root, keys) as url:
        _explored(url, tmp_path, *DRAWN, "-H", f"Authorization: Bearer {KEY}", unchecked=UNCHECKED)
