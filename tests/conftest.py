"""What tests of every kind may ask for."""

from collections.abc import Iterator

import pytest

from tests.ministack import Ministack


@pytest.fixture(scope="session")
def ministack() -> Iterator[Ministack]:
    """AWS on this machine, started once for the whole run (for each process of pytest-xdist)."""
    with Ministack() as running:
        yield running
