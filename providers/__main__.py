"""The command line of what a cloud is: `python -m providers --help`."""

import argparse
import os
import sys
import tomllib
from collections.abc import Sequence

from ml_core.errors import ServerlessMLError
from providers.advising import commands as advising
from providers.deploying import keys, verbs

# What `make demo` and `make serve` install holds no cloud's libraries.
_NOT_INSTALLED = "{} is not installed: run `make setup`, then `source .venv/bin/activate`"

# As of a program that the signal ends.
_ENDED_BY_PIPE = 128 + 13


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its failures are one line on standard error and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m providers",
        description="Deploy serverless-ml to a cloud, manage its API keys, say which cloud suits.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version, and end")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    keys.add_commands(
        commands.add_parser(
            "keys",
            help="make, list and revoke callers' keys",
            description="Make, list and revoke callers' keys.",
        )
    )
    verbs.add_commands(commands)
    advising.add_command(commands)
    parsed = parser.parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read it has enough, as `head` has. What is still to be written goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _ENDED_BY_PIPE
    except ServerlessMLError as error:
        print(f"serverless-ml: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        if not _is_foreign(error):
            raise
        print(f"serverless-ml: {_NOT_INSTALLED.format(error.name)}", file=sys.stderr)
        return 1
    return status


class _Version(argparse.Action):
    """Prints the version: only then is it looked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it, and end."""
        print(_name_and_version())
        parser.exit()


def _name_and_version() -> str:
    """As the project's own file has them: nothing here may import a handler, which says them too."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(folder, "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)["project"]
    return f"{project['name']} {project['version']}"


def _is_foreign(error: ImportError) -> bool:
    """Whether it was no module of this project that could not be imported."""
    return (error.name or "providers").partition(".")[0] not in ("providers", "ml_core", "handlers")


if __name__ == "__main__":
    sys.exit(main())
