"""Bars as SVG on a scale of powers of ten: no library, and the same bytes for the same numbers."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

COLOURS = ("#0b6e4f", "#c46210", "#5b5ea6", "#9b2335", "#66717e", "#b8a100")
_ROOM, _BAR, _GAP = 480, 15, 10  # for bars, each bar, between groups
_LETTER = 6.5  # at most so wide on average

# A group's name, and the value of each side; None for one that was not measured.
type Group = tuple[str, Sequence[float | None]]


def bars(title: str, unit: str, sides: Sequence[str], groups: Sequence[Group]) -> str:
    """A chart: for each group a bar for each side. Shorter is better."""
    values = [value for _, row in groups for value in row if value]
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    high = max(high, low + 1)
    left = max(100, 20 + round(_LETTER * max(len(name) for name, _ in groups)))
    wide = left + _ROOM + 70

    def across(value: float) -> float:
        return (log10(value) - low) / (high - low) * _ROOM

    top = 50 + 18 * len(sides)
    parts, y = [], float(top)
    for name, row in groups:
        parts.append(_text(left - 8, y + _BAR * len(sides) / 2 + 4, name, anchor="end"))
        for side, value in enumerate(row):
            if value:
                length = max(across(value), 1)
                size = f'width="{length:.1f}" height="{_BAR - 2}"'
                parts.append(f'<rect x="{left}" y="{y:.0f}" {size} fill="{COLOURS[side]}"/>')
                parts.append(_text(left + length + 5, y + 11, _shown(value)))
            y += _BAR
        y += _GAP
    for power in range(low, high + 1):
        x = left + across(10.0**power)
        parts.insert(
            0,
            f'<line x1="{x:.1f}" y1="{top - 6}" x2="{x:.1f}" y2="{y:.0f}" stroke="#ccc"/>'
            + _text(x, y + 14, _shown(10.0**power), anchor="middle"),
        )
    legend = [
        f'<rect x="{left}" y="{34 + 18 * place}" width="12" height="12" fill="{COLOURS[place]}"/>'
        + _text(left + 18, 44 + 18 * place, side)
        for place, side in enumerate(sides)
    ]
    axis = _text(left, y + 32, f"{unit}; each line is ten times the one before; shorter is better")
    height = y + 44
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{height:.0f}" '
        f'viewBox="0 0 {wide} {height:.0f}" font-family="sans-serif" font-size="12" role="img">'
    )
    lines = [
        head,
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="10" y="20" font-size="15" fill="#111">{escape(title)}</text>',
    ]
    return "\n".join([*lines, *legend, *parts, axis, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#111">{escape(text)}</text>'


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
