"""What the site finds a pasted message by: each message, and where it leads.

It is read from the two pages that tell of messages, so that what is found is what they say.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import TypedDict

from documenting.pages import slug, text_of

TROUBLESHOOTING = "docs/troubleshooting.md"
INDEX = "docs/reference/messages.md"
_TITLE = re.compile(r"(`*) ?(.+?) ?\1")
_QUOTED = re.compile(r"(?<!`)(`+)(?!`) ?([^\n]+?) ?(?<!`)\1(?!`)")
_SOME = 3
# What is typed or sent, and no message.
_TYPED = re.compile(r"(?:make|python|serverless-ml|npx|curl|GET|POST|PUT|DELETE|PATCH|-H) |[{\"$.]")
_AREA = re.compile(r"^## (.+)$")
_CODE = re.compile(r"^With the code \[`(\w+)`\]")
_ITEM = re.compile(r"^- (`+) ?(.+?) ?\1$")


class Entry(TypedDict):
    """A message, `…` for what varies; whether a person explained it; titles and places to go on."""

    message: str
    explained: bool
    links: list[tuple[str, str]]


def entries() -> list[Entry]:
    """All messages, those that are explained first."""
    return [*_explained(), *_listed(text_of(INDEX))]


def script(listed: Sequence[Entry]) -> str:
    """The list as a script, which a page that was opened as a file may read too."""
    told = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return f"globalThis.messagesOfErrors={told};\n"


def _explained() -> Iterator[Entry]:
    """Of each part of the page its title, and what it quotes of some words: that may come with it."""
    page = _on_the_site(TROUBLESHOOTING)
    _, *parts = re.split(r"^### ", text_of(TROUBLESHOOTING), flags=re.MULTILINE)
    for part in parts:
        line, _, told = part.partition("\n")
        (_, title) = _TITLE.fullmatch(line).groups()  # type: ignore[union-attr]
        links = [("what to do", f"{page}#{_anchor(title)}")]
        yield Entry(message=title, explained=True, links=links)
        for _, quoted in _QUOTED.findall(told):
            if len(quoted.split()) >= _SOME and not _TYPED.match(quoted):
                yield Entry(message=quoted, explained=True, links=links)


def _listed(text: str) -> Iterator[Entry]:
    area = code = ""
    for line in text.splitlines():
        if found := _AREA.match(line):
            area, code = found[1], ""
        elif found := _CODE.match(line):
            code = found[1]
        elif line.startswith("Without a code"):
            code = ""
        elif found := _ITEM.match(line):
            of_area = (area, f"{_on_the_site(INDEX)}#{slug(area)}")
            of_code = [(f"what to do about {code}", f"docs/reference/errors.html#{code}")] if code else []
            yield Entry(message=found[2], explained=False, links=[*of_code, of_area])


def _anchor(title: str) -> str:
    """A heading's anchor as the site makes it, which takes what stands in angle brackets for a tag."""
    return slug(re.sub(r"<[^<>]*>", "", title).strip())


def _on_the_site(page: str) -> str:
    return page.removesuffix(".md") + ".html"
