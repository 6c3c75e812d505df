"""Says which parameters a deployment sets back; the last one kept them as an output of its stack."""

import argparse
import json
import os
import sys

from ml_core.errors import ServerlessMLError
from providers.aws.deploying.identity import identify
from providers.aws.deploying.stack import find
from providers.deploying.parameters import Parameters


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each parameter that goes back. A failure is one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m providers.aws.deploying.parameters")
    parser.add_argument("--region", required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument(
        "--parameters", type=json.loads, required=True, help="as providers/parameters.js writes them"
    )
    given = parser.parse_args(arguments)
    try:
        stack = find(identify(os.environ, given.region), given.stack)
    except ServerlessMLError as error:
        print(error, file=sys.stderr)
        return 1
    for line in Parameters(**given.parameters).going_back(stack.parameters if stack else None):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
