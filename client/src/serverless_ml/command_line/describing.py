"""How versions and datasets are shown: what was reached, and how a file was read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.session import Session
from serverless_ml.command_line.showing import (
    plain,
    show_members,
    show_table,
    text_of,
)
from serverless_ml.errors import Fault

if TYPE_CHECKING:
    from serverless_ml.answers import Dataset, Version

_MOST_COLUMNS = 40
_VALUES = 5


def show_version(session: Session, version: "Version") -> None:
    """Show a version: on a terminal as it draws itself, in a pipe what it is and a line for each metric."""
    raw = version.raw
    registered = raw.get("registered") or {}
    members = [
        ("model", raw.get("name")),
        ("version", raw.get("version")),
        ("algorithm", raw.get("algorithm")),
        ("created", raw.get("created")),
        ("rows", raw.get("rows")),
        ("held out", raw.get("test_rows")),
        ("classes", ", ".join(map(text_of, raw["classes"])) if raw.get("classes") else None),
        ("registered", registered.get("at")),
    ]
    members += [
        (f"{part}.{name}", value)
        for name, *values in metric_rows(raw.get("metrics") or {})
        for part, value in zip(("training", "test"), values, strict=True)
    ]
    show_members(session, raw, [each for each in members if each[1] is not None], picture=version)


def metric_rows(metrics: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each metric that is one number, on the rows trained on and on those held out."""
    training, test = metrics.get("training") or {}, metrics.get("test") or {}
    for name in dict.fromkeys([*training, *test]):
        values = training.get(name), test.get(name)
        if any(isinstance(value, int | float) for value in values):
            yield name, values[0], values[1]


def check(raw: dict[str, Any], name: str) -> None:
    """Raises `CommandError` for a file that cannot be read, or not as was said."""
    if raw.get("state") == "options_refused":
        faults = [Fault(each["path"], each["message"]) for each in raw.get("faults", ())]
        raise CommandError(f"{name} cannot be read as was said", Exit.REFUSED, faults)
    if raw.get("state") == "unreadable":
        raise CommandError(f"{name} cannot be read: {raw.get('error')}", Exit.REFUSED)


def show_summary(session: Session, raw: dict[str, Any], *, target: str | None) -> None:
    """Say on stderr how a file was read, and how to overrule it. Raises `CommandError` for no such target."""
    description = raw.get("description") or {}
    if description.get("kind") == "pictures" or "columns" not in description:
        _summarise_pictures(session, description)
        return
    columns = description["columns"]
    names = [each["name"] for each in columns]
    if target is not None and target not in names:
        raise CommandError(_no_target(target, names), Exit.REFUSED)
    rows = f"{description['rows']:,} rows" + ("" if description.get("complete", True) else " and more")
    read = description.get("read") or {}
    how = ", ".join(f"{name} {_said(value)}" for name, value in read.items())
    session.say(
        f"read as {description['format']}: {rows}, {len(columns)} columns" + (f" ({how})" if how else "")
    )
    lines = [_column_line(each, target) for each in columns[:_MOST_COLUMNS]]
    widths = [max(len(line[place]) for line in lines) for place in range(3)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        session.say("  " + "  ".join([*cells, line[3]]).rstrip())
    if len(columns) > _MOST_COLUMNS:
        session.say(f"  and {len(columns) - _MOST_COLUMNS} more columns")
    for warning in description.get("warnings", ()):
        session.say(f"warning: {plain(warning)}")
    session.say("to have it read otherwise: --type COLUMN=category, --missing WORD, --exclude COLUMN")


def _no_target(target: str, names: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(target, names, 1)
    few = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"--target: there is no column {target!r}" + (
        f"; did you mean {near[0]!r}?" if near else f"; the file has {few}"
    )


def _column_line(column: dict[str, Any], target: str | None) -> tuple[str, str, str, str]:
    """Name, type, gaps and what else is to be known of a column."""
    missing = f"{column['missing']:,} missing" if column.get("missing") else ""
    if column["name"] == target:
        notes = ["target: " + _values(column)]
    elif column.get("left_out"):
        notes = [f"left out: {column['left_out']}"]
    elif column.get("type") in ("category", "boolean"):
        notes = [_values(column)]
    else:
        notes = [_range(column)]
    notes += [f"read {name} {_said(value)}" for name, value in (column.get("read") or {}).items()]
    return plain(column["name"]), column["type"], missing, plain("; ".join(each for each in notes if each))


def _values(column: dict[str, Any]) -> str:
    values = column.get("values") or []
    told = [f"{text_of(each['value'])} {each['rows']:,}" for each in values[:_VALUES]]
    distinct = column.get("distinct")
    if len(values) > _VALUES or not values:
        told.append(f"{distinct:,} different" if isinstance(distinct, int) else "…")
    return ", ".join(told)


def _range(column: dict[str, Any]) -> str:
    low, high = column.get("range") or (None, None)
    return "" if low is None else f"{_said(low)} to {_said(high)}"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return (
        repr(value)
        if isinstance(value, str) and not value.strip().isalnum() and len(value) < 3
        else str(value)
    )


def _summarise_pictures(session: Session, description: dict[str, Any]) -> None:
    told = [
        f"{name} {_said(value) if not isinstance(value, list | dict) else plain(str(value))}"
        for name, value in description.items()
        if name in ("kind", "format", "rows", "pictures", "shape", "held_out", "steps", "channels") and value
    ]
    session.say("read as " + ", ".join(told))
    for each in description.get("classes") or ():
        if isinstance(each, dict):
            session.say("  " + "  ".join(f"{name} {value}" for name, value in each.items()))
    for warning in description.get("warnings", ()):
        session.say(f"warning: {plain(warning)}")
    if description.get("error"):
        raise CommandError(str(description["error"]), Exit.REFUSED)


def show_dataset(session: Session, dataset: "Dataset") -> None:
    """Show a dataset: on a terminal as it draws itself, in a pipe a line for each column."""
    raw = dataset.raw
    columns = (raw.get("description") or {}).get("columns")
    if columns is None:
        members = [(name, value) for name, value in raw.items() if name not in ("options", "faults")]
        show_members(session, raw, members, picture=dataset)
        return
    rows = [
        (each["name"], each["type"], each.get("missing"), each.get("distinct"), _column_line(each, None)[3])
        for each in columns
    ]
    show_table(session, raw, ("column", "type", "missing", "different", "note"), rows, picture=dataset)
