"""Every target of make that a page names is in the Makefile, with the variables that it is given."""

import re

import pytest

from tests.unit.documenting.reading import PAGES, text
from tests.unit.documenting.typed import typed

MAKEFILE = text("Makefile")
TARGETS = re.findall(r"^([\w./%-]+):(?!=)", MAKEFILE, re.MULTILINE)
# Words after `make` in an English sentence that stands in backticks.
_OF_ENVIRONMENT = re.compile(r"ML_[A-Z_]+")


def is_a_target(name: str) -> bool:
    """Whether a rule makes it; `%` in a rule stands for any part."""
    return any(re.fullmatch(re.escape(target).replace("%", ".+"), name) for target in TARGETS)


def is_read(variable: str) -> bool:
    """Whether the Makefile, or what it starts, reads a variable."""
    return bool(re.search(rf"\$\({variable}\b|\$\$?\{{?{variable}\b", MAKEFILE)) or bool(
        _OF_ENVIRONMENT.fullmatch(variable)
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_a_page_is_in_the_makefile_with_its_variables(page: str) -> None:
    wrong = []
    for one in typed(page):
        for word in one.after("make") or ():
            name, given, _ = word.partition("=")
            if not (is_read(name) if given else is_a_target(name)):
                wrong.append(f"{one.place}: make {word}")
        if one.words[0] == "make":
            wrong += [f"{one.place}: {name}" for name in one.variables if not is_read(name)]
    assert wrong == []


def test_what_is_not_in_the_makefile_would_be_seen() -> None:
    assert is_a_target("serve")
    assert is_a_target(".venv/dask.ready")
    assert not is_a_target("serves")
    assert is_read("PYTEST")
    assert is_read("ONNX")
    assert not is_read("PYTESTS")
