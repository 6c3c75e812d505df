"""One clone for all pages: `make demo` takes a minute in it."""

import pytest

from tests.pages.clone import Clone


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("reader"))
