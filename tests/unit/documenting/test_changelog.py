"""The changelog can be read: in an order, no entry twice, each with its page; and what there is, it tells."""

import re
from itertools import combinations
from typing import NamedTuple

import pytest

from handlers.rest.routes import ROUTES
from handlers.settings import SETTINGS
from tests.unit.documenting.deployed import CLOUDS, parameters
from tests.unit.documenting.reading import headings, links, prose, spans, text
from tests.unit.documenting.test_named_routes import alternatives, matching
from tests.unit.documenting.test_typed_commands import command_line

PAGE = "CHANGELOG.md"
# https://keepachangelog.com
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
# The first words of an entry; two that begin alike say the same.
ALIKE = 6
MOSTLY = 0.6
NEARLY_ALL = 0.85
SHORTEST = 4  # letters: shorter words are those of every sentence
_LINK = re.compile(r"\(?\[[^\]]*\]\(([^)]*)\)\)?")


class Entry(NamedTuple):
    """An entry: its section, its lines without marks, and where it begins."""

    section: str
    lines: list[str]
    line: int

    @property
    def words(self) -> list[str]:
        return re.findall(r"[\w…{}/:.-]+", _LINK.sub("", " ".join(self.lines)).lower())


def entries() -> list[Entry]:
    """The entries in their order; the lines that go on below one belong to it."""
    found: list[Entry] = []
    section = ""
    for number, line in prose(PAGE):
        if line.startswith("#"):
            section = line.strip("# ")
        elif line.startswith("- "):
            found.append(Entry(section, [line[2:]], number))
        elif line.startswith("  "):
            found[-1].lines.append(line.strip())
    return found


def alike(one: Entry, other: Entry) -> bool:
    """Whether two entries say the same: equal first words, or most of the words of the shorter one."""
    if one.words[:ALIKE] == other.words[:ALIKE]:
        return True
    first, second = ({word for word in each.words if len(word) >= SHORTEST} for each in (one, other))
    shared = len(first & second) / min(len(first), len(second))
    to = [sorted(set(_LINK.findall(" ".join(each.lines)))) for each in (one, other)]
    return shared > (MOSTLY if to[0] == to[1] else NEARLY_ALL)


def test_the_sections_of_a_release_are_in_their_order() -> None:
    releases: list[list[str]] = []
    for heading in headings(PAGE):
        if heading.level == 2:
            releases.append([])
        elif heading.level == 3:
            releases[-1].append(heading.text)
    assert releases
    for sections in releases:
        assert sections == [kind for kind in KINDS if kind in sections]


def test_every_area_has_entries() -> None:
    areas = [heading.text for heading in headings(PAGE) if heading.level == 4]
    assert len(areas) > 10
    assert set(areas) - {entry.section for entry in entries()} == set()


def test_no_entry_stands_twice() -> None:
    twice = [(one.line, other.line) for one, other in combinations(entries(), 2) if alike(one, other)]
    assert twice == []


def test_every_entry_leads_to_its_page() -> None:
    assert [entry.line for entry in entries() if not _LINK.search(" ".join(entry.lines))] == []
    assert len(links(PAGE)) > len(entries())


def test_every_line_of_an_entry_is_one_sentence() -> None:
    """A full stop ends a line, and a capital behind one would begin another sentence."""
    several = re.compile(r"[a-z0-9`)]\. [A-Z`]")
    wrong = [
        f"{entry.line}: {line}"
        for entry in entries()
        for line in entry.lines
        if not line.endswith((".", "?", "!")) or several.search(re.sub(r"`[^`]*`", "`", _LINK.sub("", line)))
    ]
    assert wrong == []


def _told() -> str:
    return text(PAGE)


@pytest.mark.parametrize("variable", [setting.variable for setting in SETTINGS])
def test_every_setting_is_told(variable: str) -> None:
    assert re.search(rf"`{variable}[`=]", _told())


def test_every_route_is_told() -> None:
    named = [re.fullmatch(r"(?:([A-Z]+) )?([/…].*)", span.text) for span in spans(PAGE)]
    met = {
        (route.method, route.path)
        for found in named
        if found and (found[1] or "…" not in found[2])
        for each in alternatives(found[2].partition("?")[0])
        for route in matching(found[1] or "", each)
    }
    assert [f"{route.method} {route.path}" for route in ROUTES if (route.method, route.path) not in met] == []


def test_every_command_is_told() -> None:
    told = [span.text for span in spans(PAGE)]
    missing = [
        name
        for name in command_line()
        if name and not any(re.match(rf"(?:serverless-ml )?{name}\b", each) for each in told)
    ]
    assert missing == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_parameter_of_a_deployment_is_told(cloud: str) -> None:
    missing = [
        name for name in sorted(parameters(cloud)) if not re.search(rf"`(?:--param )?{name}[`=]", _told())
    ]
    assert missing == []


def test_entries_that_say_the_same_would_be_seen() -> None:
    one = Entry("", ["Notifications of jobs that end and aliases that move ([x](a.md))."], 1)
    longer = one._replace(lines=["Notifications of jobs that end, aliases that move and others ([y](b.md))."])
    other = one._replace(lines=["A key has roles ([x](a.md))."])
    assert alike(one, longer)
    assert not alike(one, other)
