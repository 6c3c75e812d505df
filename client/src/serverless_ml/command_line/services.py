"""Which service is asked: `login`, `logout`, `profiles`; and what it can train."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.frame import command
from serverless_ml.command_line.session import Session
from serverless_ml.command_line.showing import show_members, show_table

if TYPE_CHECKING:
    from serverless_ml.connection import Connection

PANEL = "Services"


@command(
    "login",
    panel=PANEL,
    examples="""
serverless-ml login
serverless-ml login --url https://ml.example --profile prod
serverless-ml login --url https://ml.example --key-stdin < key.txt
serverless-ml login --use dev
""",
)
def login(
    session: Session,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from stdin.")] = False,
    use: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make this profile the current one; ask nothing.")
    ] = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="Keep it without trying it.")] = False,
) -> None:
    """Keep a service's address and key as a profile, after trying them.

    What is not said is asked for on the terminal; the key is not shown. It is kept in a file that only you
    may read. A service that asks for no key is kept without one.
    """
    from serverless_ml import profiles
    from serverless_ml.connection import LOCAL, Connection, connection, key_of

    if use is not None:
        profiles.choose(use)
        _show_profile(session, profiles.read(use))
        return
    url = session.url or _asked("address", LOCAL)
    name = session.profile or profiles.DEFAULT
    key = session.key or _key(url, from_stdin=key_stdin)
    known = connection(url, key or None)  # as it is kept: without what does not matter
    if not no_check:
        _try(session, Connection(known.url, key_of(key)))
    place = profiles.write(profiles.Profile(name, known.url, key or None))
    session.say(f"kept as profile {name} in {place}")
    _show_profile(session, profiles.read(name))


def _key(url: str, *, from_stdin: bool) -> str:
    """The key, from stdin or asked for; empty where none is needed."""
    if from_stdin:
        return (sys.stdin.readline() if sys.stdin is not None else "").strip()
    if not _can_ask():
        raise CommandError("there is no terminal to ask for the key: say --key-stdin, and write it to stdin")
    import getpass

    return getpass.getpass(f"key for {url} (not shown; empty for none): ").strip()


def _asked(what: str, default: str) -> str:
    """What a person types. Raises `CommandError` without a terminal."""
    if not _can_ask():
        raise CommandError(f"there is no terminal to ask for the {what}: say --url")
    print(f"{what} of the service [{default}]: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() or default


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def confirmed(question: str, *, yes: bool) -> None:
    """Raises `CommandError` unless a person says yes, or said so before."""
    if yes:
        return
    if not _can_ask():
        raise CommandError(f"{question} Say --yes, as there is no terminal to ask")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError("nothing was done", Exit.REFUSED)


def _try(session: Session, asked: "Connection") -> None:
    """Ask the service something that any key may ask, with this key or none; a client would look for another.

    Raises `NotConnected`, `NotAllowed` and what else a request does.
    """
    from serverless_ml._sync.requests import Requests

    requests = Requests(asked, timeout=60.0, retries=1)
    try:
        answer = requests.get("/v1/algorithms")
    finally:
        requests.close()
    session.say(f"{asked.url} answers, with {len(answer['algorithms'])} algorithms")


def _show_profile(session: Session, profile: Any) -> None:
    raw = {"profile": profile.name, "url": profile.url, "key": profile.key is not None}
    show_members(session, raw, raw.items())


@command("logout", panel=PANEL, examples="serverless-ml logout\nserverless-ml logout --profile prod")
def logout(session: Session) -> None:
    """Forget a profile and its key, the current one unless --profile names another."""
    from serverless_ml import profiles

    name = profiles.remove(session.profile)
    show_members(session, {"removed": name}, [("removed", name)])


@command("profiles", panel=PANEL, examples="serverless-ml profiles")
def list_profiles(session: Session) -> None:
    """List the profiles, without their keys; * is the current one.

    In a pipe a line is: name, address, whether there is a key, * for the current one.
    """
    from serverless_ml import profiles

    current = profiles.current()
    found = [each for each in map(profiles.read, profiles.names()) if each is not None]
    raw = [
        {"profile": each.name, "url": each.url, "key": each.key is not None, "current": each.name == current}
        for each in found
    ]
    rows = [
        (each["profile"], each["url"], "key" if each["key"] else "no key", "*" if each["current"] else "")
        for each in raw
    ]
    show_table(
        session,
        raw,
        ("profile", "address", "key", "current"),
        rows,
        empty="no profiles; see `serverless-ml login`",
    )


@command("whoami", panel=PANEL, examples="serverless-ml whoami\nserverless-ml whoami --profile prod")
def whoami(session: Session) -> None:
    """Show which service is asked, and what the key that it is asked with may do.

    In a pipe a line is a name and a value: url, key, roles, rights, models, datasets, expires. `*` is all.
    """
    with session.client() as client:
        url, caller = client.url, client.whoami()
    members = [
        ("url", url),
        ("key", caller.key),
        ("roles", ",".join(caller.roles)),
        ("rights", ",".join(caller.rights)),
        ("models", "*" if caller.models is None else ",".join(caller.models)),
        ("datasets", "*" if caller.datasets is None else ",".join(caller.datasets)),
        ("expires", caller.raw.get("expires")),
    ]
    session.say(f"asking {url}")
    show_members(session, {"url": url, **caller.raw}, members, picture=caller)


@command(
    "algorithms",
    panel=PANEL,
    examples="serverless-ml algorithms\nserverless-ml algorithms svm",
)
def algorithms(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show its hyperparameters.")] = None,
) -> None:
    """List what can be trained, or the hyperparameters of one algorithm.

    In a pipe a line is: name, title, task, what it takes; of one: name, type, default, description.
    """
    with session.client() as client:
        known = client.algorithms()
    listed = [each.raw for each in known]
    if name is None:
        rows = [
            (each["name"], each.get("title"), each.get("task"), ",".join(each.get("takes") or ()))
            for each in listed
        ]
        show_table(session, listed, ("algorithm", "title", "task", "takes"), rows, picture=known)
        return
    found = next((each for each in listed if each["name"] == name), None)
    if found is None:
        names = ", ".join(each["name"] for each in listed)
        raise CommandError(f"there is no algorithm {name!r}; there are {names}", Exit.NOT_FOUND)
    takes = (found.get("hyperparameters") or {}).get("properties") or {}
    show_table(
        session,
        found,
        ("hyperparameter", "type", "default", "what"),
        [(key, _type_of(each), each.get("default"), each.get("description")) for key, each in takes.items()],
    )


def _type_of(schema: dict[str, Any]) -> str:
    """What JSON Schema says a value is, in a word or two."""
    if "enum" in schema:
        return " | ".join("null" if each is None else str(each) for each in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(map(_type_of, schema["anyOf"]))
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum")
    bounds = f" {'' if low is None else f'{low:g}'}..{'' if high is None else f'{high:g}'}"
    return str(schema.get("type", "")) + (bounds if bounds != " .." else "")


Since = Annotated[str | None, typer.Option(metavar="DAY", help="From this day on (UTC).")]
Until = Annotated[str | None, typer.Option(metavar="DAY", help="Up to this day.")]


@command(
    "audit",
    panel=PANEL,
    examples="serverless-ml audit\nserverless-ml audit --model churn --since 2026-11-01 --limit 20",
)
def audit(
    session: Session,
    *,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="What was about it alone.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Show at most N.")] = None,
) -> None:
    """List who asked for which change, the newest first, which only an admin's key may.

    In a pipe a line is: time, key, method, route, model, version, alias, dataset, job, status.
    """
    with session.client() as client:
        found = client.audit(model=model, since=since, until=until, limit=limit)
    listed = [each.raw for each in found]
    columns = ("time", "by", "method", "route", "model", "version", "alias", "dataset", "job", "status")
    rows = [tuple(each.get(name) for name in columns) for each in listed]
    show_table(session, listed, columns, rows, empty="no change in these days", picture=found)


@command(
    "usage",
    panel=PANEL,
    examples="serverless-ml usage\nserverless-ml usage --since 2026-11-01 --of 3f9a0c1e",
)
def usage(
    session: Session,
    *,
    of: Annotated[
        str | None, typer.Option("--of", metavar="ID", help="What the key of this id used.")
    ] = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Show what each key used, which only an admin's key may.

    In a pipe a line is: day, key, requests, rows, jobs, bytes.
    """
    with session.client() as client:
        found = client.usage(key=of, since=since, until=until)
    columns = ("date", "key", "requests", "rows", "jobs", "bytes")
    rows = [tuple(each.get(name) for name in columns) for each in found.days]
    show_table(session, found.raw, columns, rows, empty="nothing was used in these days", picture=found)
