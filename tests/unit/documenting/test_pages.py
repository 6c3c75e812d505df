"""How pages are read: their links, their headings, and the anchors of these."""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from documenting.pages import Link, anchors, headings, links, pages, rewritten, slug

CONFIGURATION = Path(__file__).parents[3] / "documenting" / "zensical.toml"


def test_links_are_found_outside_of_code() -> None:
    text = "[a](b.md) `[c](d.md)` ![e](f.png)\n```\n[g](h.md)\n```\n[`i`](j.md#k) \\[l](m.md) [n [o]](p.md)"
    assert list(links(text)) == [
        Link("a", "b.md", picture=False),
        Link("e", "f.png", picture=True),
        Link("`i`", "j.md#k", picture=False),
        Link("n [o]", "p.md", picture=False),
    ]


@pytest.mark.parametrize(
    ("page", "address", "target"),
    [
        ("README.md", "docs/a.md", ("docs/a.md", "")),
        ("docs/a.md", "b.md#c", ("docs/b.md", "c")),
        ("docs/a.md", "#c", ("docs/a.md", "c")),
        ("docs/decisions/1.md", "../../examples/", ("examples/", "")),
        ("README.md", "../outside.md", ("../../outside.md", "")),
    ],
)
def test_a_link_leads_to_a_file_of_the_project(page: str, address: str, target: tuple[str, str]) -> None:
    assert Link("", address, picture=False).target(page) == target


def test_other_text_stays_as_it_is_where_links_are_rewritten() -> None:
    text = "a [b](c.md) `[d](e.md)` ![f](g.png)\n"
    assert rewritten(text, lambda link: f"<{link.address}>") == "a <c.md> `[d](e.md)` <g.png>\n"


def test_headings_are_plain_and_not_of_code() -> None:
    text = "# The `a` of [b](c.md)\n\n```console\n# no heading\n```\n\n## d\n\n### d\n"
    assert headings(text) == [(1, "The a of b"), (2, "d"), (3, "d")]
    assert anchors(text) == {"the-a-of-b": "The a of b", "d": "d", "d-1": "d"}


def test_anchors_are_those_that_github_makes() -> None:
    assert slug("What it costs, while nobody calls") == "what-it-costs-while-nobody-calls"
    assert slug("ML_ROOT and `x` – y") == "ml_root-and-x--y"


def _named(entries: list[Any]) -> list[str]:
    """The pages of a part of the navigation, in their order."""
    found = list[str]()
    for entry in entries:
        (inside,) = entry.values()
        found += [inside] if isinstance(inside, str) else _named(inside)
    return found


def test_every_page_stands_once_in_the_navigation() -> None:
    """Records of decisions are found by their index."""
    named = _named(tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["project"]["nav"])
    assert [page for page, times in Counter(named).items() if times > 1] == []
    assert set(named) == {page for page in pages() if not page.startswith("docs/decisions/0")}
