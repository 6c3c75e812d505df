"""Schedules as people write them: their defaults, and the place of each fault."""

from typing import Any

import pytest

from ml_core.errors import InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.scheduling.schedule import Schedule, check_schedule
from ml_core.training.request import TrainingRequest, check_request

TRAIN = {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "left"}}


def check_train(body: object) -> TrainingRequest:
    """As a deployment that reads every address."""
    return check_request(body, Limits(), lambda _: None)


def checked(**members: Any) -> Schedule:
    return check_schedule({"train": TRAIN, **members}, check_train)


def faults(**members: Any) -> dict[str, str]:
    """The faults of a schedule, by their places."""
    with pytest.raises(InvalidInput) as raised:
        checked(**members)
    return {fault.path: fault.message for fault in raised.value.faults}


def test_defaults_are_filled_in() -> None:
    assert checked(every="P1D").described() == {
        "train": TRAIN,
        "every": "P1D",
        "on": [],
        "at_most_every": None,
        "most_a_day": 4,
        "alias": "production",
        "promote": None,
        "rollback": None,
        "paused": False,
    }
    full = checked(
        every=None,
        on=["drift", "upload", "drift"],
        at_most_every="PT6H",
        most_a_day=None,
        promote={"when": {"metric": "log_loss", "not_worse_by": 0.02}, "steps": [100], "step": None},
        rollback={"errors": 0.02, "p95_ms": None, "for": None},
    )
    assert full.on == ("upload", "drift")
    assert full.promote == {
        "when": {"metric": "log_loss", "not_worse_by": 0.02, "confidence": 0.95},
        "steps": [100],
        "step": "PT1H",
        "least": 300,
    }
    assert full.rollback == {"errors": 0.02, "p95_ms": None, "feedback_accuracy_drop": None, "for": "PT24H"}
    assert Schedule.of({**full.described(), "of a later release": 1}) == full


def test_what_is_derived_of_it() -> None:
    each = checked(every="PT6H", at_most_every="P1D")
    assert (each.uri, each.dataset, each.period, each.pause) == ("dataset://churn", "churn", 21_600, 86_400)
    other = {**TRAIN, "data": {"uri": "dataset://churn/0a", "target": "left"}}
    assert checked(train=other, every="P1D").dataset is None


@pytest.mark.parametrize(
    ("members", "places"),
    [
        ({}, ["$"]),
        ({"on": []}, ["$"]),
        ({"every": "P1M"}, ["$.every"]),
        ({"every": "PT1M", "at_most_every": "x"}, ["$.every", "$.at_most_every"]),
        ({"on": ["drift"]}, ["$.at_most_every"]),
        (
            {"every": "P1D", "promote": {"when": {"metric": "accuracy"}, "steps": [10, 50]}},
            ["$.promote.steps"],
        ),
        (
            {"every": "P1D", "promote": {"when": {"metric": "accuracy"}, "steps": [50, 10, 100]}},
            ["$.promote.steps"],
        ),
        (
            {"every": "P1D", "promote": {"when": {"metric": "accuracy"}, "steps": [50, 50, 100]}},
            ["$.promote.steps"],
        ),
        ({"every": "P1D", "promote": {"when": {"metric": "accuracy"}, "step": "PT1S"}}, ["$.promote.step"]),
        ({"every": "P1D", "rollback": {}}, ["$.rollback"]),
        ({"every": "P1D", "rollback": {"errors": None, "for": "PT1H"}}, ["$.rollback"]),
        ({"every": "P1D", "rollback": {"errors": 0.1, "for": "P1Y"}}, ["$.rollback.for"]),
        ({"every": "P1D", "train": {**TRAIN, "algorithm": "oracle"}}, ["$.train.algorithm"]),
        ({"every": "P1D", "train": {**TRAIN, "seed": -1}}, ["$.train.seed"]),
        (
            {"every": "P1D", "train": {"algorithm": "svm", "data": {"uri": "dataset://a"}}},
            ["$.train.data.target"],
        ),
        ({"every": "P1D", "train": {"algorithm": "svm"}}, ["$.train"]),
        ({"every": "P1D", "train": {"algorithm": "svm", "data": None}}, ["$.train"]),
        ({"every": "P1D", "train": {**TRAIN, "strange": 1}}, ["$.train.strange"]),
        (
            {"every": "P1", "train": {"algorithm": "svm", "instances": [[1], [2]], "targets": [0, 1]}},
            ["$.every", "$.train.instances", "$.train.targets"],
        ),
        (
            {"on": ["upload"], "train": {**TRAIN, "data": {"uri": "dataset://churn/0a", "target": "left"}}},
            ["$.train.data.uri"],
        ),
        (
            {"on": ["upload"], "train": {**TRAIN, "data": {"uri": "file:churn.csv", "target": "left"}}},
            ["$.train.data.uri"],
        ),
        (
            {
                "every": "P1D",
                "train": {"algorithm": "kmeans", "data": {"uri": "dataset://churn"}},
                "promote": {"when": {"metric": "accuracy"}},
            },
            ["$.promote"],
        ),
    ],
)
def test_each_fault_is_told_with_its_place(members: dict[str, Any], places: list[str]) -> None:
    assert sorted(faults(**members)) == sorted(places)


def test_guards_on_held_out_rows_are_refused_for_a_private_training() -> None:
    privacy = {"epsilon": 1, "delta": 1e-6, "bounds": {"age": [0, 99]}, "classes": ["no", "yes"]}
    train = {**TRAIN, "privacy": privacy}
    assert checked(train=train, every="P1D", rollback={"errors": 0.1}).promote is None
    assert list(faults(train=train, every="P1D", promote={"when": {"metric": "accuracy"}})) == ["$.promote"]


def test_rows_are_refused_with_what_to_do() -> None:
    told = faults(every="P1D", train={"algorithm": "svm", "instances": [[1], [2]], "targets": [0, 1]})
    assert told["$.train.instances"] == (
        "rows are not kept here; a schedule trains on an address: name it in `data`"
    )


def test_a_schedule_is_bounded() -> None:
    features = [f"{number}{'x' * 90}" for number in range(999)]
    train = {**TRAIN, "data": {"uri": "dataset://churn", "target": "left", "features": features}}
    assert faults(every="P1D", train=train)["$"].endswith("at most 65,536 are expected")


@pytest.mark.parametrize("name", ["types", "missing", "feature_names", "hyperparameters"])
def test_a_null_that_is_not_declared_is_refused_in_what_is_trained(name: str) -> None:
    assert [*faults(every="P1D", train={**TRAIN, name: None})] == [f"$.train.{name}"]
    assert checked(every="P1D", train={**TRAIN, "max_seconds": None}).train["max_seconds"] is None


def test_so_is_one_in_its_data() -> None:
    data: Any = TRAIN["data"]
    assert [*faults(every="P1D", train={**TRAIN, "data": {**data, "types": None}})] == ["$.train.data.types"]
