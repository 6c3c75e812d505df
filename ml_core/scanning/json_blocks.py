"""The rows of a part of JSON lines, block by block: an object on each line."""

import json
from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any

from ml_core.scanning.block import Block, Reject, check_record
from ml_core.tables.json_lines import parsed
from ml_core.tables.options import NO_TEXT, is_text


def names_in(head: bytes, encoding: str) -> tuple[str, ...]:
    """The members of the lines that a file begins with, in the order of their appearance."""
    import codecs

    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    *lines, last = text.split("\n")
    names: dict[str, None] = {}
    for line in (*lines, last):
        row = parsed(line) if line.strip() else None
        if isinstance(row, dict):
            names.update(dict.fromkeys(row))
    return tuple(names)


def json_blocks(chunks: Iterator[bytes], wanted: Collection[str], first: int) -> Iterator[Block]:
    """The rows of a text that begins with a line, given as UTF-8; `first` lines are before it."""
    rest, number = b"", first
    for chunk in chain(chunks, (None,)):
        text = rest if chunk is None else rest + chunk
        cut = len(text) if chunk is None else text.rfind(b"\n") + 1
        rest = text[cut:]
        check_record(rest, number + 1)
        if not cut:
            continue
        lines = text[:cut].split(b"\n")
        if not lines[-1]:
            lines.pop()
        block = _block(lines, wanted, number)
        number += len(lines)
        if block.rows or block.rejected:
            yield block


def _block(lines: list[bytes], wanted: Collection[str], before: int) -> Block:
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    rejected: list[Reject] = []
    for number, line in enumerate(lines, before + 1):
        if not line.strip():
            continue
        row = parsed(line.decode())
        if isinstance(row, dict) and b"\\u" in line and not is_text(json.dumps(row, ensure_ascii=False)):
            row = f"holds {NO_TEXT}: expected text"
        if isinstance(row, dict):
            rows.append(row)
            numbers.append(number)
        else:
            rejected.append(Reject(None, number, "", row))
    columns: dict[str, list[Any]] = {}
    absent: dict[str, list[int]] = {}
    for name in wanted:
        columns[name] = [row.get(name) for row in rows]
        lacking = [place for place, row in enumerate(rows) if name not in row]
        if lacking:
            absent[name] = lacking
    return Block(len(rows), columns, numbers, rejected=tuple(rejected), absent=absent)
