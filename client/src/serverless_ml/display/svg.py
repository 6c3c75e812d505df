"""Charts as SVG: lines over axes, columns of counts, fields of colours.

Lines and words take the page's own colour, so that they are seen on a light and on a dark page; the other
colours are of middle lightness.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape

from serverless_ml.display import text
from serverless_ml.display.blocks import Chart, Heat, Line, Spark

BLUE = "#3b82f6"
ORANGE = "#f97316"
COLOURS = (
    BLUE, ORANGE, "#10b981", "#ef4444", "#8b5cf6", "#a16207", "#ec4899", "#0891b2", "#65a30d", "#64748b",
)  # fmt: skip
MOST_CELLS = 64  # of a field, across and down; more are summed
_WIDTH, _HEIGHT = 270, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 8, 36


def svg(width: float, height: float, title: str, says: str, body: Iterable[str]) -> str:
    """Return an element with its title and its description for who does not see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_at(width)}" height="{_at(height)}" '
        f'viewBox="0 0 {_at(width)} {_at(height)}">'
        f"<title>{escape(title)}</title><desc>{escape(says)}</desc>{''.join(body)}</svg>"
    )


def chart(drawn: Chart) -> str:
    """Return a chart."""
    low, high, bottom, top = _ranges(drawn)
    across = _Axis(low, high, _LEFT, _WIDTH - _RIGHT)
    up = _Axis(bottom, top, _HEIGHT - _BOTTOM, _TOP)
    body = [_frame()]
    body += [
        _tick_across(across.of(tick), text.number(tick))
        for tick in _ticks(low, high, whole=drawn.whole_steps)
    ]
    body += [_tick_up(up.of(tick), text.number(tick)) for tick in _ticks(bottom, top)]
    body.append(_word((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4, drawn.across, "middle", 0.75))
    body.append(
        f'<g transform="rotate(-90 10 {_at((_HEIGHT - _BOTTOM + _TOP) / 2)})">'
        f"{_word(10, (_HEIGHT - _BOTTOM + _TOP) / 2, drawn.up, 'middle', 0.75)}</g>"
    )
    if drawn.diagonal:
        ends = f'x1="{_LEFT}" y1="{_HEIGHT - _BOTTOM}" x2="{_WIDTH - _RIGHT}" y2="{_TOP}"'
        body.append(f'<line {ends} stroke="currentColor" stroke-opacity="0.35" stroke-dasharray="2 3"/>')
    # What matters most is drawn last, above the others.
    for place in reversed(range(len(drawn.lines))):
        body.append(_line(drawn.lines[place], colour(drawn, place), across, up))
    return svg(_WIDTH, _HEIGHT, drawn.title, says(drawn), body)


def colour(drawn: Chart, place: int) -> str:
    """Return the colour of a line: those that are dashed have the one of the line that they belong to."""
    line = drawn.lines[place]
    if line.dashed:
        return "currentColor"
    return COLOURS[sum(not other.dashed for other in drawn.lines[:place]) % len(COLOURS)]


def says(drawn: Chart) -> str:
    """Return a chart in words."""
    parts = [f"{drawn.up} over {drawn.across}."]
    for line in drawn.lines:
        (x, y), (end_x, end_y) = line.points[0], line.points[-1]
        parts.append(
            f"{line.name}: from ({text.number(x)}, {text.number(y)}) to ({text.number(end_x)}, "
            f"{text.number(end_y)}), {text.count_of(len(line.points), 'point')}."
        )
    return " ".join(parts)


def _ranges(drawn: Chart) -> tuple[float, float, float, float]:
    if drawn.unit_square:
        return 0.0, 1.0, 0.0, 1.0
    xs = [x for line in drawn.lines for x, _ in line.points]
    ys = [y for line in drawn.lines for _, y in line.points]
    low, high = min(xs), max(xs)
    bottom, top = min(0.0, *ys), max(ys)
    return low, high if high > low else low + 1, bottom, top if top > bottom else bottom + 1


class _Axis:
    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self.low, self.begin, self.scale = low, begin, (end - begin) / (high - low)

    def of(self, value: float) -> float:
        return self.begin + (value - self.low) * self.scale


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 and math.isfinite(rough) else 1.0
    step = next((power * factor for factor in (1, 2, 2.5, 5) if power * factor >= rough * 0.999), power * 10)
    step = max(1.0, math.ceil(step)) if whole else step
    first = math.ceil(low / step - 1e-9)
    ticks = [(first + place) * step for place in range(7)]
    return [float(f"{tick:.12g}") for tick in ticks if tick <= high + step * 1e-6]


def _frame() -> str:
    corner = f"M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"
    return f'<path d="{corner}" fill="none" stroke="currentColor" stroke-opacity="0.5"/>'


def _tick_across(x: float, says: str) -> str:
    y = _HEIGHT - _BOTTOM
    mark = f'<path d="M{_at(x)} {y}v3" stroke="currentColor" stroke-opacity="0.5"/>'
    return mark + _word(x, y + 14, says, "middle")


def _tick_up(y: float, says: str) -> str:
    rule = f'<path d="M{_LEFT} {_at(y)}H{_WIDTH - _RIGHT}" stroke="currentColor" stroke-opacity="0.1"/>'
    return rule + _word(_LEFT - 5, y + 3.5, says, "end")


def _word(x: float, y: float, word: str, anchor: str, opacity: float = 0.85) -> str:
    place = f'x="{_at(x)}" y="{_at(y)}" text-anchor="{anchor}" font-size="10.5"'
    return f'<text {place} fill="currentColor" fill-opacity="{opacity}">{escape(word)}</text>'


def _line(line: Line, colour: str, across: _Axis, up: _Axis) -> str:
    points = [(_at(across.of(x)), _at(up.of(y))) for x, y in line.points]
    dash = ' stroke-dasharray="4 3" stroke-opacity="0.55"' if line.dashed else ""
    path = "M" + "L".join(f"{x} {y}" for x, y in points)
    drawn = (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-linejoin="round"{dash}/>'
    )
    if line.dots or len(points) == 1:
        opacity = ' fill-opacity="0.55"' if line.dashed else ""
        drawn += "".join(f'<circle cx="{x}" cy="{y}" r="2.6" fill="{colour}"{opacity}/>' for x, y in points)
    return drawn


def spark(drawn: Spark, width: int = 120, height: int = 22) -> str:
    """Return counts as columns on a line; those `beside` are outlined."""
    counts, beside = drawn.counts, drawn.beside
    most = max((*counts, *beside, 0.0)) or 1.0
    step = min(width / max(len(counts), 1), 14.0)
    gap = min(1.0, step / 5)
    wide, colour = _at(step - gap), f'fill="{BLUE}" fill-opacity="0.75"'
    body = [
        f'<rect x="{_at(place * step)}" y="{_at(height - 1 - _high(count, most, height))}" '
        f'width="{wide}" height="{_at(_high(count, most, height))}" {colour}/>'
        for place, count in enumerate(counts)
    ]
    body += [
        f'<path d="M{_at(place * step)} {_at(height - 1 - _high(count, most, height))}h{_at(step - gap)}" '
        'stroke="currentColor" stroke-width="1.6"/>'
        for place, count in enumerate(beside)
    ]
    across = _at(step * len(counts))
    body.append(f'<path d="M0 {height - 0.5}H{across}" stroke="currentColor" stroke-opacity="0.4"/>')
    return svg(max(step * len(counts), 1), height, drawn.says, drawn.says, body)


def _high(count: float, most: float, height: int) -> float:
    share = count / most if math.isfinite(count) else 0.0
    # What is there at all is seen.
    return max(share * (height - 3), 0.8 if count > 0 else 0.0)


def heat(drawn: Heat) -> str:
    """Return numbers as squares: above 0 blue, below 0 orange, the larger the stronger."""
    rows = summed(drawn.values, MOST_CELLS)
    columns = max(map(len, rows), default=0) or 1
    side = max(3, min(18, 224 // columns, 224 // (len(rows) or 1)))
    most = max((abs(value) for row in rows for value in row), default=0.0) or 1.0
    body = [
        f'<rect x="{x * side}" y="{y * side}" width="{side}" height="{side}" '
        f'fill="{BLUE if value > 0 else ORANGE}" fill-opacity="{_at(abs(value) / most)}"/>'
        for y, row in enumerate(rows)
        for x, value in enumerate(row)
        if abs(value) > most / 200
    ]
    frame = f'width="{columns * side - 1}" height="{len(rows) * side - 1}"'
    body.append(f'<rect x="0.5" y="0.5" {frame} fill="none" stroke="currentColor" stroke-opacity="0.35"/>')
    words = f"{drawn.says}; {len(drawn.values)} rows, the largest part {text.number(most)}"
    return svg(columns * side, len(rows) * side, drawn.title, words, body)


def summed(rows: Sequence[Sequence[float]], most: int) -> list[list[float]]:
    """Return a field of at most `most` rows and columns: neighbours are summed, so that the sum stays."""
    down = math.ceil(len(rows) / most) or 1
    across = math.ceil(max(map(len, rows), default=0) / most) or 1
    return [
        [
            sum(value for row in rows[y : y + down] for value in row[x : x + across])
            for x in range(0, max(map(len, rows[y : y + down])), across)
        ]
        for y in range(0, len(rows), down)
    ]


def _at(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if math.isfinite(value) else "0"
