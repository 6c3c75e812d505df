"""The command line of the laptop's service. The server starts the trainer by it too."""

import argparse
import os
import sys
from collections.abc import Sequence

from handlers.settings import read_settings
from handlers.version import NAME, VERSION
from ml_core.errors import ServerlessMLError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    given = _parsed(arguments)
    try:
        settings = read_settings({**os.environ, **({"ML_ROOT": given.root} if given.root else {})})
        if given.trainer:
            from handlers.local.trainer import train_until_stopped

            return train_until_stopped(settings, given.keys)
        if given.sweep:
            from handlers.local.trainer import sweep_now

            return sweep_now(settings, given.keys)
        from handlers.local.server import serve

        return serve(settings, given.host, given.port, given.keys)
    except ServerlessMLError as error:
        print(f"serverless-ml: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "handlers").partition(".")[0] in ("handlers", "ml_core", "providers"):
            raise
        print(f"serverless-ml: {error.name} is not installed: run `make serve`", file=sys.stderr)
        return 1


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    def port(text: str) -> int:
        number = int(text)
        if not 0 <= number <= 65535:
            raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {number}")
        return number

    parser = argparse.ArgumentParser(
        prog="python -m handlers.local",
        description="Serve serverless-ml on this machine; models are kept in a folder.",
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {VERSION}")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1); any but a loopback address requires API keys",
    )
    parser.add_argument(
        "--port", type=port, default=8080, help="the port; 0 takes a free one (default: 8080)"
    )
    parser.add_argument("--root", help="the folder of the models (default: ML_ROOT, else .serverless-ml)")
    parser.add_argument(
        "--keys", metavar="FILE", help="require one of the keys in this file (default: <root>/keys.json)"
    )
    parser.add_argument(
        "--sweep",
        action="store_true",
        help="serve nothing: look once at schedules, guards and what was left behind, as the service beside "
        "does every five minutes, and tell what was done",
    )
    parser.add_argument("--trainer", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
