"""A table as a file to train on: Parquet where something that writes it is there, else JSON lines.

Both hold the very values that a prediction would send (`cells.py`): numbers, truth values, texts and lists.
The service reads types as the file has them, so that no word becomes a number or a gap on the way. What
values do not show (that whole numbers are categories, that a label "true" is a word) is said in `data` of the
training.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from serverless_ml.tables.columns import Column, Table
from serverless_ml.tables.instances import Instances
from serverless_ml.tables.refusing import column_path, refuse
from serverless_ml.tables.training_columns import ColumnKind, kind_of, with_target

if TYPE_CHECKING:
    from types import TracebackType

PARQUET, JSON_LINES, NPZ = "parquet", "jsonl", "npz"
# Of a file so much is in memory; rows of so many are written together.
_IN_MEMORY, _ROWS, _BLOCK = 1 << 25, 1 << 15, 1 << 20


class UploadFile:
    """A file to train on; leaving the `with` removes it.

    Args:
        format: "parquet", "jsonl" or "npz".
        file: what was written, open for reading.
        data: what goes into `data` of the training beside the file's address.
        notes: what is to be told to the person.
    """

    def __init__(
        self,
        format: str,  # noqa: A002
        file: IO[bytes],
        data: Mapping[str, Any],
        notes: Sequence[str] = (),
    ) -> None:
        self.format = format
        self.suffix = f".{format}"
        self.file = file
        self.data = dict(data)
        self.notes = tuple(notes)
        self.size = file.seek(0, 2)
        file.seek(0)

    def __enter__(self) -> "UploadFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the file."""
        self.file.close()

    def chunks(self) -> Iterator[bytes]:
        """Its bytes from the beginning, as often as it is asked."""
        self.file.seek(0)
        while block := self.file.read(_BLOCK):
            yield block


def as_file(
    table: Table | Instances,
    target: str | None = None,
    targets: Any = None,
    *,
    algorithm: str = "",
    format: str | None = None,  # noqa: A002
) -> UploadFile:
    """The table as a file, and what is to be said of it in `data`.

    Args:
        table: the rows.
        target: the column that holds the labels.
        targets: the labels beside the rows, in their order, where no column holds them.
        algorithm: what is trained: `rnn` and `cnn` take sequences, texts and pictures.
        format: "parquet" or "jsonl"; None for Parquet where it can be written.

    Raises:
        InvalidInput: something cannot be sent; the message says where, and what to do.
    """
    if not table.rows:
        refuse("expected at least one row, got none")
    if isinstance(table, Instances) or algorithm == "rnn":
        from serverless_ml.tables.instance_files import instances_as_file

        made = instances_as_file(table, target, targets, algorithm=algorithm, format=format)
        if made is not None:
            return made
    assert isinstance(table, Table)  # noqa: S101 - instances have been written
    return write_table(*with_target(table, target, targets), format=format)


def write_table(
    table: Table,
    target: str | None,
    data: Mapping[str, Any],
    *,
    format: str | None = None,  # noqa: A002
) -> UploadFile:
    """A table with its target, if it has one, as a file. Raises `InvalidInput`."""
    kinds = [kind_of(field, table.rows, is_target=field.name == target) for field in table.fields]
    types = {field.name: kind.said for field, kind in zip(table.fields, kinds, strict=True) if kind.said}
    said = {
        **data,
        **({"target": target} if target is not None else {}),
        **({"types": types} if types else {}),
    }
    if not table.named:
        # All of them, in their order: a prediction sends them so.
        said["features"] = [field.name for field in table.fields if field.name != target]
    notes = [*table.notes, *table.training_notes, *_told(table.fields, kinds)]
    fitting = all(kind.arrow is not None for kind in kinds)
    chosen = format or (PARQUET if fitting and _writer() else JSON_LINES)
    if chosen == PARQUET and not fitting:
        mixed = next(
            field.name for field, kind in zip(table.fields, kinds, strict=True) if kind.arrow is None
        )
        refuse("holds values of several kinds, which Parquet does not", column_path(mixed))
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it is handed on
    try:
        (_write_lines if chosen == JSON_LINES else _write_parquet)(file, table, kinds)
        return UploadFile(chosen, file, said, notes)
    except BaseException:
        file.close()
        raise


def _told(fields: Sequence[Column], kinds: Sequence[ColumnKind]) -> list[str]:
    names = [field.name for field, kind in zip(fields, kinds, strict=True) if kind.told]
    if not names:
        return []
    said = f"numbers are read as categories, as the frame says: {', '.join(names)}"
    return [f'{said}; options={{"types": …}} overrules it']


def _writer() -> str | None:
    """What writes Parquet here."""
    return next((name for name in ("pyarrow", "polars") if find_spec(name)), None)


def _blocks(table: Table) -> Iterator[tuple[int, int]]:
    for start in range(0, table.rows, _ROWS):
        yield start, min(table.rows, start + _ROWS)


def _write_lines(file: IO[bytes], table: Table, kinds: Sequence[ColumnKind]) -> None:
    del kinds
    names = [field.name for field in table.fields]
    for start, stop in _blocks(table):
        columns = [field.values(start, stop) for field in table.fields]
        try:
            lines = (
                json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, separators=(",", ":"))
                for row in zip(*columns, strict=True)
            )
            file.write("\n".join((*lines, "")).encode())
        except UnicodeEncodeError:
            _refuse_surrogates(table.fields, start, stop)


def _refuse_surrogates(fields: Sequence[Column], start: int, stop: int) -> None:
    for field in fields:
        for row, value in enumerate(field.values(start, stop), start):
            if isinstance(value, str):
                try:
                    value.encode()
                except UnicodeEncodeError:
                    refuse("holds half of a surrogate pair: expected text", column_path(field.name, row))
    refuse("a column's name holds half of a surrogate pair: expected text")


def _write_parquet(file: IO[bytes], table: Table, kinds: Sequence[ColumnKind]) -> None:
    try:
        (_write_by_pyarrow if _writer() == "pyarrow" else _write_by_polars)(file, table, kinds)
    except UnicodeEncodeError:
        for start, stop in _blocks(table):
            _refuse_surrogates(table.fields, start, stop)


def _write_by_pyarrow(file: IO[bytes], table: Table, kinds: Sequence[ColumnKind]) -> None:
    """A group of rows after another, so that no more than one is in memory besides the frame."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [(field.name, _arrow_type(str(kind.arrow))) for field, kind in zip(table.fields, kinds, strict=True)]
    )
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for start, stop in _blocks(table):
            arrays = [
                pa.array(kind.stored(field.values(start, stop)), each.type)
                for field, kind, each in zip(table.fields, kinds, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _arrow_type(name: str) -> Any:
    import pyarrow as pa

    if name.startswith("list<"):
        return pa.list_(_arrow_type(name.removeprefix("list<").removesuffix(">")))
    return getattr(pa, {"double": "float64", "bool": "bool_"}.get(name, name))()


def _write_by_polars(file: IO[bytes], table: Table, kinds: Sequence[ColumnKind]) -> None:
    import polars as pl

    series = [
        pl.Series(field.name, kind.stored(field.values(0, table.rows)), _polars_type(str(kind.arrow)))
        for field, kind in zip(table.fields, kinds, strict=True)
    ]
    pl.DataFrame(series).write_parquet(file, compression="zstd", row_group_size=_ROWS)


def _polars_type(name: str) -> Any:
    import polars as pl

    if name.startswith("list<"):
        return pl.List(_polars_type(name.removeprefix("list<").removesuffix(">")))
    names = {"double": "Float64", "bool": "Boolean", "int64": "Int64", "uint64": "UInt64", "string": "String"}
    return getattr(pl, {**names, "null": "Null"}[name])
