"""A graph as `:import` takes it, and as it is taken again from a version that another service has."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from serverless_ml.errors import InvalidArgument, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from serverless_ml.arguments import ImportSaid


def graph_to_send(what: Any) -> str | os.PathLike[str] | bytes:
    """A graph as a path or as bytes; one that the package onnx holds is written. Raises `InvalidArgument`."""
    if isinstance(what, str | os.PathLike | bytes):
        return what
    if isinstance(what, bytearray | memoryview):
        return bytes(what)
    if hasattr(what, "SerializeToString") and hasattr(what, "graph"):
        return bytes(what.SerializeToString())
    raise InvalidArgument(
        f"expected a graph of ONNX as a path, as bytes or as an onnx.ModelProto, got {type(what).__name__}; "
        "`register` takes fitted objects of scikit-learn's, and `serverless-ml import` turns others into ONNX"
    )


def import_said(
    features: Sequence[str] | None,
    classes: Any,
    outputs: Mapping[str, str] | None,
    example: Any,
    origin: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What is said of a graph, as `:import` takes it. Raises `InvalidInput` for what cannot be sent."""
    said: dict[str, Any] = {
        "features": None if features is None else list(features),
        "outputs": None if outputs is None else dict(outputs),
        "origin": dict(origin) if origin else None,
    }
    if classes is not None or example is not None:
        from serverless_ml import tables

        said["classes"] = None if classes is None else tables.labels(classes)
        said["example"] = None if example is None else tables.instances(tables.read(example))
    return {name: value for name, value in said.items() if value is not None}


def import_again(graph: Mapping[str, Any]) -> ImportSaid:
    """What has to be said of a graph for it to be what it is at the service that tells this of it."""
    named = {each["name"]: each["output"] for each in graph["outputs"] if each["output"]}
    return {"features": graph["features"], "classes": graph["classes"], "outputs": named}


def graph_in(artifact: bytes) -> bytes:
    """The graph in the artifact of an imported version. Raises `UnexpectedAnswer`."""
    try:
        start = 8 + int.from_bytes(artifact[:8], "little")
        begin, end = json.loads(artifact[8:start])["onnx"]["data_offsets"]
        return artifact[start + begin : start + end]
    except (ValueError, LookupError, TypeError):
        raise UnexpectedAnswer("expected the artifact of an imported version to hold a graph") from None
