"""What is seen of a prediction while it is computed, whatever is asked."""

import sys
from typing import Any

import pytest

from ml_core.algorithms.outputs import TOP
from ml_core.errors import InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.training.notebook import train_model
from tests.unit.ml_core.monitoring.observed import model, observed

ROWS = [[step / 10, step % 7] for step in range(120)]
TARGETS = [("low", "middle", "high")[step // 40] for step in range(120)]


@pytest.mark.parametrize("outputs", [("label",), ("decision",), ("probability", "predict")])
def test_labels_and_top_probabilities_are_seen_whatever_is_asked(outputs: tuple[str, ...]) -> None:
    asked = model()
    rows = asked.rows([[1.0, 1.0], [-3.0, 0.5]], limits=Limits())
    seen = observed(asked)
    found = asked.predict_rows(rows, outputs, see=seen.see)
    assert found == asked.predict_rows(rows, outputs)
    assert list(found) == list(outputs)
    assert seen.labels == [1, 0]
    top = [max(row) for row in asked.predict_rows(rows, ["probability"])["probability"]]
    assert seen.tops == pytest.approx(top, rel=1e-14)


@pytest.mark.parametrize("times", [1, 2000])
def test_where_probabilities_overflow_the_labels_are_told_and_seen_all_the_same(times: int) -> None:
    """Near the largest number each decision is finite, but not the sums that probabilities come of."""
    far = train_model(ROWS, TARGETS, "svm", kernel="linear", probability=True, scale=False)
    steepest = max(abs(first) for first, _ in _weights(far))
    rows = far.rows([[sys.float_info.max / steepest * 0.9, 0.0]] * times, limits=Limits())
    with pytest.raises(InvalidInput, match="overflows"):
        far.predict_rows(rows, ["probability"])
    blocks: list[Any] = []
    assert far.predict_rows(rows, see=blocks.append) == far.predict_rows(rows)
    assert all("probability" not in block and TOP not in block for block in blocks)
    seen = observed(far)
    far.predict_rows(rows, see=seen.see)
    assert (len(seen.labels), seen.tops) == (times, [])


def _weights(of: Any) -> list[tuple[float, ...]]:
    """The weights of each pair's decision."""
    rows: list[tuple[float, ...]] = of.estimator.pairs.weights.rows
    return rows
