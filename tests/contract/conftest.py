"""Every contract test runs on every cloud's store."""

from collections.abc import Iterator

import pytest

from ml_core.ports import ObjectStore
from tests.contract.backend import Address, backend, clouds_with_a_store
from tests.contract.places import Place


@pytest.fixture(scope="session", params=clouds_with_a_store())
def running(request: pytest.FixtureRequest) -> Iterator[tuple[str, Address]]:
    """A cloud, and the address of its storage, which runs meanwhile."""
    with backend(request.param).started() as address:
        yield request.param, address


@pytest.fixture
def place(running: tuple[str, Address]) -> Place:
    """An empty store, and how other processes reach it."""
    cloud, address = running
    return Place(cloud, backend(cloud).empty(address))


@pytest.fixture
def store(place: Place) -> ObjectStore:
    """An empty store."""
    return place.open()


@pytest.fixture
def dead_store(running: tuple[str, Address]) -> ObjectStore:
    """A store that does not answer."""
    cloud, address = running
    return backend(cloud).open_store(backend(cloud).dead(address))
