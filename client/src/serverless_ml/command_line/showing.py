"""Results on stdout: a table with colours on a terminal, lines with tabs in a pipe, or one document of JSON.

Only this module imports rich, and only on a terminal.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from serverless_ml.command_line.session import Session

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
# What a terminal would obey: a name or a message of the service moves no cursor.
_CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\t\n"
}


def on_terminal() -> bool:
    """Whether stdout is one."""
    return sys.stdout.isatty()


def show_json(value: Any) -> None:
    """Write one document of JSON."""
    print(json.dumps(value, ensure_ascii=False, indent=2 if on_terminal() else None))


def show_table(
    session: Session,
    raw: Any,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    empty: str = "",
    picture: Any = None,
) -> None:
    """Show rows; `raw` is the document of `--json`, `empty` what a person is told where there are none.

    A pipe gets a line for each row, cells between tabs, without the columns' names. A terminal gets the
    `picture`, which is an answer of the client's that draws itself, or else a table.
    """
    if session.json:
        show_json(raw)
        return
    if not on_terminal():
        for row in rows:
            print("\t".join(text_of(cell).translate(_ESCAPES) for cell in row))
        return
    listed = list(rows)
    if not listed:
        session.say(empty)
        return
    if picture is None:
        _draw(columns, listed)
    else:
        _print(picture)


def show_members(
    session: Session, raw: Any, members: Iterable[tuple[str, Any]], *, picture: Any = None
) -> None:
    """Show one thing: a line for each member, or on a terminal the `picture` that draws itself."""
    if session.json:
        show_json(raw)
    elif not on_terminal():
        for name, value in members:
            print(f"{name}\t{text_of(value).translate(_ESCAPES)}")
    elif picture is not None:
        _print(picture)
    else:
        _draw(None, [list(each) for each in members])


def text_of(value: Any, *, rounded: bool = False) -> str:
    """A cell: nothing for None, truth values as JSON has them, and `rounded` numbers for a person."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}" if rounded else repr(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def plain(text: str) -> str:
    """A text of the service's that may be written to a terminal."""
    return text.translate(_CONTROLS)


def _print(drawn: Any) -> None:
    from rich.console import Console

    Console().print(drawn)


def _draw(columns: Sequence[str] | None, rows: list[Sequence[Any]]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE if columns else None, show_header=columns is not None, header_style="bold")
    width = len(columns) if columns else 2
    for place in range(width):
        numbers = all(isinstance(row[place], int | float | None) for row in rows)
        table.add_column(
            columns[place] if columns else "",
            justify="right" if numbers and columns else "left",
            style="cyan" if place == 0 else None,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(plain(text_of(cell, rounded=True))) for cell in row))
    _print(table)
