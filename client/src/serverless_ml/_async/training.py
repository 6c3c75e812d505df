"""Has the service train a version."""

from __future__ import annotations

import os
import re
import uuid
import warnings
from typing import TYPE_CHECKING, Any

from serverless_ml._async.jobs import AsyncJobHandle
from serverless_ml._async.runtime import Interrupted, blocking
from serverless_ml._async.uploads import opened, upload_dataset
from serverless_ml.answers import Job
from serverless_ml.errors import InvalidArgument, NotConnected, ServiceError, TableWarning
from serverless_ml.references import model_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from serverless_ml._async.requests import AsyncRequests
    from serverless_ml.tables import UploadFile

_ADDRESSES = "dataset://, s3://, gs://, az:// or file:"
_ADDRESS = re.compile(r"(dataset|s3|gs|az)://|file:(?!//)")


def is_address(data: object) -> bool:
    """Whether it is something that the service finds by itself, such as `dataset://churn`."""
    return isinstance(data, str) and _ADDRESS.match(data) is not None


def address_of(data: object) -> str | None:
    """The address that it is; None for what has to be uploaded. Raises `InvalidArgument` for another one."""
    if isinstance(data, str) and is_address(data):
        return data
    if isinstance(data, str) and "://" in data:
        raise InvalidArgument(f"expected a path, or an address that begins with {_ADDRESSES}, got {data!r}")
    return None


async def submit(
    requests: AsyncRequests,
    model: str,
    body: Mapping[str, Any],
    *,
    verb: str = "train",
    path: str | None = None,
    on_interrupt: str = "leave",
) -> AsyncJobHandle:
    """Send a request for a job, with a key of its own, so that trying again makes no second job.

    It goes to the model, or to `path`, which is a version or an alias of it.

    Interrupted meanwhile, the job may be there or not: with `on_interrupt="cancel"` it is not left to go on.
    """
    path = f"{path or model_path(model)}:{verb}"
    headers = {"idempotency-key": uuid.uuid4().hex}
    try:
        return AsyncJobHandle(requests, Job.from_json(await requests.post(path, body, headers=headers)))
    except Interrupted as interrupted:
        look = f"whether a job of '{model}' goes on is not known; look at .jobs(model={model!r})"
        cancelled = on_interrupt == "cancel" and await _cancelled(requests, path, body, headers)
        interrupted.args = (f"a job of '{model}' is cancelled" if cancelled else look,)
        raise


async def _cancelled(
    requests: AsyncRequests, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> bool:
    """Cancel a job whose request was interrupted: the same request tells which one it is."""
    try:
        job = AsyncJobHandle(requests, Job.from_json(await requests.post(path, body, headers=headers)))
        await job.cancel()
    except (NotConnected, ServiceError):
        return False
    return True


async def training_data(
    requests: AsyncRequests,
    data: Any,
    *,
    dataset: str,
    algorithm: str,
    target: str | None,
    targets: Any,
    features: Sequence[str] | None,
    exclude: Sequence[str] | None,
    options: Mapping[str, Any] | None,
    seen: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """The member `data` of `:train`; what the service cannot find by itself is uploaded first.

    Raises `InvalidInput` for what cannot be sent, `InvalidArgument`, `OSError`, and what a request raises.
    """
    said: dict[str, Any] = {}
    address = address_of(data)
    if data is None:
        said["uri"] = f"dataset://{dataset}"
    elif address is not None:
        said["uri"] = address
    elif isinstance(data, str | os.PathLike | bytes):
        said["uri"] = await _file(requests, data, dataset, seen)
    else:
        names = list(features) if features is not None and target is None else None
        made = await blocking(
            lambda: tables_file(data, names=names, target=target, targets=targets, algorithm=algorithm)
        )
        said = await _table(requests, made, dataset, seen)
    more = {
        "target": target,
        "features": None if features is None else list(features),
        "exclude": None if exclude is None else list(exclude),
        **(options or {}),
    }
    if "types" in said and "types" in more:
        more["types"] = {**said["types"], **more["types"]}
    return {**said, **{name: value for name, value in more.items() if value is not None}}


async def _file(
    requests: AsyncRequests,
    data: str | os.PathLike[str] | bytes,
    dataset: str,
    seen: Callable[[int, int], None],
) -> str:
    with await blocking(lambda: opened(data)) as file:
        return await upload_dataset(requests, dataset, file, seen)


async def _table(
    requests: AsyncRequests, made: UploadFile, dataset: str, seen: Callable[[int, int], None]
) -> dict[str, Any]:
    with made:
        for note in made.notes:
            warnings.warn(note, TableWarning, stacklevel=2)
        uri = await upload_dataset(requests, dataset, made.file, seen)
        return {**made.data, "uri": uri}


def tables_file(
    data: Any, *, names: list[str] | None, target: str | None, targets: Any, algorithm: str
) -> UploadFile:
    """What a person holds, as a file to train on. Raises `InvalidInput` for what cannot be sent."""
    from serverless_ml import tables

    return tables.as_file(tables.read(data, names=names), target, targets, algorithm=algorithm)
