"""Datasets: what was uploaded, and how it is read."""

from typing import Annotated

import typer

from serverless_ml.command_line.exits import CommandError
from serverless_ml.command_line.frame import command
from serverless_ml.command_line.models import Limit
from serverless_ml.command_line.session import Session
from serverless_ml.command_line.showing import show_members, show_table
from serverless_ml.command_line.training import (
    DayFirst,
    Decimal,
    Delimiter,
    Encoding,
    Exclude,
    Format,
    Header,
    Missing,
    Reading,
    Thousands,
    Types,
    local_file,
    name_after,
)

PANEL = "Datasets"
Name = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset's name.")]


@command("datasets", panel=PANEL, examples="serverless-ml datasets")
def datasets(session: Session, limit: Limit = None) -> None:
    """List the datasets, each with its newest upload.

    In a pipe a line is: name, bytes, when it was uploaded, its address for `train`.
    """
    with session.client() as client:
        found = client.datasets(limit=limit)
    listed = [each.raw for each in found]
    rows = [(each["name"], each["size"], each["uploaded"], each["uri"]) for each in listed]
    show_table(
        session, listed, ("dataset", "bytes", "uploaded", "address"), rows, empty="no datasets", picture=found
    )


@command(
    "upload",
    panel=PANEL,
    examples="serverless-ml upload churn.csv\ngzip -dc churn.csv.gz | serverless-ml upload - --name churn",
)
def upload(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What is uploaded; - is stdin.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Else it is called after the file.")
    ] = None,
) -> None:
    """Upload a file as the newest of a dataset, for `describe` and `train`."""
    from serverless_ml.references import segment

    dataset = name or ("" if file == "-" else name_after(file))
    if not dataset:
        raise CommandError(f"no dataset can be called after {file!r}: say --name")
    with session.client() as client, local_file(file) as path:
        client.upload(dataset, path)
        raw = client.request("GET", f"/v1/datasets/{segment(dataset)}").json()
    show_members(session, raw, [("dataset", dataset), ("address", raw["uri"]), ("bytes", raw["size"])])


@command(
    "describe",
    panel=PANEL,
    examples="serverless-ml describe churn\nserverless-ml describe churn --type since=category --missing n/a",
)
def describe(
    session: Session,
    *,
    dataset: Name,
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
) -> None:
    """Show how a dataset's newest file is read: each column's type, gaps and values.

    In a pipe a line is: column, type, missing, different values, note.
    """
    from serverless_ml.command_line.describing import check, show_dataset

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
    with session.client() as client:
        found = client.dataset(dataset).describe(**said.members)
    check(found.raw, dataset)
    show_dataset(session, found)
