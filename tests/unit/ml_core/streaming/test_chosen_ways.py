"""How a job's child trains on a table: in memory where it fits, else part by part from where it is."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.datasets.reopening import Reopening
from ml_core.inputs.rows import Limits
from ml_core.jobs.fit_child import FitChild, FittedArtifact, RequestRefused, Result
from ml_core.jobs.surroundings import Surroundings
from ml_core.model.model import Model
from ml_core.training.request import TrainingRequest, check_request
from tests.unit.ml_core.streaming.test_looking import cut_csv
from tests.unit.test_real_tables import as_csv, table

JOB = "0199a0b0c0d0"


def request_of(
    uri: str, target: str | None, algorithm: str = "logistic_regression", **members: Any
) -> TrainingRequest:
    data = {"uri": uri, **({"target": target} if target else {})}
    return check_request(
        {"algorithm": algorithm, "data": data, **members}, Limits(max_rows=10**7), lambda _: None
    )


class Trainer:
    """A folder of data, and the children that train on it."""

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        self.data.mkdir()
        self._root = root
        self._children = 0

    def folder(self) -> Path:
        """A folder for one more child."""
        self._children += 1
        folder = self._root / f"child {self._children}"
        folder.mkdir()
        return folder

    def killed(self, request: TrainingRequest, saved: int) -> bytes:
        """The checkpoint of a child that is killed once it has saved so many."""
        folder = self.folder()
        path = folder / "checkpoint"
        seen: set[int] = set()
        with self.child(request, folder) as child:
            while len(seen) < saved and not child.ended.wait(0.002):
                with suppress(FileNotFoundError):
                    seen.add(path.stat().st_ino)
        return path.read_bytes()

    def ended(
        self,
        request: TrainingRequest,
        *,
        fetched: Path | None = None,
        memory: int | None = None,
        checkpoint: bytes | None = None,
    ) -> Result:
        """What becomes of a child."""
        folder = self.folder()
        if checkpoint is not None:
            (folder / "checkpoint").write_bytes(checkpoint)
        if fetched is not None:
            os.link(fetched, folder / "data")
        with self.child(request, folder, memory) as child:
            assert child.ended.wait(300)
            return child.result()

    def child(self, request: TrainingRequest, folder: Path, memory: int | None = None) -> FitChild:
        """A child that opens the data folder."""
        environment = {"ML_ROOT": str(self._root / "root"), "ML_DATA_ROOT": str(self.data)}
        stores = Reopening("handlers.local.services:open_stores", {"environment": environment})
        Surroundings(JOB, stores).write(str(folder))
        return FitChild(request.to_bytes(), str(folder), memory=memory)

    def trained(self, request: TrainingRequest, **options: Any) -> FittedArtifact:
        """The model of a child."""
        found = self.ended(request, **options)
        assert isinstance(found, FittedArtifact), found
        return found


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    return Trainer(tmp_path)


def test_a_folder_that_fits_memory_gives_the_bits_of_one_file(trainer: Trainer, tmp_path: Path) -> None:
    content = as_csv(table("credit").frame)
    folder = trainer.data / "credit"
    folder.mkdir()
    for name, part in cut_csv(content, 7).items():
        (folder / name).write_bytes(part)
    (tmp_path / "whole").write_bytes(content)
    one = trainer.trained(request_of("file:credit.csv", "Status"), fetched=tmp_path / "whole")
    many = trainer.trained(request_of("file:credit/", "Status"))
    assert many.artifact == one.artifact
    assert one.manifest["engine"]["name"] == many.manifest["engine"]["name"] == "memory"
    assert many.manifest["data"]["files"] == 7
    own = {name for name in one.manifest if one.manifest[name] != many.manifest[name]}
    assert own <= {"data", "importance"}, own
    assert set(many.manifest) - set(one.manifest) == {"data"}


def test_a_request_can_say_that_the_table_is_read_part_by_part(trainer: Trainer) -> None:
    (trainer.data / "credit.csv").write_bytes(as_csv(table("credit").frame))
    found = trainer.trained(request_of("file:credit.csv", "Status", engine="streamed"))
    engine = found.manifest["engine"]
    assert (engine["name"], engine["reason"]) == ("streamed", "the request says so")
    assert engine["passes"] >= 4
    assert found.manifest["data"]["uri"] == "file:credit.csv"
    assert Model.from_bytes(found.artifact).classes == ("bad", "good")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process's memory")
def test_a_table_past_the_memory_is_read_part_by_part(trainer: Trainer) -> None:
    rows, random = 150_000, np.random.default_rng(0)
    X = random.integers(0, 10, (rows, 20))
    y = (X[:, 0] + random.integers(0, 5, rows)) > 6
    lines = [",".join(map(str, row)) for row in X.tolist()]
    header = ",".join(f"c{place}" for place in range(20))
    text = "\n".join(f"{line},{'yes' if own else 'no'}" for line, own in zip(lines, y.tolist(), strict=True))
    path = trainer.data / "large.csv"
    path.write_text(f"{header},y\n{text}\n")
    memory = 360 << 20
    request = request_of("file:large.csv", "y", test_fraction=0.1)
    found = trainer.trained(request, fetched=path, memory=memory)
    assert found.manifest["engine"]["name"] == "streamed"
    assert found.manifest["engine"]["reason"] == "the table does not fit memory"
    assert found.manifest["rows"] + found.manifest["test_rows"] == rows
    assert found.manifest["metrics"]["test"]["accuracy"] > 0.75
    refused = trainer.ended(
        request_of("file:large.csv", "y", "svm", hyperparameters={"kernel": "rbf"}),
        fetched=path,
        memory=memory,
    )
    assert isinstance(refused, RequestRefused)
    assert refused.error["code"] == "too_large"
    assert "linear" in refused.error["message"] or "part by part" in refused.error["message"]


@pytest.mark.parametrize("saved", [1, 5])
def test_a_child_that_is_killed_is_continued_to_the_same_bits(trainer: Trainer, saved: int) -> None:
    (trainer.data / "credit.csv").write_bytes(as_csv(table("credit").frame))
    request = request_of("file:credit.csv", "Status", engine="streamed")
    unbroken = trainer.trained(request)
    again = trainer.trained(request, checkpoint=trainer.killed(request, saved))
    assert again.artifact == unbroken.artifact
    assert again.manifest["metrics"] == unbroken.manifest["metrics"]
    assert again.manifest["engine"] == unbroken.manifest["engine"]


def test_what_was_planned_at_the_first_look_is_read_ever_after(trainer: Trainer) -> None:
    path = trainer.data / "credit.csv"
    path.write_bytes(as_csv(table("credit").frame))
    request = request_of("file:credit.csv", "Status", engine="streamed")
    trainer.trained(request)
    path.write_bytes(as_csv(table("credit").frame.head(500)))
    found = trainer.ended(request)
    assert isinstance(found, RequestRefused)
    assert found.error["code"] == "data_changed"
    assert json.dumps(found.error)
