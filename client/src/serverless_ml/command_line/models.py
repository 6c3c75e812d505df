"""Models, their versions and aliases: which there are, which one answers, and what it is worth."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serverless_ml.command_line.completing import models as complete_models
from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.frame import command
from serverless_ml.command_line.predicting import Model
from serverless_ml.command_line.session import Session
from serverless_ml.command_line.showing import on_terminal, show_json, show_members, show_table
from serverless_ml.command_line.training import OnInterrupt

if TYPE_CHECKING:
    from serverless_ml import Client
    from serverless_ml.answers import Alias
    from serverless_ml.references import Reference

PANEL = "Models and versions"
Name = Annotated[str, typer.Argument(metavar="MODEL", help="A model's name.", autocompletion=complete_models)]
AliasName = Annotated[str, typer.Option(metavar="NAME", help="Which alias.")]
Limit = Annotated[int | None, typer.Option(metavar="N", min=1, help="Show at most N.")]
# What the service tells of a schedule beside what people write: what `--json` shows may be sent back.
_TOLD = frozenset({"model", "updated", "writer", "next", "runs", "guard"})
_METRICS = ("accuracy", "f1_macro", "roc_auc", "log_loss", "silhouette")


@command("models", panel=PANEL, examples="serverless-ml models\nserverless-ml models --json")
def models(session: Session, limit: Limit = None) -> None:
    """List the models."""
    with session.client() as client:
        found = client.models(limit=limit)
    names = list(found)
    show_table(
        session,
        names,
        ("model",),
        [(name,) for name in names],
        empty="no model is there; see `serverless-ml train`",
    )


@command(
    "versions", panel=PANEL, examples="serverless-ml versions churn\nserverless-ml versions churn --limit 5"
)
def versions(session: Session, model: Name, limit: Limit = None) -> None:
    """List the versions of a model, the newest first, with what each reached on rows held out.

    In a pipe a line is: version, when it was made, algorithm, rows, accuracy, macro F1, ROC AUC, log loss,
    silhouette, aliases.
    """
    with session.client() as client:
        found = client.model(model).versions(limit=limit)
    listed = [each.raw for each in found]
    rows = [
        (
            each["version"],
            each["created"],
            each["algorithm"],
            each.get("rows"),
            *(_reached(each, name) for name in _METRICS),
            ",".join(each.get("aliases") or ()),
        )
        for each in listed
    ]
    columns = ("version", "created", "algorithm", "rows", *_METRICS, "aliases")
    show_table(session, listed, columns, rows, picture=found)


def _reached(version: dict[str, Any], metric: str) -> Any:
    metrics = version.get("metrics") or {}
    return ((metrics.get("test") or metrics.get("training")) or {}).get(metric)


@command("version", panel=PANEL, examples="serverless-ml version churn\nserverless-ml version churn@2 --json")
def version(session: Session, model: Model) -> None:
    """Show a version: what it was trained on and with, and what it reached."""
    from serverless_ml.command_line.describing import show_version
    from serverless_ml.references import reference

    with session.client() as client:
        which = resolved(client, reference(model))
        found = client.model(which.model).version(which.version)
    show_version(session, found)


@command(
    "about",
    panel=PANEL,
    examples="serverless-ml about churn --description 'Who leaves' --tag team=growth\n"
    "serverless-ml about churn@2 --untag trial",
)
def about(
    session: Session,
    model: Model,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is; nothing takes it away.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Set a tag; may repeat.")
    ] = None,
    untag: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Take a tag away; may repeat.")
    ] = None,
) -> None:
    """Show what is written about a model or a version, or change it.

    In a pipe a line is a name and a value: description, and each tag as tag.NAME.
    """
    from serverless_ml.answers import About
    from serverless_ml.references import reference

    tags: dict[str, str | None] = dict.fromkeys(untag or ())
    for each in tag or ():
        name, sign, value = each.partition("=")
        if not sign:
            raise CommandError(f"expected NAME=VALUE such as team=growth, got {each!r}")
        tags[name] = value
    patch: dict[str, Any] = {} if description is None else {"description": description or None}
    if tags:
        patch["tags"] = tags
    with session.client() as client:
        which = reference(model)
        remote, number = client.model(which.model), which.version or which.alias
        if patch:
            found: Any = remote.annotate(patch, number)
        else:
            found = remote.describe() if number is None else remote.version(number)
    written = {name: found.raw.get(name) for name in ("description", "tags", "about_etag")}
    members = [
        ("description", found.description),
        *((f"tag.{name}", each) for name, each in found.tags.items()),
    ]
    show_members(session, written, members, picture=About.from_json(written))


def resolved(client: "Client", which: "Reference") -> "Reference":
    """The version that a reference means: its own, the alias's, `production`'s, or the newest one.

    Raises `NotFound` for an alias that is not there.
    """
    from serverless_ml.errors import NotFound

    if which.version is not None:
        return which
    remote = client.model(which.model)
    try:
        number = remote.alias(which.alias or "production").version
    except NotFound:
        if which.alias is not None:
            raise
        number = remote.version().version
    return which._replace(version=number, alias=None)


@command("schema", panel=PANEL, examples="serverless-ml schema churn\nserverless-ml schema churn@2")
def schema(session: Session, model: Model) -> None:
    """Show what a row of a model is, as JSON Schema."""
    from serverless_ml.references import reference

    with session.client() as client:
        which = reference(model)
        show_json(client.model(which.model).schema(which.version or which.alias))


@command("aliases", panel=PANEL, examples="serverless-ml aliases churn")
def aliases(session: Session, model: Name) -> None:
    """List a model's aliases, and how each shares its traffic."""
    with session.client() as client:
        found = client.model(model).aliases()
    listed = [each.raw for each in found]
    show_table(
        session,
        listed,
        ("alias", "version", "weights", "updated"),
        [(each["alias"], each["version"], weights_of(each), each.get("updated")) for each in listed],
        empty=f"{model} has no alias; `serverless-ml promote {model} VERSION` makes production",
    )


def weights_of(alias: dict[str, Any]) -> str:
    """How an alias shares its traffic, as `canary` takes it."""
    weights = alias.get("weights") or {str(alias.get("version")): 100}
    return " ".join(f"{number}={weight}" for number, weight in weights.items())


def _show_alias(session: Session, alias: "Alias") -> None:
    raw = alias.raw
    for warning in raw.get("warnings") or ():
        session.say(f"warning: {warning}")
    members = [("alias", raw["alias"]), ("version", raw["version"]), ("weights", weights_of(raw))]
    show_members(session, raw, members, picture=alias)


@command(
    "promote",
    panel=PANEL,
    examples="serverless-ml promote churn 2\nserverless-ml promote churn --from staging",
)
def promote(
    session: Session,
    model: Name,
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", min=1, help="Else the newest that has traffic.")
    ] = None,
    alias: AliasName = "production",
    source: Annotated[
        str | None, typer.Option("--from", metavar="ALIAS", help="The version that this alias has.")
    ] = None,
) -> None:
    """Give all of an alias's traffic to one version."""
    if version is not None and source is not None:
        raise CommandError("expected a version or --from, got both")
    with session.client() as client:
        _show_alias(session, client.model(model).promote(version, alias, source=source))


@command(
    "canary",
    panel=PANEL,
    examples="serverless-ml canary churn 1=90 2=10\nserverless-ml canary churn 2=1 3=1 --alias staging",
)
def canary(
    session: Session,
    model: Name,
    weights: Annotated[
        list[str], typer.Argument(metavar="VERSION=WEIGHT...", help="Whole numbers in any proportion.")
    ],
    alias: AliasName = "production",
) -> None:
    """Have several versions share an alias's traffic."""
    shares: dict[int, int] = {}
    for each in weights:
        number, sign, weight = each.partition("=")
        if not (sign and number.isdecimal() and weight.isdecimal()):
            raise CommandError(f"expected VERSION=WEIGHT such as 1=90, got {each!r}")
        if int(number) in shares:
            raise CommandError(f"version {number} is there twice")
        shares[int(number)] = int(weight)
    with session.client() as client:
        _show_alias(session, client.model(model).canary(shares, alias))


@command(
    "rollback", panel=PANEL, examples="serverless-ml rollback churn\nserverless-ml rollback churn --to 3"
)
def rollback(
    session: Session,
    model: Name,
    alias: AliasName = "production",
    to: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Back to what change N of `history` made of it.")
    ] = None,
) -> None:
    """Give an alias's traffic back to the version that had it before."""
    with session.client() as client:
        _show_alias(session, client.model(model).rollback(alias, to=to))


@command(
    "history", panel=PANEL, examples="serverless-ml history churn\nserverless-ml history churn --limit 10"
)
def history(session: Session, model: Name, alias: AliasName = "production", limit: Limit = None) -> None:
    """List what was done to an alias, the newest first.

    In a pipe a line is: number, time, who, what, the shares before and after, why.
    """
    with session.client() as client:
        found = client.model(model).history(alias, limit=limit)
    listed = [each.raw for each in found]
    rows = [
        (
            each["number"],
            each["time"],
            each.get("by"),
            each["kind"],
            weights_of(each["from"]) if each.get("from") else None,
            weights_of(each["to"]) if each.get("to") else None,
            each.get("reason"),
        )
        for each in listed
    ]
    columns = ("change", "time", "by", "what", "before", "after", "why")
    show_table(session, listed, columns, rows, picture=found)


@command(
    "schedule",
    panel=PANEL,
    examples="""
serverless-ml schedule churn
serverless-ml schedule churn --set schedule.json
serverless-ml schedule churn --remove
""",
)
def schedule(
    session: Session,
    model: Name,
    *,
    written: Annotated[
        str | None,
        typer.Option("--set", metavar="FILE", help="Write it: JSON as the service takes it; - is stdin."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove it; runs that started go on.")] = False,
) -> None:
    """Show when a model is trained again by itself, or say it, which only an admin's key may.

    In a pipe a line is a run: when, because of what, what became of it, how its job ended, version, why.
    """
    if written is not None and remove:
        raise CommandError("say --set FILE or --remove, not both")
    said = None if written is None else _read_schedule(written)
    with session.client() as client:
        remote = client.model(model)
        if remove:
            remote.delete_schedule()
            show_members(session, {"model": model, "removed": True}, [("removed", model)])
            return
        found = remote.schedule() if said is None else remote.set_schedule(**said)
    members = ("at", "trigger", "outcome", "ended", "version", "reason")
    rows = [tuple(each.get(name) for name in members) for each in found.raw["runs"]]
    if session.json or not on_terminal() or rows:
        columns = ("when", "because of", "outcome", "ended", "version", "why")
        show_table(session, found.raw, columns, rows, picture=found)
    else:
        show_members(session, found.raw, [], picture=found)


def _read_schedule(file: str) -> dict[str, Any]:
    """What people wrote of a schedule. Raises `CommandError`."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    try:
        said = json.loads(text)
    except ValueError as error:
        raise CommandError(f"expected JSON in {file}: {error}") from error
    if not isinstance(said, dict) or not isinstance(said.get("train"), dict):
        raise CommandError(f'expected an object with "train" in {file}; see docs/schedules.md')
    return {name: value for name, value in said.items() if name not in _TOLD}


@command(
    "monitoring",
    panel=PANEL,
    examples="serverless-ml monitoring churn@production\nserverless-ml monitoring churn@2 --since 2026-11-01",
)
def monitoring(
    session: Session,
    model: Model,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="From this day on (UTC).")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Up to this day.")] = None,
) -> None:
    """Show whether what a version is asked differs from what it was trained on.

    In a pipe a line is: column, kind, state, PSI, its expectation, p-value; the first is the whole report.
    """
    from serverless_ml.references import reference

    with session.client() as client:
        which = resolved(client, reference(model))
        found = client.model(which.model).monitoring(which.version, since=since, until=until)
    raw = found.raw
    session.say(
        f"{which}: {raw.get('predicted', 0):,} rows predicted, {raw.get('requests', 0):,} requests, "
        f"{raw.get('errors', 0):,} errors"
    )
    rows: list[tuple[Any, ...]] = [("(report)", "", raw.get("state"), None, None, None)]
    rows += [
        (
            name,
            each.get("kind"),
            each.get("state"),
            each.get("psi"),
            each.get("psi_expected"),
            each.get("p_value"),
        )
        for name, each in (raw.get("features") or {}).items()
    ]
    show_table(session, raw, ("column", "kind", "state", "psi", "expected", "p"), rows, picture=found)


@command(
    "download",
    panel=PANEL,
    examples="serverless-ml download churn@2\nserverless-ml download churn -o model.safetensors",
)
def download(
    session: Session,
    model: Model,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Else MODEL-VERSION.safetensors.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Download a version's artifact, a safetensors file that holds all of the model."""
    _fetch(session, model, output, force=force, suffix=".safetensors")


@command("onnx", panel=PANEL, examples="serverless-ml onnx churn@2\nserverless-ml onnx churn -o churn.onnx")
def onnx(
    session: Session,
    model: Model,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Else MODEL-VERSION.onnx.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Download a version as an ONNX file, which many other programs predict with."""
    _fetch(session, model, output, force=force, suffix=".onnx")


def _fetch(session: Session, model: str, output: str | None, *, force: bool, suffix: str) -> None:
    import tempfile

    from serverless_ml.command_line.writing import check_place, whole_output
    from serverless_ml.references import reference

    with session.client() as client:
        which = resolved(client, reference(model))
        path = output or f"{which.model}-{which.version}{suffix}"
        if path != "-":
            check_place(Path(path), force=force)
        remote = client.model(which.model)
        with tempfile.TemporaryDirectory(prefix="serverless-ml-") as folder:
            fetched = Path(folder) / f"version{suffix}"
            (remote.onnx if suffix == ".onnx" else remote.download)(fetched, version=which.version)
            with whole_output(path, force=force) as file, fetched.open("rb") as content:
                while part := content.read(1 << 20):
                    file.write(part)
            size = fetched.stat().st_size
    raw = {"model": {"name": which.model, "version": which.version}, "output": path, "size": size}
    if path != "-":
        show_members(session, raw, [("version", str(which)), ("output", path), ("size", size)])


@command(
    "register",
    panel=PANEL,
    examples="serverless-ml register churn model.safetensors",
)
def register(
    session: Session,
    model: Name,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="An artifact, as `download` writes it; - is stdin.")
    ],
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to wait for the version.")] = True,
    on_interrupt: OnInterrupt = "cancel",
) -> None:
    """Make an artifact that was made elsewhere a new version of a model.

    Objects of scikit-learn are registered from Python: `Client().register("churn", pipeline)`.
    """
    from serverless_ml.command_line.training import local_file
    from serverless_ml.command_line.waiting import check_on_interrupt, submitted, waited

    check_on_interrupt(on_interrupt)
    with session.client() as client, local_file(file) as path:
        job = submitted(model, lambda: client.register(model, path, wait=False))
        waited(session, job, wait=wait, on_interrupt=on_interrupt)


@command(
    "copy",
    panel=PANEL,
    examples="""
serverless-ml copy churn@production --to prod
serverless-ml copy churn@2 --to prod --as churn-eu
""",
)
def copy(
    session: Session,
    model: Model,
    to: Annotated[str, typer.Option(metavar="PROFILE", help="The profile of the service that gets it.")],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What the model is called there.")
    ] = None,
    alias: Annotated[
        str | None, typer.Option(metavar="NAME", help="An alias there that is given all traffic to it.")
    ] = None,
) -> None:
    """Copy a version to another service, with what is known of where it came from."""
    from serverless_ml import Client, profiles
    from serverless_ml.command_line.describing import show_version

    if profiles.read(to) is None:
        raise CommandError(f"--to: there is no profile {to!r}; see `serverless-ml profiles`", Exit.USAGE)
    with session.client() as client, Client(profile=to, progress=False) as other:
        version = client.copy(model, to=other, model=name, alias=alias)
    show_version(session, version)


@command(
    "delete",
    panel=PANEL,
    examples="serverless-ml delete churn@2\nserverless-ml delete churn --yes",
)
def delete(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="MODEL[@VERSION]", help="A version, or all of a model.")],
    purge: Annotated[bool, typer.Option("--purge", help="For good: nothing can be restored.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
) -> None:
    """Delete a version, or a model with all its versions. `restore` brings it back for a while."""
    from serverless_ml.command_line.services import confirmed
    from serverless_ml.references import reference

    which = reference(model)
    if which.alias is not None:
        raise CommandError(f"expected a model or a version such as {which.model}@2, got an alias")
    what = f"version {which.version} of {which.model}" if which.version else f"all of {which.model}"
    confirmed(f"delete {what}{' for good' if purge else ''}?", yes=yes)
    with session.client() as client:
        reply = client.request("DELETE", which.path, params={"purge": "true" if purge else None})
    show_members(
        session, reply.json() if reply.content else {"deleted": str(which)}, [("deleted", str(which))]
    )


@command("restore", panel=PANEL, examples="serverless-ml restore churn@2")
def restore(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="A version that was deleted.")],
) -> None:
    """Bring back a version that was deleted."""
    from serverless_ml.references import reference

    which = reference(model)
    if which.version is None:
        raise CommandError(f"expected a version such as {which.model}@2, got {model!r}")
    with session.client() as client:
        reply = client.request("POST", f"{which.path}:restore", repeatable=True)
    show_members(
        session, reply.json() if reply.content else {"restored": str(which)}, [("restored", str(which))]
    )
