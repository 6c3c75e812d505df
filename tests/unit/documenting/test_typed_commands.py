"""Every command that a page says to type is there, with the options that it is given."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import pytest

from documenting.pages import ROOT
from tests.unit.documenting.reading import PAGES, spans, text
from tests.unit.documenting.typed import options, typed

# What stands for the name of a command, and for what a shell puts in its place.
ANY = re.compile(r"COMMAND|\$.*")
PROGRAMS = ("python", "python3", ".venv/bin/python")
# Options that `providers/serverless-plugin.js` and AWS's plugin give the framework's commands, and its own.
FRAMEWORK = {
    "deploy": {"--stage", "--param", "--dry-run", "--yes", "--region", "--aws-profile"},
    "remove": {"--stage", "--param", "--dry-run", "--yes", "--region", "--aws-profile"},
    "info": {"--stage", "--param", "--region", "--aws-profile"},
    "logs": {"--stage", "--param", "--function", "--startTime", "--tail", "--region", "--aws-profile"},
    "invoke": {"--stage", "--param", "--function", "--data", "--path", "--region", "--aws-profile"},
    "package": {"--stage", "--param"},
}


# The command as its sources have it, not as an environment happens to have installed it.
_LISTED = """
import json
from typer.main import get_command
from serverless_ml.command_line.app import app
whole = get_command(app(for_terminal=False))
print(json.dumps({
    name: [each for given in command.params for each in (*given.opts, *given.secondary_opts)]
    for name, command in {"": whole, **whole.commands}.items()
}))
"""


@cache
def command_line() -> dict[str, set[str]]:
    """Each command of ours and its options; the empty name has those before a command."""
    ran = subprocess.run(
        [sys.executable, "-c", _LISTED],
        env={**os.environ, "PYTHONPATH": str(ROOT / "client" / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: {"--help", *found} for name, found in json.loads(ran.stdout).items()}


def faults_of_ours(words: tuple[str, ...]) -> list[str]:
    """What is wrong in the words after `serverless-ml`."""
    name = words[0] if words and not words[0].startswith("-") and not ANY.fullmatch(words[0]) else ""
    if name not in command_line():
        return [f"no command {name}"]
    return [f"no option {each}" for each in options(words) if each not in command_line()[name]]


@cache
def help_of(module: str, *verbs: str) -> str:
    """What a module of ours says when it is asked with `--help`."""
    ran = subprocess.run(
        [sys.executable, "-m", module, *verbs, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout if ran.returncode == 0 else ""


def faults_of_a_module(words: tuple[str, ...]) -> list[str]:
    """What is wrong in the words after `python -m`; others' modules are not looked at."""
    module, *rest = words
    if not (ROOT / module.partition(".")[0]).is_dir():
        return []
    if importlib.util.find_spec(module) is None:
        return [f"no module {module}"]
    verbs: list[str] = []
    while rest and re.fullmatch(r"[a-z]+", rest[0]) and help_of(module, *verbs, rest[0]):
        verbs.append(rest.pop(0))
    said = help_of(module, *verbs)
    return [f"no option {each}" for each in options(tuple(rest)) if not re.search(rf"{each}\b(?!-)", said)]


def faults_of_a_script(words: tuple[str, ...]) -> list[str]:
    script = words[0]
    return [] if script.startswith("-") or (ROOT / script).is_file() else [f"no file {script}"]


def faults_of_the_framework(words: tuple[str, ...]) -> list[str]:
    """What is wrong in the words after `serverless`."""
    verb = words[0] if words else ""
    if verb not in FRAMEWORK:
        return [f"no verb {verb}"]
    return [f"no option {each}" for each in options(words) if each not in FRAMEWORK[verb]]


CHECKS: dict[tuple[str, ...], Callable[[tuple[str, ...]], list[str]]] = {
    ("serverless-ml",): faults_of_ours,
    ("npx", "serverless"): faults_of_the_framework,
    ("serverless",): faults_of_the_framework,
    **{(program, "-m"): faults_of_a_module for program in PROGRAMS},
    **{(program,): faults_of_a_script for program in PROGRAMS},
}


def faults(words: tuple[str, ...]) -> list[str]:
    """What is wrong with a command, as far as it is one of ours."""
    for begin, check in CHECKS.items():
        if words[: len(begin)] == begin and len(words) > len(begin):
            return check(words[len(begin) :])
    return []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_there_with_its_options(page: str) -> None:
    assert [f"{one.place}: {fault}" for one in typed(page) for fault in faults(one.words)] == []


def test_every_option_that_the_page_of_the_command_line_names_is_there() -> None:
    every = set().union(*command_line().values())
    named = {
        re.split("[= ]", span.text)[0] for span in spans("docs/command-line.md") if span.text.startswith("--")
    }
    assert named
    assert named - every == set()


def test_the_page_of_the_command_line_names_every_command() -> None:
    page = text("docs/command-line.md")
    assert [name for name in command_line() if not re.search(rf"\b{name}\b", page)] == []


@pytest.mark.parametrize(
    "words",
    [
        "serverless-ml trian churn.csv",
        "serverless-ml train churn.csv --targets churned",
        "python -m handlers.nowhere",
        "python -m providers keys new --roles predict",
        "python -m handlers.local --sweeps",
        "python client/nowhere.py",
        "npx serverless deploy --dryrun",
        "npx serverless undeploy",
    ],
)
def test_commands_that_are_not_there_would_be_seen(words: str) -> None:
    assert faults(tuple(words.split()))
