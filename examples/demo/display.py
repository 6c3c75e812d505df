"""Requests, answers, metrics and matrices in a form that a person likes to read; plain text when piped."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

MOST_ITEMS = 4
COLUMNS = "▁▂▃▄▅▆▇█"
BAR = 24  # characters, at most
REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content"}

console = Console(highlight=False, soft_wrap=False)
if not console.is_terminal:
    console.width = 110


def heading(title: str, about: str) -> None:
    """A section of the story."""
    console.print()
    console.print(Rule(f"[bold]{escape(title)}[/]  [dim]{escape(about)}[/]", align="left", style="cyan"))


def note(text: str) -> None:
    """A sentence between requests."""
    console.print(f"[dim]{escape(text)}[/]")


def request(method: str, path: str, body: object = None) -> None:
    """A request line and the body, long lists shortened."""
    console.print(f"\n[bold magenta]{method}[/] [bold]{escape(path)}[/]")
    if body is not None:
        console.print(
            f"  {escape(json.dumps(shortened(body), ensure_ascii=False))}", style="dim", overflow="fold"
        )


def answer(status: int, seconds: float, body: object = None) -> None:
    """A status line with its time and, where given, the body."""
    colour = "green" if status < 400 else "red"
    console.print(f"[bold {colour}]{status} {REASONS.get(status, '')}[/] [dim]{seconds * 1000:.1f} ms[/]")
    if body is not None:
        console.print(f"  {escape(json.dumps(shortened(body), ensure_ascii=False))}", overflow="fold")


def shortened(value: Any) -> Any:
    """The same JSON with long lists cut, so that it fits a screen: `[1, 2, 3, "… 27 more"]`."""
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        few = [shortened(item) for item in value[:MOST_ITEMS]]
        return few if len(value) <= MOST_ITEMS else [*few[:-1], f"… {len(value) - MOST_ITEMS + 1} more"]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def metrics(by_split: dict[str, dict[str, Any]]) -> None:
    """Training and held-out figures side by side; lists and matrices are left to their own pictures."""
    splits = [split for split, figures in by_split.items() if figures]
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("metric")
    for split in splits:
        table.add_column(split, justify="right")
    for name in by_split[splits[0]]:
        figures = [by_split[split].get(name) for split in splits]
        if all(figure is None or isinstance(figure, int | float) for figure in figures):
            table.add_row(name, *("–" if figure is None else f"{figure:.6g}" for figure in figures))
    console.print(table)


def losses(history: Sequence[dict[str, Any]]) -> None:
    """The losses of each epoch: a curve for those that are trained on, and one for those held back."""
    for name, colour in (("loss", "magenta"), ("validation_loss", "cyan")):
        values = [epoch[name] for epoch in history if name in epoch]
        if values:
            told = f"{values[0]:.3f} → {values[-1]:.3f} in {len(values)} epochs"
            console.print(f"  {name:16} [{colour}]{curve(values)}[/] [dim]{told}[/]")


def curve(values: Sequence[float]) -> str:
    """A column for each number, as high as it is between 0 and the largest."""
    most = max(values) or 1.0
    return "".join(COLUMNS[round((len(COLUMNS) - 1) * max(0.0, value) / most)] for value in values)


def confusion_matrix(matrix: Sequence[Sequence[int]], classes: Sequence[object]) -> None:
    """Rows are the true classes, columns the predicted ones; the deeper the colour, the more rows."""
    console.print("\nconfusion matrix of the held-out rows [dim](true ↓, predicted →)[/]")
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("")
    for label in classes:
        table.add_column(str(label), justify="right")
    for label, row in zip(classes, matrix, strict=True):
        most = max(row) or 1
        cells = [
            Text(str(count) if count else "·", style=_shade(count / most, at == _index(classes, label)))
            for at, count in enumerate(row)
        ]
        table.add_row(f"[bold]{escape(str(label))}[/]", *cells)
    console.print(table)


def _index(classes: Sequence[object], label: object) -> int:
    return next(at for at, known in enumerate(classes) if known is label)


def _shade(share: float, right: bool) -> str:
    if not share:
        return "dim"
    return ("bold " if share > 0.5 else "") + ("green" if right else "red")


def versions(rows: Sequence[tuple[str, int, str, str]]) -> None:
    """The registry: model, version, algorithm, the objective on held-out rows."""
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for column in ("model", "version", "algorithm", "loss function on held-out rows"):
        table.add_column(column)
    for model, version, algorithm, loss in rows:
        table.add_row(model, str(version), algorithm, loss)
    console.print(table)


def columns(described: Sequence[dict[str, Any]]) -> None:
    """A table's columns: what they are, what is missing, and between what or among which words they lie."""
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for column in ("column", "type"):
        table.add_column(column)
    for column in ("missing", "distinct"):
        table.add_column(column, justify="right")
    table.add_column("values")
    for each in described:
        table.add_row(
            each["name"], each["type"], str(each["missing"]), str(each.get("distinct", "")), _values(each)
        )
    console.print(table)


def _values(column: dict[str, Any]) -> str:
    if "values" in column:
        return ", ".join(f"{each['value']} {each['rows']}×" for each in column["values"][:MOST_ITEMS])
    return " to ".join(str(bound) for bound in column.get("range", ()))


def answering(counted: Counter[int], customers: int) -> None:
    """A bar for each version, as long as its share of the customers."""
    for version, times in sorted(counted.items()):
        bar = "█" * round(40 * times / customers)
        console.print(f"  version {version} [cyan]{bar}[/] {times} of {customers} customers")


def changes(rows: Sequence[tuple[str, str, Any, Any]]) -> None:
    """An alias's history, newest first."""
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for column in ("time", "change", "from", "to"):
        table.add_column(column)
    for time, kind, before, after in rows:
        table.add_row(time, kind, *(json.dumps(state) for state in (before, after)))
    console.print(table)


def explanation(explained: dict[str, Any], instance: dict[str, Any]) -> None:
    """Which columns speak for the label and which against it: a bar for each, the longest first."""
    label, against = explained["label"], explained["against"]
    console.print(
        f"\nwhy '{escape(str(label))}' rather than '{escape(str(against))}' [dim]({explained['unit']})[/]"
    )
    parts = sorted(explained["attributions"].items(), key=lambda part: -abs(part[1]))
    most = max(abs(part) for _, part in parts) or 1.0
    table = Table(show_header=False, show_edge=False, pad_edge=False, box=None)
    for alignment in ("left", "right", "left", "right"):
        table.add_column(justify=alignment)
    for name, part in parts:
        bar = "█" * round(BAR * abs(part) / most)
        left, right = (bar, "") if part < 0 else ("", bar)
        value = json.dumps(instance[name], ensure_ascii=False)
        table.add_row(f"{name} = {value}", f"[red]{left}[/]", f"[green]{right}[/]", f"{part:+.3f}")
    console.print(table)
    console.print(
        f"[dim]  base {explained['base']:+.3f} and all parts are the margin {explained['margin']:+.3f}, "
        f"but for {explained['additivity_error']:.0e}[/]"
    )


def drift(name: str, column: dict[str, Any]) -> None:
    """A column's bins in training and now, one above the other."""
    colour = "red" if column["state"] == "drifted" else "green"
    console.print(f"\n  {name} [bold {colour}]{column['state']}[/] [dim]PSI {column['psi']:.3f}, of chance "
                  f"{column['psi_expected']:.3f}[/]")  # fmt: skip
    for when in ("training", "now"):
        console.print(f"    {when:9} [{colour}]{curve([each[when] for each in column['bins']])}[/]")
