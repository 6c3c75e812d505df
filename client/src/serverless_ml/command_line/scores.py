"""`score` and `files`: a whole table is predicted by a job of the service, and its files are taken away."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.frame import command
from serverless_ml.command_line.predicting import PANEL, Delimiter, Encoding, Header, Model
from serverless_ml.command_line.rows import CSV, PARQUET, SUFFIXES
from serverless_ml.command_line.session import Session
from serverless_ml.command_line.training import OnInterrupt, names_of, uploaded
from serverless_ml.errors import Fault, JobFailed

if TYPE_CHECKING:
    from serverless_ml import JobHandle, Scores

_TOLD = 10
"""Rejected rows that are told on stderr."""
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER|FILE",
        help="Where the predictions are written: a new folder, or one file that ends in .csv or .parquet.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file that -o names.")]


@command(
    "score",
    panel=PANEL,
    examples="""
serverless-ml score churn customers.parquet -o scores/
serverless-ml score churn@production s3://lake/customers/ --keep customer -o scores.parquet
serverless-ml score churn s3://lake/customers/ --into s3://lake/scores/ --no-wait
serverless-ml score churn dataset://customers --outputs label,probability -o scores.csv
""",
)
def score(
    session: Session,
    *,
    model: Model,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A file, - for stdin, or an address: dataset://NAME, s3://…, gs://…, az://…, file:…; of a "
            "folder where it ends with a slash.",
        ),
    ],
    output: Output = None,
    outputs: Annotated[
        str, typer.Option(metavar="NAMES", help="Of label, probability, decision, distance.")
    ] = "label",
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMNS",
            help="Of the table's columns, write these before the predictions: one that tells rows apart says "
            "which row each prediction is of.",
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Of what is written: parquet or csv; else by -o.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="A place in a bucket that the service may write to, such as s3://lake/a/."
        ),
    ] = None,
    rejects: Annotated[
        str | None,
        typer.Option(
            metavar="write|stop",
            help="What becomes of rows that cannot be predicted: else write, which predicts the others and "
            "writes these to files rejects-….csv with the reason; stop fails at the first.",
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What does it: else auto, by the size of the table; function; or lithops or dask, where the "
            "service has turned them on.",
        ),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="Of what is read: csv, parquet or jsonl.")
    ] = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    header: Header = None,
    dataset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What to upload as; else the model's name and -to-score."),
    ] = None,
    force: Force = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to wait for the files.")] = True,
    on_interrupt: OnInterrupt = "cancel",
) -> None:
    """Predict a table of any size as a job of the service, which writes the predictions as files.

    For rows that a person waits for, and for other formats, there is `predict`. Here nothing of the table
    passes through this machine, unless it is a file of it, or -o takes the files away.

    Without -o and --into the files stay at the service, and `files JOB -o …` takes them away later. They are
    removed with the job, 30 days after its end unless the service says otherwise.

    Rows that cannot be predicted are counted, and the first are told on stderr. The command has succeeded
    where others were predicted.
    """
    from serverless_ml._sync.scoring import dataset_for
    from serverless_ml.command_line.waiting import check_on_interrupt, submitted, succeeded
    from serverless_ml.references import reference

    check_on_interrupt(on_interrupt)
    asked = names_of([outputs])
    if not asked:
        raise CommandError("--outputs: expected at least one name, such as label")
    if output is not None and not wait:
        raise CommandError(
            "expected -o or --no-wait, got both; `serverless-ml files JOB -o …` takes them later"
        )
    if output is not None and into is not None:
        raise CommandError("expected -o or --into, got both: what is written into a bucket stays there")
    written = format_written(output, to)
    if output is not None:
        check_free(output, force=force)
    which = reference(model)
    how = {"format": form, "delimiter": delimiter, "encoding": encoding, "header": header}
    with session.client() as client:
        uri = uploaded(session, client, data, dataset or dataset_for(which.model))
        job = submitted(
            which.model,
            lambda: client.score(
                model,
                uri,
                outputs=asked,
                keep=names_of(keep or []) or None,
                format=written,
                to=into,
                rejects=rejects,
                engine=engine,
                options={name: value for name, value in how.items() if value is not None},
                wait=False,
            ),
        )
        called = Called(uri, data)
        try:
            over = succeeded(session, job, wait=wait, on_interrupt=on_interrupt)
        except JobFailed as error:
            raise called.told(error) from None
        if over:
            show_scores(session, job.result(), output, force=force, called=called)


@command(
    "files",
    panel="Jobs",
    examples="""
serverless-ml files fe5df5b1c2722bc3b6e237ab323d
serverless-ml files fe5df5b1c2722bc3b6e237ab323d -o scores/
""",
)
def files(
    session: Session,
    *,
    id: Annotated[str, typer.Argument(metavar="JOB", help="A job's id, as `score` and `jobs` tell it.")],  # noqa: A002
    output: Output = None,
    force: Force = False,
) -> None:
    """List the files that a job wrote, or take them away with -o.

    A folder gets all of them, those of rejected rows too; a file gets the predictions, in one. They are
    removed with the job, 30 days after its end unless the service says otherwise.

    In a pipe a line is: name, kind, rows, bytes, its place in a bucket.
    """
    from serverless_ml.command_line.showing import show_table

    with session.client() as client:
        job = client.job(id)
        if output is not None:
            check_free(output, force=force)
            if not job.over:
                session.say(f"job {job.id} is {job.state}: only what is finished is written")
            with taken_away(session, job, output, force=force):
                pass
            return
        found = job.files()
    listed = [each.raw for each in found]
    rows = [(each["name"], each["kind"], each["rows"], each["size"], each.get("uri")) for each in listed]
    columns = ("file", "kind", "rows", "bytes", "place")
    show_table(session, listed, columns, rows, picture=found, empty="no files")


class Called(NamedTuple):
    """What a person calls the table that the service knows by an address."""

    uri: str
    name: str

    def said(self, text: str) -> str:
        """A text of the service's in the person's words."""
        return text.replace(self.uri, self.name) if self.uri else text

    def told(self, error: JobFailed) -> JobFailed:
        """Why a job failed, in the person's words."""
        faults = [Fault(self.said(path), message) for path, message in error.faults]
        return JobFailed(self.said(str(error)), job=error.job, code=error.code, faults=faults)


def show_scores(
    session: Session,
    scores: "Scores",
    output: str | None,
    *,
    force: bool,
    called: Called = Called("", ""),  # noqa: B008  a value
) -> None:
    """Take the files away if that is wanted, and show how many rows there were.

    Raises `CommandError` where there were some, and none of them could be predicted.
    """
    from serverless_ml.command_line.showing import show_members

    raw: dict[str, Any] = scores.raw
    members: list[tuple[str, Any]] = [
        ("job", scores.job.id),
        ("model", scores.model),
        ("version", scores.version),
        ("rows", scores.rows),
        ("rejected", scores.rejected),
        ("files", scores.result.files),
        ("bytes", scores.bytes),
        ("place", scores.uri),
    ]
    if output is not None:
        with taken_away(session, scores, output, force=force):
            pass
        raw, members = {**raw, "output": output}, [*members, ("output", output)]
    if scores.rejected:
        tell_rejects(session, scores, called)
    show_members(session, raw, [each for each in members if each[1] is not None], picture=scores)
    if output is None and scores.uri is None:
        session.say(f"`serverless-ml files {scores.job.id} -o scores/` takes the files away")
    if scores.rejected and not scores.rows:
        raise CommandError(
            f"nothing was predicted: 0 of {scores.rejected:,} row{'s' if scores.rejected != 1 else ''}, "
            "each was rejected",
            Exit.REFUSED,
        )


def tell_rejects(session: Session, scores: "Scores", called: Called) -> None:
    """Say on stderr how many rows were not predicted, and why the first were not."""
    session.warn(f"{scores.rejected:,} row{'s' if scores.rejected != 1 else ''} could not be predicted:")
    if scores.uri is None:
        for each in scores.rejects(limit=_TOLD):
            column = f", column {each['column']!r}" if each.get("column") else ""
            session.warn(f"  {called.said(each['file'])}: line {each['line']}{column}: {each.get('reason')}")
        if scores.rejected > _TOLD:
            session.warn(f"  and {scores.rejected - _TOLD:,} more, in the files rejects-….csv of the job")


def format_written(output: str | None, to: str | None) -> str | None:
    """The format that the service writes; None for its own choice. Raises `CommandError`."""
    wanted = to.lower() if to is not None else None
    if wanted not in (None, CSV, PARQUET):
        raise CommandError(f"--to: expected csv or parquet, got {to!r}; `predict` writes others")
    named = file_format(output)
    if wanted is not None and named is not None and wanted != named:
        raise CommandError(f"expected one format, got --to {wanted} and -o {output}")
    return wanted or named


def file_format(output: str | None) -> str | None:
    """The format of the one file that -o names; None where it names a folder. Raises `CommandError`."""
    if output is None or output.endswith(("/", os.sep)) or Path(output).is_dir():
        return None
    suffix = Path(output).suffix.lower()
    found = SUFFIXES.get(suffix)
    if found is not None and found not in (CSV, PARQUET):
        raise CommandError(
            f"-o: expected a file that ends in .csv or .parquet, or a folder, got {output!r}; `predict` "
            "writes other formats"
        )
    return found


def check_free(output: str, *, force: bool) -> None:
    """Raises `CommandError` where the file or the folder cannot come to be."""
    from serverless_ml.command_line.writing import check_place

    path = Path(output)
    if file_format(output) is not None:
        check_place(path, force=force)
    elif path.is_dir() and any(path.iterdir()):
        raise CommandError(f"{path} is a folder with files in it; expected a new or an empty one")
    elif path.is_file():
        raise CommandError(f"{path} is a file; expected a folder, or a file that ends in .csv or .parquet")
    elif not path.absolute().parent.is_dir():
        raise CommandError(f"{path}: there is no folder {path.parent}", Exit.FILE)


@contextmanager
def taken_away(session: Session, files: "Scores | JobHandle", output: str, *, force: bool) -> Iterator[Path]:
    """A job's files in a folder, or as one file; whole, or not there at all.

    Raises `CommandError`, `OSError`, and what a request raises.
    """
    from serverless_ml.command_line.writing import whole_output

    path = Path(output)
    kind = file_format(output)
    beside = path.absolute().parent
    partly = Path(tempfile.mkdtemp(dir=beside, prefix=f".{path.name}-", suffix=".part"))
    try:
        folder = files.download(partly / "files", progress=False if session.quiet else None)
        if kind is None:
            if path.is_dir():
                path.rmdir()  # which is empty
            folder.replace(path)
        else:
            parts = sorted(folder.glob("part-*"))
            check_joinable(parts, kind)
            with whole_output(output, force=force) as file:
                joined(parts, kind, file)
    finally:
        shutil.rmtree(partly, ignore_errors=True)
    session.say(f"written to {output}")
    yield path


def check_joinable(parts: Sequence[Path], kind: str) -> None:
    """Raises `CommandError` where the parts cannot become one file of that format."""
    if not parts:
        raise CommandError(
            "the job has no predictions: each row was rejected, or it wrote nothing", Exit.REFUSED
        )
    found = parts[0].suffix.removeprefix(".")
    if found != kind:
        raise CommandError(
            f"the job wrote {found}; expected -o with a name that ends in .{found}, or a folder"
        )


def joined(parts: Sequence[Path], kind: str, file: IO[bytes]) -> None:
    """Write the parts one after another into one file. Raises `CommandError`, `OSError`."""
    from serverless_ml.tables.scored_parts import joined_csv

    if kind == CSV:
        joined_csv(parts, file)
    elif len(parts) == 1:
        with parts[0].open("rb") as part:
            shutil.copyfileobj(part, file, 1 << 20)
    else:
        _joined_parquet(parts, file)


def _joined_parquet(parts: Sequence[Path], file: IO[bytes]) -> None:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        _joined_by_polars(parts, file)
        return
    with pq.ParquetWriter(file, pq.read_schema(parts[0])) as writer:
        for part in parts:
            table = pq.ParquetFile(part)
            for group in range(table.num_row_groups):
                writer.write_table(table.read_row_group(group))


def _joined_by_polars(parts: Sequence[Path], file: IO[bytes]) -> None:
    try:
        import polars as pl
    except ImportError:
        raise CommandError(
            f"{len(parts)} Parquet files become one by pyarrow or polars, and neither is installed here: "
            "`pip install pyarrow`, or -o a folder"
        ) from None
    pl.scan_parquet([*parts]).sink_parquet(file)
