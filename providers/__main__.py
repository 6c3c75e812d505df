"""The command line of what a cloud is: `python -m providers --help`."""

import argparse
import sys
from collections.abc import Sequence

from ml_core.errors import ServerlessMLError
from providers import keys, verbs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its failures are one line on standard error and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m providers", description="What serverless-ml does on a cloud."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    keys.add_commands(
        commands.add_parser(
            "keys",
            help="make, list and revoke callers' keys",
            description="Make, list and revoke callers' keys.",
        )
    )
    verbs.add_commands(commands)
    parsed = parser.parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except ServerlessMLError as error:
        print(f"serverless-ml: {error}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
