"""KServe's client, unchanged, against a running server: `python kserve_rest.py URL MODEL ROWS_AS_JSON`.

Prints what it got as JSON. Runs in .tools/clients.
"""

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


def request(model: str, rows: Any, *, binary: bool) -> Any:
    tensor = InferInput("input-0", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    outputs = [
        RequestedOutput(name, parameters={"binary_data": binary}) for name in ("predict", "predict_proba")
    ]
    return InferRequest(model, [tensor], request_id="42", request_outputs=outputs)


async def v1(url: str, model: str, rows: Any) -> dict[str, Any]:
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    got: dict[str, Any] = {
        "live": await client.is_server_live(url),
        "ready": await client.is_model_ready(url, model),
        "predicted": await client.infer(url, {"instances": rows.tolist()}, model_name=model),
        "explained": await client.explain(url, model, {"instances": rows.tolist()}),
    }
    got["errors"] = []
    for name, body in ((model, {"instances": [[1]]}), ("nobody", {"instances": rows.tolist()})):
        try:
            await client.infer(url, body, model_name=name)
        except httpx.HTTPStatusError as error:
            got["errors"].append({"status": error.response.status_code, "message": str(error)})
    try:
        await client.explain(url, model, {"instances": rows.tolist(), "against": "nothing"})
    except httpx.HTTPStatusError as error:
        got["not_explained"] = {"status": error.response.status_code, "message": str(error)}
    await client.close()
    return got


async def v2(url: str, model: str, rows: Any) -> dict[str, Any]:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    got: dict[str, Any] = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model_ready": await client.is_model_ready(url, model),
        "nobody_ready": await client.is_model_ready(url, "nobody"),
    }
    for form in ("json", "binary"):
        answer = await client.infer(url, request(model, rows, binary=form == "binary"), model_name=model)
        got[form] = {
            "id": answer.id,
            "model_name": answer.model_name,
            "outputs": {output.name: output.as_numpy().tolist() for output in answer.outputs},
        }
    try:
        await client.infer(url, request(model, rows[:, :1], binary=False), model_name=model)
    except httpx.HTTPStatusError as error:
        got["error"] = {"status": error.response.status_code, "message": str(error)}
    await client.close()
    return got


async def main(url: str, model: str, rows_as_json: str) -> None:
    rows = np.array(json.loads(rows_as_json), dtype=np.float64)
    print(json.dumps({"v1": await v1(url, model, rows), "v2": await v2(url, model, rows)}, default=str))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
