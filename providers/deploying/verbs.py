"""The framework's verbs for the clouds that it does not know by itself, the same for all of them.

    python -m providers deploy --dry-run < service.json

`providers/serverless-plugin.js` writes the resolved service to standard input.
"""

import argparse
import importlib
import json
import os
import re
import sys
import time
from collections.abc import Callable

from providers.deploying.plan import Deployer, DeploymentFailed, DeploymentRun
from providers.deploying.service import Service

# Seconds: between looks at a log that is followed, and how far each goes back.
TAIL_INTERVAL, OVERLAP = 2.0, 60.0

_CALLED_BY = "The Serverless Framework's plugin calls this; it reads the service as JSON from standard input."

Verb = Callable[[Deployer, argparse.Namespace], None]


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add one sub-command per verb; `run` carries out the one that was parsed."""
    for name, verb in VERBS.items():
        what = (verb.__doc__ or "").split("\n", maxsplit=1)[0]
        parser = commands.add_parser(name, help=what, description=f"{what} {_CALLED_BY}")
        parser.set_defaults(run=lambda arguments, name=name: run(name, arguments))
        if name in {"deploy", "remove"}:
            parser.add_argument("--dry-run", action="store_true", help="print the steps and change nothing")
            parser.add_argument("--yes", action="store_true", help="do not ask before anything is deleted")
        if name in {"invoke", "invoke-local", "logs"}:
            parser.add_argument("--function", required=True, help="its name in serverless.yml")
        if name in {"invoke", "invoke-local"}:
            parser.add_argument("--data", help="the event, as JSON (default: {})")
            parser.add_argument("--path", help="a file that holds the event")
        if name == "logs":
            parser.add_argument("--start-time", default="10m", help="30s, 10m, 2h or 1d ago (default 10m)")
            parser.add_argument("--tail", action="store_true", help="keep printing new lines")


def run(name: str, arguments: argparse.Namespace) -> int:
    """Carry out one verb for the service on standard input."""
    service = Service.from_json(sys.stdin.read())
    deployer = deployer_of(service)
    if name in ELSEWHERE:
        # On standard error: what a verb prints may be read by a program.
        where = f"{deployer.place}, stage {service.stage}, service {service.name}"
        print(f"{name}: {where}", file=sys.stderr, flush=True)
    VERBS[name](deployer, arguments)
    return 0


def deployer_of(service: Service) -> Deployer:
    """The deployer of the service's cloud: `providers/<cloud>/deploying/deployer.py`.

    Raises:
        DeploymentFailed: when there is no such cloud, or its libraries are not installed.
    """
    try:
        module = importlib.import_module(f"providers.{service.cloud}.deploying.deployer")
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.startswith("providers."):
            raise DeploymentFailed(
                f"expected a cloud with a providers/<cloud>/deploying/deployer.py, got {service.cloud!r}"
            ) from error
        raise DeploymentFailed(
            f"deploying to {service.cloud} needs {missing!r}: run `make .venv/{service.cloud}.ready`"
        ) from error
    deployer: Deployer = module.deployer(service, os.environ)
    return deployer


def deploy(deployer: Deployer, arguments: argparse.Namespace) -> None:
    """Build the packages, and create or update what serverless.yml describes."""
    run = DeploymentRun(dry=arguments.dry_run, yes=arguments.yes)
    deployer.deploy(run)
    if not run.dry:
        _show(deployer.info())


def remove(deployer: Deployer, arguments: argparse.Namespace) -> None:
    """Delete everything that deploy created: prints what, and asks."""
    deployer.remove(DeploymentRun(dry=arguments.dry_run, yes=arguments.yes))


def package(deployer: Deployer, _: argparse.Namespace) -> None:
    """Build the zips that a deployment uploads."""
    for path in deployer.package():
        print(f"{path} ({os.path.getsize(path):,} bytes)")


def info(deployer: Deployer, _: argparse.Namespace) -> None:
    """Show what is deployed."""
    _show(deployer.info())


def invoke(deployer: Deployer, arguments: argparse.Namespace) -> None:
    """Call a deployed function with an event."""
    _print_json(deployer.invoke(arguments.function, _event(arguments)))


def invoke_local(deployer: Deployer, arguments: argparse.Namespace) -> None:
    """Call a function's handler on this machine."""
    _print_json(deployer.invoke_local(arguments.function, _event(arguments)))


def logs(deployer: Deployer, arguments: argparse.Namespace) -> None:
    """Print a function's log lines."""
    since = time.time() - seconds_of(arguments.start_time)
    printed: set[str] = set()
    while True:
        for line in deployer.logs(arguments.function, since):
            if line not in printed:
                print(line, flush=True)
            printed.add(line)
        if not arguments.tail:
            return
        # Lines arrive late and out of order: each look goes back further than the last one.
        since = max(since, time.time() - OVERLAP)
        time.sleep(TAIL_INTERVAL)


VERBS: dict[str, Verb] = {
    "deploy": deploy,
    "package": package,
    "info": info,
    "invoke": invoke,
    "invoke-local": invoke_local,
    "logs": logs,
    "remove": remove,
}
# The verbs that act where something is deployed, and say first where that is.
ELSEWHERE = ("deploy", "info", "invoke", "logs", "remove")


def seconds_of(duration: str) -> float:
    """`90s`, `10m`, `2h` or `1d` in seconds.

    Raises:
        DeploymentFailed: when it is written otherwise.
    """
    found = re.fullmatch(r"(\d+)([smhd])", duration)
    if not found:
        raise DeploymentFailed(
            f"--startTime: expected a number and a unit such as 30s, 10m, 2h or 1d, got {duration!r}"
        )
    return int(found[1]) * {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[found[2]]


def _event(arguments: argparse.Namespace) -> object:
    """The event of --data or of the file of --path, an empty object without either."""
    if arguments.data is not None and arguments.path is not None:
        raise DeploymentFailed("expected --data or --path, got both")
    text, source = arguments.data or "{}", "--data"
    if arguments.path is not None:
        source = arguments.path
        try:
            with open(source, encoding="utf-8") as file:
                text = file.read()
        except (OSError, ValueError) as error:
            raise DeploymentFailed(f"{source} cannot be read: {error}") from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise DeploymentFailed(f"{source} is not JSON: {error}") from error


def _show(facts: dict[str, str]) -> None:
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")


def _print_json(answer: object) -> None:
    print(json.dumps(answer, indent=2, ensure_ascii=False))
