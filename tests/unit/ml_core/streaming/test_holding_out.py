"""The rows that are held out of a table read part by part are those that scikit-learn holds out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.training.split import AT_RANDOM, Split
from ml_core.training.splitting import Holding


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(2, 40), min_size=1, max_size=6),
    fraction=st.sampled_from([0.1, 0.2, 0.25, 0.5]),
    seed=st.integers(0, 2**32 - 1),
    labelled=st.booleans(),
)
def test_at_random(counts: list[int], fraction: float, seed: int, *, labelled: bool) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    holding = Holding(AT_RANDOM, fraction, seed, None)
    classes = y if labelled else None
    if labelled and min(np.ceil(fraction * len(y)), len(y) - np.ceil(fraction * len(y))) < len(counts):
        return  # scikit-learn refuses it, and so does whoever asks
    _, test = holding.parts(len(y), classes)
    narrow = None if classes is None else classes.astype(np.uint8)
    assert np.flatnonzero(holding.held_out(len(y), narrow)).tolist() == sorted(test.tolist())


@pytest.mark.parametrize("by", ["group", "time"])
@pytest.mark.parametrize("seed", range(5))
def test_by_a_column(by: str, seed: int) -> None:
    ranks = np.unique(np.random.default_rng(seed).integers(0, 30, 200), return_inverse=True)[1]
    split: Split = {"by": by, "column": "c"}
    holding = Holding(split, 0.2, seed, ranks.astype(np.int64))
    _, test = holding.parts(len(ranks), None)
    assert np.flatnonzero(holding.held_out(len(ranks), None)).tolist() == sorted(test.tolist())
