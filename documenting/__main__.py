"""Make the documentation: `python -m documenting site`, which `make docs` does."""

import argparse
import sys

from documenting.site import SiteBroken, build


def main() -> int:
    """Do what the command line says; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m documenting", description="Make the documentation.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("site", help="build the site in build/site/")
    parser.parse_args()
    try:
        print(f"open {build()} in a browser; its search needs no network")
    except SiteBroken as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
