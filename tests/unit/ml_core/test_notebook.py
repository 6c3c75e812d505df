"""What notebooks hold: lists, arrays and data frames of every type that pandas has, as in scikit-learn."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml_core import predict, train_model
from ml_core.errors import InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from tests.unit.ml_core.data_frames import (
    DAYS,
    KINDS,
    LIBRARIES,
    REFUSED,
    TIMES,
    WORDS,
    DataFrame,
    Interval,
    column_of,
    frame_of,
)

IRIS = datasets.load_iris()
TARGETS = ["yes", "no", "no", "yes", "yes", "no", "yes", "no"]
LIMITS = Limits()
IS_DATE = {"datetime64", "datetime64 with a zone", "dates", "times", "numpy's days", "numpy's nanoseconds",
           "objects that are numpy's nanoseconds"}  # fmt: skip


def pairs(values: list[Any]) -> list[dict[str, Any]]:
    return [{"a": value, "n": place} for place, value in enumerate(values)]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_column_is_trained_on_and_predicted_as_its_values_are(library: str, kind: str) -> None:
    frame = frame_of(library, {"a": column_of(library, KINDS[kind]), "n": np.arange(8)})
    model = train_model(frame, TARGETS)
    rows = pairs(KINDS[kind].json)
    restored = Model.from_bytes(model.to_bytes())
    sent = restored.predict_rows(restored.rows(rows, limits=LIMITS), ["label", "probability"])
    assert predict(model, frame, "probability") == sent["probability"]
    assert model.predict(frame).tolist() == sent["label"]
    assert (model.columns[0].kind == "date") == (kind in IS_DATE)
    if kind not in IS_DATE | {"category of numbers"}:
        assert model.to_bytes() == train_model(rows, TARGETS).to_bytes()


@pytest.mark.parametrize("library", LIBRARIES)
def test_all_kinds_at_once_in_any_order_beside_others(library: str) -> None:
    columns = {name: column_of(library, kind) for name, kind in KINDS.items()}
    model = train_model(frame_of(library, columns), TARGETS)
    assert model.features == tuple(KINDS)
    stand_in, real, _ = REFUSED["timedelta64"]
    durations = real() if library == "pandas" else stand_in()
    more = frame_of(library, {"id": durations, **dict(reversed(columns.items())), "z": ["q"] * 8})
    assert predict(model, more, "decision") == predict(model, frame_of(library, columns), "decision")
    lacking = frame_of(library, {name: column for name, column in columns.items() if name != "dates"})
    with pytest.raises(InvalidInput, match="X: the model expects the columns dates"):
        model.predict(lacking)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_a_feature_is_refused_by_name_with_advice(library: str, case: str) -> None:
    stand_in, real, message = REFUSED[case]
    frame = frame_of(library, {"n": np.arange(8), "how long": (real if library == "pandas" else stand_in)()})
    with pytest.raises(InvalidInput) as refused:
        train_model(frame, TARGETS)
    assert [tuple(fault) for fault in refused.value.faults] == [('X["how long"]', message)]
    model = train_model(frame_of(library, {"n": np.arange(8), "how long": WORDS}), TARGETS)
    with pytest.raises(InvalidInput, match=r"(not|are) taken"):
        model.predict(frame)


def test_days_since_1970_are_what_a_model_makes_of_dates() -> None:
    times = np.array([each for each in TIMES if each], dtype="datetime64[ns]")
    targets = TARGETS[: len(times)]
    model = train_model(DataFrame({"t": times}), targets)
    days = times.astype("datetime64[us]").astype(float)[:, None] / 86_400e6
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(days, targets)
    assert model.predict(DataFrame({"t": times})).tolist() == fitted.predict(days).tolist()
    found = model.predict_proba(DataFrame({"t": times}))
    np.testing.assert_allclose(found, fitted.predict_proba(days), rtol=1e-9)


def test_a_frame_may_hold_none_of_a_columns_values_in_the_first_rows_or_at_all() -> None:
    late = np.array(["NaT"] * 6 + ["2024-05-31", "2024-06-01"], dtype="datetime64[D]")
    never = np.array(["NaT"] * 8, dtype="datetime64[s]")
    with pytest.warns(UserWarning, match="column 'never' has no value"):
        model = train_model(DataFrame({"late": late, "never": never}), TARGETS)
    assert [column.kind for column in model.columns] == ["date", "date"]


ROWS: dict[str, list[list[Any]]] = {
    "dates": [[day, place] for place, day in enumerate(DAYS)],
    "numpy's dates": [[None if day is None else np.datetime64(day), place] for place, day in enumerate(DAYS)],
    "an array of dates": [[None if day is None else np.datetime64(day, "ns"), np.int8(place)]
                          for place, day in enumerate(DAYS)],
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_rows_may_hold_dates_as_frames_do(case: str) -> None:
    frame = DataFrame({"x0": np.array([day or "NaT" for day in DAYS], dtype="datetime64[D]"),
                       "x1": np.arange(8)})  # fmt: skip
    model = train_model(frame, TARGETS)
    assert train_model(ROWS[case], TARGETS).to_bytes() == model.to_bytes()
    named = [dict(zip(("x1", "x0"), reversed(row), strict=True)) for row in ROWS[case]]
    assert predict(model, ROWS[case], "decision") == predict(model, named, "decision")
    assert predict(model, ROWS[case], "decision") == predict(model, frame, "decision")


def test_rows_may_hold_decimals_fractions_and_numpys_numbers() -> None:
    plain = [[0.5, 1.0], [0.25, 2.0], [4.0, 3.0], [8.5, 4.0]]
    kinds: list[Any] = [Decimal, Fraction, np.float32, np.longdouble, float]
    expected = train_model(plain, [0, 0, 1, 1])
    for kind in kinds:
        rows = [[kind(value) for value in row] for row in plain]
        assert train_model(rows, [0, 0, 1, 1]).to_bytes() == expected.to_bytes()
        assert predict(expected, rows, "decision") == predict(expected, plain, "decision")


def test_an_array_of_objects_is_rows_of_what_is_in_it() -> None:
    rows = [["a", 1.5, True], ["b", None, False], ["a", 2.5, None], ["c", 0.5, True]]
    array = np.array(rows, dtype=object)
    model = train_model(rows, [0, 1, 0, 1])
    assert train_model(array, [0, 1, 0, 1]).to_bytes() == model.to_bytes()
    assert predict(model, array) == predict(model, rows)


def test_an_array_of_truth_values_is_columns_of_them() -> None:
    array = np.array([[True, False], [False, False], [True, True], [False, True]])
    model = train_model(array, [0, 1, 0, 1])
    assert [column.kind for column in model.columns] == ["boolean", "boolean"]
    assert predict(model, array) == predict(model, array.tolist()) == [0, 1, 0, 1]


def test_intervals_are_words() -> None:
    cut = [Interval(0, 5), Interval(5, 9)] * 2
    model = train_model([[each] for each in cut], [0, 1] * 2)
    assert model.columns[0].words == ("(0, 5]", "(5, 9]")
    assert predict(model, [["(5, 9]"]]) == predict(model, [[cut[1]]])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1, 2, 3], "X: expected rows × features, got 1 for a row"),
        (["a", "b", "c"], "X: expected rows × features, got 'a' for a row"),
        (np.arange(3), "X: expected rows × features"),
        (np.zeros((3, 2, 2)), "X: expected rows × features, got 3 axes of float64"),
        ([[1, 2], 3, [4, 5]], r"X\[1\]: expected a list of 2 features or an object, got 3"),
        ([[timedelta(1)], [1], [2]], r"X\[0\]: durations are not taken"),
        (np.zeros((3, 1), dtype="timedelta64[s]"), r"X\[0\]: durations are not taken"),
        ([[1j], [2], [3]], r"X\[0\]\[0\]: expected a number, got 1j"),
        (DataFrame({"a": [1.0, np.inf, 2.0]}), r"X\[1\].a: expected a finite number"),
        (DataFrame({"a": np.array([1.0, np.inf, 2.0])}), r"X\[1\].a: expected a finite number"),
        (np.array([[1.0], [np.nan], [2.0]]), r"X\[1\]\[0\]: expected a finite number"),
        (DataFrame({"a": [1.0, [2], 2.0]}), r"X\[1\].a: expected a number, got a list of 1"),
        (DataFrame({"a": []}), "X: expected at least one row"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(X: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        train_model(X, [0, 1, 0])


def test_two_columns_of_one_name_are_refused_where_the_model_needs_them() -> None:
    class Twice(DataFrame):
        def __init__(self, columns: dict[str, Any]) -> None:
            super().__init__(columns)
            self.columns = [*columns, *columns]

    model = train_model(DataFrame({"a": [1.0, 2.0, 3.0, 4.0]}), [0, 0, 1, 1])
    with pytest.raises(InvalidInput, match="X: 'a' is there more than once"):
        model.predict(Twice({"a": [1.0]}))
    with pytest.raises(InvalidInput, match="'a' is there more than once"):
        train_model(Twice({"a": [1.0, 2.0, 3.0, 4.0]}), [0, 0, 1, 1])


def test_a_model_of_numbers_takes_numbers_of_every_type_and_no_gap() -> None:
    model = train_model(DataFrame({"a": np.arange(8.0), "n": np.arange(8)}), TARGETS)
    assert not model.takes_gaps
    expected = predict(model, [[1, 2], [3, 4]], "decision")
    for a in ([1, 3], [Decimal(1), Decimal(3)], np.array([1, 3], dtype="uint8"), [np.int64(1), 3.0]):
        assert predict(model, DataFrame({"n": [2, 4], "a": a, "w": ["x", "y"]}), "decision") == expected
    for gap in (None, float("nan"), Decimal("NaN")):
        with pytest.raises(InvalidInput, match=r"X\[1\].a: expected a number, got null"):
            model.predict(DataFrame({"n": [2, 4], "a": [1, gap]}))


def test_a_model_has_scikit_learns_methods() -> None:
    model = train_model(IRIS.data, IRIS.target)
    assert_array_equal(model.predict(IRIS.data), predict(model, IRIS.data))
    assert (model.predict(IRIS.data) == IRIS.target).mean() > 0.9
    assert model.predict_proba(IRIS.data)[:, 1].shape == (150,)
    assert_array_equal(model.predict_proba(IRIS.data), predict(model, IRIS.data, "probability"))
    assert model.decision_function(IRIS.data).shape == (150, 3)
    assert train_model(IRIS.data[:100], IRIS.target[:100]).decision_function(IRIS.data).shape == (150,)
    clusters = train_model(IRIS.data, algorithm="kmeans", n_clusters=4)
    assert clusters.transform(IRIS.data).shape == (150, 4)
    assert_array_equal(clusters.transform(IRIS.data).argmin(axis=1), clusters.predict(IRIS.data))
    words = train_model(IRIS.data, IRIS.target_names[IRIS.target]).predict(IRIS.data.tolist())
    assert set(words) == set(IRIS.target_names)


@pytest.mark.parametrize("method", ["predict_proba", "transform"])
def test_a_method_that_the_model_has_no_output_for_says_which_there_are(method: str) -> None:
    model = train_model(IRIS.data, IRIS.target, "svm")
    with pytest.raises(InvalidInput, match=f"this model gives label, decision; it has no '{method}'"):
        getattr(model, method)(IRIS.data)


def test_a_model_is_shown_in_one_line() -> None:
    model = train_model(IRIS.data, IRIS.target)
    assert repr(model).startswith(
        "<Model logistic_regression: 4 features ('x0', 'x1', 'x2', 'x3'), 3 classes (0, 1, 2), "
    )
    assert repr(model).endswith(" bytes>")
    stored = Model.from_bytes(model.to_bytes())
    assert f", {len(model.to_bytes()):,} bytes>" in repr(stored)
    clusters = train_model([[1.0], [2.0]], algorithm="kmeans", n_clusters=2)
    assert repr(clusters).startswith("<Model kmeans: 1 feature ('x0'), ")


def test_the_line_is_short_whatever_is_in_it() -> None:
    names = [f"{'n' * 150}\n{place}" for place in range(40)]
    rows = np.random.default_rng(0).normal(size=(60, 40)).tolist()
    labels = [f"{'é' * 150}\n{place % 30}" for place in range(60)]
    shown = repr(train_model([dict(zip(names, row, strict=True)) for row in rows], labels))
    assert "\n" not in shown
    assert len(shown) < 800
    assert "40 features" in shown
    assert "30 classes" in shown


def test_a_time_keeps_its_microseconds_and_no_more() -> None:
    exact = datetime(2024, 5, 31, 12, 30, 0, 123_456)  # noqa: DTZ001 - as numpy has times
    model = train_model([[exact], [date(2024, 1, 1)], [None], [date(2025, 1, 1)]], [0, 1, 0, 1])
    for same in (exact, exact.isoformat(), np.datetime64(exact, "ns") + np.timedelta64(789, "ns")):
        assert predict(model, [[same]], "decision") == predict(model, [[exact]], "decision")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", ["int64", "Int64 without gaps", "bool", "category of numbers"])
def test_labels_may_be_a_column_or_a_frame_of_one(library: str, kind: str) -> None:
    column = column_of(library, KINDS[kind])
    rows = [[place] for place in range(8)]
    model = train_model(rows, column)
    assert model.classes == tuple(sorted(set(KINDS[kind].source)))
    assert model.to_bytes() == train_model(rows, KINDS[kind].source).to_bytes()
    assert train_model(rows, frame_of(library, {"y": column})).to_bytes() == model.to_bytes()
    with pytest.raises(InvalidInput, match="y: expected a label for each row, got 2 columns"):
        train_model(rows, frame_of(library, {"y": column, "z": column}))
