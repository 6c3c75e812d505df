"""A service that asks for keys."""

import os
import subprocess
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from serverless_ml import Client, NotAllowed

from client.tests.service import ROOT, SERVER_PYTHON, Service

ROWS = {"a": [1.0, 2.0, 3.0, 4.0], "b": ["x", "y", "x", "y"]}


def new_key(folder: Path, *roles: str) -> str:
    asked = [argument for role in roles for argument in ("--role", role)]
    made = subprocess.run(
        [SERVER_PYTHON, "-m", "providers", "keys", "new", "--cloud", "local", *asked],
        cwd=ROOT,
        env={**os.environ, "ML_ROOT": str(folder)},
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.strip()


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("locked")
    keys = {role: new_key(folder, role) for role in ("predict", "train")}
    with Service(folder) as service:
        yield service, keys


def test_a_key_lets_in_and_is_told_nowhere(locked: tuple[Service, dict[str, str]]) -> None:
    service, keys = locked
    with Client(service.url, key=keys["train"], progress=False) as trains:
        assert trains.train("locked", ROWS, target="b", test_fraction=0.0).version == 1
        assert trains.jobs()[0].submitter
    with Client(service.url, key=keys["predict"]) as predicts:
        assert len(predicts.predict("locked", {"a": [1.0]})) == 1
        with pytest.raises(NotAllowed, match="'train'") as lacking:
            predicts.jobs()
    assert (lacking.value.status, lacking.value.code) == (403, "forbidden")
    with Client(service.url, key="sml_00000000_wrong") as wrong, pytest.raises(NotAllowed) as unknown:
        wrong.models()
    with Client(service.url) as nobody, pytest.raises(NotAllowed) as without:
        nobody.models()
    assert (unknown.value.status, without.value.status) == (401, 401)
    told = "".join("".join(traceback.format_exception(error.value)) for error in (lacking, unknown, without))
    assert not any(key in told for key in [*keys.values(), "sml_00000000_wrong"])


def test_address_and_key_come_from_the_environment(
    locked: tuple[Service, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, keys = locked
    monkeypatch.setenv("SERVERLESS_ML_URL", service.url)
    monkeypatch.setenv("SERVERLESS_ML_KEY", keys["predict"])
    with Client() as client:
        assert client.algorithms()
