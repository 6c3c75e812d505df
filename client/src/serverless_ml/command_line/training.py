"""`train`: from a file to a version of a model, with a look at how the file was read in between."""

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.frame import command
from serverless_ml.command_line.predicting import PANEL
from serverless_ml.command_line.session import Session

if TYPE_CHECKING:
    from serverless_ml import Client

_TABLES = "How a table is read"
_TRAINING = "How it is trained"
_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_PICTURES = (".zip", ".npz")

Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="COLUMN=TYPE",
        help="What a column is: number, category, boolean, date or ignore.",
        rich_help_panel=_TABLES,
    ),
]
Missing = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WORD",
        help="A word that stands for no value, as an empty cell does; in the place of the usual ones.",
        rich_help_panel=_TABLES,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMNS", help="Columns that are not looked at.", rich_help_panel=_TABLES),
]
Decimal = Annotated[
    str | None, typer.Option(metavar="SIGN", help="Before decimals: . or ,", rich_help_panel=_TABLES)
]
Thousands = Annotated[
    str | None, typer.Option(metavar="SIGN", help="Between thousands.", rich_help_panel=_TABLES)
]
DayFirst = Annotated[
    bool | None,
    typer.Option(
        "--dayfirst/--monthfirst", help="Whether 05/06/2024 is in June or in May.", rich_help_panel=_TABLES
    ),
]
Delimiter = Annotated[
    str | None, typer.Option(metavar="SIGN", help="What separates cells of CSV.", rich_help_panel=_TABLES)
]
Encoding = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="How characters of a text are written.", rich_help_panel=_TABLES),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of CSV names the columns.",
        rich_help_panel=_TABLES,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="FORMAT", help="csv, parquet, jsonl, npy, zip or npz.", rich_help_panel=_TABLES
    ),
]
OnInterrupt = Annotated[
    str, typer.Option(metavar="cancel|leave", help="What Ctrl-C does to a job that is waited for.")
]


class Reading(NamedTuple):
    """How a file is to be read, as members of `data`; those that nobody said are left out."""

    members: dict[str, Any]

    @classmethod
    def said(
        cls,
        types: list[str] | None,
        missing: list[str] | None,
        exclude: list[str] | None,
        **others: Any,
    ) -> "Reading":
        """What the options say. Raises `CommandError`."""
        members = {name: value for name, value in others.items() if value is not None}
        if types:
            members["types"] = dict(_pair("--type", each, "active=category") for each in types)
        if missing:
            # Where somebody says what stands for nothing, nothing at all does not become a word.
            members["missing"] = list(dict.fromkeys(["", *missing]))
        if exclude:
            members["exclude"] = names_of(exclude)
        return cls(members)


@command(
    "train",
    panel=PANEL,
    examples="""
serverless-ml train churn.csv --target churned
serverless-ml train churn.csv --target churned --algorithm svm --param C=0.1 --split time:since
serverless-ml train churn.csv --target churned --type active=category --missing n/a --exclude spend
serverless-ml train dataset://churn --target churned --model churn
serverless-ml train churn.csv --target churned --privacy privacy.json
serverless-ml train digits.zip --param epochs=5
""",
)
def train(
    session: Session,
    *,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A file, - for stdin, or an address: dataset://NAME, s3://…, gs://…, az://…"
        ),
    ],
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to predict.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model; else it is called after the file.")
    ] = None,
    algorithm: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One of `serverless-ml algorithms`.", rich_help_panel=_TRAINING),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A hyperparameter; the value is JSON or a word.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMNS", help="Learn from these alone.", rich_help_panel=_TRAINING),
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(metavar="PART", help="Of the rows, held out for testing.", rich_help_panel=_TRAINING),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="HOW", help="random, time:COLUMN or group:COLUMN are held out.", rich_help_panel=_TRAINING
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of all that is random.", rich_help_panel=_TRAINING)
    ] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(metavar="N", help="How long it may take.", rich_help_panel=_TRAINING),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What does it: else auto, in memory where the table fits, else part by part; function, "
            "without other functions; streamed, part by part in any case; or lithops or dask, where the "
            "service has turned them on.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    privacy: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Train with differential privacy: a JSON file with epsilon, delta, bounds, categories and "
            "classes, or the JSON itself.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=JSON",
            help="Another member of `data`, such as image or text.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    types: Types = None,
    missing: Missing = None,
    exclude: Exclude = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    dayfirst: DayFirst = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    header: Header = None,
    form: Format = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to upload as; else the model's name.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to wait for the version.")] = True,
    on_interrupt: OnInterrupt = "cancel",
) -> None:
    """Train a new version of a model on a file, and show what it reached.

    The file is uploaded, and how its columns were read is shown on stderr, with the options that overrule it.
    """
    from serverless_ml.command_line.waiting import check_on_interrupt, submitted, waited

    check_on_interrupt(on_interrupt)
    said = Reading.said(
        types,
        missing,
        exclude,
        decimal=decimal,
        thousands=thousands,
        dayfirst=dayfirst,
        delimiter=delimiter,
        encoding=encoding,
        header=header,
        format=form,
    )
    hyperparameters = dict(_value("--param", each, "C=0.1") for each in param or ())
    members = dict(_value("--option", each, 'text="review"') for each in option or ())
    how = _split_of(split)
    private = None if privacy is None else _privacy_of(privacy)
    name = model or _model_of(session, data)
    with session.client() as client:
        uri = uploaded(session, client, data, dataset or name)
        # Private training looks nothing up in the rows, and no more does this.
        if uri.startswith("dataset://") and not session.quiet and private is None:
            image = {name: value for name, value in members.items() if name == "image"}
            uri = _looked_at(session, client, uri, Reading({**said.members, **image}), target)
        job = submitted(
            name,
            lambda: client.train(
                name,
                uri,
                target=target,
                algorithm=algorithm or _algorithm_for(data),
                hyperparameters=hyperparameters or None,
                features=names_of(features or []) or None,
                exclude=said.members.get("exclude"),
                options={
                    **{key: value for key, value in said.members.items() if key != "exclude"},
                    **members,
                },
                test_fraction=test_fraction,
                seed=seed,
                split=how,
                max_seconds=max_seconds,
                engine=engine,
                privacy=private,
                wait=False,
            ),
        )
        waited(session, job, wait=wait, on_interrupt=on_interrupt)


def _privacy_of(said: str) -> dict[str, Any]:
    """The object that is said, or stands in the file that is. Raises `CommandError`."""
    import json

    text = said
    if not said.lstrip().startswith("{"):
        try:
            with open(said, encoding="utf-8-sig") as file:
                text = file.read()
        except (OSError, ValueError) as error:
            raise CommandError(f"--privacy: {said!r} cannot be read: {error}") from None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise CommandError(f"--privacy: expected JSON, got {text[:60]!r}: {error}") from None
    if not isinstance(found, dict):
        example = '{"epsilon": 1, "delta": 1e-6, "bounds": {"age": [0, 100]}, "classes": ["no", "yes"]}'
        raise CommandError(f"--privacy: expected an object such as {example}, got {text[:60]!r}")
    return found


def names_of(said: list[str]) -> list[str]:
    """Names of columns, said one by one or between commas; a quoted name may have a comma."""
    import csv

    return [name.strip() for each in said for name in next(csv.reader([each]), []) if name.strip()]


def _pair(option: str, text: str, example: str) -> tuple[str, str]:
    name, sign, value = text.rpartition("=")
    if not (name and sign):
        raise CommandError(f"{option}: expected NAME=VALUE such as {example}, got {text!r}")
    return name, value


def _value(option: str, text: str, example: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise CommandError(f"{option}: expected NAME=VALUE such as {example}, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _split_of(said: str | None) -> dict[str, Any] | None:
    if said is None:
        return None
    by, sign, column = said.partition(":")
    if by not in ("random", "time", "group") or (by == "random") == bool(sign and column):
        raise CommandError(f"--split: expected random, time:COLUMN or group:COLUMN, got {said!r}")
    return {"by": by} | ({"column": column} if column else {})


def _algorithm_for(data: str) -> str:
    return "cnn" if data.lower().endswith(_PICTURES) else "logistic_regression"


def is_address(data: str) -> bool:
    """Whether the service finds the data by itself."""
    from serverless_ml._sync.training import is_address

    return is_address(data)


def name_after(path: str) -> str:
    """What a model or a dataset is called after a file: its name, with other signs as hyphens."""
    return _NAME.sub("-", Path(path).stem).strip("-._")[:63].rstrip(".")


def _model_of(session: Session, data: str) -> str:
    """The model's name where nobody said one. Raises `CommandError`."""
    if data == "-":
        raise CommandError("what comes from stdin has no name: say --model")
    name = name_after(
        data.removeprefix("dataset://").partition("/")[0] if data.startswith("dataset:") else data
    )
    if not name:
        raise CommandError(f"no model can be called after {data!r}: say --model")
    session.say(f"model: {name} (--model calls it otherwise)")
    return name


def uploaded(session: Session, client: "Client", data: str, dataset: str) -> str:
    """The address of the data; a file is uploaded. Raises `OSError`, `CommandError`."""
    if is_address(data):
        return data
    with local_file(data) as path:
        size = path.stat().st_size
        if not size:
            raise CommandError(f"{data if data != '-' else 'standard input'} is empty", Exit.REFUSED)
        session.say(
            f"uploading {data if data != '-' else 'standard input'} ({size_of(size)}) as dataset {dataset}"
        )
        return client.upload(dataset, path).uri


@contextmanager
def local_file(path: str) -> Iterator[Path]:
    """A file, or what stdin holds as one. Raises `OSError`, and `CommandError` for a folder."""
    if path == "-":
        with tempfile.TemporaryDirectory(prefix="serverless-ml-") as folder:
            file = Path(folder) / "stdin"
            with file.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
            yield file
        return
    if Path(path).is_dir():
        raise CommandError(
            f"{path} is a folder; expected a file. A folder of pictures is sent as a zip file", Exit.FILE
        )
    with Path(path).open("rb"):  # raises in the words of the system
        pass
    yield Path(path)


def size_of(size: int) -> str:
    """Bytes, as people write them."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def _looked_at(
    session: Session,
    client: "Client",
    uri: str,
    said: Reading,
    target: str | None,
) -> str:
    """Show how the file was read, where the service can tell; the address of what was shown.

    Raises `CommandError` for a file that it could not train on.
    """
    from serverless_ml.command_line.describing import check, show_summary

    name, sign, upload = uri.removeprefix("dataset://").partition("/")
    found = client.dataset(name).describe(**said.members)
    if sign and not found.uri.endswith(f"/{upload}"):
        return uri  # another upload than the newest, which alone is described
    check(found.raw, f"dataset {name}")
    show_summary(session, found.raw, target=target)
    return found.uri
