"""A table of several files in the lake beside a store, and a model that scores it part by part."""

import os
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from ml_core import train_model
from ml_core.datasets.reopening import Reopening, Stores
from ml_core.digests import sha256
from ml_core.errors import ObjectExists
from ml_core.jobs.checkpoints import FolderCheckpoints
from ml_core.jobs.kept_plan import kept_plan
from ml_core.model.model import Model
from ml_core.registry.registry import Version, artifact_key
from ml_core.scoring import part
from ml_core.scoring.driver import Delivery, score
from ml_core.scoring.places import folder_of
from ml_core.scoring.request import ScoringRequest
from ml_core.training.history import History
from tests.contract.backend import Address, backend, stores
from tests.contract.faults import FaultyStore, do_twice, fail_before, lose_answer
from tests.contract.places import Place

if TYPE_CHECKING:
    from ml_core.algorithms.contract import Checkpoints

TRAINED = "f" * 28
FILES = {
    "0.csv": b"id,x0,x1\na,1,2\nb,,2\n",
    "1.csv": b"id,x0,x1\nc,3,3\n",
    "2.csv": b"id,x0,x1\nd,1e999,1\ne,0,0\nf,many,0\n",
}
WRITTEN = ["part-00000.csv", "part-00001.csv", "part-00002.csv", "rejects-00000.csv", "rejects-00002.csv"]


@cache
def model() -> Model:
    """The model, trained once."""
    return train_model([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 2.0]], ["no", "no", "yes", "yes"])


def kill_before(_operation: Callable[[], object]) -> object:
    """The process is killed before it asks."""
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def kill_after(operation: Callable[[], object]) -> object:
    """It is killed when the store has done what it asked."""
    try:
        operation()
    finally:
        os.kill(os.getpid(), signal.SIGKILL)
    return None


_FAULTS = {each.__name__: each for each in (kill_before, kill_after, fail_before, lose_answer, do_twice)}


def faulty_stores(cloud: str, address: Address, nth: int, fault: str) -> Stores:
    """The stores at an address, of which the own one goes wrong once."""
    opened = stores(cloud, address)
    return opened._replace(store=FaultyStore(opened.store, nth, _FAULTS[fault]))


class ScoredTable:
    """The table and what is written of it; made once for each place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.store = place.open()
        folder = os.urandom(6).hex()
        ours = backend(place.cloud)
        ours.lake(place.address, {f"{folder}/{name}": data for name, data in FILES.items()})
        artifact = model().to_bytes()
        with suppress(ObjectExists):
            self.store.put_if_absent(artifact_key(TRAINED), artifact)
        version = Version(1, TRAINED, "", sha256(artifact), len(artifact), model().algorithm)
        self.to = f"{ours.lake_address(place.address)}out/{folder}/"
        uri = f"{ours.lake_address(place.address)}{folder}/"
        request = ScoringRequest(uri, keep=("id",), written="csv", outputs=("label", "probability"))
        self.request = request.chosen(model(), version)

    def reopening(self, nth: int = 0, fault: str = "") -> Reopening:
        """How the stores are opened; with a fault, so that they go wrong."""
        if not fault:
            return self.place.reopening
        arguments = {**self.place.reopening.arguments, "nth": nth, "fault": fault}
        return Reopening("tests.contract.scored_table:faulty_stores", arguments)

    def without_address(self, data: bytes) -> bytes:
        """What a file says without where the table is."""
        return data.replace(self.request.uri.encode(), b"")

    def written(self, job: str) -> dict[str, bytes]:
        """The files of a job, but for the counts."""
        folder = folder_of(job)
        keys = [found.key for found in self.store.list(folder).objects if "/counts/" not in found.key]
        return {key.removeprefix(folder): self.store.get(key).data for key in keys}


def score_once(
    reopening: Reopening, request: ScoringRequest, job: str, *, deadline: float | None = None
) -> dict[str, Any]:
    """What the child process of one delivery does, which has read no model yet."""
    part._READ.clear()
    with tempfile.TemporaryDirectory() as folder:
        checkpoints: Checkpoints = FolderCheckpoints(folder, History())
        delivery = Delivery(
            job,
            reopening,
            lambda make: kept_plan(reopening.open().store, job, make),
            checkpoints,
            lambda *_: None,
            folder,
            deadline,
        )
        return score(request, delivery)
