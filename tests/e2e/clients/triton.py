"""NVIDIA's client, unchanged, against a running server: `python triton.py HOST:PORT MODEL ROWS_AS_JSON`.

Prints what it got as JSON. Runs in .tools/clients.
"""

import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException


def inputs(rows: Any, *, binary: bool, datatype: str = "FP64") -> list[Any]:
    tensor = triton.InferInput("input-0", list(rows.shape), datatype)
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return [tensor]


def outputs(*, binary: bool) -> list[Any]:
    names = ("predict", "predict_proba", "decision_function")
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def told(result: Any) -> dict[str, Any]:
    """An inference as lists; labels that came as bytes as text."""
    found = {}
    for name in ("predict", "predict_proba", "decision_function"):
        array = result.as_numpy(name)
        if array is not None:
            values = array.tolist()
            found[name] = [value.decode() if isinstance(value, bytes) else value for value in values]
    return found


def main(address: str, model: str, rows_as_json: str) -> None:
    rows = np.array(json.loads(rows_as_json), dtype=np.float64)
    client = triton.InferenceServerClient(address)
    got: dict[str, Any] = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready(model),
        "version_ready": client.is_model_ready(model, "1"),
        "nobody_ready": client.is_model_ready("nobody"),
        "server": client.get_server_metadata(),
        "metadata": client.get_model_metadata(model),
        "json": told(client.infer(model, inputs(rows, binary=False), outputs=outputs(binary=False))),
        "binary": told(client.infer(model, inputs(rows, binary=True), outputs=outputs(binary=True))),
        "mixed": told(client.infer(model, inputs(rows, binary=True), outputs=outputs(binary=False))),
        "default": told(client.infer(model, inputs(rows, binary=True), model_version="1")),
    }
    for algorithm in ("gzip", "deflate"):
        result = client.infer(model, inputs(rows, binary=True), request_compression_algorithm=algorithm)
        got[algorithm] = told(result)
    single = rows.astype(np.float32)
    got["single"] = told(client.infer(model, inputs(single, binary=True, datatype="FP32")))
    got["id"] = client.infer(model, inputs(rows, binary=False), request_id="42").get_response()["id"]
    future = client.async_infer(model, inputs(rows, binary=True))
    got["async"] = told(future.get_result())
    try:
        client.infer(model, inputs(rows[:, :1], binary=True))
    except InferenceServerException as error:
        got["error"] = {"status": error.status(), "message": error.message()}
    client.close()
    print(json.dumps(got))


if __name__ == "__main__":
    main(*sys.argv[1:])
