# Made of `_async/training.py` by `client/generate_sync.py`: change that one.
"""Has the service train a version."""

from __future__ import annotations

import os
import re
import uuid
from typing import TYPE_CHECKING, Any

from serverless_ml._sync.jobs import JobHandle
from serverless_ml._sync.runtime import blocking
from serverless_ml._sync.uploads import opened, upload_dataset
from serverless_ml.answers import Job
from serverless_ml.errors import InvalidArgument
from serverless_ml.references import model_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serverless_ml._sync.requests import Requests

_ADDRESS = re.compile(r"(dataset|s3|gs|az)://|file:(?!//)")


def is_address(data: object) -> bool:
    """Whether it is something that the service finds by itself, such as `dataset://churn`."""
    return isinstance(data, str) and _ADDRESS.match(data) is not None


def submit(
    requests: Requests, model: str, body: Mapping[str, Any], *, verb: str = "train"
) -> JobHandle:
    """Send a request for a job, with a key of its own, so that trying again makes no second job."""
    answer = requests.post(
        f"{model_path(model)}:{verb}", body, headers={"idempotency-key": uuid.uuid4().hex}
    )
    return JobHandle(requests, Job.from_json(answer))


def training_body(
    requests: Requests,
    model: str,
    data: Any,
    *,
    target: Any,
    targets: Any,
    features: Any,
    exclude: Any,
    options: Mapping[str, Any] | None,
    dataset: str | None,
    rest: Mapping[str, Any],
) -> dict[str, Any]:
    """The body of `:train`; what the service cannot find by itself is uploaded first.

    Raises `InvalidArgument`, `OSError`, and whatever a request raises.
    """
    body = {name: value for name, value in rest.items() if value is not None}
    if data is None:
        data = f"dataset://{dataset or model}"
    if isinstance(data, list) and not is_address(data):
        return {**body, **_inline(data, targets, features)}
    if is_address(data):
        uri = data
    else:
        file = blocking(lambda: opened(data))
        with file:
            uri = upload_dataset(requests, dataset or model, file)
    described = {"uri": uri, "target": target, "features": features, "exclude": exclude, **(options or {})}
    return {**body, "data": {name: value for name, value in described.items() if value is not None}}


def _inline(data: list[Any], targets: Any, features: Any) -> dict[str, Any]:
    said = {"instances": data, "targets": targets, "feature_names": features}
    return {name: value for name, value in said.items() if value is not None}


def checked_path(data: Any) -> str | os.PathLike[str] | bytes:
    """Data as a path or bytes. Raises `InvalidArgument`."""
    if isinstance(data, str | os.PathLike | bytes):
        return data
    raise InvalidArgument(f"expected a path, an address or rows, got {type(data).__name__}")
