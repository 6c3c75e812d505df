"""Markdown that reads the same on GitHub and by Python-Markdown.

Both are kept from what they understand differently: HTML, a pipe inside of code inside of a table, and two
headings of one name in a page.
"""

import re
from collections.abc import Iterable, Sequence

from documenting.pages import plain, slug

# A line that an editor sees first, and readers do not.
MADE = "<!-- Made from the code by `make reference`: change the code, or its docstrings. -->"
_SENTENCE = re.compile(r"(?<=[a-z)`][.?!]) (?=[A-Z`\[])")
# How blocks begin that are no paragraphs: headings, tables, lists, comments; a block of code is in one.
_NO_PARAGRAPH = "#|-<"
_CODE = re.compile(r"(`+[^`]*`+)")
_PAGE = re.compile(r"\bdocs/([a-z0-9-]+)\.md\b")


def page(title: str, *blocks: str) -> str:
    """A page: its title, and blocks with a blank line between them; empty blocks are left out.

    A sentence of a paragraph has a line of its own.
    """
    kept = [each.strip("\n") for each in blocks if each]
    told = [_SENTENCE.sub("\n", each) if each[0] not in _NO_PARAGRAPH else each for each in kept]
    return "\n\n".join([MADE, f"# {title}", *told]) + "\n"


def heading(level: int, text: str) -> str:
    """A heading."""
    return f"{'#' * level} {text}"


def anchor(text: str) -> str:
    """What a link to a heading ends in, where GitHub and Python-Markdown's `toc` agree.

    They do of headings without two spaces or hyphens in a row.
    """
    return slug(plain(text).strip())


def link(text: str, to: str) -> str:
    """A link."""
    return f"[{text}]({to})"


def code(text: object) -> str:
    """Text as code; without a pipe it may stand in a table."""
    return f"`` {text} ``" if "`" in str(text) else f"`{text}`"


def prose(text: str) -> str:
    """Words of the code in one line, with nothing in them that Markdown reads.

    Pages that they name are links, and code between backticks stays as it is.
    """
    parts = _CODE.split(" ".join(text.split()))
    return "".join(part if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    escaped = re.sub(r"([*\[\]])", r"\\\1", escaped)
    return _PAGE.sub(r"[\1.md](../\1.md)", escaped)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing, where there are no rows. Columns that are empty in all rows are left out."""
    found = [list(row) for row in rows]
    kept = [place for place in range(len(header)) if any(row[place] for row in found)]
    if not found:
        return ""
    lines = [[header[place] for place in kept], ["---"] * len(kept)]
    lines += [[_cell(row[place]) for place in kept] for row in found]
    return (
        "\n".join("| " + " | ".join(line) + " |" for line in lines)
        .replace("| --- ", "|---")
        .replace("|--- |", "|---|")
    )


def _cell(text: str) -> str:
    """A cell's text in one line.

    Raises:
        ValueError: there is a pipe in code, which GitHub wants escaped and Python-Markdown does not.
    """
    parts = _CODE.split(" ".join(text.split()))
    if any("|" in part for part in parts[1::2]):
        raise ValueError(f"expected no pipe in the code of a table's cell, got {text!r}")
    return "".join(part if place % 2 else part.replace("|", r"\|") for place, part in enumerate(parts))


def bullets(entries: Iterable[str]) -> str:
    """A list. A sentence of an entry has a line of its own."""
    return "\n".join("- " + _SENTENCE.sub("\n  ", entry) for entry in entries)


def block(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text.strip(chr(10))}\n```"


def told_block(language: str, text: str) -> str:
    """A block of code that nobody types: the test that compares each page with the code holds it."""
    return f"<!-- run by tests/unit/documenting/test_reference.py -->\n{block(language, text)}"


def either(words: Sequence[str], last: str = "or") -> str:
    """`a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def sentence(text: str) -> str:
    """Words that begin with a capital and end with a full stop, unless they begin with code."""
    if not text:
        return ""
    begun = text[0].upper() + text[1:]
    return begun if begun.endswith((".", "…", ":")) else begun + "."
