"""Servers of this machine, which are provoked."""

from collections.abc import Iterator

import pytest

from tests.unit.documenting.provoked import Service, services


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Started where a test asks for it."""
    yield from services(tmp_path_factory.mktemp("provoked"))
