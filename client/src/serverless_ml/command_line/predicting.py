"""`predict`, `explain` and `feedback`: a model is asked, and told what was true."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from serverless_ml.command_line.completing import models as complete_models
from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.frame import command
from serverless_ml.command_line.session import Session

if TYPE_CHECKING:
    from serverless_ml import Client
    from serverless_ml.command_line.reading import HowRead, Source
    from serverless_ml.command_line.scoring import Features, Scored
    from serverless_ml.references import Reference

PANEL = "Train and ask"
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model: NAME, NAME@VERSION or NAME@ALIAS.",
        autocompletion=complete_models,
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="FORMAT", help="Of what is read: csv, tsv, jsonl, json or parquet."),
]
Delimiter = Annotated[str | None, typer.Option(metavar="SIGN", help="What separates cells of CSV.")]
Encoding = Annotated[str | None, typer.Option(metavar="NAME", help="How characters of a text are written.")]
Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Whether the first line of CSV names the columns."),
]
_LABEL, _RECEIPT = "label", "receipt"
_PREFIX = "predicted_"
_MOST_EXPLAINED = 1000
_MOST_TOLD = 1000
"""Receipts in one request of feedback, which is what a service takes."""


class _Wish(NamedTuple):
    """What a person wants predicted, and where it goes."""

    which: "Reference"
    file: str
    how: "HowRead"
    outputs: tuple[str, ...]
    receipts: bool
    unknown: str
    output: str | None
    to: str | None
    keep: list[str] | None
    prefix: str | None
    force: bool


@command(
    "predict",
    panel=PANEL,
    examples="""
serverless-ml predict churn new.csv -o scored.csv
serverless-ml predict churn@2 new.parquet -o scored.parquet --outputs label,probability
serverless-ml predict churn new.csv --only | sort | uniq -c
cat new.jsonl | serverless-ml predict churn - --format jsonl
""",
)
def predict(
    session: Session,
    *,
    model: Model,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Rows: CSV, TSV, JSON lines, JSON or Parquet, PNG or a zip of it; - is stdin.",
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to write, by its suffix; without it to stdout."
        ),
    ] = None,
    outputs: Annotated[
        str, typer.Option(metavar="NAMES", help="Of label, probability, decision, distance.")
    ] = _LABEL,
    only: Annotated[bool, typer.Option("--only", help="Write the predictions alone.")] = False,
    keep: Annotated[
        str | None, typer.Option(metavar="COLUMNS", help="Of the file's columns, write these alone.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the predictions' columns are called after.")
    ] = None,
    unknown_columns: Annotated[
        str,
        typer.Option(metavar="ignore|refuse", help="What becomes of columns that the model does not know."),
    ] = "ignore",
    receipts: Annotated[
        bool, typer.Option("--receipts", help="Write a receipt for each row, which `feedback` takes.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="Of what is written; else by -o, or as what is read."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that -o names.")] = False,
    form: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    header: Header = None,
) -> None:
    """Predict each row of a file, and write the rows with the predictions beside them.

    Rows stay in order, and one version answers them all. Columns that are no features are kept and not sent;
    a feature that is missing is an error. The file of -o is written as a whole, or not at all.
    """
    from serverless_ml.command_line.reading import HowRead
    from serverless_ml.references import reference

    asked = _names(outputs) or []
    if not asked:
        raise CommandError("--outputs: expected at least one name, such as label")
    if unknown_columns not in ("ignore", "refuse"):
        raise CommandError(f"--unknown-columns: expected ignore or refuse, got {unknown_columns!r}")
    if only and keep is not None:
        raise CommandError("expected --only or --keep, got both")
    wish = _Wish(
        reference(model),
        file,
        HowRead(form, delimiter, encoding, header),
        tuple(asked),
        receipts,
        unknown_columns,
        None if output == "-" else output,
        to,
        [] if only else _names(keep),
        prefix,
        force,
    )
    with session.client() as client:
        _predict(session, client, wish)


def _predict(session: Session, client: "Client", wish: _Wish) -> None:
    from serverless_ml.command_line import reading, rows, scoring, writing
    from serverless_ml.command_line.progress_line import counted

    kind = _format_written(wish, reading.format_of(wish.file, wish.how.format), json=session.json)
    if wish.output is not None:
        _check_apart(wish.file, Path(wish.output))
        writing.check_place(Path(wish.output), force=wish.force)
    which, features = _settled(client, wish.which)
    with ExitStack() as stack:
        source = stack.enter_context(reading.opened(wish.file, features.names, wish.how))
        others = scoring.check_columns(source, features, unknown=wish.unknown, model=str(wish.which))
        kept = [rows.FILE] if source.format == rows.PICTURES else None
        kept = kept if wish.keep is None else _kept(source, wish.keep)
        if others:
            session.say(f"not sent, as {wish.which} does not know them: {_few(others)}")
        questions = scoring.Questions(client, source, features)
        how_asked = scoring.HowAsked(wish.outputs, wish.receipts)
        scored = questions.predicted(which, how_asked)
        first = next(scored, None)
        if first is None:
            raise CommandError(f"{source.name} has no rows", Exit.REFUSED)
        names = _prediction_names(session, first, _columns_kept(source, first, kept), wish.prefix)
        file = stack.enter_context(writing.whole_output(wish.output, force=wish.force))
        progress = stack.enter_context(counted(session, f"predicting {source.name}"))
        how = writing.HowWritten(kind, source.delimiter, source.marked)
        writer = writing.writer(
            file, how, [*_columns_kept(source, first, kept), *names.values()], source.schema
        )
        count = 0
        for each in _chained(first, scored):
            writer.write(list(_beside(each, kept, names)))
            count += len(each.piece.rows)
            progress(count)
        writer.close()
    model = first.model
    session.say(
        f"{count} row{'s' if count != 1 else ''} predicted by {model['name']} version {model['version']}"
        + (f", written to {wish.output}" if wish.output else "")
    )
    if session.json and wish.output is not None:
        from serverless_ml.command_line.showing import show_json

        show_json({"model": model, "rows": count, "output": wish.output, "not_sent": others})


def _format_written(wish: _Wish, read: str, *, json: bool) -> str:
    from serverless_ml.command_line import rows
    from serverless_ml.command_line.reading import format_of

    if wish.to is not None:
        return format_of("-", wish.to)
    if wish.output is not None:
        written = format_of(wish.output, None)
        if written not in rows.FORMATS:
            raise CommandError(f"-o: expected a format of {', '.join(rows.FORMATS)}, got {wish.output!r}")
        return written
    return rows.JSON if json else read if read in rows.FORMATS else rows.CSV


def _check_apart(file: str, output: Path) -> None:
    """Raises `CommandError` where what is read is what would be written."""
    if file != "-" and output.exists() and Path(file).exists() and output.samefile(file):
        raise CommandError(f"{output} is the file that is read; name another one after -o")


def _settled(client: "Client", which: "Reference") -> tuple["Reference", "Features"]:
    """The version that is asked about all rows, and what its rows have: both of one answer of the service.

    So no row is sent as another version takes it, whatever arrives or is promoted meanwhile. Of an alias
    that shares its traffic it is the version with the greatest share. A service of an earlier release does
    not say which version it is: there the reference stays as it is.
    """
    from serverless_ml.command_line.scoring import Features
    from serverless_ml.errors import NotFound

    model = client.model(which.model)
    try:
        schema = model.schema(which.version or which.alias)
    except NotFound as error:
        if which.alias is None or error.code != "route_not_found":
            raise
        schema = model.schema()
    number = schema.get("x-version")
    features = Features.of_schema(schema)
    return (which if number is None else which._replace(version=number, alias=None)), features


def _kept(source: "Source", keep: list[str] | None) -> list[str] | None:
    """The columns to keep; None for all of them. Raises `CommandError` for one that is not there."""
    if keep and source.columns is not None and (missing := [e for e in keep if e not in source.columns]):
        raise CommandError(
            f"--keep: {source.name} has no column {_few(missing)}; it has {_few(source.columns)}"
        )
    return keep


def _columns_kept(source: "Source", first: "Scored", kept: list[str] | None) -> list[str]:
    if kept is not None:
        return kept
    if source.columns is not None:
        return source.columns
    return list(dict.fromkeys(name for row in first.piece.rows for name in row))


def _prediction_names(
    session: Session, first: "Scored", columns: list[str], prefix: str | None
) -> dict[str, str]:
    """What each column of predictions is called in the file, which has no other column of that name."""
    there = set(columns)
    if prefix is None:
        taken = [name for name in first.columns if name in there]
        if not taken:
            return {name: name for name in first.columns}
        prefix = _PREFIX
        session.say(f"predictions are called {prefix}{taken[0]} …: the file has a column {_few(taken)}")
    named = {name: prefix + name for name in first.columns}
    if taken := [name for name in named.values() if name in there]:
        raise CommandError(f"the file has a column {_few(taken)} already; say another --prefix")
    return named


def _beside(scored: "Scored", kept: list[str] | None, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    columns = [(names[name], values) for name, values in scored.columns.items()]
    for place, row in enumerate(scored.piece.rows):
        own = row if kept is None else {name: row.get(name) for name in kept}
        yield {**own, **{name: values[place] for name, values in columns}}


def _chained(first: "Scored", rest: Iterator["Scored"]) -> Iterator["Scored"]:
    yield first
    yield from rest


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [each.strip() for each in text.split(",") if each.strip()]


def _few(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


@command(
    "explain",
    panel=PANEL,
    examples="""
serverless-ml explain churn row.json
serverless-ml explain churn new.csv --top 3
serverless-ml explain churn@2 row.json --against no --json
""",
)
def explain(
    session: Session,
    *,
    model: Model,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Rows, as `predict` takes them; - is stdin.")],
    against: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="What the answer is compared with; else the runner-up."),
    ] = None,
    top: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Tell the N columns that count most.")
    ] = None,
    form: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    header: Header = None,
) -> None:
    """Say how much each column contributed to the prediction of each row.

    At most 1,000 rows are explained. In a pipe each line is a row's place, its label, a column and its part.
    """
    from serverless_ml.command_line import reading, scoring
    from serverless_ml.references import reference

    which = reference(model)
    how = reading.HowRead(form, delimiter, encoding, header)
    with session.client() as client, ExitStack() as stack:
        which, features = _settled(client, which)
        source = stack.enter_context(reading.opened(file, features.names, how))
        others = scoring.check_columns(source, features, unknown="ignore", model=model)
        if others:
            session.say(f"not sent, as {model} does not know them: {_few(others)}")
        piece = next(source.pieces, None)
        if piece is None:
            raise CommandError(f"{source.name} has no rows", Exit.REFUSED)
        if len(piece.rows) > _MOST_EXPLAINED or next(source.pieces, None) is not None:
            raise CommandError(f"expected at most {_MOST_EXPLAINED} rows, and {source.name} has more")
        members = {
            "against": against if against is None or source.cells else _label_of(against),
            "top": top,
        }
        said = {name: value for name, value in members.items() if value is not None}
        answer = scoring.Questions(client, source, features).answer(f"{which.path}:explain", piece, said)
    _show_explanations(session, answer, source, piece.places, piece.rows)


def _label_of(text: str) -> Any:
    """A label by what is typed: text is a label as it is, unless it says a number or a truth value."""
    import json

    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | bool) else text


def _show_explanations(
    session: Session, answer: dict[str, Any], source: "Source", places: Any, rows: list[dict[str, Any]]
) -> None:
    from serverless_ml.command_line.showing import show_table

    lines = [
        (place, each.get("label", label), column, _value_of(row, column), part)
        for place, label, each, row in zip(
            places, answer["predictions"], answer["explanations"], rows, strict=True
        )
        for column, part in _parts(each)
    ]
    from serverless_ml.answers import Explanations

    columns = (source.place, "label", "column", "value", "contribution")
    show_table(session, answer, columns, lines, picture=Explanations.from_json(answer))


def _parts(explanation: dict[str, Any]) -> list[tuple[str, float]]:
    """Each column, pixel, step or word with its part of the margin, the greatest first."""
    parts = sorted(_flat(explanation.get("attributions"), ""), key=lambda each: -abs(each[1]))
    if isinstance(explanation.get("rest"), int | float):
        parts.append(("(all others)", explanation["rest"]))
    return parts


def _flat(told: Any, place: str) -> Iterator[tuple[str, float]]:
    """Numbers with where they stand: a column's name, the word, or places such as [0][7]."""
    if isinstance(told, int | float) and not isinstance(told, bool):
        yield place, told
    elif isinstance(told, list):
        for number, each in enumerate(told):
            yield from _flat(each, f"{place}[{number}]")
    elif isinstance(told, dict) and "text" in told:
        yield from _flat(told.get("value"), str(told["text"]))
    elif isinstance(told, dict):
        for name, each in told.items():
            yield from _flat(each, f"{place}.{name}" if place else name)


def _value_of(row: dict[str, Any], column: str) -> Any:
    return row.get(column, "")


@command(
    "feedback",
    panel=PANEL,
    examples="""
serverless-ml predict churn new.csv --receipts -o scored.csv
serverless-ml feedback churn scored.csv --label churned
""",
)
def feedback(
    session: Session,
    *,
    model: Model,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Rows with a receipt and the truth; - is stdin.")
    ],
    label: Annotated[str, typer.Option(metavar="COLUMN", help="The column with what was true of the row.")],
    receipt: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column with the receipt of `predict --receipts`.")
    ] = _RECEIPT,
    form: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
) -> None:
    """Tell what was true of rows that were predicted: the live accuracy of `monitoring` comes of it.

    Rows without a label are left out. A receipt counts once, however often it is sent.
    """
    from serverless_ml.command_line import reading
    from serverless_ml.command_line.progress_line import counted
    from serverless_ml.command_line.showing import show_members
    from serverless_ml.references import model_path, reference

    path = f"{model_path(reference(model).model)}:feedback"
    how = reading.HowRead(form, delimiter, encoding)
    totals = {"counted": 0, "repeated": 0}
    unknown = sent = 0
    typed = False
    with session.client() as client, ExitStack() as stack:
        source = stack.enter_context(reading.opened(file, [receipt, label], how))
        if source.columns is not None:
            for name in (receipt, label):
                if name not in source.columns:
                    raise CommandError(
                        f"{source.name} has no column {name}; it has {_few(source.columns)}", Exit.REFUSED
                    )
        progress = stack.enter_context(counted(session, f"telling {source.name}"))
        for piece in source.pieces:
            told = [
                {"receipt": row.get(receipt), "label": row.get(label)}
                for row in piece.rows
                if row.get(label) not in ("", None)
            ]
            unknown += len(piece.rows) - len(told)
            for start in range(0, len(told), _MOST_TOLD):
                part = told[start : start + _MOST_TOLD]
                counts, typed = _tell(client, path, part, typed=typed, cells=source.cells)
                totals = {name: totals[name] + counts[name] for name in totals}
                sent += len(part)
                progress(sent)
    if unknown:
        session.say(f"{unknown} row{'s' if unknown != 1 else ''} without a label left out")
    show_members(session, totals, totals.items())


def _tell(
    client: "Client", path: str, told: list[dict[str, Any]], *, typed: bool, cells: bool
) -> tuple[dict[str, Any], bool]:
    """Send labels: cells as text, and where the classes are no text as the numbers or truth values they say.

    Where anything is refused nothing is counted, so that the same may be sent in another way.
    """
    from serverless_ml.errors import InvalidInput

    def send(receipts: list[dict[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = client.request(
            "POST", path, json={"receipts": receipts}, repeatable=True
        ).json()
        return answer

    values = _as_values(told) if cells else None
    if values is None:
        return send(told), typed
    if typed:
        return send(values), True
    try:
        return send(told), False
    except InvalidInput:
        return send(values), True


def _as_values(told: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The same with labels as numbers and truth values; None where any of them is another word."""
    import json

    values = []
    for each in told:
        try:
            label = json.loads(each["label"].strip().lower())
        except ValueError:
            return None
        values.append({**each, "label": label})
    return values
