"""The command line of what makes the documentation: `python -m documenting --help`."""

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m documenting", description="Make the documentation.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser(
        "reference",
        help="write docs/reference/ from the code",
        description="Write the pages of docs/reference/ from the code, and say which changed.",
    ).set_defaults(run=_write_reference)
    commands.add_parser(
        "site",
        help="build the site in build/site/",
        description="Build the documentation's site in build/site/, and look for links that lead nowhere.",
    ).set_defaults(run=_build_site)
    status: int = parser.parse_args(arguments).run()
    return status


def _write_reference() -> int:
    from documenting.reference import write

    for file in write():
        print(f"docs/reference/{file}")
    return 0


def _build_site() -> int:
    from documenting.site import SiteBroken, build

    try:
        print(f"open {build()} in a browser; its search needs no network")
    except SiteBroken as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
