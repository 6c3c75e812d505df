"""Small fits are forked from one process, make the bytes that a process of their own makes, and end as it."""

import os
import random
import sys
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_core.inputs.rows import Limits, Rows
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.fit_child import FitChild, FittedArtifact, OutOfMemory, OutOfTime, RequestRefused, Result
from ml_core.jobs.jobs import Jobs
from ml_core.jobs.trainer import run_job
from ml_core.jobs.warm_fits import KEPT, LEAST_MEMORY, MOST_BYTES, zygote_for
from ml_core.registry.registry import Registry, artifact_key
from ml_core.sandbox.forking import Zygote
from ml_core.sandbox.memory import FunctionMemory
from ml_core.training.notebook import TrainingRequest, check_request
from ml_core.training.reference import TableReference
from ml_core.training.rows import TrainingRows
from providers.local.runtime.store import FolderStore
from tests.contract.faults import QUICK_FIT, RememberingQueue

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")

FITS: list[tuple[str, dict[str, Any]]] = [
    ("logistic_regression", {}),
    ("logistic_regression", {"l1_ratio": 0.5}),
    ("svm", {}),
    ("svm", {"kernel": "linear"}),
    ("svm", {"probability": True}),
    ("kmeans", {"n_clusters": 3}),
]


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_kept() -> Iterator[None]:
    yield
    KEPT.end()


def _request(algorithm: str = "svm", rows: int = 60, **request: object) -> TrainingRequest:
    chance = random.Random(rows)  # noqa: S311 - rows, not secrets
    instances = [[chance.gauss(0, 1) for _ in range(4)] for _ in range(rows)]
    targets = [["a", "b", "c"][sum(value > 0.3 for value in row) % 3] for row in instances]
    labels = {} if algorithm == "kmeans" else {"targets": targets}
    return check_request({"algorithm": algorithm, "instances": instances, **labels, **request}, Limits())


def _wide_request() -> TrainingRequest:
    """Of 20 MiB, of which there are several copies on the way."""
    rows = Rows(array("d", range(2_500_000)).tobytes(), 50)
    data = TrainingRows(rows=rows, features=tuple(f"x{number}" for number in range(50)), targets=None)
    return _request("kmeans")._replace(data=data)


def _table(folder: Path, algorithm: str, hyperparameters: dict[str, Any]) -> TrainingRequest:
    chance = random.Random(3)  # noqa: S311 - rows, not secrets
    rows = [
        ",".join([*(f"{chance.gauss(0, 1):.6f}" for _ in range(3)), chance.choice(["red", "blue", ""]), kind])
        for kind in ("x", "y") * 40
    ]
    (folder / "data").write_text("\n".join(["a,b,c,colour,target", *rows]) + "\n")
    reference = TableReference("dataset://table", target=None if algorithm == "kmeans" else "target")
    return TrainingRequest(algorithm, hyperparameters, reference, 0.2, 0)


def _fit(request: TrainingRequest, folder: Path, zygote: Zygote | None, **bounds: Any) -> Result:
    with FitChild(request.to_bytes(), str(folder), zygote=zygote, **bounds) as child:
        assert child.ended.wait(60)
        return child.result()


def _kind(request: TrainingRequest) -> str:
    return "table" if isinstance(request.data, TableReference) else "rows"


@pytest.mark.parametrize("data", ["rows", "table"])
@pytest.mark.parametrize(("algorithm", "hyperparameters"), FITS)
def test_a_fork_makes_the_bytes_that_a_process_of_its_own_makes(
    tmp_path: Path, algorithm: str, hyperparameters: dict[str, Any], data: str
) -> None:
    if data == "rows":
        sound = _request(algorithm)
        request = _request(algorithm, hyperparameters={**sound.hyperparameters, **hyperparameters})
    else:
        chosen = {**_request(algorithm).hyperparameters, **hyperparameters}
        request = _table(tmp_path, algorithm, chosen)
    own = _fit(request, tmp_path, None)
    assert isinstance(own, FittedArtifact), own
    kind = "table" if data == "table" else "rows"
    for _ in range(2):
        for name in ("artifact", "manifest.json"):
            os.unlink(tmp_path / name)
        with KEPT.lend(kind) as zygote:
            assert zygote is not None
            forked = _fit(request, tmp_path, zygote)
        assert isinstance(forked, FittedArtifact)
        assert forked.artifact == own.artifact
        assert forked.manifest == own.manifest


def test_a_forked_fit_ends_at_its_deadline_even_when_nobody_looks(tmp_path: Path) -> None:
    with KEPT.lend("rows") as zygote:
        assert zygote is not None
        (tmp_path / "first").mkdir()
        assert isinstance(_fit(_request(), tmp_path / "first", zygote), FittedArtifact)
        (tmp_path / "long").mkdir()
        long = _request(rows=20_000)
        assert _fit(long, tmp_path / "long", zygote, deadline=time.time() + 0.5) == OutOfTime()
        (tmp_path / "next").mkdir()
        assert isinstance(_fit(_request(), tmp_path / "next", zygote), FittedArtifact)


def test_a_forked_fit_that_allocates_past_its_limit_ends_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one thread, whatever earlier tests have said: what several take is the machine's own."""
    KEPT.end()
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    with KEPT.lend("rows") as zygote:
        assert zygote is not None
        for mebibytes in (300, 20):  # of 400 that it takes; less than what is imported
            folder = tmp_path / str(mebibytes)
            folder.mkdir()
            assert _fit(_wide_request(), folder, zygote, memory=mebibytes << 20) == OutOfMemory(), mebibytes
        (tmp_path / "next").mkdir()
        assert isinstance(_fit(_request(), tmp_path / "next", zygote), FittedArtifact)
    KEPT.end()


def test_a_forked_fit_refuses_what_is_at_fault(tmp_path: Path) -> None:
    request = _request(test_fraction=0, hyperparameters={"probability": True})
    assert isinstance(request.data, TrainingRows)
    broken = request._replace(data=request.data._replace(targets=["a", *["b"] * 59]))
    with KEPT.lend("rows") as zygote:
        result = _fit(broken, tmp_path, zygote)
    assert isinstance(result, RequestRefused)
    assert result.error["faults"]


@pytest.fixture
def context(tmp_path: Path) -> TrainerContext:
    store = FolderStore(str(tmp_path / "store"))
    return TrainerContext(Jobs(store, RememberingQueue()), Registry(store))


def _forked_from(
    request: TrainingRequest, context: TrainerContext, size: int | None = 1000
) -> tuple[int, str] | None:
    with zygote_for(request.to_bytes(), request.summary(), size, context) as zygote:
        return None if zygote is None else (zygote.pid, _kind(request))


def test_trainings_on_rows_and_on_tables_have_one_process_each(
    tmp_path: Path, context: TrainerContext
) -> None:
    rows, table = _request(), _table(tmp_path, "svm", {})
    found = [_forked_from(request, context) for request in (rows, table, rows, table)]
    assert None not in found
    assert found[:2] == found[2:]
    assert len(set(found)) == 2


_CHANGES: dict[str, dict[str, Any]] = {
    "a network": {"algorithm": "rnn"},
    "private": {"privacy": {"epsilon": 1.0, "delta": 1e-6, "bounds": {}}},
    "of an algorithm that is not here": {"algorithm": "gone"},
}


@pytest.mark.parametrize("change", _CHANGES)
def test_what_has_to_be_alone_is_a_process_of_its_own(context: TrainerContext, change: str) -> None:
    assert _forked_from(_request()._replace(**_CHANGES[change]), context) is None


def test_large_data_and_little_memory_are_for_one_process_and_nothing_is_kept(
    context: TrainerContext,
) -> None:
    small = context._replace(memory=FunctionMemory(LEAST_MEMORY))
    kept = _forked_from(_request(), context)
    assert kept is not None
    for size, where in ((MOST_BYTES + 1, context), (None, context), (1000, small)):
        assert _forked_from(_request(), where, size) is None
        again = _forked_from(_request(), context)
        assert again not in (None, kept)
        kept = again


def test_another_command_is_not_forked(context: TrainerContext) -> None:
    assert _forked_from(_request(), context._replace(fit_command=QUICK_FIT)) is None


def test_jobs_of_one_trainer_are_forked_from_one_process(context: TrainerContext) -> None:
    made = []
    for _ in range(2):
        request = _request()
        job = context.jobs.submit("iris", request.to_bytes(), request.summary())
        done = run_job(job.id, context).job
        assert done is not None
        assert done.state == "succeeded", done.error
        made.append(context.jobs.store.get(artifact_key(job.id)).data)
        assert _forked_from(request, context) is not None
    assert made[0] == made[1]
