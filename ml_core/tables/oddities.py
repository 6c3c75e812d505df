"""What looks odd in words that were read as they are: a person means dates, numbers or the same word.

Nothing is read differently for it. It is said, with what to write instead.
"""

import re
from collections.abc import Callable, Sequence
from unicodedata import normalize

from ml_core.errors import shown

# Of more words than these, nobody looks at how each is spelled.
_MOST_SPELLED = 1_000
# A cell of more ends of lines may begin at a quote that nothing closes.
_MOST_LINES = 2
_QUOTE, _LEAST_QUOTED = "'", 2
# Not seen where they stand. Joiners are part of emoji and of Persian words, and are none of these.
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
_WITH_UNIT = re.compile(r"[+-]?\d[\d.,]*+ ?(?P<unit>[^\W\d_]{1,6}[\u00b2\u00b3]?|\u00b0[A-Za-z])")
_POWERS = frozenset("kKmMbB")


def _matching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda word: compiled.fullmatch(word) is not None


def _is_in_quotes(word: str) -> bool:
    return len(word) >= _LEAST_QUOTED and word[0] == word[-1] == _QUOTE


_IN_FULL = "look like dates: write 2024-05-31 or 2024-05-31 10:00:00, and they are read as dates"
# What all words are, and what is said of them.
_ALIKE: tuple[tuple[Callable[[str], bool], str], ...] = (
    (
        _matching(r"\d{1,2}([./-])\d{1,2}\1\d{2}(?:[T ].*+)?"),
        "look like dates with two digits for the year: write four, and they are read as dates",
    ),
    (
        _matching(r"\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d++)?(?: ?[AaPp][Mm])?"),
        "look like times or durations: write them as numbers, such as seconds, to have their order",
    ),
    (
        _matching(r"(?:19|20)\d{2}-(?:0[1-9]|1[0-2])"),
        "look like months: write their first days, and they are read as dates",
    ),
    (_matching(r"\d{1,2}[A-Za-z]{3}\d{2,4}(?::.*+)?"), _IN_FULL),
    (_matching(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? \D*+\d.*+"), _IN_FULL),
    (
        _matching(r"(?=(?:\S++\s)*+\s)[+-]?[\d.]++\s.*+"),
        "look like several cells with spaces between them: write one and the same sign between cells",
    ),
    (
        lambda word: word.isdecimal() and not word.isascii(),
        "are numbers in digits of another script: write 0 to 9, and they are read as numbers",
    ),
    (
        _matching(r'="[^"]*+"|\'[^\']++'),
        "are marked as text for a spreadsheet, and the marks are part of the words: export them without",
    ),
    (
        _is_in_quotes,
        "stand between single quotes, which are part of the words: write double quotes",
    ),
)


def told_of_words(words: Sequence[str]) -> str | None:
    """What is to be said of the different words of a column of categories; None for nothing."""
    stripped = [word.strip() for word in words]
    if len(stripped) > 1:
        for is_one, what in _ALIKE:
            if all(map(is_one, stripped)):
                return f"words such as {shown(words[0])} {what}"
        if told := _told_of_units(stripped):
            return told
    return _told_of_spelling(stripped) if len(stripped) <= _MOST_SPELLED else None


def _told_of_units(words: Sequence[str]) -> str | None:
    """Numbers that all have one unit, or that are in thousands and millions."""
    units = set()
    for word in words:
        found = _WITH_UNIT.fullmatch(word)
        if found is None:
            return None
        units.add(found["unit"])
    if len(units) == 1:
        what = f"may be numbers with the unit {shown(units.pop())}: write the numbers alone"
    elif units <= _POWERS:
        what = "may be numbers of thousands and millions: write them in full"
    else:
        return None
    return f"words such as {shown(words[0])} {what}, and they are read as numbers"


def _told_of_spelling(words: Sequence[str]) -> str | None:
    """Words that a person does not tell apart, or that are no single cell."""
    long = next((word for word in words if word.count("\n") + word.count("\r") > _MOST_LINES), None)
    if long is not None:
        lines = 1 + (long.count("\n") or long.count("\r"))
        return (
            f"{shown(long)} is a single cell of {lines} lines: if a quote is not closed before it, close it"
        )
    unseen = next((word for word in words if _UNSEEN.search(word)), None)
    if unseen is not None:
        sign = f"U+{ord(_UNSEEN.findall(unseen)[0]):04X}"
        return f"{shown(unseen)} holds a character that is not seen ({sign}), which makes it another word"
    seen: dict[str, str] = {}
    for word in words:
        plain = word if word.isascii() else normalize("NFKC", word)
        other = seen.setdefault(" ".join(plain.casefold().split()), word)
        if other is not word:
            return (
                f"{shown(other)} and {shown(word)} differ only in case, space or how letters are coded: "
                "write them alike if they are one word"
            )
    return None
