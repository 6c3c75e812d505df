"""What can be said before a deployment fails, or succeeds and changes nothing of what is broken.

Whose credentials these are, which parameters go back to their defaults, whether the account has the
concurrency that is reserved, and whether all that the deployed stack is made of is still there:
CloudFormation does not look, and brings nothing back.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ml_core.errors import AccessRefused, Conflict, NotFound, ServerlessMLError
from providers.aws.deploying import presence, stack
from providers.aws.deploying.identity import AwsIdentity, aws_errors, identify
from providers.deploying.parameters import Parameters

# What Lambda keeps for functions that reserve nothing: 100 as its documents say, 10 in the newest accounts.
_USUALLY_UNRESERVED, _LEAST_UNRESERVED = 100, 10


class ConcurrencyDoubt(NamedTuple):
    """Why an account may not have so many concurrent functions to reserve, and whether that is sure."""

    said: str
    sure: bool


# The parameters that reserve; the last one where the function of that name is asked for.
_CAPS, _OF_GRAPHS = ("apiConcurrency", "trainConcurrency"), "onnxConcurrency"


def objection(
    settings: Mapping[str, Any], reserve: int, own: int, *, caps: Sequence[str] = _CAPS
) -> ConcurrencyDoubt | None:
    """What speaks against reserving so many concurrent functions.

    Args:
        settings: what Lambda's GetAccountSettings answers.
        reserve: how many our functions are to reserve together.
        own: how many of them they have reserved already.
        caps: the parameters by which they are reserved.
    """
    limit = int(settings["AccountLimit"]["ConcurrentExecutions"])
    free = int(settings["AccountLimit"]["UnreservedConcurrentExecutions"]) + own
    left = free - reserve
    if reserve <= own or left >= _USUALLY_UNRESERVED:
        return None
    sure = left < _LEAST_UNRESERVED
    cannot, keeps = ("cannot", _LEAST_UNRESERVED) if sure else ("may be unable to", _USUALLY_UNRESERVED)
    instead = " ".join(f"--param {name}=none" for name in caps)
    said = (
        f"{cannot} reserve {reserve} concurrent functions: of the account's quota of {limit}, {free} are not "
        f"reserved by others, and Lambda keeps {keeps} of them; deploy with {instead}, "
        "or ask AWS to raise the quota of concurrent executions"
    )
    return ConcurrencyDoubt(said, sure)


def check(identity: AwsIdentity, name: str, reserve: int, parameters: Parameters | None = None) -> list[str]:
    """What may go wrong, or goes back, in a line each. The stack need not exist.

    Args:
        identity: of the run.
        name: the stack's.
        reserve: how many concurrent functions it is to reserve.
        parameters: of the run; the last deployment kept its own as an output of the stack.

    Raises:
        Conflict: the account cannot reserve so many.
        NotFound: something of the stack is gone that CloudFormation takes to be there.
        Unavailable: AWS cannot be asked.
    """
    try:
        there = stack.find(identity, name)
        found = stack.resources(identity, name) if there else []
    except AccessRefused as error:
        return [f"could not check what is deployed: {error}"]
    warnings = (parameters or Parameters()).going_back(there.parameters if there else None)
    warnings += [
        f"could not check whether {each} is still there" for each in presence.check(identity, name, found)
    ]
    try:
        doubt = _concurrency(
            identity,
            [each for each in found if each.kind == "AWS::Lambda::Function"],
            reserve,
            _caps(parameters),
        )
    except AccessRefused as error:
        return [*warnings, f"could not check the quota of concurrent functions: {error}"]
    return [*warnings, doubt] if doubt else warnings


def _caps(parameters: Parameters | None) -> Sequence[str]:
    asked = parameters is not None and "onnx" in parameters.changed
    return (*_CAPS, _OF_GRAPHS) if asked else _CAPS


def _concurrency(
    identity: AwsIdentity, functions: list[stack.Resource], reserve: int, caps: Sequence[str]
) -> str | None:
    if not reserve:
        return None
    client = identity.client("lambda")
    own = 0
    with aws_errors("asking what this account may reserve"):
        settings = client.get_account_settings()
        for each in functions:
            reserved = client.get_function_concurrency(FunctionName=each.name)
            own += reserved.get("ReservedConcurrentExecutions", 0)
    found = objection(settings, reserve, own, caps=caps)
    if found and found.sure:
        raise Conflict(found.said)
    return found.said if found else None


def main(arguments: list[str] | None = None) -> int:
    """Prints warnings; exit code 1 and one line on standard error when the deployment would fail."""
    parser = argparse.ArgumentParser(prog="python -m providers.aws.deploying.preflight")
    parser.add_argument("--region", required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--reserve", type=int, required=True)
    parser.add_argument(
        "--parameters", type=json.loads, default={}, help="as providers/parameters.js writes them"
    )
    given = parser.parse_args(arguments)
    parameters = Parameters(**given.parameters)
    try:
        for line in check(identify(os.environ, given.region), given.stack, given.reserve, parameters):
            print(line)
    except NotFound as error:
        print(f"{error}; see docs/aws.md, What was deleted by hand", file=sys.stderr)
        return 1
    except ServerlessMLError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
