"""What a profile keeps of training rows: means of at least 20 of them, and never a value of fewer."""

import json
import warnings
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from math import fsum, isnan, nextafter
from sys import float_info
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml_core import train_model
from ml_core.errors import ArtifactInvalid
from ml_core.inputs.columns import BOOLEAN, CATEGORY, DATE, NUMBER, Feature
from ml_core.model.model import Model
from ml_core.profiles.binning import shortest_between
from ml_core.profiles.fitting import fitted_profile
from ml_core.profiles.profile import LEAST, NumbersProfile, Profile, WordsProfile
from tests.unit.ml_core.reference import CLASSIFICATION

SMALLEST = 5e-324


@pytest.fixture(autouse=True)
def _unconverged_is_fine() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def profile_of(values: Any, kind: str = NUMBER, *, beside: int = 0) -> NumbersProfile:
    """The profile of one column; so many columns of zeros are `beside` it."""
    X = np.column_stack([values, *([np.zeros(len(values))] * beside)])
    features = [Feature(f"x{place}", kind) for place in range(X.shape[1])]
    profile = fitted_profile(X, None, features, rows=len(X), predicted=None)
    assert profile is not None
    assert Profile.from_bytes(profile.to_bytes()).to_bytes() == profile.to_bytes()
    column = profile.columns[0]
    assert isinstance(column, NumbersProfile)
    return column


def assert_sound(column: NumbersProfile, values: Any, most: int = 20) -> None:
    """Everything that holds of the profile of any column of numbers."""
    values = np.asarray(values, dtype=float)
    present = np.sort(values[~np.isnan(values)])
    assert column.missing == len(values) - len(present)
    if len(present) < LEAST:
        assert (column.edges, column.counts, column.means) == ((), (), ())
        assert (column.low, column.high) == (0, 0)
        return
    assert 1 <= len(column.counts) == len(column.means) == len(column.edges) + 1 <= most
    assert sum(column.counts) == len(present)
    assert min(column.counts) >= LEAST
    assert all(low < high for low, high in pairwise(column.edges))
    places = np.searchsorted(column.edges, present, side="right")
    assert [column.place(value) for value in present[:50]] == places[:50].tolist()
    assert np.bincount(places, minlength=len(column.counts)).tolist() == list(column.counts)
    for place, mean in enumerate(column.means):
        assert column.place(mean) == place
        inside = present[places == place]
        assert inside[0] <= mean <= inside[-1]
        exact = float(sum(map(Decimal, inside.tolist()), Decimal()) / len(inside))
        size = float(sum((Decimal(abs(value)) for value in inside.tolist()), Decimal()) / len(inside))
        assert abs(mean - exact) <= 1e-13 * size + SMALLEST
    rows_of = dict(zip(*np.unique(present, return_counts=True), strict=True))
    for told in column.edges:  # a value that is told has enough rows
        assert rows_of.get(told, LEAST) >= LEAST
    if present[0] == present[-1]:
        assert column.low == column.high == present[0]
    elif column.kind != BOOLEAN:
        assert column.low < present[0] or column.low == -float_info.max
        assert column.high > present[-1] or column.high == float_info.max


def columns_at_random(seed: int) -> Iterator[Any]:
    random = np.random.default_rng(seed)
    rows = int(random.integers(20, 3_000))
    normal = random.normal(size=rows)
    yield normal
    yield normal.round(int(random.integers(0, 4))) * 10.0 ** random.integers(-6, 7)
    yield np.exp(3 * normal)
    yield -np.exp(3 * normal).round(2)
    yield random.integers(0, random.integers(1, 60), rows).astype(float)
    yield random.integers(-3, 4, rows) * SMALLEST
    yield random.integers(0, 50, rows) * 2 * SMALLEST
    yield 1e9 + normal
    yield 2.0**53 + random.integers(0, rows, rows) * 2.0
    yield np.clip(normal, -1.7, 1.7) * 1e308
    yield np.where(random.random(rows) < 0.9, 0.0, normal)
    yield np.where(random.random(rows) < random.random(), np.nan, normal)
    yield np.where(random.random(rows) < 0.5, -0.0, 0.0)
    yield 19_000 + random.integers(0, 9_000_000, rows) / 1_000
    yield random.standard_cauchy(rows)
    yield np.where(np.arange(rows) < 1, 1e300, 0.0)


@pytest.mark.parametrize("seed", range(16))
def test_every_bin_is_of_enough_rows_and_no_value_of_fewer_is_told(seed: int) -> None:
    for values in columns_at_random(seed):
        column = profile_of(values)
        assert_sound(column, values)
        shuffled = np.random.default_rng(seed).permutation(values)
        assert profile_of(shuffled) == column


@example([0.0, 1.6179238213760842e308, 1.6179238213760842e308], 7)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9), st.integers(1, 60))
def test_values_of_any_size_have_a_profile(values: list[float], times: int) -> None:
    rows = (values * times)[: max(LEAST, len(values) * times)]
    rows += [float("nan")] * (LEAST - len(rows))
    assert_sound(profile_of(rows), rows)


@pytest.mark.parametrize("columns", [1, 150, 199, 201, 400, 1_000, 2_000])
def test_many_columns_have_fewer_bins_each(columns: int) -> None:
    values = np.random.default_rng(columns).normal(size=1_000)
    most = min(20, max(4, 4_000 // columns))
    column = profile_of(values, beside=columns - 1)
    assert_sound(column, values, most)
    assert len(column.counts) >= most - 1


def test_a_value_that_is_frequent_has_a_bin_of_its_own() -> None:
    counts = {0.0: 900, 1.0: 20, 2.0: 31, 5.0: 22, 7.5: 400}
    values = np.repeat(list(counts), list(counts.values()))
    column = profile_of(values)
    assert dict(zip(column.means, column.counts, strict=True)) == counts
    rare = np.r_[values, np.linspace(8, 9, 300)]
    assert {0.0, 7.5} <= set(profile_of(rare).means)


@pytest.mark.parametrize("rows", [400, 401, 1_000, 100_000])
def test_bins_of_a_smooth_column_are_about_equal(rows: int) -> None:
    column = profile_of(np.random.default_rng(rows).normal(size=rows))
    assert len(column.counts) == 20
    assert max(column.counts) <= 1.25 * rows / 20


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (36.2, 41.9, 40), (1, 2, 1.5), (-2, -1, -1.5), (-0.3, 0.7, 0), (0.1, 0.2, 0.15), (95, 130, 100),
        (0, 4e-9, 2e-9), (5.1, 5.4, 5.2), (1e308, float_info.max, 1.4e308), (0, 2 * SMALLEST, SMALLEST),
        (1, nextafter(1, 2), None), (-SMALLEST, 0, None), (-float_info.max, float_info.max, 0),
        (1, nextafter(nextafter(1, 2), 2), nextafter(1, 2)),
    ],
)  # fmt: skip
def test_an_edge_is_the_shortest_number_between(low: float, high: float, expected: float | None) -> None:
    assert shortest_between(low, high) == expected


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_an_edge_lies_between(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = shortest_between(low, high)
    if found is None:
        assert nextafter(low, high) in (low, high)
    else:
        assert low < found < high


def frame(rows: int, seed: int) -> pd.DataFrame:
    """Columns of every kind, with gaps, rare words, and columns of few values."""
    random = np.random.default_rng(seed)
    words = np.array([f"w{number}" for number in range(40)], dtype=object)
    often = random.choice(words, rows, p=(weights := 0.8 ** np.arange(40)) / weights.sum())
    gone = random.random(rows) < 0.1
    flags: Any = random.random(rows) < 0.2
    return pd.DataFrame(
        {
            "number": np.where(gone, np.nan, random.normal(size=rows)),
            "word": [None if lost else word for lost, word in zip(gone, often, strict=True)],
            "flag": [None if lost else bool(flag) for lost, flag in zip(gone[::-1], flags, strict=True)],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, rows), "D"),
            "few": np.where(np.arange(rows) < 7, np.arange(rows), np.nan),
            "nothing": np.full(rows, np.nan),
            "rare": np.where(np.arange(rows) < 5, "seldom", "often").astype(object),
        }
    )


@pytest.mark.parametrize("rows", [60, 2_000])
@pytest.mark.parametrize("seed", range(3))
def test_columns_of_every_kind_in_the_models_words_in_any_order_of_rows(rows: int, seed: int) -> None:
    X = frame(rows, seed)
    y = ["yes" if value > 0 else "no" for value in X["day"].astype("int64") % 7 - 3 + X["number"].fillna(0)]
    model = train_model(X, y)
    profile = Model.from_bytes(model.to_bytes()).profile
    assert profile is not None
    assert profile.rows == rows
    assert [column.name for column in profile.columns] == list(X)
    assert [column.kind for column in profile.columns] == [
        NUMBER, CATEGORY, BOOLEAN, DATE, NUMBER, NUMBER, CATEGORY
    ]  # fmt: skip
    for column in profile.columns:
        sent = X[column.name]
        assert column.missing == sent.isna().sum()
        if isinstance(column, WordsProfile):
            assert_words(column, sent, next(each for each in model.columns if each.name == column.name))
        else:
            numbers = (sent - pd.Timestamp("1970-01-01")).dt.days if column.kind == DATE else sent
            assert_sound(column, np.array(numbers, dtype=float))
    order = np.random.default_rng(seed).permutation(rows)
    again = train_model(X.iloc[order], [y[place] for place in order]).profile
    assert again is not None
    assert again.columns == profile.columns


def assert_words(column: WordsProfile, sent: Any, feature: Feature) -> None:
    counted = sent.value_counts()
    assert len(column.words) <= 20
    for place, count in zip(column.words, column.counts, strict=True):
        assert counted[feature.words[place]] == count >= LEAST
    told = {feature.words[place] for place in column.words}
    assert column.other == sum(count for word, count in counted.items() if word not in told)
    assert column.once == sum(count == 1 for _, count in counted.items())
    assert all(
        count < LEAST or (len(told) == 20 and count <= min(column.counts))
        for word, count in counted.items()
        if word not in told
    )
    marginal = column.marginal(len(feature.words))
    assert fsum(share for _, share in marginal) == pytest.approx(1, abs=1e-12)
    assert {value for value, _ in marginal if not isnan(value)} <= set(range(len(feature.words)))


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_what_stands_for_a_column_has_its_mean(name: str) -> None:
    data = CLASSIFICATION[name].data
    model = train_model(data, CLASSIFICATION[name].target)
    assert model.profile is not None
    for column, values in zip(model.profile.columns, data.T, strict=True):
        assert isinstance(column, NumbersProfile)
        assert_sound(column, values)
        stands = column.marginal(0)
        assert fsum(value * share for value, share in stands) == pytest.approx(
            fsum(values) / len(data), rel=1e-12
        )


def test_of_fewer_rows_nothing_is_kept_and_the_artifact_is_as_before() -> None:
    data, target = CLASSIFICATION["iris"].data[::8], CLASSIFICATION["iris"].target[::8]
    assert len(data) == 19
    model = train_model(data, target)
    assert model.profile is None
    assert b"profile" not in model.to_bytes()
    more = train_model(CLASSIFICATION["iris"].data[::7], CLASSIFICATION["iris"].target[::7])
    assert more.profile is not None
    assert more.profile.rows == 22
    assert len(more.profile_bytes or b"") % 8 == 0


def test_what_was_predicted_is_what_the_model_says() -> None:
    data, target = CLASSIFICATION["wine"].data, CLASSIFICATION["wine"].target
    model = train_model(data, target)
    assert model.profile is not None
    predicted = model.profile.predicted
    assert predicted is not None
    assert (predicted.rows, predicted.held_out) == (len(data), False)
    assert predicted.labels == tuple(np.bincount(model.predict(data)).tolist())
    counts, _ = np.histogram(model.predict_proba(data).max(axis=1), np.arange(21) / 20)
    assert predicted.probability == tuple(counts.tolist())
    without = train_model(data, target, "svm").profile
    assert without is not None
    assert without.predicted is not None
    assert without.predicted.probability is None


@pytest.mark.parametrize("algorithm", ["cnn", "rnn"])
def test_of_networks_it_is_what_they_predict(algorithm: str) -> None:
    random = np.random.default_rng(0)
    X: Any = random.normal(size=(30, 8, 8)).astype("float32")
    model = train_model(X if algorithm == "cnn" else list(X), [0, 1] * 15, algorithm, epochs=1)
    assert model.profile is not None
    assert model.profile.columns == ()
    assert model.profile.predicted is not None
    assert sum(model.profile.predicted.labels) == 30


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("format", 2), ("rows", -1), ("rows", None), ("columns", None), ("columns", [{}]), ("predicted", {}),
        ("predicted", 1), ("columns", [{"name": "a", "kind": "number", "missing": 0, "edges": [1.0],
                                        "counts": [30], "means": "000000000000f03f", "low": 0, "high": 1}]),
    ],
)  # fmt: skip
def test_bytes_that_are_no_profile_are_refused_when_it_is_asked_for(member: str, wrong: Any) -> None:
    model = train_model(CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target)
    described = {**json.loads(bytes(model.profile_bytes or b"")), member: wrong}
    model = train_model(CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target)
    model.profile_bytes = json.dumps(described).encode()
    loaded = Model.from_bytes(model.to_bytes())
    assert loaded.predict(CLASSIFICATION["iris"].data[:1]) == [0]
    with pytest.raises(ArtifactInvalid):
        _ = loaded.profile


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "x1"}, {"kind": CATEGORY}, {"kind": DATE}, {"kind": None}, {"missing": -1}, {"missing": 1.0},
        {"missing": True}, {"edges": []}, {"edges": ["a"] * 4}, {"edges": None}, {"edges": [1e400] * 4},
        {"counts": []}, {"counts": [1.0] * 5}, {"counts": [-1] * 5}, {"counts": "abcde"}, {"counts": None},
        {"means": ""}, {"means": "00" * 39}, {"means": "00" * 80}, {"means": "x" * 80}, {"means": None},
        {"means": "000000000000f07f" * 5}, {"means": [1.0] * 5}, {"low": None}, {"high": "b"},
        {"high": 1e400},
        {"words": [0]}, {"words": [0] * 5, "other": 0}, {"words": [0] * 5, "other": 0, "kind": CATEGORY},
    ],
    ids=str,
)  # fmt: skip
def test_a_column_that_is_not_whole_or_not_the_models_is_refused(wrong: dict[str, Any]) -> None:
    described = json.loads(bytes(IRIS.profile_bytes or b""))
    described["columns"][0].update(wrong)
    forged = Model.from_bytes(IRIS.to_bytes())
    forged.profile_bytes = json.dumps(described).encode()
    with pytest.raises(ArtifactInvalid):
        _ = forged.profile


IRIS = train_model(CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target)
