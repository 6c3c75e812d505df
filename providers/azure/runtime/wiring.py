"""What the adapter hands to the application on Azure: the store, the queue, the keys."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_core.errors import NotConfigured, ObjectNotFound
from ml_core.ports import JobQueue, ObjectStore, OtherBucket, Signer
from providers.azure.runtime.connection import connection
from providers.azure.runtime.names import CONTAINER, QUEUE

if TYPE_CHECKING:
    from ml_core.engines import Engine
    from ml_core.notices.outbox import Sender
    from providers.azure.runtime.graphs import FunctionAppGraphs

DISK_IS_MEMORY = False
ONE_AT_A_TIME = False
# Not the connection string of an emulator, which holds a key: who has the same environment has it too.
STORE_VARIABLES: tuple[str, ...] = (
    "ML_STORAGE__blobServiceUri",
    "ML_STORAGE__queueServiceUri",
    "ML_CONTAINER",
)


def store(env: Mapping[str, str] = os.environ) -> ObjectStore:
    """The container of models and jobs. Raises `NotConfigured`."""
    from providers.azure.runtime.store import blob_store

    return blob_store(connection(env), env.get("ML_CONTAINER", CONTAINER), env)


def data_bucket(env: Mapping[str, str], scheme: str, name: str) -> OtherBucket:
    """Another container of the same storage account, or `container@account`.

    Raises:
        ObjectNotFound: for a bucket of another cloud.
    """
    from providers.azure.runtime.store import blob_store

    if scheme != "az":
        raise ObjectNotFound(f"{scheme}:// addresses are read on another cloud")
    container, _, account = name.partition("@")
    ours = connection(env)
    return blob_store(ours.beside(account) if account else ours, container, env)


def own_key(env: Mapping[str, str], scheme: str, name: str, key: str) -> str | None:
    """The key in the container of models and jobs that an address leads to; None where it is another."""
    container, _, account = name.partition("@")
    if scheme != "az" or container != env.get("ML_CONTAINER", CONTAINER):
        return None
    return key if account in ("", connection(env).account) else None


def signer(env: Mapping[str, str] = os.environ) -> Signer:
    """Signs addresses of blobs in the container of models and jobs. Raises `NotConfigured`."""
    from providers.azure.runtime.signer import BlobSigner

    return BlobSigner(connection(env), env.get("ML_CONTAINER", CONTAINER))


def queue(env: Mapping[str, str] = os.environ) -> JobQueue:
    """The queue of training jobs. Raises `NotConfigured`."""
    from providers.azure.runtime.queue import StorageQueue

    return StorageQueue(connection(env), env.get("ML_QUEUE", QUEUE))


def engine(env: Mapping[str, str], name: str) -> "Engine":  # noqa: ARG001 - as every wiring has it
    """No engine was tried on this cloud. Raises `NotConfigured`."""
    raise NotConfigured(
        f"the setting ML_ENGINES names {name}, and no engine was tried on this cloud (docs/engines.md)"
    )


def topic(env: Mapping[str, str], name: str) -> "Sender":
    """The topic of Event Grid at an endpoint. Raises `NotConfigured` for another name."""
    from providers.azure.runtime.topic import EventGridTopic

    host = name.removeprefix("https://").removesuffix("/api/events")
    if name != f"https://{host}/api/events" or not host.endswith(".eventgrid.azure.net") or "/" in host:
        expected = "https://<topic>.<region>-1.eventgrid.azure.net/api/events"
        raise NotConfigured(f"the setting ML_TOPIC: expected {expected}")
    return EventGridTopic(name, env)


def graphs(env: Mapping[str, str] = os.environ) -> "FunctionAppGraphs | None":
    """Calls the app at the address ML_ONNX, which runs imported models; None where there is none."""
    at = env.get("ML_ONNX")
    if not at:
        return None
    from providers.azure.runtime.graphs import FunctionAppGraphs

    return FunctionAppGraphs(at)


def key_records(env: Mapping[str, str] = os.environ) -> list[dict[str, Any]] | None:
    """The records of the keys; None when there are none. Raises `NotConfigured`."""
    from providers.azure.runtime.keys import read_records

    return read_records(env)


def train_seconds(env: Mapping[str, str] = os.environ) -> float:
    """The seconds that a training may take.

    The host's `functionTimeout` less a minute to say how it ended.
    """
    return float(env.get("ML_TRAIN_SECONDS") or 3600) - 60.0
