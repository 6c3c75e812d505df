"""What a job that failed tells its caller to do is something that its algorithm has."""

from typing import NamedTuple

import pytest

from ml_core import algorithms
from ml_core.jobs import job_errors
from ml_core.jobs.kinds import REGISTERING, SCORING, TRAINING, JobKind


class Working(NamedTuple):
    """What is told of a fit under way."""

    phase: str | None = "fitting"
    percentage: float | None = None


class Asked(NamedTuple):
    """What a job was to do."""

    algorithm: str
    kind: JobKind = TRAINING


@pytest.mark.parametrize("name", algorithms.names())
def test_the_advice_of_too_little_time_names_what_the_algorithm_has(name: str) -> None:
    has = {each.name for each in algorithms.algorithm(name).algorithm.hyperparameters}
    for error in (
        job_errors.too_slow(900, Working(), Asked(name)),  # type: ignore[arg-type]
        job_errors.spent(30, "phase: fitting", Asked(name)),
        job_errors.continued_too_long(12, "continues at epoch 2 of 9", Asked(name)),
        job_errors.never_time(3, Asked(name)),
        job_errors.given_up(job_errors.DEADLINE_EXCEEDED, "no checkpoint moved", 3, Asked(name)),
    ):
        message = error["message"]
        assert ": train on fewer rows, " in message
        assert ("max_iter" in message) == ("max_iter" in has)
        assert ("train fewer epochs or a smaller network" in message) == ("epochs" in has)
        assert ", or raise " in message


def test_an_algorithm_that_is_not_here_any_more_is_advised_nothing_of_its_own() -> None:
    message = job_errors.never_time(3, Asked(""), "ML_TRAIN_SECONDS")["message"]
    assert message.endswith("too few to begin a training: train on fewer rows, or raise ML_TRAIN_SECONDS")


@pytest.mark.parametrize("kind", [REGISTERING, SCORING], ids=lambda kind: kind.noun)
def test_what_does_not_train_is_advised_nothing_that_trainings_are(kind: JobKind) -> None:
    asked = Asked("", kind)
    for error in (
        job_errors.too_slow(900, Working("checking"), asked),  # type: ignore[arg-type]
        job_errors.never_time(3, asked),
        job_errors.given_up(job_errors.DEADLINE_EXCEEDED, "no time", 3, asked),
        job_errors.given_up("out_of_memory", "the fitting process was killed", 3, asked),
        job_errors.out_of_memory(1 << 28, 1 << 27, asked),
        job_errors.out_of_memory(None, 1 << 27, asked),
        job_errors.disk_full(asked),
        job_errors.defect("0" * 28, asked),
    ):
        for word in (*("rows", "columns") * (kind is REGISTERING), "data.", "epochs", "training"):
            assert word not in error["message"], error


@pytest.mark.parametrize(
    ("percentage", "told"),
    [
        (None, ""),
        (0.0, ", 0 % done"),
        (100 / 60, ", 1.7 % done"),
        (75.0, ", 75 % done"),
        (99.99, ", 99.9 % done"),
        (100.0, ", 100 % done"),
    ],
)
def test_how_far_it_was_is_told_in_few_digits(percentage: float | None, told: str) -> None:
    assert job_errors.how_far(Working(percentage=percentage)) == f"phase: fitting{told}"  # type: ignore[arg-type]
