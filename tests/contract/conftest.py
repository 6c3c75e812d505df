"""Every contract test runs on every cloud's store."""

from collections.abc import Iterator

import pytest

from ml_core.ports import ObjectStore, Signer
from tests.contract.backend import Address, backend, clouds_with_a_store
from tests.contract.places import Forks, Place


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
def signer(place: Place) -> Iterator[Signer]:
    """Signs addresses of objects in `store`, which answers at them meanwhile."""
    with backend(place.cloud).signing(place.address) as signer:
        yield signer


@pytest.fixture
def dead_store(running: tuple[str, Address]) -> ObjectStore:
    """A store that does not answer."""
    cloud, address = running
    return backend(cloud).open_store(backend(cloud).dead(address))


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Processes that start at once."""
    with Forks() as running:
        yield running


# The stores on which every point of a matrix is tried; on the others every fourth is.
THOROUGH = ("local", "aws")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Thin out the tests that are marked as a matrix, on the clouds that are not looked at thoroughly."""
    thin = [item for item in items if item.get_closest_marker("matrix") and not _is_looked_at(item)]
    config.hook.pytest_deselected(items=thin)
    items[:] = [item for item in items if item not in set(thin)]


def _is_looked_at(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    if callspec is None or callspec.params["running"] in THOROUGH:
        return True
    return bool(callspec.params.get("nth", callspec.params.get("seed", 1)) % 4 == 1)
