"""Starts ministack, mended where AWS's documents say otherwise. It runs in ministack's own environment.

ministack 1.5.33 asks for the right to `ssm:GetParametersByPath` on every resource, AWS on the path
(https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-retrieval-authorization.html).
"""

import json
import sys
from typing import Any

from ministack.app import main  # type: ignore[import-not-found]
from ministack.core import iam_actions  # type: ignore[import-not-found]

_resource_arn = iam_actions.extract_resource_arn


def resource_arn(
    service: str, method: str, path: str, headers: dict[str, str], body: bytes, *more: Any
) -> str:
    """The resource on which a request needs its right."""
    found: str = _resource_arn(service, method, path, headers, body, *more)
    if service != "ssm" or not headers.get("x-amz-target", "").endswith(".GetParametersByPath"):
        return found
    region, account = more[-2:]
    below = json.loads(body).get("Path", "/").rstrip("/")
    return f"arn:aws:ssm:{region}:{account}:parameter{below}"


if __name__ == "__main__":
    iam_actions.extract_resource_arn = resource_arn
    sys.exit(main())
