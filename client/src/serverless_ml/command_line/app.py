"""The whole command: its commands in the order of its help."""

from typing import Annotated, Any

import typer

from serverless_ml.command_line import (
    datasets,
    importing,
    jobs,
    models,
    predicting,
    scores,
    services,
    training,
)
from serverless_ml.command_line.frame import COMMANDS, SHARED, epilog, invocable
from serverless_ml.command_line.session import Session

MODULES = (training, predicting, scores, models, importing, jobs, datasets, services)
_EXAMPLES = """
serverless-ml login
serverless-ml train churn.csv --target churned
serverless-ml predict churn new.csv -o scored.csv
serverless-ml score churn s3://lake/customers/ -o scores/
serverless-ml versions churn
serverless-ml promote churn 2
"""


def app(*, for_terminal: bool) -> typer.Typer:
    """The command; `for_terminal` draws its help with colours and frames."""
    made = typer.Typer(
        name="serverless-ml",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if for_terminal else None,
        epilog=epilog(_EXAMPLES, rich=for_terminal),
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    made.callback(epilog=epilog(_EXAMPLES, rich=for_terminal))(_before())
    places = [module.__name__ for module in MODULES]
    for each in sorted(COMMANDS, key=lambda command: places.index(command.run.__module__)):
        made.command(each.name, rich_help_panel=each.panel, epilog=epilog(each.examples, rich=for_terminal))(
            invocable(each.run)
        )
    return made


def _before() -> Any:
    """What the options before a command's name do."""
    import inspect

    def begin(context: typer.Context, *, version: bool = False, **given: Any) -> None:  # noqa: ARG001
        """Train, look after and ask models of a serverless-ml service."""
        context.obj = Session(**given)

    flag = Annotated[
        bool, typer.Option("--version", help="Show the version, and end.", is_eager=True, callback=_version)
    ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("context", keyword, annotation=typer.Context),
        inspect.Parameter("version", keyword, default=False, annotation=flag),
        *SHARED,
    ]
    begin.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    begin.__annotations__ = {each.name: each.annotation for each in parameters}
    return begin


def _version(value: bool) -> None:
    if value:
        from serverless_ml.version import VERSION

        print(f"serverless-ml {VERSION}")
        raise typer.Exit
