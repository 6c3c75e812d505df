"""Pictures, sequences and texts as files to train on: NPZ where they are an array, else a table of them."""

import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from serverless_ml.tables.cells import json_values
from serverless_ml.tables.columns import Column, Table
from serverless_ml.tables.files import NPZ, UploadFile, write_table
from serverless_ml.tables.instances import Instances
from serverless_ml.tables.refusing import refuse
from serverless_ml.tables.training_columns import free_name, labels_beside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_IN_MEMORY = 1 << 25
_SEQUENCE, _TEXT = "x0", "text"


def instances_as_file(
    table: Table | Instances,
    target: str | None,
    targets: Any,
    *,
    algorithm: str,
    format: str | None,  # noqa: A002
) -> UploadFile | None:
    """The file of instances; None for a table that is one of columns. Raises `InvalidInput`."""
    if isinstance(table, Table):
        if table.named:
            return None
        # Rows of numbers that are all as long: for a recurrent network each is a sequence.
        columns = table.fields
        values = [list(row) for row in zip(*(field.values(0, table.rows) for field in columns), strict=True)]
        table = Instances(table.native, "sequences", values)
    if targets is None:
        refuse(f"expected a label for each of the {table.rows}: targets=", "targets")
    labels, rows, notes = labels_beside(targets, table.native)
    if rows != table.rows:
        refuse(f"expected a label for each, got {rows} labels for {table.rows}", "targets")
    notes = (*table.notes, *notes)
    if table.kind == "arrays":
        return _write_arrays(table.values, labels.values(0, rows), notes)
    fields, data = _fields(table, algorithm)
    name = free_name(target or labels.name, [field.name for field in fields])
    whole = Table(table.native, (*fields, labels._replace(name=name)), rows, named=True, notes=notes)
    return write_table(whole, name, data, format=format)


def _fields(instances: Instances, algorithm: str) -> tuple[list[Column], dict[str, Any]]:
    """The columns of texts or sequences, and what is to be said of them."""
    if instances.kind == "texts":
        name = getattr(instances.native, "name", None)
        called = name if isinstance(name, str) and name else _TEXT
        return [_listed(called, instances.values)], {"text": called}
    values = instances.values
    if any(isinstance(value, bytes) for value in values) or algorithm == "cnn":
        refuse("pictures to train on are an array, or a list of arrays of one shape")
    if isinstance(values[0], Mapping):
        names = list(values[0])
        for place, value in enumerate(values):
            if not isinstance(value, Mapping) or list(value) != names:
                refuse(f"expected the channels {', '.join(names)}", f"X[{place}]")
        return [_listed(name, [each[name] for each in values]) for name in names], {"features": names}
    return [_listed(_SEQUENCE, values)], {"features": [_SEQUENCE]}


def _listed(name: str, values: Sequence[Any]) -> Column:
    return Column(name, lambda start, stop: values[start:stop])


def _write_arrays(array: "NDArray[Any]", labels: list[Any], notes: Sequence[str]) -> UploadFile:
    import numpy as np

    y = _label_array(labels)
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it is handed on
    try:
        np.savez_compressed(file, x=array, y=y)
        return UploadFile(NPZ, file, {}, notes)
    except BaseException:
        file.close()
        raise


def _label_array(labels: list[Any]) -> "np.ndarray[Any, Any]":
    import numpy as np

    kinds = set(map(type, json_values(labels)))
    if kinds not in ({int}, {str}, {bool}):
        refuse("expected whole numbers, words or truth values, all of one kind and none missing", "targets")
    return np.array(labels)
