"""What the functions stand on, from the environment that `deploying/desired.py` gives them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_core.errors import NotConfigured, ObjectNotFound

# Cloud Tasks gives an HTTP target at most 30 minutes to answer, and counts from when it sends the task: an
# instance that has to be started first takes some of that.
LONGEST_DEADLINE = 1800.0
STARTING = 30.0

DISK_IS_MEMORY = True  # Cloud Run's file system is held in memory
ONE_AT_A_TIME = False
STORE_VARIABLES: tuple[str, ...] = (
    "ML_BUCKET",
    "STORAGE_EMULATOR_HOST",
    "GOOGLE_ENDPOINT_URL",
    "GOOGLE_ENDPOINT_URL_STORAGE",
)

if TYPE_CHECKING:
    from ml_core.engines import Engine
    from ml_core.notices.outbox import Sender
    from ml_core.ports import JobQueue, OtherBucket, Signer
    from providers.google.runtime.graphs import CloudRunGraphs
    from providers.object_storage import ObstoreStore


def store(env: Mapping[str, str]) -> "ObstoreStore":
    """The object store on the bucket ML_BUCKET."""
    from providers.google.runtime.store import gcs_store

    return gcs_store(_named(env, "ML_BUCKET"), env=env)


def data_bucket(env: Mapping[str, str], scheme: str, name: str) -> "OtherBucket":
    """Another bucket, to read from or write to. Raises `ObjectNotFound` for one of another cloud."""
    from providers.google.runtime.store import gcs_store

    if scheme != "gs":
        raise ObjectNotFound(f"{scheme}:// addresses are read on another cloud")
    return gcs_store(name, env=env)


def own_key(env: Mapping[str, str], scheme: str, name: str, key: str) -> str | None:
    """The key in the bucket ML_BUCKET that an address leads to; None where it is another bucket."""
    return key if scheme == "gs" and name == env.get("ML_BUCKET") else None


def signer(env: Mapping[str, str]) -> "Signer":
    """Signs addresses of objects in the bucket ML_BUCKET."""
    from providers.google.runtime.signer import GoogleSigner

    return GoogleSigner(_named(env, "ML_BUCKET"), env)


def queue(env: Mapping[str, str]) -> "JobQueue":
    """The queue ML_QUEUE, whose tasks go to ML_TRAIN_URL in the name of ML_CALLER."""
    from providers.google.runtime.queue import TasksQueue

    return TasksQueue(
        _named(env, "ML_QUEUE"),
        _named(env, "ML_TRAIN_URL"),
        _named(env, "ML_CALLER"),
        env,
        store=lambda: store(env),
    )


def engine(env: Mapping[str, str], name: str) -> "Engine":  # noqa: ARG001 - as every wiring has it
    """No engine was tried on this cloud. Raises `NotConfigured`."""
    raise NotConfigured(
        f"the setting ML_ENGINES names {name}, and no engine was tried on this cloud (docs/engines.md)"
    )


def topic(env: Mapping[str, str], name: str) -> "Sender":
    """The topic of Pub/Sub with a path. Raises `NotConfigured` for another name."""
    from providers.google.runtime.topic import PubSubTopic

    parts = name.split("/")
    if len(parts) != 4 or parts[::2] != ["projects", "topics"] or not all(parts):
        raise NotConfigured("the setting ML_TOPIC: expected projects/<project>/topics/<topic>")
    return PubSubTopic(name, env)


def graphs(env: Mapping[str, str]) -> "CloudRunGraphs | None":
    """Calls the function at the address ML_ONNX, which runs imported models; None where there is none."""
    at = env.get("ML_ONNX")
    if not at:
        return None
    from providers.google.runtime.graphs import CloudRunGraphs

    return CloudRunGraphs(at, env)


def key_records(env: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """The records in the file ML_KEYS_FILE, or None when there are none. Raises `Unavailable`."""
    from providers.google.runtime.keys import read_records

    return read_records(_named(env, "ML_KEYS_FILE"))


def train_seconds(env: Mapping[str, str]) -> float:
    """How long a training may take before the platform ends it: ML_TRAIN_SECONDS, half an hour without it."""
    return float(env.get("ML_TRAIN_SECONDS") or LONGEST_DEADLINE) - STARTING


def _named(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        raise NotConfigured(f"the function's environment lacks {name}; `serverless deploy` sets it")
    return value
