"""A strict reader of the HTML that is shown."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

VOID = frozenset(("br",))
KNOWN = frozenset(
    [
        "div",
        "style",
        "b",
        "span",
        "i",
        "bdi",
        "small",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "details",
        "summary",
        "svg",
        "title",
        "desc",
        "path",
        "rect",
        "circle",
        "line",
        "text",
        "g",
    ]
)
ATTRIBUTES = frozenset(
    [
        "class",
        "style",
        "title",
        "scope",
        "aria-hidden",
        "xmlns",
        "role",
        "width",
        "height",
        "viewbox",
        "d",
        "fill",
        "fill-opacity",
        "stroke",
        "stroke-opacity",
        "stroke-width",
        "stroke-dasharray",
        "stroke-linejoin",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "cx",
        "cy",
        "r",
        "text-anchor",
        "font-size",
        "transform",
    ]
)


class Page(HTMLParser):
    """Elements are closed in their order, and each is one that a picture has."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(html)
        self.close()
        assert not self.open, f"not closed: {self.open}"
        for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
            _svg(ET.fromstring(svg))  # noqa: S314 - it is our own

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in KNOWN, tag
        found = {name: value or "" for name, value in attrs}
        assert set(found) <= ATTRIBUTES, found
        assert "url(" not in found.get("style", "")
        self.elements.append((tag, found))
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.texts.append(data)
        if self.rows and ("td" in self.open or "th" in self.open):
            self.rows[-1][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)

    @property
    def words(self) -> str:
        return " ".join(self.texts)

    def row(self, first: str, *, after: str = "") -> list[str]:
        """Return the row that begins with a text; `after` is a heading that comes before it."""
        rows = self.rows
        if after:
            begin = next(place for place, row in enumerate(rows) if after in row)
            rows = rows[begin:]
        return next(row for row in rows if row and row[0].strip(" ↑↓") == first)


def _svg(svg: ET.Element) -> None:
    """A picture has a title and a description for who does not see it, and is not endless."""
    names = [child.tag.rpartition("}")[2] for child in svg]
    assert names[:2] == ["title", "desc"]
    assert svg[0].text
    assert svg[1].text
    assert svg.get("role") == "img"
    assert 0 < float(svg.get("width", "0")) <= 300
    assert 0 < float(svg.get("height", "0")) <= 300
