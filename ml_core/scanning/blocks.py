"""Reading a part of a table, block by block: one door to each format."""

from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any

from ml_core.datasets.sources import DataFile
from ml_core.errors import MalformedInput
from ml_core.scanning.block import BLOCK_BYTES, Block
from ml_core.scanning.files import DataFiles
from ml_core.scanning.plan import Part, Plan
from ml_core.scanning.texts import LOOKED_AT, RANGE_BYTES, Charset, checked_first, in_utf_8, ranges
from ml_core.tables.readers import CSV, PARQUET
from ml_core.tables.text import SAMPLE_BYTES


def blocks(
    data: DataFiles, plan: Plan, part: Part, names: Collection[str], *, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """The rows of a part in bounded memory, of the columns that are named and no others.

    Raises `MalformedInput` with the file's address for one that cannot be read, and what
    `DataFiles.part` raises.
    """
    file = plan.files[part.file]
    wanted = frozenset(names)
    try:
        if plan.format == PARQUET:
            from ml_core.scanning.parquet_blocks import parquet_blocks

            yield from parquet_blocks(data, file, part, wanted, block_bytes)
            return
        chunks = _texts(data, file, plan, part, block_bytes)
        if plan.format == CSV:
            from ml_core.scanning.csv_blocks import CsvForm, csv_blocks

            form = CsvForm(plan.how["delimiter"], tuple(of_file(plan, part.file, "names", plan.names)))
            yield from csv_blocks(chunks, form, wanted, part.first)
        else:
            from ml_core.scanning.json_blocks import json_blocks

            yield from json_blocks(chunks, tuple(dict.fromkeys(names)), part.first)
    except MalformedInput as error:
        raise MalformedInput(f"{file.uri}: {error}") from None


def of_file(plan: Plan, file: int, name: str, usual: Any) -> Any:  # noqa: ANN401 - values of JSON
    """What is said of a file, where it differs from the others."""
    return plan.how.get("files", {}).get(str(file), {}).get(name, usual)


def _texts(data: DataFiles, file: DataFile, plan: Plan, part: Part, block_bytes: int) -> Iterator[bytes]:
    """The text of a part as UTF-8, about a block at a time."""
    name = of_file(plan, part.file, "encoding", plan.how["encoding"])
    charset = Charset(name, plan.how["strict"])
    skipped = of_file(plan, part.file, "skipped", 0)
    read = ranges(data, file, part.begin, part.end, size=max(block_bytes, RANGE_BYTES))
    guessed = plan.format == CSV and charset.is_utf_8 and not charset.strict
    if guessed and part.end - part.begin > LOOKED_AT and _is_whole(plan, part):
        charset, read = checked_first(read)
    cut = (
        chunk[at : at + block_bytes]
        for chunk in in_utf_8(read, charset)
        for at in range(0, len(chunk), block_bytes)
    )
    return _without(cut, skipped) if skipped else cut


def _is_whole(plan: Plan, part: Part) -> bool:
    """Whether a part is all rows of its file, which nobody has read to the end yet.

    A task is given the plan without its parts. A last part that begins so early and is not the first has been
    read, and found to be UTF-8: then it is only read once more.
    """
    return part.end == plan.files[part.file].size and part.begin < SAMPLE_BYTES


def _without(chunks: Iterator[bytes], skipped: int) -> Iterator[bytes]:
    """The chunks behind so many bytes."""
    for chunk in chunks:
        if skipped >= len(chunk):
            skipped -= len(chunk)
        else:
            yield from chain([chunk[skipped:]], chunks)
