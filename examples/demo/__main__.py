"""The command line of the demonstration: `make demo`."""

import argparse
import sys
from collections.abc import Sequence

from handlers.version import NAME, VERSION


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description="Train, register and predict over HTTP on this machine, and show each step. Models are "
        "called demo-… and kept in the folder ML_ROOT, else .serverless-ml.",
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {VERSION}")
    parser.parse_args(arguments)
    try:
        from examples.demo.story import tell_all
    except ModuleNotFoundError as error:
        if (error.name or "examples").partition(".")[0] in ("examples", "handlers", "ml_core"):
            raise
        print(f"{NAME}: {error.name} is not installed: run `make demo`", file=sys.stderr)
        return 1
    tell_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
