"""Where no version is named, the newest is meant, by every method and at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import serverless_ml
from serverless_ml import Client

from client.tests.service import Service

ROWS = [[0.0], [1.0], [8.0], [9.0]]


def answers_of(number: int) -> list[str]:
    return [f"low {number}", f"low {number}", f"high {number}", f"high {number}"]


@pytest.mark.parametrize("way", ["train", "register"])
def test_what_was_made_last_answers_at_once(ml: Client, way: str) -> None:
    """A service goes by what it read of a model for up to two seconds: this client knows that it changed."""
    name = f"newest-{way}"
    for number in range(1, 4):
        version = ml.train(
            name if way == "train" else f"{name}-source", ROWS, targets=answers_of(number), test_fraction=0
        )
        if way == "register":
            content = ml.model(f"{name}-source").artifact(version.version)
            version = ml.register(name, content)
        assert version.version == number
        assert ml.predict(name, ROWS) == answers_of(number)
        assert ml.load(name).predict(ROWS).tolist() == answers_of(number)
        assert ml.model(name).version().version == number
    ml.model(name).promote(2)
    assert ml.predict(name, ROWS) == answers_of(2)
    assert ml.load(name).predict(ROWS).tolist() == answers_of(2)
    ml.model(name).promote(3)
    ml.model(name).rollback()
    assert ml.predict(name, ROWS) == answers_of(2)
    copied = ml.copy(name, to=ml, model=f"{name}-copy")
    assert copied.sha256 == ml.model(name).version(2).sha256


def test_the_command_says_what_was_trained_last(ml: Client, service: Service, tmp_path: Path) -> None:
    for number in (1, 2):
        ml.train("newest-file", ROWS, features=["size"], targets=answers_of(number), test_fraction=0)
        ml.predict("newest-file", {"size": [0.0]})  # the service has read of it now
    ml.train("newest-file", ROWS, features=["size"], targets=answers_of(3), test_fraction=0)
    (tmp_path / "rows.csv").write_text("size\n0\n9\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "serverless_ml.command_line",
            "predict",
            "newest-file",
            "rows.csv",
            "--url",
            service.url,
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(serverless_ml.__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["size,label", "0,low 3", "9,high 3"]
