"""Which rows are held out: by coins that depend on nothing, and each row in one part alone."""

from itertools import count as counting
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import binom

from ml_core.tables.options import NOTHING_SAID
from ml_core.training.privacy import features_of
from ml_core.training.private_rows import Coins, PrivateForm, PrivateRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRIVACY: Any = {"epsilon": 1, "delta": 1e-6, "bounds": {"x": [0, 30_000]}, "classes": [0, 1]}


def rows_of(
    X: "NDArray[np.float64]", y: "NDArray[np.int64]", coins: Coins, *cuts: int, room: int | None = None
) -> PrivateRows:
    form = PrivateForm.of(PRIVACY, features_of(PRIVACY, ["x"], NOTHING_SAID, text=False))
    blocks = list(zip(np.split(X, cuts), np.split(y, cuts), strict=True))
    return PrivateRows(lambda: iter(blocks), form, coins, constant=True, labelled=True, room=room)


def taken(rows: PrivateRows) -> tuple[list[float], list[float]]:
    """The numbers of both parts."""
    first, second = (
        [float(each) for X, _ in part for each in X[:, 1]] for part in (rows.training(), rows.testing())
    )
    return first, second


def test_each_row_is_in_one_part_alone_at_each_look() -> None:
    X, y = np.arange(12_000.0)[:, None], np.arange(12_000) % 3 - 1  # a third of them of no class
    for room in (None, 0, 10_000):
        coins = Coins(0.25)
        rows = rows_of(X, y, coins, 1, 5_000, 5_000, 9_999, room=room)
        looks = [taken(rows) for _ in range(3)]
        assert looks[0] == looks[1] == looks[2]
        together = sorted(looks[0][0] + looks[0][1])
        assert together == sorted(taken(rows_of(X, y, Coins(0.0)))[0]), "each row of a class, once"
        assert len(together) == 8_000
        held_out = coins.held_out(0, len(X))
        form = np.trunc((X[:, 0] - 15_000) / 15_000 * 1024)
        assert looks[0][1] == form[held_out & (y >= 0)].tolist()


def test_coins_do_not_depend_on_what_a_row_is_nor_on_how_the_rows_are_cut() -> None:
    coins = Coins(0.3)
    whole = coins.held_out(0, 20_000)
    cuts = [0, 1, 4095, 4096, 4097, 12_288, 19_999, 20_000]
    parts = [coins.held_out(a, b - a) for a, b in pairwise(cuts)]
    assert (np.concatenate(parts) == whole).all()
    y = np.zeros(20_000, np.int64)
    for X in (np.zeros((20_000, 1)), np.full((20_000, 1), np.nan), np.arange(20_000.0)[:, None]):
        rows = rows_of(X, y, coins, 7, 11_000)
        assert sum(len(part) for part, _ in rows.testing()) == whole.sum()


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.9])
def test_as_many_are_held_out_as_were_asked_for_and_none_knows_of_another(
    fraction: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = counting()
    monkeypatch.setattr("secrets.token_bytes", lambda size: next(numbers).to_bytes(size))
    count = 40_000
    thrown = [Coins(fraction).held_out(0, count) for _ in range(2)]
    assert (thrown[0] != thrown[1]).any(), "no two trainings throw the same"
    for each in thrown:
        assert abs(int(each.sum()) - count * fraction) < 5 * binom(count, fraction).std()
    both = int((thrown[0][1:] & thrown[0][:-1]).sum())
    assert abs(both - count * fraction**2) < 5 * binom(count, fraction**2).std() + 5


def test_two_trainings_have_two_keys_of_the_operating_systems() -> None:
    first, second = Coins(0.5), Coins(0.5)
    assert len(first._key) == len(second._key) == 32
    assert first._key != second._key


def test_none_is_held_out_where_none_was_asked_for() -> None:
    assert not Coins(0.0).held_out(0, 10_000).any()
    assert Coins(0.5).held_out(5, 0).tolist() == []
