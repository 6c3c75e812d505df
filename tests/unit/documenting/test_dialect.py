"""Every page reads the same on GitHub and on the site: two readers of Markdown make the same of it."""

from html.parser import HTMLParser

import markdown
import pytest
from markdown_it import MarkdownIt

from tests.unit.documenting.reading import EVERY_PAGE, text

# What one of them leaves out around the items of a list, or puts around rows and blocks.
_LEFT_OUT = {"p", "thead", "tbody", "span", "div"}
_GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# What the site is made with, as far as it decides what is a list, a table or a block of code.
_SITE = ("tables", "pymdownx.highlight", "pymdownx.superfences", "pymdownx.tilde", "toc")


class _Structure(HTMLParser):
    """The elements of a page in their order, and the words between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in _LEFT_OUT:
            led = dict(attributes)
            self.found.append(
                " ".join(["<" + tag, *(led[name] or "" for name in ("href", "src") if name in led)])
            )

    def handle_endtag(self, tag: str) -> None:
        if tag not in _LEFT_OUT:
            self.found.append(f"/{tag}>")

    def handle_data(self, data: str) -> None:
        self.found += data.split()


def structure(html: str) -> list[str]:
    """Elements with where they lead, and words."""
    reader = _Structure()
    reader.feed(html)
    return reader.found


def on_github(source: str) -> list[str]:
    return structure(_GITHUB.render(source))


def on_the_site(source: str) -> list[str]:
    configured = {"pymdownx.highlight": {"use_pygments": False}, "pymdownx.tilde": {"subscript": False}}
    return structure(markdown.markdown(source, extensions=list(_SITE), extension_configs=configured))


def first_difference(source: str) -> str:
    """Where the two come apart, with what stands before it; nothing if they do not."""
    one, other = on_github(source), on_the_site(source)
    for place, (left, right) in enumerate(zip([*one, "(end)"], [*other, "(end)"], strict=False)):
        if left != right:
            before = " ".join(one[max(0, place - 12) : place])
            return f"after {before!r}: {left!r} on GitHub, {right!r} on the site"
    return ""


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_page_reads_the_same_on_github_and_on_the_site(page: str) -> None:
    assert first_difference(text(page)) == ""


@pytest.mark.parametrize(
    "source",
    [
        "A sentence.\n- an item\n",
        "- an item\n  - one below it\n",
        "A sentence.\n| a | b |\n|---|---|\n| 1 | 2 |\n",
        "A sentence.\n1. an item\n",
        "| a |\n|---|\n| `x \\| y` |\n\n<div>\n\n- an item\n\n</div>\n",
    ],
)
def test_what_the_two_read_differently_would_be_seen(source: str) -> None:
    assert first_difference(source)
