"""What a careful person writes by hand: orjson, and numpy or onnxruntime, in one file, with a key checked.

`python -m benchmarks.comparison_minimal numpy|onnx time|predict FOLDER EVENT…` runs in `.tools/bench`. Models
are the ones of `comparison_fastapi` as arrays, and the product's own as ONNX files; of networks both are the
product's own.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson  # type: ignore[import-not-found, unused-ignore]

Predict = Callable[[Any], Any]


def numpy_model(folder: str, name: str) -> Predict:
    """A model of arrays."""
    kept = np.load(f"{folder}/{name}.npz")
    if "mean" not in kept:
        from benchmarks.comparison_networks import load, numpy_network

        return numpy_network(load(folder, name))
    predict = _of_rows(kept)
    return lambda instances: predict(np.array(instances, np.float64))


def _of_rows(kept: Any) -> Predict:
    mean, scale, classes = kept["mean"], kept["scale"], kept["classes"]
    if "centres" in kept:
        centres = kept["centres"]
        squares = (centres * centres).sum(axis=1)

        def nearest(rows: Any) -> Any:
            return (squares - 2 * ((rows - mean) / scale) @ centres.T).argmin(axis=1)

        return nearest
    if "vectors" in kept:
        vectors, dual, gamma, bias = kept["vectors"], kept["dual"], kept["gamma"], kept["bias"]
        squares = (vectors * vectors).sum(axis=1)

        def kernel(rows: Any) -> Any:
            scaled = (rows - mean) / scale
            distances = (scaled * scaled).sum(axis=1)[:, None] - 2 * scaled @ vectors.T + squares
            return classes[(np.exp(-gamma * distances) @ dual + bias > 0).astype(int)]

        return kernel
    weights, bias = kept["weights"] / scale, kept["bias"] - (kept["weights"] * mean / scale).sum()

    def linear(rows: Any) -> Any:
        return classes[(rows @ weights + bias > 0).astype(int)]

    return linear


def onnx_model(folder: str, name: str) -> Predict:
    """A model's ONNX file on one thread."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it tells its maker else
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{folder}/{name}.onnx", options)
    label = [session.get_outputs()[0].name]
    kept = np.load(f"{folder}/{name}.npz")
    if "mean" not in kept:
        from benchmarks.comparison_networks import batches

        batch = batches(dict(kept))

        def of_network(instances: Any) -> Any:
            values, lengths = batch(instances)
            feed = {"input-0": values} if lengths is None else {"input-0": values, "sequence_lens": lengths}
            return session.run(label, feed)[0]

        return of_network
    dtype = np.float32 if "float)" in session.get_inputs()[0].type else np.float64
    return lambda instances: session.run(label, {"input-0": np.array(instances, dtype)})[0]


def handler(folder: str, engine: str) -> Callable[[Any, Any], Any]:
    """The Lambda handler."""
    with open(f"{folder}/keys.json", encoding="utf-8") as file:
        digests = {record["sha256"] for record in json.load(file)}
    make = {"numpy": numpy_model, "onnx": onnx_model}[engine]
    models: dict[str, Predict] = {}

    def answer(event: Any, _: Any) -> Any:
        key = event["headers"]["authorization"].removeprefix("Bearer ")
        if hashlib.sha256(key.encode()).hexdigest() not in digests:
            return {"statusCode": 401, "body": ""}
        name = event["rawPath"].removeprefix("/v1/models/").removesuffix(":predict")
        if name not in models:
            models[name] = make(folder, name)
        found = models[name](orjson.loads(event["body"])["instances"]).tolist()
        return {
            "statusCode": 200,
            "headers": {"content-type": "application/json"},
            "body": orjson.dumps({"predictions": found}).decode(),
        }

    return answer


def main(engine: str, verb: str, folder: str, *events: str) -> None:
    """Answer one event from cold, or several again and again."""
    if verb == "time":
        from benchmarks.timing import report

        report(handler(folder, engine), events)
        return
    with open(events[0], encoding="utf-8") as file:
        answer = handler(folder, engine)(json.load(file), None)
    if answer["statusCode"] != 200:
        raise SystemExit(answer["body"])


if __name__ == "__main__":
    main(*sys.argv[1:])
