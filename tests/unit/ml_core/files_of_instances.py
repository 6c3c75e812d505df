"""Files of pictures, sequences and texts as people write them, and requests to train on them."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arro3.core import Array, DataType, RecordBatch, Table, list_array
from arro3.io import write_parquet

from ml_core.errors import InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.tables.memory import NO_BUDGET, Budget
from ml_core.training.instances import TrainingInstances
from ml_core.training.request import TrainingRequest, check_request

LIMITS = Limits(max_rows=10**6)
Columns = dict[str, list[Any]]


def rows_of(columns: Columns) -> list[list[Any]]:
    return [list(row) for row in zip(*columns.values(), strict=True)]


def csv_file(columns: Columns) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows_of(columns)])
    return text.getvalue().encode()


def json_lines(columns: Columns) -> bytes:
    rows = (dict(zip(columns, row, strict=True)) for row in rows_of(columns))
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def parquet(columns: Columns) -> bytes:
    file = io.BytesIO()
    write_parquet(
        Table.from_batches([RecordBatch.from_pydict({n: arrow(v) for n, v in columns.items()})]), file
    )
    return file.getvalue()


def arrow(values: list[Any]) -> Array:
    """Values as Arrow has them; lists of numbers, or of lists of them, as lists of float64."""
    first = next(value for value in values if value is not None)
    if isinstance(first, list):
        lengths = [len(value) if value else 0 for value in values]
        inner = arrow([step for value in values if value for step in value])
        offsets = Array.from_numpy(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        return list_array(offsets, inner, mask=Array([value is None for value in values], DataType.bool()))
    kinds = {str: DataType.string(), bool: DataType.bool(), int: DataType.int64(), float: DataType.float64()}
    kind = kinds[float if isinstance(first, int) and float in set(map(type, values)) else type(first)]
    return Array(values, kind)


FORMATS: dict[str, Callable[[Columns], bytes]] = {"csv": csv_file, "jsonl": json_lines, "parquet": parquet}


def check(algorithm: str, data: dict[str, Any], **body: Any) -> TrainingRequest:
    """A request on a file, as it is stored."""
    sent = {"algorithm": algorithm, "data": {"uri": "file:t", **data}, **body}
    request = check_request(json.loads(json.dumps(sent)), LIMITS, lambda _: None)
    return TrainingRequest.from_bytes(request.to_bytes())


def read(
    path: Path,
    content: bytes | str,
    algorithm: str,
    data: dict[str, Any],
    budget: Budget = NO_BUDGET,
    **body: Any,
) -> TrainingRequest:
    """The same with what is in the file."""
    file = path / "data"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return check(algorithm, data, **{"test_fraction": 0, **body}).with_rows(str(file), budget)


def instances(request: TrainingRequest) -> TrainingInstances:
    assert isinstance(request.data, TrainingInstances)
    return request.data


def sequences(request: TrainingRequest) -> list[list[list[float]]]:
    """Each sequence as lists of steps."""
    samples: Any = instances(request).samples()
    ends = zip(samples.offsets, samples.offsets[1:], strict=False)
    return [samples.steps[begin:end].tolist() for begin, end in ends]


def texts(request: TrainingRequest) -> list[str]:
    samples: Any = instances(request).samples()
    return list(samples.texts)


def pictures(request: TrainingRequest) -> np.ndarray[Any, Any]:
    samples: Any = instances(request).samples()
    array: np.ndarray[Any, Any] = samples.array
    return array


def labels(request: TrainingRequest) -> list[Any]:
    targets = instances(request).targets
    assert targets is not None
    return list(targets)


def faults(work: Callable[[], object]) -> list[tuple[str, str]]:
    """Path and message of each fault that is refused."""
    with pytest.raises(InvalidInput) as refused:
        work()
    return [(fault.path, fault.message) for fault in refused.value.faults]
