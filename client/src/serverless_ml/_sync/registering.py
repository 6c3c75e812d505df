# Made of `_async/registering.py` by `client/generate_sync.py`: change that one.
"""Has the service take what was made elsewhere as a version: an artifact, or a graph of ONNX."""

from __future__ import annotations

import hashlib
import os
from typing import IO, TYPE_CHECKING, Any

from serverless_ml._sync.runtime import blocking
from serverless_ml._sync.training import submit
from serverless_ml._sync.uploads import put
from serverless_ml.references import model_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from serverless_ml._sync.jobs import JobHandle
    from serverless_ml._sync.requests import Requests


_PART = 1 << 20


def register(
    requests: Requests,
    model: str,
    file: IO[bytes],
    origin: Mapping[str, Any] | None,
    seen: Callable[[int, int], None] = lambda *_: None,
    *,
    on_interrupt: str = "leave",
) -> JobHandle:
    """Upload an artifact and have it registered; the job that checks it.

    Args:
        requests: whom to ask.
        model: of which it becomes a version.
        file: the artifact.
        origin: what is said of where it came from: `description`, `library_versions`, `version`.
        seen: told how many bytes of how many were sent.
        on_interrupt: as of `submit`.
    """
    uploaded = _uploaded(requests, model, file, seen)
    body = {**uploaded, **({"origin": dict(origin)} if origin else {})}
    return submit(requests, model, body, verb="register", on_interrupt=on_interrupt)


def import_graph(
    requests: Requests,
    model: str,
    file: IO[bytes],
    said: Mapping[str, Any],
    seen: Callable[[int, int], None] = lambda *_: None,
    *,
    on_interrupt: str = "leave",
) -> JobHandle:
    """Upload a file of ONNX and have it imported; the job that checks and tries it.

    Args:
        requests: whom to ask.
        model: of which it becomes a version.
        file: the graph.
        said: what its inputs and outputs are called, as `:import` takes it.
        seen: told how many bytes of how many were sent.
        on_interrupt: as of `submit`.
    """
    body = {**_uploaded(requests, model, file, seen), **said}
    return submit(requests, model, body, verb="import", on_interrupt=on_interrupt)


def _uploaded(
    requests: Requests, model: str, file: IO[bytes], seen: Callable[[int, int], None]
) -> dict[str, Any]:
    """The file at the service, as requests name it."""
    digest = blocking(lambda: _digest(file))
    signed = requests.post(f"{model_path(model)}:upload")
    put(requests, signed, file, seen)
    return {"uri": signed["uri"], "sha256": digest}


def _digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while part := file.read(_PART):
        found.update(part)
    return found.hexdigest()


def made_artifact(what: Any, X: Any, y: Any) -> tuple[str | os.PathLike[str] | bytes, dict[str, Any]]:
    """An artifact as a path or as bytes, and what is said of its origin.

    Raises `InvalidInput` for an object that cannot be said as an artifact.
    """
    if isinstance(what, str | os.PathLike | bytes) and X is None and y is None:
        return what, {}
    from serverless_ml import offline

    content, told = offline.artifact(what, X=X, y=y)  # type: ignore[attr-defined, unused-ignore]
    return content, told
