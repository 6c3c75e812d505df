"""Where the records of CSV end, told from the bytes of its text, as the readers of tables tell it.

A quote opens a cell only where the cell begins; elsewhere it is a character like others. Within a cell two
quotes are one, and a line's end is a part of the cell. A line ends by a line feed, a carriage return or both.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

_QUOTE, _FEED, _RETURN = b'"'[0], b"\n"[0], b"\r"[0]
OUTSIDE, WITHIN, CLOSED = range(3)
"""What is open between two characters: no quote, a quote, or one that a quote after this one would go on."""
# What stands for all that came before, when a text is read from its middle.
_BEFORE = {WITHIN: b'\n"', CLOSED: b'\n""'}


class Records(NamedTuple):
    """The records of a text that begins with one.

    Args:
        ends: the place after each record's line end; blank lines are among them.
        lines: how many lines have ended there, since the text began; a last one without an end counts.
        blank: which of them are blank lines.
        open: where a quote opens that does not close in this text; None where none does.
    """

    ends: "NDArray[np.int64]"
    lines: "NDArray[np.int64]"
    blank: "NDArray[np.bool_]"
    open: int | None

    @property
    def rows(self) -> int:
        """How many records are no blank lines."""
        return len(self.ends) - int(np.count_nonzero(self.blank))


def records_of(text: bytes, delimiter: str, *, last: bool) -> Records:
    """The records of a text that begins with one; with `last` its end ends one too.

    Without it more follows: a carriage return that is the last byte ends no line yet.
    """
    lines = line_ends(text, last=last)
    quotes = _quotes(text, delimiter)
    ends = lines[~quotes.hold(lines)] if quotes else lines
    numbers = np.searchsorted(lines, ends, "right") if quotes else np.arange(1, len(lines) + 1)
    if last and text and (not len(ends) or ends[-1] < len(text)):
        ends = np.append(ends, len(text))
        numbers = np.append(numbers, len(lines) + (not len(lines) or lines[-1] < len(text)))
    blank = np.zeros(len(ends), bool)
    if len(ends):
        first = np.frombuffer(text, np.uint8)[np.concatenate([[0], ends[:-1]])]
        blank = (first == _FEED) | (first == _RETURN)
    return Records(ends, numbers, blank, quotes.open if quotes else None)


def feeds(text: bytes) -> "NDArray[np.int64]":
    """The place after each line feed."""
    return np.flatnonzero(np.frombuffer(text, np.uint8) == _FEED) + 1


def line_ends(text: bytes, *, last: bool) -> "NDArray[np.int64]":
    """The place after each line's end; a carriage return at the very end is one if the text is the `last`."""
    array = np.frombuffer(text, np.uint8)
    ends = feeds(text)
    if b"\r" in text:
        returns = np.flatnonzero(array == _RETURN)
        inner = returns[returns < len(array) - 1]
        alone = inner[array[inner + 1] != _FEED]
        at_the_end = returns[len(inner) :] if last else returns[:0]
        ends = np.sort(np.concatenate([ends, alone + 1, at_the_end + 1]))
    return ends


class Walk(NamedTuple):
    """What a run of bytes from the middle of a text does: the state after it, and the first record's end.

    `end` is its place, None where no record ends; `lines` are the lines that have ended there.
    """

    state: int
    end: int | None
    lines: int


STATES = (OUTSIDE, WITHIN, CLOSED)


def walks(
    run: bytes, ends: "NDArray[np.int64]", delimiter: str, states: "Collection[int]", *, begins: bool
) -> dict[int, Walk | None]:
    """The walk from each of some states before a run whose line ends are known.

    `begins` says whether a cell begins with the run, if no quote is open there. Of several states, one from
    which each quote stands where it should makes the others unlikely: theirs are None, and asked for alone
    where the run turns out to begin so.
    """
    if b'"' not in run:
        outside = Walk(OUTSIDE, int(ends[0]), 1) if len(ends) else Walk(OUTSIDE, None, 0)
        return {state: Walk(WITHIN, None, 0) if state == WITHIN else outside for state in states}
    texts = {state: _BEFORE.get(state, b"\n" if begins else b".") + run for state in states}
    paired = {state: _paired(text, delimiter) for state, text in texts.items()}
    likely = any(quotes is not None for quotes in paired.values()) and len(texts) > 1
    found: dict[int, Walk | None] = {}
    for state, text in texts.items():
        quotes = paired[state] if likely else paired[state] or _matched(text, delimiter)
        found[state] = None if quotes is None else _walk(quotes, ends, len(text) - len(run))
    return found


def _walk(quotes: "_Quotes", ends: "NDArray[np.int64]", before: int) -> Walk:
    """The walk over a run with such quotes, so many bytes behind what stands for what came before."""
    outside = np.flatnonzero(~quotes.hold(ends + before))
    if not len(outside):
        return Walk(quotes.state, None, 0)
    first = int(outside[0])
    return Walk(quotes.state, int(ends[first]), first + 1)


class _Quotes(NamedTuple):
    """The quoted cells of a text by the places of their quotes; `open` is that of one that does not close."""

    begins: "NDArray[np.int64]"
    ends: "NDArray[np.int64]"
    open: int | None
    state: int

    def hold(self, places: "NDArray[np.int64]") -> "NDArray[np.bool_]":
        """Whether the characters before these places are within quotes."""
        if not len(self.begins):
            return np.zeros(len(places), bool)
        before = np.searchsorted(self.begins, places) - 1
        return (before >= 0) & (places <= self.ends[before])


def _quotes(text: bytes, delimiter: str) -> _Quotes | None:
    """The quoted cells of a text that begins with a cell; None where it has no quote."""
    if b'"' not in text:
        return None
    return _paired(text, delimiter) or _matched(text, delimiter)


def _paired(text: bytes, delimiter: str) -> _Quotes | None:
    """The quoted cells where each second quote begins one, or follows the one before it; else None.

    Then all open and close in turn.
    """
    array = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(array == _QUOTE)
    opening = quotes[::2]
    before = array[opening[opening > 0] - 1]
    signs = (_QUOTE, ord(delimiter), _FEED, _RETURN)
    if not np.logical_or.reduce([before == sign for sign in signs]).all():
        return None
    return _quoted(text, opening, quotes[1::2])


def _matched(text: bytes, delimiter: str) -> _Quotes:
    """The quoted cells, one after another."""
    spans = [found.span() for found in _quoted_cell(delimiter).finditer(text)]
    begins = np.array([begin for begin, _ in spans], np.int64)
    ends = np.array([end - 1 for _, end in spans], np.int64)
    is_open = bool(spans) and not _is_closed(text, *spans[-1])
    return _quoted(text, begins, ends[:-1] if is_open else ends)


def _quoted(text: bytes, begins: "NDArray[np.int64]", ends: "NDArray[np.int64]") -> _Quotes:
    """The quoted cells that begin and end there; one may be open to the end of the text."""
    if len(ends) < len(begins):
        return _Quotes(begins, np.append(ends, len(text)), int(begins[-1]), WITHIN)
    closed = len(ends) and ends[-1] == len(text) - 1
    return _Quotes(begins, ends, None, CLOSED if closed else OUTSIDE)


def _is_closed(text: bytes, begin: int, end: int) -> bool:
    """Whether a quoted cell's last quote is the one that closes it."""
    inner = text[begin + 1 : end]
    return (len(inner) - len(inner.rstrip(b'"'))) % 2 == 1


@cache
def _quoted_cell(delimiter: str) -> re.Pattern[bytes]:
    """A cell that begins with a quote, up to the quote that closes it or the end of the text."""
    sign = re.escape(delimiter.encode())
    return re.compile(rb"(?<![^" + sign + rb'\r\n])"(?:[^"]++|"")*+"?')


def decoded_records(text: str, delimiter: str) -> "list[Sequence[str]]":
    """The cells of each record, blank lines left out, as the standard library reads them."""
    import csv
    import io
    import sys

    csv.field_size_limit(sys.maxsize)
    return [cells for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if cells]
