"""Which training samples are kept for validation: a share of each class, or of the groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Places = NDArray[np.int64]


def hold_out(
    y: NDArray[np.int64], groups: NDArray[np.int64] | None, fraction: float, random: np.random.Generator
) -> tuple[Places, Places]:
    """The places of the samples to train on and of those to validate with, each ascending.

    A sample of every class is trained on. Where that leaves nothing to validate with, nothing is.

    Args:
        y: the class of each sample.
        groups: the group of each, where whole groups stay on one side.
        fraction: how much is held out, 0 to 1.
        random: draws them.
    """
    chosen = _of_classes(y, fraction, random) if groups is None else _of_groups(y, groups, fraction, random)
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _of_classes(y: NDArray[np.int64], fraction: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Each class in its share; what is left over by rounding goes to those that it takes the most from."""
    counts = np.bincount(y)
    shares = counts * fraction
    takes = np.minimum(shares.astype(np.int64), np.maximum(counts - 1, 0))
    missing = round(len(y) * fraction) - int(takes.sum())
    open_to_more = np.flatnonzero(counts - takes > 1)
    by_need = open_to_more[np.argsort(takes[open_to_more] - shares[open_to_more], kind="stable")]
    takes[by_need[: max(missing, 0)]] += 1
    chosen = np.zeros(len(y), np.bool_)
    for number, take in enumerate(takes):
        chosen[random.permutation(np.flatnonzero(y == number))[:take]] = True
    return chosen


def _of_groups(
    y: NDArray[np.int64], groups: NDArray[np.int64], fraction: float, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Groups in a drawn order, as long as no more than the fraction is taken and each class has others.

    The first group that leaves each class others is taken even where it alone is more.
    """
    chosen = np.zeros(len(y), np.bool_)
    left, most, taken = np.bincount(y), round(len(y) * fraction), 0
    _, group_of = np.unique(groups, return_inverse=True)
    order = np.argsort(group_of, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(group_of))[:-1])
    for group in random.permutation(len(members)):
        places = members[group]
        without = left - np.bincount(y[places], minlength=len(left))
        fits = taken + len(places) <= most or (most and not taken)
        if fits and not ((without == 0) & (left > 0)).any():
            chosen[places] = True
            left, taken = without, taken + len(places)
    return chosen
