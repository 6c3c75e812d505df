"""The first page of docs/reference/: what the others are, by their own words."""

from documenting.markdown import bullets, link
from documenting.markdown import page as whole
from documenting.reference import PAGES, file_of, made


def page() -> str:
    """The page: a line for each of the others, with its title and how it begins."""
    entries = [f"{link(title, file_of(name))}: {begin}" for name in PAGES for title, begin in [_told(name)]]
    return whole(
        "Reference",
        "These pages are made from the code, and a test holds them to it.",
        bullets(entries),
        "Which key may call what is a table in [keys.md](../keys.md#roles).",
    )


def _told(name: str) -> tuple[str, str]:
    """A page's title, and its first sentence."""
    _, title, begin, *_ = made(name).split("\n\n")
    return title.removeprefix("# "), begin.splitlines()[0]
