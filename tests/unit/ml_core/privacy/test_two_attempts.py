"""A trainer that dies between artifact and manifest: the next one's model is another, and its figures too."""

import hashlib
from pathlib import Path
from typing import Any

from ml_core.jobs import fit_results
from ml_core.jobs.fit_child import FittedArtifact
from ml_core.registry.registry import artifact_key
from providers.local.runtime.store import FolderStore

JOB = "f" * 28


def fitted(number: int, **more: Any) -> FittedArtifact:
    """What an attempt brought."""
    metrics = {"test": {"accuracy": number / 10}}
    figures = {"metrics": metrics, "rows": 100 + number, "test_rows": 20 + number, "warnings": [str(number)]}
    return FittedArtifact(b"model %d" % number, {"algorithm": "logistic_regression", **figures, **more})


def private(number: int) -> FittedArtifact:
    """The same of a private training."""
    return fitted(number, privacy={"epsilon": 1, "rows_deviation": 5.0, "count_deviation": 1.0})


def test_figures_of_one_attempt_are_not_told_of_anothers_model(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path))
    store.put_if_absent(artifact_key(JOB), private(1).artifact)  # and there its trainer died
    told = fit_results.store(store, JOB, private(2))
    assert told["sha256"] == hashlib.sha256(b"model 1").hexdigest()
    assert (told["metrics"], told["test_rows"], told["warnings"]) == ({}, None, [fit_results.UNMEASURED])
    assert told["privacy"] == {"epsilon": 1, "rows_deviation": 5.0, "count_deviation": None}
    assert fit_results.store(store, JOB, private(3)) == told, "what was written first stays"


def test_an_attempt_that_wrote_both_tells_its_own(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path))
    told = fit_results.store(store, JOB, private(1))
    assert (told["metrics"], told["test_rows"]) == ({"test": {"accuracy": 0.1}}, 21)
    assert fit_results.store(store, JOB, private(2)) == told


def test_other_trainings_give_the_same_again_and_keep_their_figures(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path))
    store.put_if_absent(artifact_key(JOB), fitted(1).artifact)
    assert fit_results.store(store, JOB, fitted(1))["metrics"] == {"test": {"accuracy": 0.1}}
