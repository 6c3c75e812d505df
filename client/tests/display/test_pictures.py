"""Every document of the real service is shown, whatever it lacks and whatever it is called."""

import copy
import random
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from serverless_ml import display
from serverless_ml.display import svg

from client.tests.display.conftest import on_terminal, widest, without_colours
from client.tests.display.page import Page

type Documents = dict[tuple[str, str], Any]
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' style='color:red",
    "</style></svg></div>",
    "[red]not red[/red] [/]",
    "\x1b[31m\x07\r\n\t\x00bell",
    "right \u202eto\u2066 left \u200f",
    "👩‍👩‍👧‍👦 مرحبا שלום 日本語",
    "\ud800 half",
    "name " * 400,
    "x" * 3000,
    "&lt;&amp;",
    "",
)
WRONG: tuple[Any, ...] = (
    *(None, "x", 3, -1e300, float("nan"), float("inf"), 10**400, True),
    *([], {}, [1], [None], {"a": 1}, [[]]),
)


def paths(raw: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every member, of lists the first two entries."""
    inner = raw.items() if isinstance(raw, dict) else enumerate(raw[:2]) if isinstance(raw, list) else ()
    for name, value in inner:
        yield (*path, name)
        yield from paths(value, (*path, name))


def put(raw: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a path."""
    changed = copy.copy(raw)
    changed[path[0]] = value if len(path) == 1 else put(raw[path[0]], path[1:], value)
    return changed


def without(raw: Any, path: tuple[Any, ...]) -> Any:
    """A copy without the member at a path."""
    if len(path) > 1:
        changed = copy.copy(raw)
        changed[path[0]] = without(raw[path[0]], path[1:])
        return changed
    if isinstance(raw, dict):
        return {name: value for name, value in raw.items() if name != path[0]}
    return [value for place, value in enumerate(raw) if place != path[0]]


def renamed(raw: Any, draw: random.Random) -> Any:
    """A copy in which every text, and every name of a member that is somebody's own, is hostile."""
    own = {"attributions", "features", "hyperparameters", "aliases", "read", "library_versions", "weights"}
    if isinstance(raw, dict):
        return {
            name: {
                f"{draw.choice(HOSTILE)}{place}": renamed(each, draw)
                for place, each in enumerate(value.values())
            }
            if name in own and isinstance(value, dict)
            else renamed(value, draw)
            for name, value in raw.items()
        }
    if isinstance(raw, list):
        return [renamed(value, draw) for value in raw]
    return draw.choice(HOSTILE) if isinstance(raw, str) else raw


def test_every_kind_of_document_is_there(documents: Documents) -> None:
    from serverless_ml.display import pictures

    alone = {"algorithm", "audit_entry", "explanation", "change", "job_file", "made_version"}
    assert {kind for kind, _ in documents} == set(pictures.KINDS) - alone
    single = {
        "algorithm": ("algorithms", "algorithms"),
        "audit_entry": ("audit", "entries"),
        "explanation": ("explanations", "explanations"),
        "made_version": ("made_versions", "versions"),
    }
    for kind, (several, member) in single.items():
        for (found, _), raw in documents.items():
            for each in raw[member] if found == several else []:
                Page(display.as_html(kind, each))
                assert widest(on_terminal(kind, each)) <= 100


def test_a_document_is_html_that_holds_together(documents: Documents) -> None:
    for (kind, label), raw in documents.items():
        html = display.as_html(kind, raw)
        page = Page(html)
        assert page.elements[0] == ("div", {"class": "serverless-ml"})
        assert (
            sum(tag == "div" and found.get("class") == "serverless-ml" for tag, found in page.elements) == 1
        )
        # Nothing is fetched, and nothing runs.
        assert "http" not in html.replace('xmlns="http://www.w3.org/2000/svg"', ""), (kind, label)
        assert len(html) < 80_000, (kind, label)
        # A table without headings of its columns is one of facts: each row has its own.
        assert all(row for row in page.rows)


def test_words_and_lines_take_the_colour_of_the_page(documents: Documents) -> None:
    fixed = {*svg.COLOURS}
    for (kind, _), raw in documents.items():
        for tag, found in Page(display.as_html(kind, raw)).elements:
            if tag == "text":
                assert found["fill"] == "currentColor"
            for name in ("fill", "stroke"):
                assert found.get(name, "none") in {"none", "currentColor", *fixed}


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_terminal_of_any_width_is_not_overrun(documents: Documents, width: int) -> None:
    for (kind, label), raw in documents.items():
        shown = on_terminal(kind, raw, width)
        assert widest(shown) <= width, (kind, label)
        assert display.as_text(kind, raw, width).strip()


def test_a_line_is_one_line(documents: Documents) -> None:
    for (kind, label), raw in documents.items():
        line = display.as_line(kind, raw)
        assert line
        assert line.isprintable(), (kind, label)
        assert len(line) < 500


def test_what_an_older_service_does_not_say_is_left_out(documents: Documents) -> None:
    draw = random.Random(1)  # noqa: S311 - it only has to differ
    for (kind, label), raw in documents.items():
        found = list(paths(raw))
        for path in found if len(found) < 60 else draw.sample(found, 60):
            less = without(raw, path)
            html = display.as_html(kind, less)
            assert html.startswith('<div class="serverless-ml">'), (kind, label, path)
            assert display.as_line(kind, less)
        for path in draw.sample(found, min(len(found), 5)):
            Page(display.as_html(kind, without(raw, path)))
            assert widest(on_terminal(kind, without(raw, path))) <= 100
        # And those at the top all at once, but for one.
        for name in raw if isinstance(raw, dict) else ():
            display.as_html(kind, {name: raw[name]})
    for kind in {kind for kind, _ in documents}:
        nothings: tuple[Any, ...] = ({}, [], None, 1)
        for nothing in nothings:
            Page(display.as_html(kind, nothing))
            display.as_text(kind, nothing)
            assert display.as_line(kind, nothing)


def test_what_a_newer_service_says_otherwise_breaks_nothing(documents: Documents) -> None:
    draw = random.Random(2)  # noqa: S311 - it only has to differ
    for (kind, _), raw in documents.items():
        found = list(paths(raw))
        for path in found if len(found) < 80 else draw.sample(found, 80):
            changed = put(raw, path, draw.choice(WRONG))
            assert display.as_html(kind, changed).endswith("</div>")
            assert display.as_line(kind, changed)
        for path in draw.sample(found, min(len(found), 15)):
            changed = put(raw, path, draw.choice(WRONG))
            Page(display.as_html(kind, changed))
            assert widest(on_terminal(kind, changed)) <= 100


def test_names_are_shown_and_never_obeyed(documents: Documents) -> None:
    draw = random.Random(3)  # noqa: S311 - it only has to differ
    for (kind, label), raw in documents.items():
        changed = renamed(raw, draw)
        Page(display.as_html(kind, changed))
        for shown in (without_colours(on_terminal(kind, changed)), display.as_line(kind, changed)):
            moving = [c for c in shown if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs"}]
            assert set(moving) <= set("\u200c\u200d"), (kind, label, moving)
        assert widest(on_terminal(kind, changed)) <= 100, (kind, label)
        display.as_html(kind, changed).encode()


def test_markup_and_tags_are_read_as_they_stand(documents: Documents) -> None:
    raw = copy.deepcopy(documents["version", "two classes"])
    raw["warnings"] = ["[red]stop[/red]", "<b>bold</b> & more"]
    page = Page(display.as_html("version", raw))
    assert "<b>bold</b> & more" in page.words
    assert "[red]stop[/red]" in without_colours(on_terminal("version", raw))


def test_what_is_long_is_bound_and_the_rest_is_told(documents: Documents) -> None:
    raw = copy.deepcopy(documents["explanations", "table"])
    raw["explanations"] *= 30
    raw["explanations"][0]["attributions"] = {f"column {place}": place / 7 for place in range(500)}
    html = display.as_html("explanations", raw)
    assert len(html) < 60_000
    assert "and 80 more rows" in Page(html).words
    assert "all others" in Page(html).words
    pictures = {"explanations": [{"attributions": [[0.5] * 500] * 500, "label": 1, "against": 0}]}
    assert len(display.as_html("explanations", pictures)) < 600_000
    jobs = {"jobs": documents["jobs", "all"]["jobs"] * 300}
    assert len(display.as_html("jobs", jobs)) < 60_000
    assert "more jobs" in Page(display.as_html("jobs", jobs)).words
