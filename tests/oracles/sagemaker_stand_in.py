"""Executes programs for SageMaker's SDK with nobody behind it, in an environment that has the SDK.

    .tools/sagemaker/bin/python tests/oracles/sagemaker_stand_in.py < PROGRAMS.json > OPERATIONS.json

Programs are [[where, text], …], executed in their order with the same names. Each call of AWS is checked by
botocore against the service's own model, parameter by parameter, and answered with what that model says an
answer has: done, in service, approved. Nothing reaches a network. The operations are printed in their order.
"""

import datetime as dt
import io
import json
import socket
import sys
import time
from typing import Any

import botocore.client
from botocore.response import StreamingBody

DONE = ("Completed", "InService", "Approved", "Succeeded", "Scheduled")
# Members that would lead the SDK elsewhere: a next page, or a model that a training job registered by itself.
LEFT_OUT = {"NextToken", "nextToken", "OutputModelPackageArn", "ModelPackageConfig"}
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
CALLER = {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/SageMakerRole/me"}
MOST_CALLS = 300  # a loop that waits for what never comes
called: list[str] = []


def main() -> None:
    """Read the programs, execute them, and print what was called."""
    botocore.client.BaseClient._make_api_call = _answer  # type: ignore[attr-defined]
    socket.getaddrinfo = _nobody  # telemetry, and the metadata of a machine that this is not
    time.sleep = lambda _: None
    said, sys.stdout = sys.stdout, sys.stderr
    names: dict[str, Any] = {"__name__": "__main__"}
    for where, text in json.load(sys.stdin):
        exec(compile(text, where, "exec"), names)  # noqa: S102 - it is our own page
    said.write(json.dumps(called))


def _answer(client: Any, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    called.append(operation)
    if len(called) > MOST_CALLS:
        raise RuntimeError(f"expected at most {MOST_CALLS} calls, the last are {called[-5:]}")
    model = client.meta.service_model.operation_model(operation)
    context = {"client_region": "eu-central-1", "client_config": client.meta.config}
    client._convert_to_request_dict(  # raises ParamValidationError
        api_params=parameters,
        operation_model=model,
        endpoint_url="https://nobody.invalid",
        context={**context, "has_streaming_input": False, "auth_type": None, "unsigned_payload": None},
    )
    described = operation.startswith("Describe")
    given = _made(model.output_shape, "", 0, 2 if described else 0) if model.output_shape else {}
    if operation == "GetCallerIdentity":
        given = dict(CALLER)
    if operation == "InvokeEndpoint":
        given["Body"] = StreamingBody(io.BytesIO(b"0.05\n"), 5)
    return {**given, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}


def _made(shape: Any, name: str, depth: int, whole: int) -> Any:
    """A value of a shape: of structures all members down to a depth, below it those that are required."""
    kind = shape.type_name
    if kind == "structure":
        return {
            each: _made(member, each, depth + 1, whole)
            for each, member in shape.members.items()
            if each not in LEFT_OUT and (depth <= whole or each in shape.required_members)
        }
    if kind == "string":
        return _text(shape, name)
    empty = {"list": [], "map": {}, "boolean": False, "blob": b"", "double": 1.0, "float": 1.0}
    if kind == "timestamp":
        return dt.datetime.now(dt.UTC)
    return empty.get(kind, 1)


def _text(shape: Any, name: str) -> str:
    values = getattr(shape, "enum", None)
    if values:
        return str(next((each for each in DONE if each in values), values[0]))
    if name == "Arn":
        return ROLE
    if name.endswith("Arn"):
        return f"arn:aws:sagemaker:eu-central-1:123456789012:thing/{name.lower()}"
    return f"s3://bucket/{name}" if "Uri" in name or "S3" in name else name.lower()


def _nobody(*_: Any, **__: Any) -> Any:
    raise socket.gaierror("no network is reached from here")


if __name__ == "__main__":
    main()
