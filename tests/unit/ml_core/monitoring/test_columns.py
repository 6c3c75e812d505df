"""Columns of rows become counts: held to looking at each value by itself."""

import math
import random
import subprocess
import sys

import pytest

from ml_core.monitoring import columns
from ml_core.monitoring.columns import count_rows, empty
from ml_core.profiles.profile import NumbersProfile, WordsProfile
from ml_core.safetensors import pack

type Column = NumbersProfile | WordsProfile


def numbers(*edges: float, low: float = -3.0, high: float = 3.0) -> NumbersProfile:
    bins = len(edges) + 1
    return NumbersProfile("x", "number", 0, edges, (20,) * bins, (0.0,) * bins, low, high)


def words(*places: int) -> WordsProfile:
    return WordsProfile("w", "category", 0, places, (20,) * len(places), 7)


PROFILES: list[Column] = [
    numbers(-1.0, 0.0, 0.5, 1.0),
    numbers(),
    NumbersProfile("nothing", "number", 30, (), (), (), 0.0, 0.0),
    numbers(0.5, low=0.0, high=1.0),
    words(2, 0, 1, 7),
    words(),
]
VALUES: list[list[float]] = [
    [-1.0, 0.0, 0.5, 1.0, -3.0, 3.0, -3.1, 3.1, 1e300, -1e300, -0.0, math.nan],
    [0.25, math.nan],
    [1.0, math.nan, -1.0, 0.0],
    [0.0, 1.0, math.nan],
    [-1.0, 0.0, 1.0, 2.0, 3.0, 7.0, 19.0, math.nan],
    [-1.0, 0.0, 5.0, math.nan],
]


def one_by_one(profile: Column, values: list[float]) -> list[int]:
    """The counts as `counts.py` says what they are."""
    found = [0] * (len(profile.counts) + 3)
    for value in values:
        if isinstance(profile, WordsProfile):
            rest = len(profile.words)
            place = rest + 2 if math.isnan(value) else rest + 1 if value == -1 else rest
            found[profile.words.index(int(value)) if value in profile.words else place] += 1
            continue
        bins = len(profile.counts)
        if math.isnan(value):
            found[bins] += 1
            continue
        if bins:
            found[profile.place(value)] += 1
        found[bins + 1] += value < profile.low
        found[bins + 2] += value > profile.high
    return found


def rows_of(number: int, seed: int) -> list[list[float]]:
    chosen = random.Random(seed)  # noqa: S311 - no secret
    return [[chosen.choice(values) for values in VALUES] for _ in range(number)]


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65, 700])
@pytest.mark.parametrize("with_numpy", [False, True])
def test_counts_are_those_of_each_value_by_itself(
    monkeypatch: pytest.MonkeyPatch, rows: int, with_numpy: bool
) -> None:
    if not with_numpy:
        monkeypatch.setattr(columns, "_VECTORISED", 10**9)
    counts, every = empty(PROFILES), []
    for seed in range(3):  # counts go on from those before
        some = rows_of(rows, seed)
        every += some
        count_rows(pack([value for row in some for value in row]), PROFILES, counts)
    assert counts == [
        one_by_one(profile, [row[place] for row in every]) for place, profile in enumerate(PROFILES)
    ]


def test_counting_imports_no_numpy() -> None:
    program = (
        "import sys; from ml_core.monitoring.columns import *; from ml_core.profiles.profile import *; "
        "from ml_core.safetensors import pack; "
        "profile = NumbersProfile('x', 'number', 0, (0.5,), (20, 20), (0.0, 1.0), 0.0, 1.0); "
        "counts = empty([profile]); count_rows(pack([0.0, 1.0] * 500), [profile], counts); "
        "assert counts == [[500, 500, 0, 0, 0]], counts; assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
