"""A picture for a terminal, by rich. Nothing that came is read as rich's markup."""

import io
import math
from collections.abc import Iterator
from typing import assert_never

from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.console import Group as RichGroup
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text as RichText

from serverless_ml.display import svg, text
from serverless_ml.display.blocks import (
    Bar,
    Beside,
    Block,
    Cell,
    Chart,
    Facts,
    Folded,
    Group,
    Heat,
    Matrix,
    Notes,
    Picture,
    Spark,
    Table,
    Text,
    Title,
    Words,
)

_STYLES = {"plain": "", "quiet": "dim", "good": "green", "warn": "yellow"}
_COLUMNS = "▁▂▃▄▅▆▇█"
_EIGHTHS = "▏▎▍▌▋▊▉█"
_CELLS = 12  # of a bar
_MOST_ACROSS = 32  # cells of a field
_WORDS = 18  # cells that a column of words has at least, where its words are so many
_POINTS = 32  # of a line as small columns


def render(picture: Picture) -> RichGroup:
    """Return a picture as something that rich prints."""
    return RichGroup(*_blocks(picture))


def plain(picture: Picture, width: int = 100) -> str:
    """Return a picture as text without colours."""
    file = io.StringIO()
    # In a notebook rich would show it in a cell, in place of writing it.
    console = Console(
        file=file,
        width=width,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
    )
    console.print(render(picture))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def _blocks(blocks: Picture) -> Iterator[RenderableType]:
    for block in blocks:
        if isinstance(block, Beside):
            drawn = [RichGroup(*inner) for each in block.blocks if (inner := list(_blocks((each,))))]
            if drawn:
                yield Columns(drawn, padding=(0, 3))
        elif isinstance(block, Group):
            yield from _blocks(block.blocks)
        # Curves within a square need more place than lines of text have; the areas below them are metrics.
        elif not isinstance(block, Folded) and not (isinstance(block, Chart) and block.unit_square):
            yield from _block(block)


def _block(block: Block) -> Iterator[RenderableType]:  # noqa: C901 - one line for each kind of block
    match block:
        case Title():
            yield _title(block)
        case Table():
            yield from _below(block.title, _Fitted(block))
            if block.more:
                yield RichText(block.more, "dim")
        case Facts():
            yield from _below(block.title, _facts(block))
        case Notes():
            yield from _below("", _notes(block))
        case Matrix():
            yield from _below(block.title, _matrix(block))
        case Chart():
            yield from _below(block.title, _chart(block))
        case Heat():
            yield from _below(block.title, _heat(block))
            yield RichText(block.says, "dim")
        case Words():
            yield from _below(block.title, _words(block))
            yield RichText(block.says, "dim")
        case Bar():
            yield _bar(block)
        case Beside() | Group() | Folded():
            pass
        case _:
            assert_never(block)


def _below(title: str, inner: RenderableType) -> Iterator[RenderableType]:
    if title:
        yield Padding(RichText(title, "bold"), (1, 0, 0, 0))
        yield inner
    else:
        yield Padding(inner, (1, 0, 0, 0))


def _title(block: Title) -> RichText:
    said = RichText()
    said.append(block.name, "bold")
    said.append(f" {block.kind}")
    for badge in block.badges:
        said.append(f"  {badge.text}", _STYLES[badge.tone])
    line = " · ".join(part for part in block.line if part)
    return said.append(f"\n{line}", "dim") if line else said


def _cell(cell: Cell) -> RichText:
    match cell:
        case str():
            return RichText(cell)
        case Text():
            style = f"bold {_STYLES[cell.tone]}".strip() if cell.strong else _STYLES[cell.tone]
            return RichText(cell.text, style)
        case Bar():
            return _bar(cell)
        case Spark():
            return RichText(columns(cell.counts), "blue")
        case _:
            assert_never(cell)


def columns(counts: tuple[float, ...]) -> str:
    """Return counts as small columns of characters."""
    most = max(counts, default=0.0)
    if not math.isfinite(most) or most <= 0:
        return _COLUMNS[0] * len(counts)
    return "".join(_COLUMNS[min(round(count / most * 7), 7) if count > 0 else 0] for count in counts)


def _bar(bar: Bar) -> RichText:
    share = min(max(bar.share, -1.0), 1.0)
    style = "yellow" if share < 0 or bar.tone == "warn" else "blue"
    said = RichText()
    if not bar.signed:
        said.append(_filled(abs(share), _CELLS).ljust(_CELLS), style)
    elif share < 0:
        # There are no characters that are filled from the right: halves are near enough.
        halves = round(-share * _CELLS * 2)
        said.append(("▐" * (halves % 2) + "█" * (halves // 2)).rjust(_CELLS), style)
        said.append("│" + " " * _CELLS)
    else:
        said.append(" " * _CELLS + "│")
        said.append(_filled(share, _CELLS).ljust(_CELLS), style)
    return said.append(f" {bar.text}")


def _filled(share: float, cells: int) -> str:
    eighths = round(share * cells * 8)
    if not eighths and share > 0:
        eighths = 1
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")


def _grid() -> RichTable:
    return RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")


class _Fitted:
    """A table that leaves out columns that can be spared where it is too wide, and says which."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = [[_cell(cell) for cell in row] for row in table.rows]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        places = list(range(len(self._table.columns)))
        return Measurement(10, self._needs(places, ideally=True)).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        places = list(range(len(self._table.columns)))
        left_out: list[int] = []
        for place in reversed(range(len(self._table.columns))):
            if self._needs(places) <= options.max_width:
                break
            if self._table.columns[place].spare:
                places.remove(place)
                left_out.insert(0, place)
        tight = self._needs(places) > options.max_width
        yield self._drawn(places, tight=tight)
        if left_out:
            names = ", ".join(self._table.columns[place].title for place in left_out)
            yield RichText(f"no place for: {names}", "dim")

    def _drawn(self, places: list[int], *, tight: bool) -> RichTable:
        drawn = _grid()
        for place in places:
            column = self._table.columns[place]
            drawn.add_column(
                RichText(column.title),
                justify="right" if column.right else "left",
                overflow="fold",
                no_wrap=self._whole(place),
                min_width=None if tight else self._least(place),
            )
        for row in self._rows:
            drawn.add_row(*(row[place] for place in places))
        return drawn

    def _whole(self, place: int) -> bool:
        column = self._table.columns[place]
        drawn = any(isinstance(row[place], (Bar, Spark)) for row in self._table.rows)
        return drawn or column.whole or column.right

    def _ideal(self, place: int) -> int:
        cells = [row[place].cell_len for row in self._rows]
        return max([cell_len(self._table.columns[place].title), *cells])

    def _least(self, place: int) -> int:
        if self._whole(place):
            return self._ideal(place)
        cells = [min(row[place].cell_len, _WORDS) for row in self._rows]
        title = [cell_len(word) for word in self._table.columns[place].title.split()]
        return max([*title, *cells, 1])

    def _needs(self, places: list[int], *, ideally: bool = False) -> int:
        widths = [self._ideal(place) if ideally else self._least(place) for place in places]
        return sum(widths) + 2 * len(widths)


def _facts(facts: Facts) -> RichTable:
    drawn = _grid()
    drawn.show_header = False
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, cell in facts.facts:
        drawn.add_row(RichText(name), _cell(cell))
    return drawn


def _notes(notes: Notes) -> RichTable:
    drawn = _grid()
    drawn.show_header = False
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    for note in notes.notes:
        drawn.add_row(RichText("!" if notes.tone == "warn" else "·", _STYLES[notes.tone]), RichText(note))
    if notes.more:
        drawn.add_row(RichText(""), RichText(notes.more, "dim"))
    return drawn


def _matrix(matrix: Matrix) -> RichTable:
    drawn = _grid()
    drawn.add_column(RichText("true ↓  predicted →"), justify="right", overflow="fold")
    for label in matrix.labels:
        drawn.add_column(RichText(label), justify="right", overflow="fold", max_width=18)
    for place, (label, counts) in enumerate(zip(matrix.labels, matrix.counts, strict=True)):
        total = sum(counts) or 1
        cells = []
        for predicted, count in enumerate(counts):
            style = "blue" if predicted == place else "yellow" if count else "dim"
            cells.append(RichText(f"{text.number(count)} {text.percent(count / total):>5}", style))
        drawn.add_row(RichText(label), *cells)
    return drawn


def _chart(chart: Chart) -> RichTable:
    drawn = _grid()
    drawn.show_header = False
    drawn.add_column(style="dim", overflow="fold")
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    for line in chart.lines:
        ys = [y for _, y in line.points]
        low, high = min(0.0, *ys), max(ys)
        ends = f"{text.number(ys[0])} → {text.number(ys[-1])}"
        even = evenly(line.points, _POINTS)
        shape = "".join(_COLUMNS[round((y - low) / (high - low) * 7) if high > low else 0] for y in even)
        drawn.add_row(RichText(line.name), RichText(shape, "dim" if line.dashed else "blue"), RichText(ends))
    return drawn


def evenly(points: tuple[tuple[float, float], ...], most: int) -> list[float]:
    """Return a line's heights at even steps across, at most so many."""
    first, last = points[0][0], points[-1][0]
    if not last > first:
        return [points[-1][1]]
    count = min(most, max(len(points), 12))
    heights, place = [], 0
    for step in range(count):
        x = first + (last - first) * step / (count - 1)
        while place < len(points) - 2 and points[place + 1][0] < x:
            place += 1
        (x0, y0), (x1, y1) = points[place], points[place + 1]
        heights.append(y0 + (y1 - y0) * min(max((x - x0) / (x1 - x0), 0.0), 1.0) if x1 > x0 else y1)
    return heights


def _heat(heat: Heat) -> RichText:
    rows = svg.summed(heat.values, _MOST_ACROSS)
    most = max((abs(value) for row in rows for value in row), default=0.0) or 1.0
    said = RichText(no_wrap=True, overflow="crop")
    for number, row in enumerate(rows):
        said.append("\n" if number else "")
        for value in row:
            shade = " ░▒▓█"[round(abs(value) / most * 4)]
            said.append(shade * 2, "blue" if value > 0 else "yellow")
    return said


def _words(words: Words) -> RichText:
    most = max((abs(part) for _, part, _ in words.words), default=0.0) or 1.0
    said = RichText()
    for word, part, known in words.words:
        weight = abs(part) / most
        style = "blue" if part > 0 else "yellow"
        style = "dim" if not known or weight < 0.05 else f"bold {style}" if weight > 0.5 else style
        said.append(word, style).append(f" {text.signed(part)}  " if known else "  ", "dim")
    return said
