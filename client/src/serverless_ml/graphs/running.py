"""onnxruntime, which runs graphs here to compare their answers."""

import os
from collections.abc import Mapping
from typing import Any


def runtime() -> Any:
    """The module. Raises `ImportError`."""
    # It reports its use to its maker, unless its environment says otherwise before it is imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime


def run(data: bytes, feed: Mapping[str, Any]) -> list[Any]:
    """What it makes of rows: an array for each output of the graph."""
    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # not that a graph declares another shape than it gives
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, dict(feed)))
