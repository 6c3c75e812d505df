"""What the registry asks of its store does not grow with what it holds; counted, without a clock."""

import pytest

from benchmarks.growth_of_registry import costs
from ml_core.registry import sweeping
from tests.metered_store import Cost


@pytest.fixture(scope="module")
def counted() -> tuple[dict[str, Cost], dict[str, Cost]]:
    """The costs at two sizes, both past what one object holds and one sweep looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeping, "MOST_MODELS", 40)
        patch.setattr(sweeping, "MOST_ARTIFACTS", 50)
        return costs(60, 100), costs(560, 600)


def test_nothing_costs_more_requests_or_bytes_with_ten_times_as_many(
    counted: tuple[dict[str, Cost], dict[str, Cost]],
) -> None:
    few, many = counted
    assert few.keys() == many.keys()
    for what, cost in few.items():
        assert many[what].requests == cost.requests, what
        # A number has a digit more here and there, and a document remembers up to eight writers.
        assert many[what].read <= 1.03 * cost.read + 200, what
        assert many[what].written <= 1.03 * cost.written + 200, what


def test_a_first_prediction_reads_the_models_document_and_the_artifact(
    counted: tuple[dict[str, Cost], dict[str, Cost]],
) -> None:
    _, many = counted
    assert many["first prediction, newest version"].requests == 2
    assert many["first prediction, by alias"].requests == 2
    assert many["first prediction, by alias"].read < 3_000
    assert many["first prediction, version 5"].requests == 3, "where the document does not hold it"
