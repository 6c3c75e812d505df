"""What a built site's pages link to, and what of that leads nowhere."""

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself: none of it may come from another server.
_FETCHED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
# Links of the generator's own templates that no browser fetches.
_NAMED_ONLY = ("canonical", "alternate")


class _Page(HTMLParser):
    """The anchors of a page, and its links: tag, attribute and address."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note what a tag names or links to."""
        given = dict(attributes)
        if given.get("id"):
            self.anchors.add(str(given["id"]))
        if tag == "link" and given.get("rel") in _NAMED_ONLY:
            return
        for name in ("href", "src"):
            value = given.get(name)
            if value is not None:
                self.links.append((tag, name, value))


def broken(site: Path, places: Iterable[str] = ()) -> list[str]:
    """A line for each link of a site that leads to no file or no anchor, or fetches from another server.

    Args:
        site: the folder that was built.
        places: what its scripts lead to, as links of its first page would be written.
    """
    found = {
        page.relative_to(site).as_posix(): _Page(page.read_text(encoding="utf-8"))
        for page in sorted(site.rglob("*.html"))
    }
    links = [(name, link) for name, page in found.items() for link in page.links]
    links += [("index.html", ("a", "href", place)) for place in places]
    return [
        f"{name}: {address}: {wrong}"
        for name, (tag, attribute, address) in links
        for wrong in _wrong(site, found, name, (tag, attribute), address)
    ]


def _wrong(
    site: Path, pages: dict[str, _Page], name: str, place: tuple[str, str], address: str
) -> Iterator[str]:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        if place in _FETCHED and parts.scheme != "data":
            yield "is fetched from another server"
        return
    target = (site / name).parent / unquote(parts.path) if parts.path else site / name
    resolved = target.resolve()
    if not resolved.is_relative_to(site.resolve()):
        yield "leads out of the site"
    elif not resolved.is_file():
        yield "there is no such file"
    elif parts.fragment and resolved.suffix == ".html":
        there = pages[resolved.relative_to(site.resolve()).as_posix()]
        if unquote(parts.fragment) not in there.anchors:
            yield "there is no such anchor"
