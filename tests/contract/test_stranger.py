"""An algorithm that nothing knows goes the whole way, by a real job on every store."""

import json

import pytest

import ml_core.algorithms
from ml_core.inputs.rows import Limits
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import FAILED, SUCCEEDED, Job, Jobs
from ml_core.jobs.trainer import run_job
from ml_core.ports import ObjectStore
from ml_core.registry.registry import Registry, manifest_key
from ml_core.serving import Models
from ml_core.training.notebook import check_request
from tests.contract.faults import RememberingQueue
from tests.stranger.folder import BODY, FIT, FOLDER, ROWS


@pytest.fixture(autouse=True)
def _stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml_core.algorithms, "__path__", [*ml_core.algorithms.__path__, FOLDER])


def ended(store: ObjectStore, **more: object) -> Job:
    """A job of the stranger's, brought to its end by one delivery."""
    request = check_request({**BODY, **more}, Limits(), lambda _: None)
    jobs = Jobs(store, RememberingQueue())
    job = jobs.submit("unheard-of", request.to_bytes(), request.summary())
    outcome = run_job(job.id, TrainerContext(jobs, Registry(store), fit_command=FIT))
    assert outcome.job is not None
    assert outcome.defer is None
    return outcome.job


def test_it_is_trained_registered_measured_and_predicts(store: ObjectStore) -> None:
    job = ended(store, test_fraction=0.25)
    assert (job.state, job.error) == (SUCCEEDED, None)
    told = json.loads(store.get(manifest_key(job.id)).data)
    assert told["task"] == "classification"
    figures = {"accuracy", "balanced_accuracy", "baseline", "f1_macro", "log_loss", "roc_auc", "pr_auc"}
    for part in ("training", "test"):
        assert {*figures, "per_class", "confusion_matrix"} == set(told["metrics"][part])
    history = told["metrics"]["history"]
    assert [each["done"] for each in history] == [1, 2]
    assert all(each["rows"] > 0 for each in history)
    assert job.metrics == told["metrics"]
    model = Models(store).resolve("unheard-of").model
    assert model.outputs == ("label", "probability", "farness")
    rows = model.rows(ROWS[:4], limits=Limits())
    found = model.predict_rows(rows, model.outputs)
    assert set(found["label"]) <= {"near", "far"}
    assert all(sum(each) == pytest.approx(1) for each in found["probability"])
    assert all(isinstance(each, float) for each in found["farness"])
    assert model.cells(4, model.outputs) == 4 * (1 + 2 + 1)
    json.dumps(found)


def test_its_own_error_is_told_once_as_ours(store: ObjectStore) -> None:
    job = ended(store, hyperparameters={"fail": True})
    assert job.state == FAILED
    assert job.error is not None
    assert (job.error["code"], len(job.attempts)) == ("internal", 1)
    assert job.id in job.error["message"]
    assert "secret" not in json.dumps(job.error)
