"""What the tests of ml_core share."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def _one_thread_each() -> Iterator[None]:
    """Small problems, several test processes: BLAS threads would only wait for each other."""
    with threadpool_limits(limits=1):
        yield
