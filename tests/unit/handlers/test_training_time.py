"""A training that cannot end in the time there is, is refused: by `:train`, or as its job begins."""

import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handlers.jobs import train_now, trainer_context
from handlers.settings import allowed_seconds, read_settings
from ml_core.errors import InvalidInput
from tests.unit.handlers.conftest import asking, services_over

# Of the sequences below about 35 seconds by the estimate, and of forty times as many more than an hour.
SHORT = {"algorithm": "rnn", "hyperparameters": {"hidden_size": 480, "epochs": 1000}}
LONG = {"algorithm": "rnn", "hyperparameters": {"hidden_size": 480, "layers": 2, "epochs": 1000}}
SEQUENCES = [[row % 2] * 10 for row in range(20)]
TARGETS = [row % 2 for row in range(20)]
PLACE = "$.hyperparameters.epochs"


def faults_of(body: bytes) -> list[tuple[str, str]]:
    return [(each["path"], each["message"]) for each in json.loads(body)["faults"]]


def test_rows_in_the_request_are_refused_at_once(tmp_path: Path) -> None:
    ask = asking(services_over(tmp_path))
    body = {**SHORT, "instances": SEQUENCES, "targets": TARGETS, "test_fraction": 0}
    response = ask("POST", "/v1/models/m:train", json.dumps({**body, "max_seconds": 5}).encode())
    assert response.status == 422
    ((path, message),) = faults_of(response.body)
    assert path == PLACE
    assert message.startswith("1000 epochs of these rows would take about ")
    assert " and there are 5 seconds (max_seconds, or ML_TRAIN_HOURS): expected at most " in message
    assert ask("POST", "/v1/models/m:train", json.dumps(body).encode()).status == 202


def test_texts_are_told_no_number_of_epochs_that_would_be_refused_again(tmp_path: Path) -> None:
    """How many words they have is known when the job has counted them: then there is a number that does."""
    chosen = {"hidden_size": 256, "batch_size": 1, "epochs": 1000}
    texts = {"instances": ["a text of six words, ending here"] * 400, "targets": ["a", "b"] * 200}
    body = {"model": "m", "algorithm": "rnn", "hyperparameters": chosen, "test_fraction": 0, **texts}
    services = services_over(tmp_path)
    with pytest.raises(InvalidInput) as refused:
        train_now(services, {**body, "max_seconds": 20}, None)
    ((path, message),) = [(fault.path, fault.message) for fault in refused.value.faults]
    assert path == PLACE
    assert "and there are 20 seconds (max_seconds, or ML_TRAIN_HOURS): expected far fewer" in message
    assert "at most" not in message
    few = {**body, "hyperparameters": {**chosen, "epochs": 20}, "max_seconds": 20}
    error = train_now(services, few, None).error
    assert error is not None
    ((path, message),) = [(fault["path"], fault["message"]) for fault in error["faults"]]
    assert "expected at most " in message


@pytest.mark.parametrize(("hours", "status"), [("1", 422), ("", 202)])
def test_the_setting_bounds_what_the_request_does_not(tmp_path: Path, hours: str, status: int) -> None:
    body = {**LONG, "instances": SEQUENCES * 40, "targets": TARGETS * 40, "test_fraction": 0}
    ask = asking(services_over(tmp_path, ML_TRAIN_HOURS=hours))
    assert ask("POST", "/v1/models/m:train", json.dumps(body).encode()).status == status


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, 12 * 3600),
        ({"ML_TRAIN_HOURS": "2"}, 2 * 3600),
        ({"ML_TRAIN_HOURS": "1", "ML_TRAIN_SECONDS": "7200"}, 7200),
        ({"ML_TRAIN_HOURS": "1", "ML_TRAIN_SECONDS": "0"}, None),
    ],
)
def test_one_run_may_take_longer_than_what_is_continued(
    tmp_path: Path, variables: dict[str, str], seconds: float | None
) -> None:
    """Who takes a request and who trains on it say the same."""
    services = services_over(tmp_path, **variables)
    assert allowed_seconds(read_settings(variables)) == seconds
    run = services.settings.train_seconds
    trained = trainer_context(services, time.time() + run if run else None).allowed_seconds
    assert trained == (None if seconds is None else pytest.approx(seconds, abs=60))


@pytest.mark.parametrize(
    ("asked", "times", "there_are"),
    [({**SHORT, "max_seconds": 30}, 1, "30 seconds"), (LONG, 40, "60 minutes")],
)
def test_rows_in_a_file_are_refused_as_the_job_begins(
    tmp_path: Path, asked: dict[str, Any], times: int, there_are: str
) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, x=np.array(SEQUENCES * times, np.float32), y=TARGETS * times)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "waves.npz").write_bytes(file.getvalue())
    services = services_over(tmp_path, ML_TRAIN_HOURS="1")
    asked = {"model": "m", **asked, "data": {"uri": "file:waves.npz"}, "test_fraction": 0}
    job = train_now(services, asked, time.time() + 60)
    assert job.error is not None
    assert (job.state, job.error["code"], len(job.attempts)) == ("failed", "invalid_input", 1)
    (fault,) = job.error["faults"]
    assert fault["path"] == PLACE
    assert f"and there are {there_are} (max_seconds, or ML_TRAIN_HOURS)" in fault["message"]
