"""A picture as HTML for notebooks: no script, nothing from elsewhere, and all that came is escaped."""

import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import assert_never

from serverless_ml.display import svg, text
from serverless_ml.display.blocks import (
    Bar,
    Beside,
    Block,
    Cell,
    Chart,
    Column,
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

_TONES = {"plain": "", "quiet": " q", "good": " g", "warn": " w"}


def render(picture: Picture) -> str:
    """Return a picture as one element, its style with it."""
    return f'<div class="serverless-ml"><style>{_style()}</style>{"".join(map(_block, picture))}</div>'


@cache
def _style() -> str:
    """The rules, without the space and the comments that people read them by."""
    written = files("serverless_ml.display").joinpath("style.css").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/|\s+(?=[{}])|(?<=[{};:,])\s+|\n", "", written, flags=re.DOTALL)


def _block(block: Block) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each kind of block
    match block:
        case Title():
            return _title(block)
        case Beside():
            return f'<div class="r">{"".join(map(_block, block.blocks))}</div>'
        case Group():
            return f'<div class="c">{"".join(map(_block, block.blocks))}</div>'
        case Folded():
            inner = "".join(map(_block, block.blocks))
            return f"<details><summary>{_said(block.title)}</summary>{inner}</details>"
        case Table():
            return _within(block.title, _table(block))
        case Facts():
            return _within(block.title, _facts(block))
        case Notes():
            return _within("", _notes(block))
        case Matrix():
            return _within(block.title, _matrix(block))
        case Chart():
            return _within(block.title, svg.chart(block) + _legend(block))
        case Heat():
            return _within(block.title, svg.heat(block) + f"<small>{_said(block.says)}</small>")
        case Words():
            return _within(block.title, _words(block) + f"<small>{_said(block.says)}</small>")
        case Bar():
            return _within("", _cell(block))
        case _:
            assert_never(block)


def _within(title: str, inner: str) -> str:
    heading = f'<div class="h">{_said(title)}</div>' if title else ""
    return f'<div class="k">{heading}{inner}</div>'


def _said(words: str) -> str:
    # A name that is written from right to left turns nothing around it.
    return f"<bdi>{escape(words)}</bdi>" if not words.isascii() else escape(words)


def _hint(words: str) -> str:
    return f' title="{escape(words)}"' if words else ""


def _title(block: Title) -> str:
    badges = "".join(
        f'<span class="b{_TONES[each.tone]}"{_hint(each.hint)}>{_said(each.text)}</span>'
        for each in block.badges
    )
    line = " · ".join(_said(part) for part in block.line if part)
    below = f'<div class="q">{line}</div>' if line else ""
    return f'<div class="t"><b>{_said(block.name)}</b> {_said(block.kind)}{badges}</div>{below}'


def _cell(cell: Cell) -> str:
    match cell:
        case str():
            return _said(cell)
        case Text():
            words = f"<b>{_said(cell.text)}</b>" if cell.strong else _said(cell.text)
            kind = {"plain": "", "quiet": "q", "good": "b g", "warn": "b w"}[cell.tone]
            style = ' style="margin-left:0"' if cell.tone in {"good", "warn"} else ""
            if not kind and not cell.hint:
                return words
            return f"<span{f' class={kind!r}' if kind else ''}{style}{_hint(cell.hint)}>{words}</span>"
        case Bar():
            return _bar(cell)
        case Spark():
            return svg.spark(cell)
        case _:
            assert_never(cell)


def _bar(bar: Bar) -> str:
    share = min(max(bar.share, -1.0), 1.0)
    width = abs(share) * (50 if bar.signed else 100)
    side = ("left:50%" if share >= 0 else "right:50%") if bar.signed else "left:0"
    colour = svg.ORANGE if share < 0 or bar.tone == "warn" else svg.BLUE
    drawn = f'<i style="{side};width:{width:.4g}%;background:{colour}"></i>'
    kind = "p s" if bar.signed else "p"
    said = f'<span class="v">{_said(bar.text)}</span>'
    track = f'<span class="{kind}" aria-hidden="true"{_hint(bar.hint)}>{drawn}</span>'
    return f'<span class="o">{track}{said}</span>'


def _heading(column: Column) -> str:
    return f'<th scope="col"{_kind(column)}{_hint(column.hint)}>{_said(column.title)}</th>'


def _kind(column: Column) -> str:
    kind = "n" if column.right else "o" if column.whole else ""
    return f' class="{kind}"' if kind else ""


def _table(table: Table) -> str:
    head = "".join(_heading(column) for column in table.columns)
    body = "".join(f"<tr>{_row(table, row)}</tr>" for row in table.rows)
    more = f'<div class="q"><small>{_said(table.more)}</small></div>' if table.more else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _row(table: Table, row: tuple[Cell, ...]) -> str:
    cells = [f'<th scope="row"{_kind(table.columns[0])}>{_cell(row[0])}</th>']
    cells += [
        f"<td{_kind(column)}>{_cell(cell)}</td>"
        for column, cell in zip(table.columns[1:], row[1:], strict=True)
    ]
    return "".join(cells)


def _facts(facts: Facts) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_said(name)}</th><td>{_cell(cell)}</td></tr>' for name, cell in facts.facts
    )
    return f'<table class="f"><tbody>{rows}</tbody></table>'


def _notes(notes: Notes) -> str:
    mark = "⚠" if notes.tone == "warn" else "·"
    lines = "".join(f"<li>{mark}&#160; {_said(note)}</li>" for note in notes.notes)
    more = f'<li class="q">{_said(notes.more)}</li>' if notes.more else ""
    return f"<ul>{lines}{more}</ul>"


def _matrix(matrix: Matrix) -> str:
    predicted = "".join(f'<th scope="col">{_said(label)}</th>' for label in matrix.labels)
    rows = "".join(
        f'<tr><th scope="row">{_said(label)}</th>{"".join(_counts(place, counts))}</tr>'
        for place, (label, counts) in enumerate(zip(matrix.labels, matrix.counts, strict=True))
    )
    corner = '<th scope="col" class="q"><small>true ↓ &#160;predicted →</small></th>'
    return f'<table class="m"><thead><tr>{corner}{predicted}</tr></thead><tbody>{rows}</tbody></table>'


def _counts(true: int, counts: tuple[float, ...]) -> list[str]:
    total = sum(counts)
    cells = []
    for predicted, count in enumerate(counts):
        share = count / total if total else 0.0
        colour = "59,130,246" if predicted == true else "249,115,22"
        style = f' style="background:rgba({colour},{0.05 + 0.6 * share:.3g})"'
        cells.append(f"<td{style}>{text.number(count)} <small>{text.percent(share)}</small></td>")
    return cells


def _legend(chart: Chart) -> str:
    if len(chart.lines) == 1:
        return ""
    marks = "".join(
        f'<span><b style="border-top-color:{svg.colour(chart, place)};'
        f'{"border-top-style:dashed;opacity:.55" if line.dashed else ""}"></b>{_said(line.name)}</span>'
        for place, line in enumerate(chart.lines)
    )
    return f'<div class="l" style="max-width:270px">{marks}</div>'


def _words(words: Words) -> str:
    most = max((abs(part) for _, part, _ in words.words), default=0.0) or 1.0
    spans = []
    for word, part, known in words.words:
        colour = "59,130,246" if part > 0 else "249,115,22"
        style = f"background:rgba({colour},{0.65 * abs(part) / most:.3g})" if known else "opacity:.55"
        hint = text.signed(part) if known else "not in the vocabulary"
        spans.append(f'<span style="{style}"{_hint(hint)}>{_said(word)}</span>')
    return f'<div class="x" style="max-width:46rem;overflow-wrap:anywhere">{" ".join(spans)}</div>'
