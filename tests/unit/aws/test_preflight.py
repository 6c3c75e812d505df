"""What is known before a deployment to AWS begins."""

import pytest

from providers.aws.deploying.preflight import objection


def account(limit: int, unreserved: int) -> dict[str, dict[str, int]]:
    return {"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": unreserved}}


@pytest.mark.parametrize(
    ("limit", "unreserved", "reserve", "own"),
    [
        (1000, 1000, 23, 0),
        (1000, 123, 23, 0),
        (1000, 100, 23, 23),  # an update: they are ours already
        (1000, 110, 33, 23),
        (10, 10, 0, 0),
        (1000, 20, 20, 23),  # fewer than now
    ],
)
def test_an_account_that_keeps_a_hundred_may_reserve_the_rest(
    limit: int, unreserved: int, reserve: int, own: int
) -> None:
    assert objection(account(limit, unreserved), reserve, own) is None


@pytest.mark.parametrize(
    ("limit", "unreserved", "own"),
    [(10, 10, 0), (32, 32, 0), (1000, 32, 0), (1000, 22, 10)],
)
def test_an_account_whose_rest_is_reserved_by_others_is_told_what_to_do_instead(
    limit: int, unreserved: int, own: int
) -> None:
    said = objection(account(limit, unreserved), 23, own)
    assert said is not None
    assert said.sure
    assert (
        f"cannot reserve 23 concurrent functions: of the account's quota of {limit}, {unreserved + own}"
        in said.said
    )
    assert "--param apiConcurrency=none" in said.said


@pytest.mark.parametrize("unreserved", [33, 122])
def test_between_ten_and_a_hundred_lambda_decides(unreserved: int) -> None:
    """Its documents say a hundred; of the newest accounts it keeps ten."""
    said = objection(account(1000, unreserved), 23, 0)
    assert said is not None
    assert not said.sure
    assert said.said.startswith("may be unable to reserve 23 concurrent functions")


def test_the_parameters_that_reserve_are_all_named() -> None:
    caps = ("apiConcurrency", "trainConcurrency", "onnxConcurrency")
    found = objection(account(10, 10), 33, 0, caps=caps)
    assert found is not None
    assert all(f"--param {name}=none" in found.said for name in caps)
    without = objection(account(10, 10), 23, 0)
    assert without is not None
    assert "onnx" not in without.said
