"""Starts ministack, mended where AWS's documents say otherwise. It runs in ministack's own environment.

ministack 1.5.33 asks for the right to `ssm:GetParametersByPath` on every resource, AWS on the path
(https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-retrieval-authorization.html).
It takes parameters of any length; a standard one has 4 KB
(https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html).

With AS_IF_TLS in the environment, requests count as encrypted: the emulator speaks plain HTTP, which policies
of buckets refuse to everybody but an account's root.

Each action that somebody needs a right for is printed, with the access key: `called s3:PutObject by …`.
"""

import json
import os
import re
import sys
from typing import Any

from ministack.app import main  # type: ignore[import-not-found]
from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-not-found]
from ministack.core.responses import error_response_json  # type: ignore[import-not-found]
from ministack.services import ssm  # type: ignore[import-not-found]

_resource_arn = iam_actions.extract_resource_arn
_iam_action = iam_actions.extract_iam_action
_condition_key = iam_evaluator._resolve_condition_key
_put_parameter = ssm._put_parameter
_LONGEST_STANDARD = 4096
_CREDENTIAL = re.compile(r"Credential=([^/]+)/")


def resource_arn(
    service: str, method: str, path: str, headers: dict[str, str], body: bytes, *more: Any
) -> str:
    """The resource on which a request needs its right."""
    found: str = _resource_arn(service, method, path, headers, body, *more)
    if service == "s3":  # whose actions are found in another way
        told(f"s3:{iam_actions._s3_action(method, path, more[0])}", headers)
    if service != "ssm" or not headers.get("x-amz-target", "").endswith(".GetParametersByPath"):
        return found
    region, account = more[-2:]
    below = json.loads(body).get("Path", "/").rstrip("/")
    return f"arn:aws:ssm:{region}:{account}:parameter{below}"


def iam_action(service: str, method: str, path: str, headers: dict[str, str], *more: Any) -> str:
    """The action that a request needs a right for."""
    found: str = _iam_action(service, method, path, headers, *more)
    told(found, headers)
    return found


def condition_key(key: str, context: Any) -> Any:
    """What a policy's condition finds under a key."""
    encrypted = key.lower() == "aws:securetransport" and "AS_IF_TLS" in os.environ
    return "true" if encrypted else _condition_key(key, context)


def put_parameter(data: dict[str, Any]) -> Any:
    """Make a parameter, which has to be short unless it is of another tier."""
    if data.get("Tier", "Standard") == "Standard" and len(data.get("Value", "")) > _LONGEST_STANDARD:
        said = (
            f"Standard tier parameters support a maximum parameter value of {_LONGEST_STANDARD} characters."
        )
        return error_response_json("ValidationException", said, 400)
    return _put_parameter(data)


def told(action: str, headers: dict[str, str]) -> None:
    """Print who called it; nothing for a request without a signature."""
    if by := _CREDENTIAL.search(headers.get("authorization", "")):
        print(f"called {action} by {by[1]}", flush=True)


if __name__ == "__main__":
    iam_actions.extract_iam_action = iam_action
    iam_evaluator._resolve_condition_key = condition_key
    iam_actions.extract_resource_arn = resource_arn
    ssm._put_parameter = put_parameter
    sys.exit(main())
