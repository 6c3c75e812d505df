"""A folder with tables, a model and a store, for jobs that score; other processes open it by its path."""

import csv
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from arro3.core import Array, DataType, Table
from arro3.io import read_parquet, write_parquet

from ml_core.datasets.outputs import OutputPlaces
from ml_core.datasets.reopening import Reopening, Stores
from ml_core.datasets.sources import DataSources, allow_list
from ml_core.digests import sha256
from ml_core.errors import ObjectExists
from ml_core.jobs.checkpoints import FolderCheckpoints
from ml_core.jobs.kept_plan import kept_plan
from ml_core.model.model import Model
from ml_core.registry.registry import Version, artifact_key
from ml_core.scoring.driver import Delivery, score
from ml_core.scoring.request import ScoringRequest
from ml_core.training.history import History
from providers.local.runtime.data_folder import DataFolder
from providers.local.runtime.store import FolderStore

TRAINED, SCORING = "f" * 28, "a" * 28


def open_lake(root: str) -> Stores:
    """The stores of the lake in a folder."""
    store = FolderStore(os.path.join(root, "store"))
    data = DataFolder(os.path.join(root, "data"))
    places = OutputPlaces(allow_list("file:out/", {}, files=True), {}, lambda: data)
    return Stores(store, DataSources(uploads=lambda: store, folder=lambda: data), places)


class Lake:
    """Tables in a folder, and a model that scores them."""

    def __init__(self, root: Path, model: Model) -> None:
        self.root = root
        self.reopening = Reopening(f"{__name__}:open_lake", {"root": str(root)})
        self.store = self.reopening.open().store
        self.model = model
        artifact = model.to_bytes()
        with suppress(ObjectExists):
            self.store.put_if_absent(artifact_key(TRAINED), artifact)
        self.version = Version(1, TRAINED, "", sha256(artifact), len(artifact), model.algorithm)
        self.told: list[tuple[str, float | None]] = []

    def put(self, name: str, data: bytes) -> None:
        path = self.root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def put_parquet(self, name: str, columns: Mapping[str, Any], *, row_group: int = 1 << 20) -> None:
        file = io.BytesIO()
        arrays = {name: _array(values) for name, values in columns.items()}
        write_parquet(Table.from_pydict(arrays), file, max_row_group_size=row_group)
        self.put(name, file.getvalue())

    def request(self, uri: str, **wanted: Any) -> ScoringRequest:
        return ScoringRequest(uri, **wanted).chosen(self.model, self.version)

    def score(
        self, request: ScoringRequest, *, deadline: float | None = None, job: str = SCORING
    ) -> dict[str, Any]:
        """What the child process of a job does, in this one."""
        folder = self.child(job)
        delivery = Delivery(
            job,
            self.reopening,
            lambda make: kept_plan(self.store, job, make),
            FolderCheckpoints(str(folder), History()),
            lambda *told: self.told.append(told),
            str(folder),
            deadline,
        )
        return score(request, delivery)

    def child(self, job: str = SCORING) -> Path:
        """The folder of the job's child process."""
        folder = self.root / f"child-{job}"
        folder.mkdir(exist_ok=True)
        return folder

    def written(self, job: str = SCORING) -> dict[str, bytes]:
        """What the job wrote, by the files' names, but for counts."""
        folder = f"scores/{job}/"
        keys = [found.key for found in self.store.list(folder).objects]
        return {key.removeprefix(folder): self.store.get(key).data for key in keys if "/counts/" not in key}


def _array(values: Any) -> Any:
    if not isinstance(values, list):
        return values
    kinds = {int: DataType.int64(), float: DataType.float64(), str: DataType.string(), bool: DataType.bool()}
    return Array(values, kinds[type(next(value for value in values if value is not None))])


def table_of(data: bytes) -> dict[str, list[Any]]:
    """The columns of a Parquet file."""
    table = read_parquet(io.BytesIO(data)).read_all()
    return {name: list(table.column(name).to_pylist()) for name in table.column_names}


def lines_of(data: bytes) -> list[list[str]]:
    """The records of a CSV file."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))
