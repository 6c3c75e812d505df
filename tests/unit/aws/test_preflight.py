"""What is known before a deployment to AWS begins."""

import pytest

from providers.aws.deploying.preflight import objection


@pytest.mark.parametrize(("limit", "reserve"), [(1000, 23), (33, 23), (10, 0)])
def test_an_account_that_keeps_ten_may_reserve_the_rest(limit: int, reserve: int) -> None:
    assert objection({"AccountLimit": {"ConcurrentExecutions": limit}}, reserve) is None


@pytest.mark.parametrize("limit", [10, 32])
def test_a_new_account_is_told_what_to_do_instead(limit: int) -> None:
    said = objection({"AccountLimit": {"ConcurrentExecutions": limit}}, 23)
    assert said is not None
    assert f"this account's quota is {limit}, and" in said
    assert "--param apiConcurrency=none" in said
