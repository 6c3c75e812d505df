"""Why these labels: each row with its columns' parts as bars."""

from typing import Any

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import (
    Bar,
    Beside,
    Block,
    Cell,
    Column,
    Group,
    Heat,
    Notes,
    Picture,
    Table,
    Text,
    Title,
    Words,
)
from serverless_ml.display.pictures.versions import more
from serverless_ml.display.reading import Document

MOST_ROWS = 10
MOST_PARTS = 20
MOST_WORDS = 300
_GAMES = {
    "marginals": "a column that is not known takes its values in training",
    "rows": "a column that is not known takes its values in the background's rows",
    "baseline": "compared with the network's baseline",
}
_METHODS = {"permutations": "estimated by permutations", "integrated_gradients": "integrated gradients"}


def explanations(raw: Document | list[Any]) -> Picture:
    """Return the picture of explanations: at most ten rows, and of each the twenty largest parts."""
    listed = reading.documents(raw if isinstance(raw, list) else reading.items(raw, "explanations"))
    model = reading.members(raw, "model")
    name, version = text.shown(reading.text(model, "name"), 64), reading.number(model, "version")
    told = f"{name}@{text.plain(version)}" if version is not None else name
    title = Title("Why", f"{told} answered so" if told else "these labels", line=tuple(_same(listed)))
    blocks: list[Block] = [title]
    # One scale for all rows, so that they compare.
    most = max((_largest(each) for each in listed[:MOST_ROWS]), default=0.0)
    rows = [
        Group(tuple(explanation(each, place, alone=len(listed) == 1, most=most)))
        for place, each in enumerate(listed[:MOST_ROWS])
    ]
    blocks += [Beside(tuple(rows))] if rows else []
    if len(listed) > MOST_ROWS:
        blocks.append(Notes((more(len(listed), MOST_ROWS, "row"),), "quiet"))
    return tuple(blocks)


def _same(listed: list[Document]) -> list[str]:
    """Return what holds for all of them alike: how the parts were found."""
    first = listed[0] if listed else {}
    exact, method, game = first.get("exact"), reading.text(first, "method"), reading.text(first, "game")
    said = [text.count_of(len(listed), "row")]
    if exact is True:
        said.append("exact")
    elif method:
        said.append(_METHODS.get(method, text.shown(method)) + (", not exact" if exact is False else ""))
    return [*said, *([_GAMES.get(game, text.shown(game))] if game else [])]


def explanation(raw: Document, place: int = 0, *, alone: bool = True, most: float = 0.0) -> list[Block]:
    """Return the blocks of one row."""
    parts = raw.get("attributions")
    if isinstance(parts, dict):
        drawn: list[Block] = [_table(raw, parts, _heading(raw, place, alone=alone), most)]
    else:
        drawn = _network(raw, reading.items(raw, "attributions"), _heading(raw, place, alone=alone))
    return [*drawn, *_counterfactual(raw)]


def _largest(raw: Document) -> float:
    parts = reading.members(raw, "attributions")
    return max((abs(reading.number(parts, name) or 0.0) for name in parts), default=0.0)


def _heading(raw: Document, place: int, *, alone: bool) -> str:
    label, against = (text.shown(text.plain(raw.get(name)), 40) for name in ("label", "against"))
    probability = reading.number(raw, "probability")
    said = ("" if alone else f"Row {place + 1}: ") + f"{label}, not {against}"
    return said if probability is None else f"{said} · probability {text.probability(probability)}"


def _with_unit(raw: Document, said: str) -> str:
    return f"{said} {text.shown(reading.text(raw, 'unit'), 24)}".rstrip()


def _margin(raw: Document) -> str:
    margin = reading.number(raw, "margin")
    return "" if margin is None else _with_unit(raw, f"margin {text.signed(margin)}")


def _table(raw: Document, parts: Document, heading: str, scale: float) -> Table:
    known = {name: value for name in parts if (value := reading.number(parts, name)) is not None}
    shown = sorted(known, key=lambda name: -abs(known[name]))[:MOST_PARTS]
    rest = sum(value for name, value in known.items() if name not in shown)
    rest += reading.number(raw, "rest") or 0
    base, margin = reading.number(raw, "base"), reading.number(raw, "margin")
    most = max(scale, _largest(raw), abs(rest)) or 1.0
    rows: list[tuple[Cell, ...]] = []
    for name in shown:
        error = reading.number(raw, "standard_errors", name)
        said = text.signed_beside(known[name], most)
        said += f" ± {text.beside(error, most)}" if error is not None else ""
        rows.append(
            (
                Text(text.shown(name, 32), hint=text.shown(name, 200)),
                Bar(known[name] / most, said, signed=True, hint=repr(known[name])),
            )
        )
    if len(known) > len(shown) or "rest" in raw:
        rows.append(
            (Text("all others", "quiet"), Bar(rest / most, text.signed_beside(rest, most), signed=True))
        )
    # The sum is written out: base, and every part, is the margin.
    if base is not None:
        rows.append(
            (
                Text("base", "quiet", hint="the margin that is expected where no column is known"),
                Text(text.signed_beside(base, most), "quiet"),
            )
        )
    if margin is not None:
        rows.append(
            (
                Text("margin", strong=True, hint="base and all parts together"),
                Text(_with_unit(raw, text.signed_beside(margin, most)), strong=True),
            )
        )
    label, against = (text.shown(text.plain(raw.get(name)), 24) for name in ("label", "against"))
    columns = (Column("column"), Column(f"← for {against} · for {label} →"))
    return Table(columns, tuple(rows), heading)


def _network(raw: Document, parts: list[Any], heading: str) -> list[Block]:
    words = [each for each in parts if isinstance(each, dict)]
    blocks: list[Block] = []
    if words:
        told = tuple(
            (
                text.shown(reading.text(each, "text"), 40),
                reading.number(each, "value") or 0.0,
                each.get("known") is not False,
            )
            for each in words[:MOST_WORDS]
        )
        blocks.append(Words(heading, told, _margin(raw)))
        if len(words) > MOST_WORDS:
            blocks.append(Notes((more(len(words), MOST_WORDS, "word"),), "quiet"))
    elif parts:
        values = tuple(tuple(reading.numbers(row)) for row in parts)
        said = ", ".join(filter(None, (f"blue speaks for {_label(raw)}, orange against it", _margin(raw))))
        blocks.append(Heat(heading, values, said))
    margin, error = reading.number(raw, "margin"), reading.number(raw, "completeness_error")
    if margin is not None and error is not None and error > 0.1 * abs(margin):
        missed = text.number(error)
        said = f"The parts miss the margin by {missed}, which is not small beside it: do not read them."
        blocks.append(Notes((said,)))
    return blocks


def _counterfactual(raw: Document) -> list[Block]:
    told = reading.members(raw, "counterfactual")
    single = reading.documents(told, "single")
    together = reading.members(told, "together")
    rows: list[tuple[Cell, ...]] = [(*_change(each), _label(each)) for each in single[:MOST_PARTS]]
    for place, each in enumerate(reading.documents(together, "changes")[:MOST_PARTS]):
        column, was, new = _change(each)
        rows.append((f"{'together: ' if not place else 'and '}{column}", was, new, _label(together)))
    if not rows:
        return (
            [Notes(("No change of the columns that may change gives another label.",), "quiet")]
            if told
            else []
        )
    columns = (
        Column("what would change it"),
        Column("from", right=True),
        Column("to", right=True),
        Column("label"),
    )
    return [Table(columns, tuple(rows))]


def _change(raw: Document) -> tuple[str, str, str]:
    return (
        text.shown(reading.text(raw, "column"), 40),
        text.shown(text.plain(raw.get("from")), 40),
        text.shown(text.plain(raw.get("to")), 40),
    )


def _label(raw: Document) -> str:
    return text.shown(text.plain(raw.get("label")), 40)


def line(raw: Document) -> str:
    """Return explanations in one line."""
    listed = reading.documents(raw, "explanations")
    labels = [text.shown(text.plain(each.get("label")), 20) for each in listed[:5]]
    return f"{text.count_of(len(listed), 'row')}: {', '.join(labels)}{', …' if len(listed) > 5 else ''}"


def explanation_line(raw: Document) -> str:
    """Return one row's explanation in a line: its largest parts."""
    parts = reading.members(raw, "attributions")
    known = {name: value for name in parts if (value := reading.number(parts, name)) is not None}
    largest = sorted(known, key=lambda name: -abs(known[name]))[:3]
    said = ", ".join(f"{text.shown(name, 24)} {text.signed(known[name])}" for name in largest)
    return _heading(raw, 0, alone=True) + (f": {said}" if said else "")
