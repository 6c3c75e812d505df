"""KServe's client, unchanged, with tensors of pictures, sequences and texts.

`python kserve_tensors.py URL REQUESTS_AS_JSON`, where the requests are each a model and its tensors. Prints
what it got as JSON. Runs in .tools/clients.
"""

import asyncio
import base64
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from kserve.utils.numpy_codec import to_np_dtype

NAMES = ("predict", "predict_proba")


def tensor(given: dict[str, Any], *, binary: bool) -> Any:
    """An input; files are raw bytes, in JSON their base64."""
    data, datatype = given["data"], given["datatype"]
    if datatype == "BYTES":
        if given.get("files") and binary:
            data = [base64.b64decode(text) for text in data]
        array = np.array(data, dtype=object)
    else:
        array = np.array(data, dtype=to_np_dtype(datatype))
    made = InferInput(given["name"], list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


async def main(url: str, requests_as_json: str) -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    got = []
    for model, tensors in json.loads(requests_as_json):
        answers = {}
        for form in ("json", "binary"):
            binary = form == "binary"
            outputs = [RequestedOutput(name, parameters={"binary_data": binary}) for name in NAMES]
            inputs = [tensor(given, binary=binary) for given in tensors]
            request = InferRequest(model, inputs, request_outputs=outputs)
            answer = await client.infer(url, request, model_name=model)
            answers[form] = [output.as_numpy().tolist() for output in answer.outputs]
        got.append(answers)
    await client.close()
    print(json.dumps(got))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
