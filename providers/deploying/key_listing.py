"""Records of keys as people read them: a table that fits the terminal, or lines for other programs."""

import time
from collections.abc import Iterator
from typing import Any

Record = dict[str, Any]

_COLUMNS = ("id", "roles", "models", "datasets", "expires", "created")
# Those whose cells may be broken into lines, the table being too wide else.
_BREAKABLE = ("roles", "models", "datasets")
_LEAST = 8  # characters of a column that is broken
_GAP = 2
_ALL, _NEVER, _UNKNOWN = "*", "never", "?"


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as records have them: RFC 3339, UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def told(record: Record) -> str:
    """What a key may do, in a few words."""
    roles = _roles(record)
    limits = [
        f"only {kind} {', '.join(record[kind])}"
        for kind in ("models", "datasets")
        if record.get(kind) is not None
    ]
    until = [f"until {record['expires']}"] if record.get("expires") else []
    return "; ".join([f"role{'s' * (len(roles) > 1)} {', '.join(roles)}", *limits, *until])


def listing(records: list[Record], now: str, width: int | None) -> list[str]:
    """The lines that show records.

    Args:
        records: of keys, in whatever form.
        now: the time, as `timestamp` writes it: expired keys are marked.
        width: of the terminal, in characters; None for a program that reads, which gets tabs and no heading.
    """
    rows = [_row(record, now, short=width is not None) for record in records]
    if width is None:
        return ["\t".join(row.values()) for row in rows]
    # A limit that no key has takes no place.
    names = [
        name
        for name in _COLUMNS
        if name not in ("models", "datasets") or any(row[name] != _ALL for row in rows)
    ]
    widths = {name: max(map(len, [name, *(row[name] for row in rows)])) for name in names}
    while sum(widths.values()) + _GAP * (len(names) - 1) > width:
        widest = max(_BREAKABLE, key=lambda name: widths.get(name, 0))
        if widths[widest] <= _LEAST:
            return [line for row in rows for line in _block(row, names, width)]
        widths[widest] -= 1
    heading = {name: name for name in names}
    return [line for row in ([heading] if rows else []) + rows for line in _lines(row, widths)]


def _row(record: Record, now: str, *, short: bool) -> dict[str, str]:
    """The cells of a record; `short` leaves the time of the day out."""
    end = 10 if short else None
    expires = record.get("expires")
    over = " expired" if expires is not None and now >= str(expires) else ""
    return {
        "id": str(record.get("id", _UNKNOWN)),
        "roles": ",".join(_roles(record)),
        **{kind: _patterns(record.get(kind)) for kind in ("models", "datasets")},
        "expires": _NEVER if expires is None else f"{str(expires)[:end]}{over}",
        "created": str(record.get("created", ""))[:end],
    }


def _roles(record: Record) -> list[str]:
    """The roles; of a key of an earlier release it is said where its role gave more than it gives now."""
    if record.get("role") == "predict":
        return ["predict (earlier)"]
    roles = record.get("roles", [record.get("role", _UNKNOWN)])
    return [str(role) for role in roles] if isinstance(roles, list) else [_UNKNOWN]


def _patterns(patterns: object) -> str:
    if patterns is None:
        return _ALL
    return ",".join(map(str, patterns)) if isinstance(patterns, list) else _UNKNOWN


def _lines(row: dict[str, str], widths: dict[str, int]) -> Iterator[str]:
    """A row of the table, in as many lines as its longest cell takes."""
    cells = [_broken(row[name], width) for name, width in widths.items()]
    for place in range(max(map(len, cells))):
        parts = (cell[place] if place < len(cell) else "" for cell in cells)
        yield (
            (" " * _GAP)
            .join(part.ljust(width) for part, width in zip(parts, widths.values(), strict=True))
            .rstrip()
        )


def _block(row: dict[str, str], names: list[str], width: int) -> Iterator[str]:
    """A row where no table fits: a line for each column, and more for long ones."""
    for place, name in enumerate(names):
        indent = " " * _GAP * (place > 0)
        for first, line in enumerate(_broken(row[name], max(width - 12, _LEAST))):
            yield f"{indent + name * (first == 0):{10 + _GAP}}{line}"


def _broken(cell: str, width: int) -> list[str]:
    """A cell in lines, broken after commas where that is possible."""
    if len(cell) <= width:
        return [cell]
    lines = [""]
    for part in cell.replace(",", ",\n").split("\n"):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return [line[start : start + width] for line in lines for start in range(0, len(line), width)]
