"""What is made of the counts of a version: shares, states, quantiles, in the units of its callers."""

from typing import Any

import pytest

from ml_core.inputs.columns import BOOLEAN, CATEGORY, DATE, NUMBER, Feature
from ml_core.monitoring.arms import Arm, side_by_side
from ml_core.monitoring.counts import LATENCY_ENDS, VersionCounts
from ml_core.monitoring.feedback import FeedbackCounts, Truth
from ml_core.monitoring.reading import DayCounts, Window
from ml_core.monitoring.report import report
from ml_core.profiles.profile import (
    PROBABILITY_BINS,
    NumbersProfile,
    PredictedProfile,
    Profile,
    WordsProfile,
)

FEATURES = (
    Feature("age", NUMBER),
    Feature("joined", DATE),
    Feature("paid", BOOLEAN),
    Feature("plan", CATEGORY, ("basic", "gold", "old", "plus")),
)
COLUMNS = (
    NumbersProfile("age", NUMBER, 50, (30.0, 40.0), (300, 400, 250), (25.0, 35.0, 45.0), -10.0, 80.0),
    NumbersProfile("joined", DATE, 0, (19_000.0,), (500, 500), (18_500.0, 19_500.0), 15_000.0, 23_000.0),
    NumbersProfile("paid", BOOLEAN, 0, (0.5,), (700, 300), (0.0, 1.0), 0.0, 1.0),
    WordsProfile("plan", CATEGORY, 0, (1, 0), (600, 390), 10, 0),
)
CLASSES = ("no", "yes")
TOPS = (0,) * 10 + (20,) * 10
PREDICTED = PredictedProfile(200, True, (150, 50), TOPS)
PROFILE = Profile(1_000, COLUMNS, PREDICTED)
NO_FEEDBACK = FeedbackCounts()


def counts(**changes: Any) -> VersionCounts:
    """Those of 1,000 steady rows, but for what is named."""
    found = VersionCounts()
    steady: dict[str, Any] = {
        "requests": 120,
        "refused": 15,
        "errors": 5,
        "predictions": 1_000,
        "counted": 1_000,
        "labels": [760, 240],
        "probability": [0] * 10 + [100] * 10,
        "probability_sum": 780.0,
        "columns": [
            [310, 390, 245, 55, 2, 0],
            [490, 510, 0, 0, 0],
            [690, 310, 0, 0, 0],
            [590, 400, 9, 1, 0],
        ],
    }
    for name, value in {**steady, **changes}.items():
        setattr(found, name, value)
    return found


def told(profile: Profile | None, found: VersionCounts, feedback: FeedbackCounts = NO_FEEDBACK) -> Any:
    return report(profile, found, features=FEATURES, classes=CLASSES, feedback=feedback)


def drifted(column: int, values: list[int]) -> VersionCounts:
    columns = [*counts().columns]
    columns[column] = values
    return counts(columns=columns)


def test_steady_rows_are_steady_and_told_in_the_callers_units() -> None:
    found = told(PROFILE, counts())
    assert found["state"] == "steady"
    assert found["drifted"] == found["warnings"] == []
    assert [found[name] for name in ("requests", "refused", "errors", "predicted", "counted")] == [
        120,
        15,
        5,
        1_000,
        1_000,
    ]
    age = found["features"]["age"]
    assert age["missing"] == {"training": 0.05, "now": 0.055}
    assert age["bins"][1] == {"from": 30.0, "to": 40.0, "training": 0.4, "now": 0.39}
    assert [age["bins"][0]["from"], age["bins"][-1]["to"]] == [None, None]
    assert (age["below"], age["above"], age["low"], age["high"]) == (0.002, 0.0, -10.0, 80.0)
    joined = found["features"]["joined"]
    assert joined["bins"][0]["to"] == joined["bins"][1]["from"] == "2022-01-08T00:00:00+00:00"
    assert joined["low"] == "2011-01-26T00:00:00+00:00"
    assert [each["value"] for each in found["features"]["paid"]["bins"]] == [False, True]
    plan = found["features"]["plan"]
    assert plan["bins"][0] == {"word": "gold", "training": 0.6, "now": 0.59}
    assert (plan["other"], plan["unseen"]) == ({"training": 0.01, "now": 0.009}, 0.001)
    for each in found["features"].values():
        rows = [*each["bins"], each["missing"], each.get("other", {"training": 0, "now": 0})]
        assert sum(each["training"] for each in rows) == pytest.approx(1)
        assert sum(each["now"] for each in rows) + each.get("unseen", 0) == pytest.approx(1)
    predictions = found["predictions"]
    assert predictions["labels"][1] == {"label": "yes", "training": 0.25, "now": 0.24}
    assert predictions["reference"] == "held_out"
    assert predictions["probability"]["bins"][0] == {"from": 0.5, "to": 0.55, "training": 0.1, "now": 0.1}
    assert found["expected_accuracy"] == 0.78


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (0, [310, 330, 195, 165, 0, 0]),  # missing
        (0, [150, 390, 405, 55, 0, 0]),  # shifted
        (0, [310, 390, 245, 55, 0, 90]),  # beyond
        (1, [300, 700, 0, 0, 0]),
        (2, [500, 500, 0, 0, 0]),
        (3, [560, 380, 10, 50, 0]),  # a new word
        (3, [990, 0, 10, 0, 0]),
    ],
)
def test_a_drifted_column_is_named_and_the_others_are_steady(column: int, values: list[int]) -> None:
    found = told(PROFILE, drifted(column, values))
    name = COLUMNS[column].name
    assert found["state"] == "drifted"
    assert found["drifted"] == [name]
    assert {each["state"] for other, each in found["features"].items() if other != name} == {"steady"}
    assert found["predictions"]["state"] == "steady"
    entry = found["features"][name]
    assert entry["psi"] - entry["psi_expected"] >= 0.05
    assert entry["p_value"] * 6 < 0.01


def test_other_labels_and_other_probabilities_are_drift() -> None:
    found = told(PROFILE, counts(labels=[500, 500]))
    assert (found["state"], found["predictions"]["state"], found["drifted"]) == ("drifted", "drifted", [])
    assert found["predictions"]["probability"]["state"] == "steady"
    found = told(PROFILE, counts(probability=[0] * 10 + [500] + [0] * 8 + [500]))
    assert (found["state"], found["predictions"]["state"]) == ("drifted", "steady")
    assert found["predictions"]["probability"]["state"] == "drifted"


def test_few_rows_are_too_few_whatever_they_are() -> None:
    shift = [[0, 0, 0, 299, 0, 0], [0, 299, 0, 0, 0], [0, 299, 0, 0, 0], [0, 0, 0, 299, 0]]
    few = counts(predictions=299, counted=299, labels=[0, 299], probability=[299] + [0] * 19, columns=shift)
    found = told(PROFILE, few)
    assert found["state"] == "too_few"
    assert {each["state"] for each in found["features"].values()} == {"too_few"}
    assert found["predictions"]["state"] == found["predictions"]["probability"]["state"] == "too_few"
    assert found["features"]["age"]["psi"] > 1
    enough = [[count + (count > 0) for count in column] for column in shift]
    found = told(PROFILE, counts(predictions=300, counted=300, labels=[0, 300], columns=enough))
    assert found["state"] == "drifted"
    assert found["drifted"] == [column.name for column in COLUMNS]


def test_a_sample_of_rows_is_judged_by_its_own_number() -> None:
    found = told(PROFILE, counts(predictions=500_000, labels=[380_000, 120_000]))
    assert found["state"] == "steady"
    assert found["warnings"] == [
        "columns were counted of 1,000 of 500,000 rows: a sample of them, evenly spaced"
    ]
    found = told(PROFILE, counts(counted=0, columns=[]))
    assert found["state"] == "too_few"
    assert "need too much memory" in found["warnings"][0]
    age = found["features"]["age"]
    assert age["psi"] is age["p_value"] is age["missing"]["now"] is None


def test_nothing_predicted_is_a_report_without_numbers_of_now() -> None:
    found = told(PROFILE, VersionCounts())
    assert found["state"] == "no_predictions"
    assert found["latency"] == {"p50": None, "p95": None, "p99": None}
    assert found["expected_accuracy"] is None
    assert found["feedback"] == {"labelled": 0, "accuracy": None, "confusion": [], "calibration": []}
    assert {each["now"] for each in found["predictions"]["labels"]} == {None}
    assert found["features"]["plan"]["bins"][0] == {"word": "gold", "training": 0.6, "now": None}


def test_a_version_without_a_profile_says_what_to_do() -> None:
    found = told(None, counts(counted=0, columns=[]))
    assert found["state"] == "no_profile"
    assert found["features"] == {}
    assert "train it again" in found["warnings"][0]
    assert found["predictions"]["labels"] == [
        {"label": "no", "training": None, "now": 0.76},
        {"label": "yes", "training": None, "now": 0.24},
    ]
    assert found["predictions"]["state"] == "no_reference"
    assert found["expected_accuracy"] == 0.78


def test_what_was_predicted_of_rows_trained_on_is_shown_and_not_judged() -> None:
    training = Profile(1_000, COLUMNS, PREDICTED._replace(held_out=False))
    found = told(training, counts(labels=[500, 500]))
    assert found["state"] == "steady"
    assert found["predictions"]["state"] == "no_reference"
    assert found["predictions"]["psi"] > 0.1
    assert "hold out" in found["warnings"][0]
    pictures = Profile(1_000, (), PREDICTED._replace(held_out=False))
    assert told(pictures, counts(counted=0, columns=[]))["state"] == "no_reference"


def test_pictures_have_predictions_alone() -> None:
    pictures = Profile(1_000, (), PREDICTED)
    found = told(pictures, counts(counted=0, columns=[]))
    assert (found["state"], found["features"], found["warnings"]) == ("steady", {}, [])
    assert told(pictures, counts(counted=0, columns=[], labels=[500, 500]))["state"] == "drifted"


def test_clusters_have_numbers_and_no_probability() -> None:
    clusters = Profile(1_000, COLUMNS, PredictedProfile(200, True, (100, 60, 40), None))
    found = report(
        clusters,
        counts(labels=[500, 300, 200], probability=[0] * PROBABILITY_BINS, probability_sum=0.0),
        features=FEATURES,
        classes=None,
        feedback=NO_FEEDBACK,
    )
    assert found["state"] == "steady"
    assert found["predictions"]["probability"] is found["expected_accuracy"] is None
    assert [each["label"] for each in found["predictions"]["labels"]] == [0, 1, 2]


def test_columns_of_one_value_or_none_are_told() -> None:
    columns = (
        NumbersProfile("age", NUMBER, 0, (), (1_000,), (7.0,), 7.0, 7.0),
        NumbersProfile("joined", DATE, 1_000, (), (), (), 0.0, 0.0),
        NumbersProfile("paid", BOOLEAN, 0, (), (1_000,), (1.0,), 1.0, 1.0),
        WordsProfile("plan", CATEGORY, 1_000, (), (), 0, 0),
    )
    now = [[1_000, 0, 0, 0], [1_000, 0, 0], [1_000, 0, 0, 0], [0, 0, 1_000]]
    found = told(Profile(1_000, columns, PREDICTED), counts(columns=now))
    assert found["state"] == "steady"
    assert found["features"]["age"]["bins"] == [{"from": None, "to": None, "training": 1.0, "now": 1.0}]
    assert found["features"]["joined"]["bins"] == []
    assert found["features"]["paid"]["bins"] == [{"value": True, "training": 1.0, "now": 1.0}]
    now = [[1_000, 0, 0, 70], [900, 0, 100], [1_000, 0, 80, 0], [0, 100, 900]]
    found = told(Profile(1_000, columns, PREDICTED), counts(columns=now))
    assert found["drifted"] == [column.name for column in columns]
    both = (*columns[:2], NumbersProfile("paid", BOOLEAN, 0, (), (1_000,), (0.01,), 0.0, 1.0), columns[3])
    found = told(Profile(1_000, both, PREDICTED), counts(columns=now))
    assert found["features"]["paid"]["bins"][0]["from"] is None


def test_latency_is_told_by_upper_ends() -> None:
    latency = [0] * (len(LATENCY_ENDS) + 1)
    latency[2], latency[5], latency[-1] = 50, 46, 4
    assert told(PROFILE, counts(latency=latency))["latency"] == {"p50": 2, "p95": 7, "p99": None}
    latency[-1] = 0
    assert told(PROFILE, counts(latency=latency))["latency"] == {"p50": 2, "p95": 7, "p99": 7}


def test_feedback_is_told_by_labels_with_its_interval() -> None:
    feedback = FeedbackCounts()
    for number, (predicted, true, top) in enumerate([(1, 1, 18), (1, 0, 18), (0, 0, None), (0, None, 10)]):
        feedback.count(Truth(bytes([number] * 6), 1, predicted, top, true))
    found = told(PROFILE, counts(), feedback)["feedback"]
    assert found["labelled"] == 4
    assert found["accuracy"] == {"value": 0.5, "low": 0.150039, "high": 0.849961}
    assert found["confusion"] == [
        {"predicted": "no", "true": "no", "count": 1},
        {"predicted": "no", "true": None, "count": 1},
        {"predicted": "yes", "true": "no", "count": 1},
        {"predicted": "yes", "true": "yes", "count": 1},
    ]
    assert found["calibration"] == [
        {"from": 0.5, "to": 0.55, "count": 1, "accuracy": 0.0},
        {"from": 0.9, "to": 0.95, "count": 2, "accuracy": 0.5},
    ]


class FakeModel:
    """What a report needs of a model."""

    columns = FEATURES
    profile = PROFILE

    def __init__(self, classes: tuple[str, ...] | None = CLASSES) -> None:
        self.classes = classes


STEADY: Any = FakeModel()


def arm(version: int, days: dict[str, VersionCounts], model: Any = STEADY) -> Arm:
    window = Window(0.0, 1.0, tuple(DayCounts(date, found) for date, found in days.items()), 0)
    return Arm(version, 90 if version == 3 else 10, model, window, NO_FEEDBACK)


def test_arms_stand_side_by_side_and_are_compared_on_their_common_days() -> None:
    before = counts(labels=[0, 1_000])  # when only version 3 was there
    arms = [
        arm(3, {"2026-11-25": before, "2026-11-26": counts()}),
        arm(4, {"2026-11-26": counts(requests=30, labels=[750, 250])}),
        arm(5, {"2026-11-26": counts(requests=30, labels=[500, 500])}),
    ]
    first, alike, other = side_by_side(arms, 3)
    assert first["mix"] is None
    assert (first["version"], first["weight"], first["share"]) == (3, 90, 0.8)
    assert (alike["mix"]["state"], other["mix"]["state"]) == ("alike", "different")
    assert (other["mix"]["against"], other["mix"]["days"]) == (3, 1)
    assert other["labels"] == [{"label": "no", "share": 0.5}, {"label": "yes", "share": 0.5}]
    assert (other["state"], alike["state"]) == ("drifted", "steady")
    assert "features" not in first


def test_arms_of_few_rows_of_other_classes_and_of_clusters() -> None:
    few = counts(predictions=200, labels=[0, 200])
    steady = {"2026-11-26": counts()}
    _, other = side_by_side([arm(3, steady), arm(4, {"2026-11-26": few})], 3)
    assert other["mix"]["state"] == "too_few"
    _, other = side_by_side([arm(3, steady), arm(4, {"2026-11-25": counts()})], 3)
    assert other["mix"] == {
        "against": 3,
        "days": 0,
        "psi": None,
        "psi_expected": None,
        "p_value": None,
        "state": "too_few",
    }
    more = arm(4, {"2026-11-26": counts(labels=[240, 0, 760])}, FakeModel(("yes", "maybe", "no")))
    _, other = side_by_side([arm(3, steady), more], 3)
    assert other["mix"]["state"] == "alike", "labels count, not their numbers"
    _, other = side_by_side([arm(3, steady), arm(4, steady, FakeModel(None))], 3)
    assert other["mix"] is None
    (alone,) = side_by_side([arm(3, {})], 3)
    assert (alone["share"], alone["state"]) == (None, "no_predictions")
