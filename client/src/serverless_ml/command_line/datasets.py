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
    from serverless_ml.errors import Conflict
    from serverless_ml.references import segment

    dataset = name or ("" if file == "-" else name_after(file))
    if not dataset:
        raise CommandError(f"no dataset can be called after {file!r}: say --name")
    with session.client() as client, local_file(file) as path:
        uploaded = client.upload(dataset, path)
        try:
            raw = client.request("GET", f"/v1/datasets/{segment(dataset)}").json()
        except Conflict as error:
            if error.code != "budget":
                raise
            raw = {"name": dataset, "uri": uploaded.uri, "size": None}  # its size is not told
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


@command(
    "budget",
    panel=PANEL,
    examples="serverless-ml budget churn\nserverless-ml budget churn --epsilon 4 --delta 1e-6",
)
def budget(
    session: Session,
    dataset: Name,
    *,
    epsilon: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Set it: what private trainings may cost together.")
    ] = None,
    delta: Annotated[float | None, typer.Option(metavar="NUMBER", help="At which delta.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove it: everything may read again.")] = False,
) -> None:
    """Show a dataset's privacy budget, or set or remove it, which only an admin's key may.

    While one is set, only trainings with privacy read the dataset. What they have spent stays spent.
    In a pipe the lines are: dataset, epsilon, delta, spent, left, trainings; spent and left as epsilon.
    """
    if (epsilon is None) != (delta is None) or (remove and epsilon is not None):
        raise CommandError("say --epsilon together with --delta to set it, or --remove, or none of them")
    with session.client() as client:
        remote = client.dataset(dataset)
        if remove:
            found = remote.remove_budget()
        elif epsilon is not None and delta is not None:
            found = remote.set_budget(epsilon, delta)
        else:
            found = remote.budget()
    said, left = found.budget or {}, found.left or {}
    members = [
        ("dataset", found.dataset),
        ("epsilon", said.get("epsilon")),
        ("delta", said.get("delta")),
        ("spent", found.spent.get("epsilon")),
        ("left", left.get("epsilon")),
        ("trainings", len(found.entries) + found.entries_omitted),
    ]
    show_members(session, found.raw, members)


@command(
    "made-from",
    panel=PANEL,
    examples="serverless-ml made-from churn",
)
def made_from(session: Session, dataset: Name, limit: Limit = None) -> None:
    """List the versions that were made from a dataset, whatever model they are of.

    In a pipe a line is: model, version, algorithm, when it was made, the upload, when it was deleted.
    """
    with session.client() as client:
        found = client.dataset(dataset).versions(limit=limit)
    listed = [each.raw for each in found]
    rows = [
        (
            each["model"],
            each["version"],
            each["algorithm"],
            each["created"],
            each["data"]["uri"],
            each["deleted"],
        )
        for each in listed
    ]
    columns = ("model", "version", "algorithm", "created", "upload", "deleted")
    show_table(session, listed, columns, rows, empty="nothing was made from it", picture=found)


@command(
    "erase",
    panel=PANEL,
    examples="serverless-ml erase churn\nserverless-ml erase churn --yes --json > report.json",
)
def erase(
    session: Session,
    dataset: Name,
    *,
    keep_versions: Annotated[bool, typer.Option("--keep-versions", help="Remove its uploads alone.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
) -> None:
    """Delete a dataset and every version that was made from it, for good, and tell what is left.

    In a pipe a line is: gone, going, expires or stays, then a word for what, how many, days, and a sentence.
    """
    from serverless_ml.command_line.services import confirmed

    with session.client() as client:
        handle = client.dataset(dataset)
        if keep_versions:
            confirmed(f"delete all uploads of {dataset}?", yes=yes)
            handle.delete()
            show_members(session, {"deleted": dataset}, [("deleted", dataset)])
            return
        made = sum(each.deleted is None for each in handle.versions())
        versions = f"{made} version{'' if made == 1 else 's'} made from it"
        confirmed(f"delete {dataset} and the {versions}, for good?", yes=yes)
        report = handle.erase()
    rows = [
        (part, line["what"], line["number"], line["days"], line["detail"])
        for part in ("gone", "going", "expires", "stays")
        for line in report.raw[part]
    ]
    show_table(session, report.raw, ("", "what", "how many", "days", "detail"), rows, picture=report)
