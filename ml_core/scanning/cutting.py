"""Where a text is cut into parts: at the ends of records, told by one pass over runs of bytes side by side.

Whether a line's end is a record's depends on quotes that were opened long before. So each run is walked from
every state that it may begin in, and which one it was is known when all are done.
"""

import codecs
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from ml_core.datasets.sources import DataFile
from ml_core.scanning.looking import Survey
from ml_core.scanning.records import OUTSIDE, STATES, Walk, feeds, line_ends, walks
from ml_core.scanning.texts import RANGE_BYTES
from ml_core.tables.text import fallback

_CONTINUES, _BEGINS = 0x80, 0xC0


class Run(NamedTuple):
    """A run of bytes of a file. `start` is where the file's first row begins."""

    place: int
    file: DataFile
    start: int
    begin: int
    end: int


class Walked(NamedTuple):
    """What one run was found to be.

    Args:
        walks: the state after it and its first record's end, by the state before it; None for one that is
            unlikely, and was not looked at.
        lines: how many lines end in it.
        utf_8: whether its bytes are UTF-8; `undefined` whether some are none of cp1252 either.
    """

    walks: dict[int, Walk | None]
    lines: int
    utf_8: bool
    undefined: bool


def walk_run(survey: Survey, delimiter: str | None, run: Run, states: Collection[int] = STATES) -> Walked:
    """Walk a run from each of some states: of CSV, or of lines where there is no delimiter."""
    found: dict[int, Walk | None] = {state: Walk(state, None, 0) for state in states}
    lines, checked, undefined = 0, _Checked(within=run.begin > run.start), False
    for at, before, chunk, after in _chunks(survey, run):
        checked.add(chunk)
        undefined = undefined or (not chunk.isascii() and fallback(chunk) == "latin-1")
        reached = {walk.state for walk in found.values() if walk is not None}
        here: dict[int, Walk | None]
        if delimiter is None:
            ends = feeds(chunk)
            here = dict.fromkeys(
                reached, Walk(OUTSIDE, int(ends[0]) if len(ends) else None, min(1, len(ends)))
            )
        else:
            ends = line_ends(chunk + after, last=not after)
            ends = ends[ends <= len(chunk)]
            begins = before in (b"", delimiter.encode(), b"\n", b"\r")
            here = walks(chunk, ends, delimiter, reached, begins=begins)
        for state, walk in found.items():
            step = None if walk is None else here[walk.state]
            found[state] = None if walk is None or step is None else _then(walk, step, at - run.begin, lines)
        lines += len(ends)
    return Walked(found, lines, checked.sound, undefined)


def _then(walked: Walk, step: Walk, at: int, lines: int) -> Walk:
    """A walk that goes on over a chunk which stands at a place of the run, behind so many lines."""
    if walked.end is not None or step.end is None:
        return walked._replace(state=step.state)
    return Walk(step.state, at + step.end, lines + step.lines)


def _chunks(survey: Survey, run: Run) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    """The run in chunks: where each is, the byte before it, its bytes, and the byte after it."""
    data, file = survey.opened(), run.file
    before = data.part(file, run.begin - 1, run.begin) if run.begin > run.start else b""
    for at in range(run.begin, run.end, RANGE_BYTES):
        end = min(at + RANGE_BYTES, run.end)
        read = data.part(file, at, min(end + 1, file.size))
        chunk, after = read[: end - at], read[end - at :]
        yield at, before, chunk, after
        before = chunk[-1:]


class _Checked:
    """Whether bytes are UTF-8. A run may begin and end within a character."""

    def __init__(self, *, within: bool) -> None:
        self.sound = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._within = within

    def add(self, chunk: bytes) -> None:
        if not self.sound:
            return
        if self._within:
            self._within = False
            begun = 0
            while begun < min(3, len(chunk)) and _CONTINUES <= chunk[begun] < _BEGINS:
                begun += 1
            chunk = chunk[begun:]
        if chunk.isascii() and not self._decoder.getstate()[0]:
            return
        try:
            self._decoder.decode(chunk)
        except UnicodeDecodeError:
            self.sound = False


class Cut(NamedTuple):
    """Where a part begins, and how many lines of the file are before it."""

    begin: int
    lines: int


def cuts_of(
    runs: Sequence[Run], walked: Sequence[Walked], lines: int, again: Callable[[Run, int], Walk]
) -> list[Cut]:
    """Where the parts of a file begin, whose first row is behind so many lines.

    `again` walks a run from a state that had seemed unlikely.
    """
    cuts = [Cut(runs[0].begin, lines)]
    state = OUTSIDE
    for place, (run, found) in enumerate(zip(runs, walked, strict=True)):
        walk = found.walks[state] or again(run, state)
        if place and walk.end is not None and run.begin + walk.end < run.file.size:
            cuts.append(Cut(run.begin + walk.end, lines + walk.lines))
        state, lines = walk.state, lines + found.lines
    return cuts
