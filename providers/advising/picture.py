"""Cost over traffic as SVG: a line for each cloud and one for machines, on scales of powers of ten."""

from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor, log10

from providers.advising.advice import Advice, likely_cost
from providers.advising.facts import Facts

_COLOURS = {"aws": "#c46210", "google": "#0b6e4f", "azure": "#5b5ea6"}
_MACHINE = "#66717e"
_WIDE, _HIGH, _LEFT, _TOP = 560, 340, 70, 40
_POINTS = 17
_SPAN = 1000.0  # times more and less than the traffic that was asked for
_LEAST = 0.01  # dollars: less is drawn there

type Point = tuple[float, float]


def costs(advice: Advice, facts: Facts) -> dict[str, list[Point]]:
    """For each cloud and `machine`, dollars a month at rates around the traffic's, in its shape."""
    traffic = advice.question.traffic
    factors = [_SPAN ** (2 * place / (_POINTS - 1) - 1) for place in range(_POINTS)]
    found: dict[str, list[Point]] = {}
    for cloud in advice.clouds:
        cost = likely_cost(cloud.facts, cloud.memory, cloud.profile, cloud.request, facts)
        found[cloud.facts.cloud] = [
            (traffic.rate * factor, cost(traffic.times(factor))) for factor in factors
        ]
    price, capacity = advice.question.machine, advice.machine.capacity
    found["machine"] = [
        (traffic.rate * factor, price * max(1, ceil(traffic.rate * factor / capacity))) for factor in factors
    ]
    return found


def draw(advice: Advice, facts: Facts) -> str:
    """The picture. Equal numbers give equal bytes."""
    lines, traffic = costs(advice, facts), advice.question.traffic
    rates = [rate for points in lines.values() for rate, _ in points]
    dollars = [max(cost, _LEAST) for points in lines.values() for _, cost in points]
    across = _scale(rates, _LEFT, _WIDE)
    upward = _scale(dollars, _TOP + _HIGH, -_HIGH)
    title = f"US dollars a month over requests a second, in the shape of {traffic.text!r}"
    wide, high = _LEFT + _WIDE + 250, _TOP + _HIGH + 60
    view = f'viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" {view} role="img">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="10" y="20" font-size="15" fill="#111">{escape(title)}</text>',
    ]
    for power in _powers(rates):
        x = across(10.0**power)
        parts.append(_line([(x, _TOP), (x, _TOP + _HIGH)], "#ddd", 1))
        parts.append(_text(x, _TOP + _HIGH + 16, f"{10.0**power:g}", "middle"))
    for power in _powers(dollars):
        y = upward(10.0**power)
        parts.append(_line([(_LEFT, y), (_LEFT + _WIDE, y)], "#ddd", 1))
        parts.append(_text(_LEFT - 6, y + 4, f"${10.0**power:g}", "end"))
    x = across(traffic.rate)
    parts.append(_line([(x, _TOP), (x, _TOP + _HIGH)], "#111", 1, dashed=True))
    names = {cloud.facts.cloud: cloud.facts.name for cloud in advice.clouds}
    for place, (name, points) in enumerate(lines.items()):
        colour = _COLOURS.get(name, _MACHINE)
        drawn = [(across(rate), upward(max(cost, _LEAST))) for rate, cost in points]
        parts.append(_line(drawn, colour, 2))
        told = names.get(name, f"machines at ${advice.question.machine:g}")
        y = _TOP + 14 + 20 * place
        parts.append(f'<rect x="{_LEFT + _WIDE + 14}" y="{y - 10}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(_LEFT + _WIDE + 32, y, told))
    told = f"requests a second, while they come; dashed: what was asked for; below ${_LEAST} is drawn there"
    parts.append(_text(_LEFT, _TOP + _HIGH + 40, told))
    return "\n".join([*parts, "</svg>", ""])


def _powers(values: Sequence[float]) -> range:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return range(low, max(high, low + 1) + 1)


def _scale(values: Sequence[float], begin: float, length: float) -> Callable[[float], float]:
    powers = _powers(values)
    low, span = powers[0], powers[-1] - powers[0]
    return lambda value: begin + (log10(value) - low) / span * length


def _line(points: Sequence[Point], colour: str, width: int, *, dashed: bool = False) -> str:
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{escape(text)}</text>'
