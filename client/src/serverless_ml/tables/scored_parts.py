"""The files of a scored table, read back: as one frame, and the rows that were rejected."""

import csv
import io
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import IO, Any

from serverless_ml.errors import NotInstalled

_LIBRARIES = ("pandas", "polars", "pyarrow")


def frame_of_parts(parts: Sequence[Path], like: Any = None) -> Any:
    """All rows of the parts, in their order, as one frame.

    Args:
        parts: files of one format, Parquet or CSV.
        like: a frame whose library reads them; else the first that is installed of pandas, polars, pyarrow.

    Raises `NotInstalled`.
    """
    ending = parts[0].suffix.removeprefix(".") if parts else "parquet"
    own = type(like).__module__.partition(".")[0]
    for library in dict.fromkeys((own, *_LIBRARIES)):
        read = _READERS.get((library, ending))
        if read is not None and _is_there(library, ending):
            return read(parts)
    needed = "pandas and pyarrow, polars, or pyarrow" if ending == "parquet" else "pandas, polars or pyarrow"
    raise NotInstalled(
        f"a frame of {ending} files takes {needed}, and none is installed here: `pip install polars`; "
        "download(folder) writes the files without them"
    )


def rejects_of_parts(parts: Sequence[Path], limit: int) -> list[dict[str, Any]]:
    """The first rows of files of rejects, in their order; the line as a number."""
    found: list[dict[str, Any]] = []
    for part in parts:
        with part.open(encoding="utf-8", newline="") as file:
            for row in islice(csv.DictReader(file), limit - len(found)):
                line = row.get("line") or ""
                found.append({**row, "line": int(line) if line.isdecimal() else None})
    return found


def joined_csv(parts: Sequence[Path], into: IO[bytes]) -> None:
    """Write CSV files with the same header one after another: the header once. Raises `OSError`."""
    for place, part in enumerate(parts):
        with part.open("rb") as file:
            if place:
                _pass_header(file)
            shutil.copyfileobj(file, into, 1 << 20)


def _pass_header(file: IO[bytes]) -> None:
    """Go past the first record, whose names may hold line breaks between quotes."""
    quotes = 0
    for line in file:
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            return


def _is_there(library: str, ending: str) -> bool:
    needed = (library, "pyarrow") if (library, ending) == ("pandas", "parquet") else (library,)
    return all(each in sys.modules or find_spec(each) is not None for each in needed)


def _whole_csv(parts: Sequence[Path]) -> io.BytesIO:
    whole = io.BytesIO()
    joined_csv(parts, whole)
    whole.seek(0)
    return whole


def _pandas_parquet(parts: Sequence[Path]) -> Any:
    import pandas as pd

    frames = [pd.read_parquet(part) for part in parts]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _polars_parquet(parts: Sequence[Path]) -> Any:
    import polars as pl

    return pl.read_parquet([*parts]) if parts else pl.DataFrame()


def _pyarrow_parquet(parts: Sequence[Path]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pa.concat_tables([pq.read_table(part) for part in parts]) if parts else pa.table({})


def _pandas_csv(parts: Sequence[Path]) -> Any:
    import pandas as pd

    return pd.read_csv(_whole_csv(parts), keep_default_na=False, na_values=[""])


def _polars_csv(parts: Sequence[Path]) -> Any:
    import polars as pl

    return pl.read_csv(_whole_csv(parts), infer_schema_length=None)


def _pyarrow_csv(parts: Sequence[Path]) -> Any:
    from pyarrow.csv import read_csv

    return read_csv(_whole_csv(parts))


_READERS: dict[tuple[str, str], Callable[[Sequence[Path]], Any]] = {
    ("pandas", "parquet"): _pandas_parquet,
    ("polars", "parquet"): _polars_parquet,
    ("pyarrow", "parquet"): _pyarrow_parquet,
    ("pandas", "csv"): _pandas_csv,
    ("polars", "csv"): _polars_csv,
    ("pyarrow", "csv"): _pyarrow_csv,
}
