"""What the functions stand on, from the environment that config.yml gives them."""

from __future__ import annotations

from ml_core.errors import NotConfigured, ObjectNotFound

DISK_IS_MEMORY = False
ONE_AT_A_TIME = True  # who waits holds an instance
STORE_VARIABLES: tuple[str, ...] = ("ML_BUCKET", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
_ALIASES = ("-s3alias", "--ol-s3")  # of access points, and of those that change what is read
_OWN_FOLDERS = frozenset(("", "datasets", "descriptions", "uploads", "jobs", "scores", "artifacts"))

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ml_core.engines import Engine
    from ml_core.notices.outbox import Sender
    from ml_core.ports import OtherBucket, Signer
    from providers.aws.runtime.graphs import LambdaGraphs
    from providers.aws.runtime.queue import SqsQueue
    from providers.object_storage import ObstoreStore


def store(env: Mapping[str, str]) -> ObstoreStore:
    """The object store on the bucket ML_BUCKET."""
    from providers.aws.runtime.store import s3_store

    return s3_store(_named(env, "ML_BUCKET"), env=env)


def data_bucket(env: Mapping[str, str], scheme: str, name: str) -> OtherBucket:
    """Another bucket, to read from or write to, in whatever region.

    Raises `ObjectNotFound` for one of another cloud.
    """
    from providers.aws.runtime.store import region_of, s3_store

    if scheme != "s3":
        raise ObjectNotFound(f"{scheme}:// addresses are read on another cloud")
    return s3_store(name, env={**env, "AWS_REGION": region_of(name, env)})


def own_key(env: Mapping[str, str], scheme: str, name: str, key: str) -> str | None:
    """The key in the bucket ML_BUCKET that an address leads to; None where it is another bucket.

    The alias of an access point is a bucket's second name, and does not tell whose: it may be ours, where the
    key is one of ours.
    """
    is_alias = name.endswith(_ALIASES) and key.partition("/")[0] in _OWN_FOLDERS
    return key if scheme == "s3" and (name == env.get("ML_BUCKET") or is_alias) else None


def signer(env: Mapping[str, str]) -> Signer:
    """Signs addresses of objects in the bucket ML_BUCKET."""
    from providers.aws.runtime.signer import S3Signer

    return S3Signer(_named(env, "ML_BUCKET"), env)


def queue(env: Mapping[str, str]) -> SqsQueue:
    """The queue at ML_QUEUE_URL, with ML_DEAD_LETTERS_URL for dead letters."""
    from providers.aws.runtime.queue import SqsQueue

    return SqsQueue(_named(env, "ML_QUEUE_URL"), env.get("ML_DEAD_LETTERS_URL", ""), env)


def engine(env: Mapping[str, str], name: str) -> Engine:
    """Lithops, whose workers are the function ML_LITHOPS_FUNCTION. Raises `NotConfigured`."""
    from ml_core.engines import Engine

    if name != "lithops":
        raise NotConfigured(f"the setting ML_ENGINES names {name}, which cannot be run on this cloud")
    return Engine(
        "providers.mappers.lithops:on_functions",
        {
            "bucket": _named(env, "ML_LITHOPS_BUCKET"),
            "function": _named(env, "ML_LITHOPS_FUNCTION"),
            "region": env.get("AWS_REGION", ""),
            "workers": int(env.get("ML_LITHOPS_WORKERS") or 100),
            "seconds": 900,  # Lambda's maximum, which lithops.js gives the workers
        },
    )


def topic(env: Mapping[str, str], name: str) -> Sender:
    """The topic of SNS with an ARN. Raises `NotConfigured` for another name."""
    from providers.aws.runtime.topic import SnsTopic

    parts = name.split(":")
    if len(parts) != 6 or (parts[0], parts[2]) != ("arn", "sns") or parts[5].endswith(".fifo"):
        raise NotConfigured("the setting ML_TOPIC: expected the ARN of a topic of SNS")
    return SnsTopic(name, env)


def graphs(env: Mapping[str, str]) -> LambdaGraphs | None:
    """Calls the function ML_ONNX (its name or ARN), which runs imported models; None where there is none."""
    at = env.get("ML_ONNX")
    if not at:
        return None
    from providers.aws.runtime.graphs import LambdaGraphs

    return LambdaGraphs(at, env)


def key_records(env: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """The records below the path ML_KEYS_PARAMETER, or None when there are none. Raises `Unavailable`."""
    from providers.aws.runtime.keys import read_records

    return read_records(_named(env, "ML_KEYS_PARAMETER"), env)


def _named(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        raise NotConfigured(
            f"the function's environment lacks {name}; deploy it with providers/aws/config.yml"
        )
    return value
