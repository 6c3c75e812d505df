"""Every link of every page leads somewhere, on GitHub and on the site; every page and picture is led to."""

import re
from functools import cache
from itertools import pairwise
from posixpath import dirname, join, normpath

import pytest
from pymdownx import slugs

from documenting.pages import ROOT
from tests.unit.documenting.reading import EVERY_PAGE, headings, links, pictures

ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def on_github(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def on_the_site(heading: str) -> str:
    """The anchor that the site gives a heading, as documenting/zensical.toml says."""
    return str(slugs.slugify(case="lower")(heading, "-"))


def led_to(page: str, target: str) -> tuple[str, str]:
    """The file of the project, and the anchor in it, that a relative link of a page leads to."""
    path, _, anchor = target.partition("#")
    return (normpath(join(dirname(page), path)) if path else page), anchor


def relative(page: str) -> list[tuple[str, str, int]]:
    """The file and anchor of each link of a page within the project, and its line."""
    return [
        (*led_to(page, link.target), link.line)
        for link in [*links(page), *pictures(page)]
        if not ELSEWHERE.match(link.target)
    ]


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_relative_link_leads_to_a_file_and_to_a_heading_in_it(page: str) -> None:
    astray = []
    for file, anchor, line in relative(page):
        if file.startswith("..") or not (ROOT / file).exists():
            astray.append(f"{page}:{line}: there is no {file}")
        elif anchor and anchor not in {on_github(heading.text) for heading in headings(file)}:
            astray.append(f"{page}:{line}: {file} has no heading #{anchor}")
    assert astray == []


@cache
def linked() -> frozenset[tuple[str, str]]:
    """Each file with each anchor in it that a page links to."""
    return frozenset((file, anchor) for page in EVERY_PAGE for file, anchor, _ in relative(page) if anchor)


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_heading_that_is_linked_to_has_one_anchor_on_github_and_on_the_site(page: str) -> None:
    of_two_minds = [
        f"{page}:{heading.line}: #{on_github(heading.text)}, #{on_the_site(heading.text)}"
        for heading in headings(page)
        if (page, on_github(heading.text)) in linked()
        if on_github(heading.text) != on_the_site(heading.text)
    ]
    assert of_two_minds == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_no_heading_stands_twice_on_a_page(page: str) -> None:
    anchors = sorted((on_github(heading.text), heading.line) for heading in headings(page))
    twice = [f"{page}:{line}: {one}" for (one, _), (other, line) in pairwise(anchors) if one == other]
    assert twice == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = {"README.md"}, ["README.md"]
    while ahead:
        page = ahead.pop()
        found = {file for file, _, _ in relative(page)} & set(EVERY_PAGE) - reached
        reached |= found
        ahead += found
    # GitHub shows these two by itself, whatever leads to them.
    assert set(EVERY_PAGE) - reached == set()


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_picture_says_what_it_shows(page: str) -> None:
    assert [link for link in pictures(page) if len(link.text.split()) < 2] == []


def test_every_picture_is_shown_on_a_page() -> None:
    shown = {led_to(page, link.target)[0] for page in EVERY_PAGE for link in pictures(page)}
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "pictures").rglob("*.*")}
    assert there
    assert there - shown == set()


def test_links_that_lead_nowhere_would_be_seen() -> None:
    assert led_to("docs/jobs.md", "tables.md#no-such") == ("docs/tables.md", "no-such")
    assert led_to("docs/jobs.md", "#time") == ("docs/jobs.md", "time")
    assert led_to("docs/jobs.md", "../../x.md") == ("../x.md", "")
    assert on_github("<a> b") != on_the_site("<a> b")
