"""Frames, arrays and lists as the service takes them, and its answers as the same kind.

cells.py               one cell as JSON has it
columns.py             a table: its columns, and its rows from one to another
reading.py             the door: whatever a person holds
frames.py arrays.py instances.py
chunks.py              bodies of requests, each below the service's limits
files.py               a file to train on, and what is to be said of it
answers.py             an answer as the kind of thing that was asked
asking.py              what a request says besides

Pure: nothing here asks the service. narwhals, numpy, pandas, polars and pyarrow are imported where what a
person holds needs them.
"""

from serverless_ml.tables.answers import answer
from serverless_ml.tables.asking import frame, instances, labels, takes_bytes, unknown_columns
from serverless_ml.tables.chunks import Chunk, Chunks, advice, chunks, place
from serverless_ml.tables.columns import Table
from serverless_ml.tables.files import UploadFile, as_file
from serverless_ml.tables.instances import Instances
from serverless_ml.tables.reading import read

__all__ = [
    "Chunk",
    "Chunks",
    "Instances",
    "Table",
    "UploadFile",
    "advice",
    "answer",
    "as_file",
    "chunks",
    "frame",
    "instances",
    "labels",
    "place",
    "read",
    "takes_bytes",
    "unknown_columns",
]
