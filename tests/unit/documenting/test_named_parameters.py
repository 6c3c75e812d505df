"""Every parameter of a deployment that a page names is one of that cloud's, with the default that is told."""

import re
from collections.abc import Iterator

import pytest

from tests.unit.documenting.deployed import CLOUDS, clouds_of, defaults, parameters
from tests.unit.documenting.reading import PAGES, coded, prose, tables, text

_GIVEN = re.compile(r"--param[ =](\w+)=")
# A parameter that is called one in a sentence: "the parameter `x`", "parameters `x`, `y` and `z`".
_CALLED = re.compile(r"\bparameters? ((?:`[\w=]+`(?:, | and | or )?)+)")
# In a table's first cell the first name of each group is one, and what stands after "or" another value of it.
_OF_A_CELL = re.compile(r"(?<!or )`([^`]+)`")
# `x` (12): the default stands in brackets behind the name.
_WITH_DEFAULT = re.compile(r"`(\w+)` \(([\d,]+)(?: [A-Za-z]+)?\)")
# What stands in the place of a name; and the page whose `--param` is an option of the client's `train`.
PLACEHOLDERS = {"NAME", "name"}
OF_THE_COMMAND = "docs/command-line.md"
EVERY = frozenset().union(*(parameters(cloud) for cloud in CLOUDS))


def _named(page: str) -> Iterator[str]:
    if page != OF_THE_COMMAND:
        yield from (name for name in _GIVEN.findall(text(page)) if name not in PLACEHOLDERS)
    for _, line in prose(page):
        for names in _CALLED.findall(line):
            yield from (name.partition("=")[0] for name in coded(names))


def told_defaults(page: str) -> Iterator[tuple[str, str]]:
    """Parameters with the figures that stand in brackets behind them."""
    for name, figure in _WITH_DEFAULT.findall(text(page)):
        if name in EVERY:
            yield name, figure.replace(",", "")


@pytest.mark.parametrize("page", PAGES)
def test_every_parameter_that_a_page_names_is_one_of_its_clouds(page: str) -> None:
    known = frozenset().union(*(parameters(cloud) for cloud in clouds_of(page)))
    assert set(_named(page)) - known == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_default_of_a_parameter_that_a_page_tells_is_that_of_its_clouds(page: str) -> None:
    wrong = [
        (name, figure)
        for name, figure in told_defaults(page)
        if figure not in {defaults(cloud).get(name) for cloud in clouds_of(page)}
    ]
    assert wrong == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_parameter_of_a_table_of_a_clouds_page_is_one_of_the_clouds(cloud: str) -> None:
    heads = {
        table[0][0]: [name.partition("=")[0] for row in table[1:] for name in _OF_A_CELL.findall(row[0])]
        for table in tables(f"docs/{cloud}.md")
        if table[0][0] == "parameter"
    }
    assert heads, "the page has a table of parameters"
    assert {name for names in heads.values() for name in names} - parameters(cloud) == set()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_parameter_of_a_cloud_is_on_its_page_or_on_one_that_all_clouds_share(cloud: str) -> None:
    shared = [page for page in PAGES if not page.startswith(tuple(f"docs/{each}" for each in CLOUDS))]
    told = "\n".join(text(page) for page in [*shared, f"docs/{cloud}.md"])
    assert [name for name in sorted(parameters(cloud)) if not re.search(rf"\b{name}\b", told)] == []


def test_what_no_cloud_has_would_be_seen() -> None:
    assert "trainDisk" in parameters("aws") - parameters("google")
    assert "nothing" not in EVERY
    assert list(_GIVEN.findall("--param a=1 --param=b=2")) == ["a", "b"]
