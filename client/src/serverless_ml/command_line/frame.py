"""What all commands have in common: the options that each takes, examples in its help, and how it ends."""

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

from serverless_ml.command_line.exits import CommandError, Exit, Interrupted
from serverless_ml.command_line.session import Session

_SERVICE, _OUTPUT = "Which service", "How it speaks"
_ANNOTATIONS: dict[str, Any] = {
    "url": Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The service's address; else SERVERLESS_ML_URL, the profile, or this machine's.",
            rich_help_panel=_SERVICE,
        ),
    ],
    "key": Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Its key; else SERVERLESS_ML_KEY, or the profile's. Other users of this machine can see it.",
            rich_help_panel=_SERVICE,
        ),
    ],
    "profile": Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A profile of `serverless-ml login`; else SERVERLESS_ML_PROFILE, or the current one.",
            rich_help_panel=_SERVICE,
        ),
    ],
    "json": Annotated[
        bool, typer.Option("--json", help="One document of JSON on stdout.", rich_help_panel=_OUTPUT)
    ],
    "quiet": Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Only results and errors, no progress.", rich_help_panel=_OUTPUT),
    ],
    "debug": Annotated[
        bool,
        typer.Option("--debug", help="Show where an error comes from.", rich_help_panel=_OUTPUT),
    ],
}
_DEFAULTS = {"url": None, "key": None, "profile": None, "json": False, "quiet": False, "debug": False}
SHARED = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[name], annotation=annotation)
    for name, annotation in _ANNOTATIONS.items()
]


class Command(NamedTuple):
    """A command: its function takes a `Session` before what the person says."""

    name: str
    run: Callable[..., None]
    panel: str
    examples: str


COMMANDS: list[Command] = []


def command(name: str, *, panel: str, examples: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function the command of that name; its docstring is the help, `examples` stand below."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        COMMANDS.append(Command(name, function, panel, examples))
        return function

    return add


def invocable(function: Callable[..., None]) -> Callable[..., None]:
    """The function with the options that all commands take, for typer to look at and to call."""
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(function, eval_str=True).parameters.values()
        if each.name != "session"
    ]

    def invoke(context: typer.Context, **given: Any) -> None:
        said = Session(**{each.name: given.pop(each.name) for each in SHARED})
        before = context.obj if isinstance(context.obj, Session) else Session()
        try:
            function(said.over(before), **given)
            sys.stdout.flush()
        except BrokenPipeError:
            # Typer's way with it is to end the process with 1.
            raise PipeClosed from None
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None

    first = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [first, *own, *SHARED]
    invoke.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    invoke.__annotations__ = {each.name: each.annotation for each in parameters}
    invoke.__doc__ = function.__doc__
    return invoke


class PipeClosed(CommandError):
    """Who read the output has gone, as `head` does."""

    def __init__(self) -> None:
        super().__init__("", Exit.PIPE_CLOSED)


def epilog(examples: str, *, rich: bool) -> str:
    """Examples as typer shows them below a command's help, each on its line."""
    lines = ["Examples:", *(f"  $ {line}" for line in examples.strip().splitlines())]
    if rich:
        return "\n".join(lines).replace("[", r"\[")
    # Click keeps the lines of a paragraph that begins so.
    return "\b\n" + "\n".join(lines)
