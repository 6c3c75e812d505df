"""NVIDIA's client, unchanged, with tensors of pictures, sequences and texts.

`python triton_tensors.py HOST:PORT REQUESTS_AS_JSON`, where the requests are each a model and its tensors.
Prints what it got as JSON. Runs in .tools/clients.
"""

import base64
import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import triton_to_np_dtype

NAMES = ("predict", "predict_proba")


def tensor(given: dict[str, Any], *, binary: bool) -> Any:
    """An input; files are raw bytes, in JSON their base64."""
    data, datatype = given["data"], given["datatype"]
    if datatype == "BYTES":
        if given.get("files") and binary:
            data = [base64.b64decode(text) for text in data]
        array = np.array(data, dtype=object)
    else:
        array = np.array(data, dtype=triton_to_np_dtype(datatype))
    made = triton.InferInput(given["name"], list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def told(result: Any) -> list[Any]:
    """The outputs as lists; labels that came as bytes as text."""
    arrays = [result.as_numpy(name).tolist() for name in NAMES]
    return [[each.decode() if isinstance(each, bytes) else each for each in values] for values in arrays]


def main(address: str, requests_as_json: str) -> None:
    client = triton.InferenceServerClient(address)
    got = []
    for model, tensors in json.loads(requests_as_json):
        answers: dict[str, Any] = {"inputs": client.get_model_metadata(model)["inputs"]}
        for form in ("json", "binary"):
            outputs = [triton.InferRequestedOutput(name, binary_data=form == "binary") for name in NAMES]
            inputs = [tensor(given, binary=form == "binary") for given in tensors]
            answers[form] = told(client.infer(model, inputs, outputs=outputs))
        got.append(answers)
    client.close()
    print(json.dumps(got))


if __name__ == "__main__":
    main(*sys.argv[1:])
