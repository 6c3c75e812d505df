"""The services over a folder: for the laptop's server and trainer, and for `invoke local`."""

from __future__ import annotations

import os

from handlers.services import Services
from handlers.settings import places, read_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.auth import Records
    from handlers.settings import Settings
    from ml_core.datasets.reopening import Reopening, Stores
    from ml_core.engines import Engine
    from ml_core.graphs.contract import GraphRunner
    from ml_core.ports import JobQueue, ObjectStore, OtherBucket, Signer


def folder_services(settings: Settings, key_records: Callable[[], Records | None] | None) -> Services:
    """The services over the folder of the settings.

    Args:
        settings: the settings.
        key_records: reads the records of the keys; None lets everyone in.
    """

    def store() -> ObjectStore:
        from providers.local.runtime.store import FolderStore

        return FolderStore(settings.root)

    def queue() -> JobQueue:
        from providers.local.runtime.queue import FolderQueue

        return FolderQueue(settings.root)

    data_place = os.path.abspath(settings.data_root or os.path.join(settings.root, "data"))

    def data_folder() -> OtherBucket:
        from providers.local.runtime.data_folder import DataFolder

        return DataFolder(data_place)

    def own_key(scheme: str, _name: str, key: str) -> str | None:
        from providers.local.runtime import own_key

        return own_key.own_key(settings.root, os.path.join(data_place, key)) if scheme == "file" else None

    def signer() -> Signer:
        from providers.local.runtime.signer import LocalSigner

        return LocalSigner(settings.root, base=settings.base_path)

    def engine(name: str) -> Engine:
        from providers.local.runtime.engines import engine_here

        return engine_here(name, os.environ)

    def own_graphs(services: Services) -> GraphRunner:
        from ml_core.running.own_graphs import own_graphs

        return own_graphs(services.store, seconds=settings.onnx_seconds)

    def reopening() -> Reopening:
        from ml_core.datasets.reopening import Reopening

        folders = {"ML_ROOT": os.path.abspath(settings.root), "ML_DATA_ROOT": data_place}
        graphs = {"ML_ONNX": settings.onnx, "ML_ONNX_SECONDS": f"{settings.onnx_seconds}"}
        environment = {**folders, **places(settings), **graphs}
        return Reopening("handlers.local.services:open_stores", {"environment": environment})

    return Services(
        settings,
        store=store,
        queue=queue,
        key_records=key_records,
        data_folder=data_folder,
        data_place=data_place,
        own_key=own_key,
        signer=signer,
        engine=engine,
        reopening=reopening,
        graphs=own_graphs,
    )


def open_stores(environment: dict[str, str]) -> Stores:
    """The stores over the folders that this environment names, in a process of its own: see `Reopening`."""
    return folder_services(read_settings(environment), key_records=None).stores
