"""The command `python -m providers advise`."""

import argparse
import os
import sys

from providers.advising.impossible import AdviceImpossible, reason_of

DEFAULT_ROOT = ".serverless-ml"  # as `make serve` has it
CLOUDS = ("aws", "google", "azure")
_ABOUT = """\
traffic:
  2/s                    two requests a second on average, at any time, each independent of the others
  2/s steady             the same
  2/s office             so on weekdays from 9 to 17 o'clock, and nothing else
  bursts of 50, 0.1/s    0.1 a second on average, in bursts of 50 within a second, at any time
  50 every 10m           a burst of 50 every ten minutes, by the clock
  @arrivals.txt          a recorded file: the second of each request, one a line; it repeats

Units of a rate are /s, /min, /h and /day, of a distance 30s, 10m, 2h and 1d.

Each cloud's package is built as a deployment builds it, and measured in a process of its own on this machine;
a month of the traffic is simulated, and billed by the clouds' published rules and prices, which are dated.
Nothing is deployed, no cloud is asked, and the folder of the models is only read. More: docs/advice.md.
"""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `advise`."""
    parser = commands.add_parser(
        "advise",
        help="say which cloud suits a model and its traffic, or a machine, and what it costs",
        description="Say which cloud suits a model and its traffic, or a machine, and what it costs.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_ABOUT,
    )
    parser.add_argument(
        "--model", required=True, help="a model of the laptop's store, as `make serve` keeps it"
    )
    parser.add_argument("--traffic", help="when requests come: see below")
    parser.add_argument("--rows", type=_positive, default=1, help="rows in each request (default: 1)")
    parser.add_argument("--root", help=f"the folder of the models (default: ML_ROOT, else {DEFAULT_ROOT})")
    parser.add_argument(
        "--body", metavar="FILE", help="a request to :predict as JSON (default: one is made up)"
    )
    parser.add_argument(
        "--cloud",
        action="append",
        choices=CLOUDS,
        help="look at this cloud alone; more than once for several",
    )
    parser.add_argument(
        "--memory",
        type=_positive,
        default=0,
        metavar="MB",
        help="of an instance (default: as config.yml says)",
    )
    parser.add_argument(
        "--machine",
        type=_dollars,
        default=8.0,
        metavar="DOLLARS",
        help="what a small machine costs you a month (default: 8, which is no dated price)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--picture", metavar="FILE", help="also draw cost over traffic into this file, as SVG"
    )
    parser.add_argument(
        "--check",
        metavar="FILE",
        help="compare with the REPORT lines of a function's log on AWS, a file or - (untried on an account)",
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Carry it out. Raises `AdviceImpossible`."""
    from providers.advising.traffic import WORDS, parse

    if given.check is None and given.traffic is None:
        raise AdviceImpossible(f"--traffic: expected {WORDS}, got none")
    traffic = parse(given.traffic or "1/s")  # which no check looks at
    reports = None if given.check is None else _reports(given.check)
    if given.picture:
        _check_folder(given.picture)

    from providers.advising.advice import AdviceQuestion, advise
    from providers.advising.facts import read_facts
    from providers.advising.picture import draw
    from providers.advising.profile import measure, request_of
    from providers.advising.report import as_json, show

    facts = read_facts()
    root = given.root or os.environ.get("ML_ROOT") or DEFAULT_ROOT
    request = request_of(root, given.model, given.body)
    clouds = tuple(given.cloud or CLOUDS) if reports is None else ("aws",)
    profiles = measure(root, request, clouds, _tell)
    if reports is not None:
        _compare(given, profiles["aws"], facts, reports)
        return 0
    question = AdviceQuestion(request, traffic, given.rows, given.machine, given.memory)
    advice = advise(question, profiles, facts, _tell)
    if given.picture:
        _tell("drawing the picture")
        try:
            with open(given.picture, "w", encoding="utf-8") as file:
                file.write(draw(advice, facts))
        except OSError as error:
            raise AdviceImpossible(
                f"--picture: {given.picture} cannot be written: {reason_of(error)}"
            ) from error
    if given.json:
        print(as_json(advice))
    else:
        show(advice)
    return 0


def _check_folder(picture: str) -> None:
    """Raise `AdviceImpossible` where a picture has no folder, before minutes of work are done for it."""
    folder = os.path.dirname(os.path.abspath(picture))
    if not os.path.isdir(folder) or os.path.isdir(picture):
        raise AdviceImpossible(f"--picture: expected a file in a folder that is there, got {picture}")


def _compare(
    given: argparse.Namespace, profile: "PackageProfile", facts: "Facts", reports: "list[ReportedRequest]"
) -> None:
    import json
    from statistics import mode

    from providers.advising.advice import request_with, rules_of
    from providers.advising.checking import comparison
    from providers.advising.packaged import configured
    from providers.advising.report import plain

    cloud = facts.clouds["aws"]
    memory = int(mode(report.memory for report in reports))
    request = request_with(profile, given.rows)
    table = comparison(
        reports, rules_of(cloud, configured("aws"), memory, profile, request, facts, "likely"), memory
    )
    if given.json:
        print(json.dumps({"title": table.title, "heads": table.heads, "rows": table.rows}, indent=2))
        return
    print(table.title)
    plain(table, sys.stdout)
    print(
        f"Forecast for {given.rows:,} rows a request and {memory:,} MB, of what this machine measured. "
        "This comparison was never tried on a real account."
    )


def _reports(path: str) -> "list[ReportedRequest]":
    from providers.advising.checking import read_reports

    if path == "-":
        return read_reports(sys.stdin)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return read_reports(file)
    except OSError as error:
        raise AdviceImpossible(f"--check: {path} cannot be read: {reason_of(error)}") from error


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return number


def _dollars(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"expected a price above 0, got {text}")
    return number


TYPE_CHECKING = False
if TYPE_CHECKING:
    from providers.advising.checking import ReportedRequest
    from providers.advising.facts import Facts
    from providers.advising.profile import PackageProfile
