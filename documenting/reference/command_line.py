"""Every command that people type: `serverless-ml`, `python -m …` and `make`."""

import argparse
import inspect
import os
import re
import runpy
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple
from unittest.mock import patch

from documenting.client_source import client
from documenting.markdown import code, heading, prose, sentence, table, told_block
from documenting.markdown import page as whole
from documenting.pages import ROOT
from documenting.reference.docstrings import found

# The modules that people run, but for those of tests and benchmarks, which `make` runs.
MODULES = (
    *("handlers.local", "handlers.settings", "handlers.rest.rights", "handlers.rest.openapi"),
    *("ml_core.export", "providers", "documenting"),
)
_TARGET = re.compile(r"^([a-z-]+):.*?## (.*)$", re.MULTILINE)
_VARIABLE = re.compile(r"^([A-Z]+) \?= (.*)$", re.MULTILINE)


class Command(NamedTuple):
    """A command of `python -m`: how it is typed after `-m`, and what reads its arguments."""

    name: str
    parser: argparse.ArgumentParser


def page() -> str:
    """The page."""
    whole_app = app()
    panels: dict[str, list[Any]] = {}
    for each in whole_app.commands.values():
        panels.setdefault(each.rich_help_panel, []).append(each)
    return whole(
        "Commands",
        "Every command with its arguments, options and defaults: `serverless-ml`, `python -m …` and `make`.",
        "`serverless-ml` comes with the [Python client](../client.md); [a guide](../command-line.md) shows "
        "it at work. `python -m …` and `make` are typed in the project's folder.",
        heading(2, "What every command of serverless-ml takes"),
        "Before the command's name or after it:",
        _options(_shared()),
        "Before it alone:",
        _options([each for each in whole_app.params if each.name not in _names(_shared())]),
        *(text for panel, members in panels.items() for text in [heading(2, panel), *_commands(members)]),
        heading(2, "Exit codes"),
        "What `serverless-ml` ends with; scripts may branch on it.",
        table(
            ["exit code", "name", "when"],
            [[code(each.value), each.name, _when(each.name)] for each in exits()],
        ),
        heading(2, "Modules of the project"),
        "With the project's environment: `source .venv/bin/activate`.",
        *(text for module in MODULES for each in commands_of(module) for text in _module_command(each)),
        heading(2, "Make"),
        "`make` alone lists them. Each target installs what it needs, in folders of the project.",
        table(
            ["target", "what it does"],
            [[code(f"make {name}"), prose(sentence(about))] for name, about in targets()],
        ),
        "Variables with defaults, set behind the target (`make serve PORT=8081`): "
        + ", ".join(f"{code(name)} ({code(default)})" for name, default in _make_variables())
        + ".",
    )


@cache
def app() -> Any:
    """The command `serverless-ml`, as typer made it."""
    import typer

    return typer.main.get_command(client("command_line.app").app(for_terminal=False))


def _shared() -> list[Any]:
    """The options that every command has."""
    names = {each.name for each in client("command_line.frame").SHARED}
    first = next(iter(app().commands.values()))
    return [each for each in first.params if each.name in names]


def _names(parameters: list[Any]) -> set[str]:
    return {each.name for each in parameters}


def _commands(members: list[Any]) -> Iterator[str]:
    for each in members:
        own = [one for one in each.params if one.name not in _names(_shared()) and not one.hidden]
        arguments = [one for one in own if one.param_type_name == "argument"]
        options = [one for one in own if one.param_type_name == "option"]
        usage = " ".join(
            ["serverless-ml", each.name, *map(_usage, arguments), *(["[OPTIONS]"] if options else [])]
        )
        yield heading(3, code(f"serverless-ml {each.name}"))
        yield from (prose(text) for text in inspect.cleandoc(each.help).split("\n\n"))
        yield told_block("text", usage)
        yield table(
            ["argument", "meaning"],
            [[code(one.metavar or one.name), prose(one.help or "")] for one in arguments],
        )
        yield _options(options)
        yield "For example:"
        yield told_block("text", "\n".join(examples(each)))


def examples(told: Any) -> list[str]:
    """The commands that a command's help shows as examples."""
    return [
        line.strip().removeprefix("$ ") for line in told.epilog.splitlines() if line.strip().startswith("$ ")
    ]


def _usage(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _options(options: list[Any]) -> str:
    return table(
        ["option", "default", "meaning"],
        [[_spelt(each), _default(each), prose(each.help or "")] for each in options if not each.hidden],
    )


def _spelt(option: Any) -> str:
    """An option as it is typed, with what stands for its value."""
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    names = [f"{each}{value}" for each in (*option.opts, *option.secondary_opts)]
    # A pipe would part a table's cells.
    words = [" or ".join(map(code, each.split("|"))) for each in names]
    return ", ".join(words) + (" (more than once)" if option.multiple else "")


def _default(option: Any) -> str:
    if option.required:
        return "required"
    if option.is_flag:
        return code(option.opts[0]) if option.default else ""
    return "" if option.default in (None, (), "") else code(option.default)


def exits() -> list[Any]:
    """The numbers that the command ends with."""
    return list(client("command_line.exits").Exit)


def _when(name: str) -> str:
    told = found("serverless_ml", "command_line.exits.Exit").members[name].docstring
    return prose(told.value) if told else ""


def commands_of(module: str) -> Iterator[Command]:
    """What `python -m` of a module takes: itself, or each of its commands."""
    yield from _below(Command(module, parser_of(module)))


def _below(command: Command) -> Iterator[Command]:
    groups = [each for each in command.parser._actions if isinstance(each, argparse._SubParsersAction)]  # noqa: SLF001
    if not groups:
        yield command
    for name, parser in (each for group in groups for each in group.choices.items()):
        yield from _below(Command(f"{command.name} {name}", parser))


class _Parsing(Exception):
    """A program came to read its arguments."""


@cache
def parser_of(module: str) -> argparse.ArgumentParser:
    """What reads the arguments of `python -m module`: the module runs until it would."""
    parsers: list[argparse.ArgumentParser] = []

    def parse_args(parser: argparse.ArgumentParser, *_: object) -> None:
        parsers.append(parser)
        raise _Parsing

    with (
        patch.object(argparse.ArgumentParser, "parse_args", parse_args),
        warnings.catch_warnings(
            action="ignore", category=RuntimeWarning
        ),  # of a module that is imported, too
    ):
        try:
            runpy.run_module(module, run_name="__main__")
        except _Parsing:
            return parsers[0]
    raise ValueError(f"expected {module} to read arguments, it ended without")


def _module_command(command: Command) -> list[str]:
    actions = [
        each
        for each in command.parser._actions  # noqa: SLF001 - argparse tells them nowhere else
        if each.help != argparse.SUPPRESS and each.dest != "help"
    ]
    told = command.parser.description or ""
    return [
        heading(3, code(command.name)),
        prose(sentence(told)),
        told_block("text", f"python -m {command.name}{_after(actions)}"),
        table(
            ["argument", "default", "meaning"],
            [[_action(each), _action_default(each), prose(_help(each))] for each in actions],
        ),
        told_block("text", command.parser.epilog) if command.parser.epilog else "",
    ]


def _after(actions: list[argparse.Action]) -> str:
    places = [_value(each) for each in actions if not each.option_strings]
    needed = [
        f"{each.option_strings[0]} {_value(each)}".strip()
        for each in actions
        if each.required and each.option_strings
    ]
    more = ["[OPTIONS]"] if any(each.option_strings and not each.required for each in actions) else []
    return "".join(f" {word}" for word in [*needed, *more, *places])


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    named = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    shown = named if isinstance(named, str) else " ".join(named)
    return f"{shown} …" if action.nargs in ("*", "+", argparse.REMAINDER) else shown


def _action(action: argparse.Action) -> str:
    if not action.option_strings:
        return code(_value(action))
    value = "" if action.nargs == 0 else f" {_value(action)}"
    choices = f" ({', '.join(code(each) for each in action.choices)})" if action.choices else ""
    return ", ".join(code(f"{each}{value}") for each in action.option_strings) + choices


def _action_default(action: argparse.Action) -> str:
    if action.required and action.option_strings:
        return "required"
    if action.nargs == 0 or action.default in (None, "", argparse.SUPPRESS):
        return ""
    return code(action.default)


def _help(action: argparse.Action) -> str:
    return re.sub(r" \(default: [^)]*\)", "", action.help or "") if action.default else action.help or ""


def targets() -> list[tuple[str, str]]:
    """The targets of the Makefile that people ask for, with what it says of each."""
    return _TARGET.findall(_makefile())


def _make_variables() -> list[tuple[str, str]]:
    return _VARIABLE.findall(_makefile())


def _makefile() -> str:
    with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as file:
        return file.read()
