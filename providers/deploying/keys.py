"""Keys for callers of the service: made, listed and revoked here, on every cloud.

    python -m providers keys new --stage dev --role predict --models 'churn,fraud-*' --days 90
    python -m providers keys list --stage dev
    python -m providers keys revoke --stage dev 3f9a0c1e

Each command finds the deployment that it names, and reads and writes where that one's function looks. It says
where that is, and warns when nothing is deployed there.

A key is shown once, when it is made. What is stored is a record, as `handlers/auth.py` reads it: enough to
recognise the key, useless to whoever reads it. Several may be valid at once, so that a new one can be handed
out before the old is revoked.
"""

import argparse
import hashlib
import importlib
import json
import os
import random
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from ml_core.errors import InvalidInput, RevisionMismatch, ServerlessMLError, TooLarge, shown
from ml_core.name_patterns import check_pattern
from providers.deploying.key_listing import listing, timestamp, told

# What each role gives, for people; a key may have several.
ROLES = {
    "predict": "ask models for predictions, and what they take",
    "feedback": "tell what was true of predictions",
    "inspect": "read versions, metrics, parameters, explanations and drift",
    "train": "what predict and inspect may, upload datasets, train, download models",
    "admin": "everything",
}
# Alone and without limits these say the same in a record of earlier releases, whose functions know that one.
_AS_EARLIER = ("train", "admin")
# Parameter Store takes no more in a parameter; elsewhere it is the same, so that a key is one on every cloud.
LONGEST_RECORD = 4_096  # bytes

Record = dict[str, Any]


class Target(NamedTuple):
    """The deployment that a command names. `options` holds the options of a cloud that were given."""

    stage: str
    service: str = "serverless-ml"  # as serverless.yml calls it
    options: Mapping[str, str] = {}


class KeyStore(Protocol):
    """Where one deployment keeps the records of its keys.

    `providers/<cloud>/deploying/key_store.py` offers `key_store(target, env) -> KeyStore`, and in `OPTIONS`
    the names of those `options` that its cloud knows.
    """

    @property
    def place(self) -> str:
        """Where the records are, for a person: parameter, secret or setting, region, account."""
        ...

    @property
    def warning(self) -> str | None:
        """Why no deployed function reads there; None when one does."""
        ...

    def read(self) -> list[Record] | None:
        """The records; None when there never was one. Raises `Unavailable`."""
        ...

    def write(self, records: list[Record]) -> None:
        """Replace the records.

        Raises `RevisionMismatch` when someone else changed them since `read`, where the cloud can tell, and
        `Unavailable`.
        """
        ...


_CLOUDS = "aws, google, azure or local"
# How often a change is tried while others change the records too.
_ATTEMPTS = 50

# The options that not every cloud has: its name, how else it may be written, and what it says.
OPTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "region": (("--region",), "the deployment's region (default: as `serverless deploy` finds it)"),
    "profile": (("--profile", "--aws-profile"), "AWS: the profile whose credentials are used"),
    "project": (("--project",), "Google: the project's id (default: the variable GOOGLE_CLOUD_PROJECT)"),
    "subscription": (
        ("--subscription",),
        "Azure: the subscription's id (default: the variable AZURE_SUBSCRIPTION_ID)",
    ),
    "resource_group": (
        ("--resource-group",),
        "Azure: the resource group (default: the one that carries the service's and stage's tags)",
    ),
}


_MOST_DAYS = 36_500
_LONGEST_DAY = len("2026-12-31")
_ABOUT_NEW = """\
roles:
{roles}

Names in other upper and lower case are the same name to a pattern. A key for some datasets
trains on those and on rows in the request, but not on what is in other buckets or folders.
Functions of an earlier release know keys of train and admin without limits alone: deploy first.
""".format(roles="\n".join(f"  {role:10}{gives}" for role, gives in ROLES.items()))

# Who is let in without a key, where that is not the same as on every cloud.
_WITHOUT_KEYS = {
    "local": "there is no key: until the first is made, `make serve` asks its own machine for none; "
    "after that it serves nothing but health"
}


class KeyUnknown(ServerlessMLError):
    """No key has that id."""

    code = "key_unknown"


class NewKey(NamedTuple):
    """A key, which is shown and forgotten, and its record, which is stored."""

    key: str
    record: Record


class KeyLimits(NamedTuple):
    """What a key is limited to: models and datasets by patterns, and a time, RFC 3339; None is no limit."""

    models: list[str] | None = None
    datasets: list[str] | None = None
    expires: str | None = None


UNLIMITED = KeyLimits()


def new_key(*roles: str, limits: KeyLimits = UNLIMITED) -> NewKey:
    """A key of 256 random bits. Its beginning names the record, so that a key that leaked can be revoked.

    Raises `TooLarge` where no store would take the record.
    """
    name = secrets.token_hex(4)
    key = f"sml_{name}_{secrets.token_urlsafe(32)}"
    created = timestamp(time.time())
    digest = hashlib.sha256(key.encode()).hexdigest()
    limited = {limit: value for limit, value in limits._asdict().items() if value is not None}
    earlier = len(roles) == 1 and roles[0] in _AS_EARLIER and not limited
    may: Record = {"role": roles[0]} if earlier else {"roles": list(roles), **limited}
    record = {"id": name, **may, "sha256": digest, "created": created}
    size = len(json.dumps(record, separators=(",", ":")))
    if size > LONGEST_RECORD:
        raise TooLarge(
            f"the key's record has {size:,} bytes; at most {LONGEST_RECORD:,} can be stored: name fewer "
            "patterns, or shorter ones with '*'"
        )
    return NewKey(key, record)


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of `python -m providers keys`."""
    actions = parser.add_subparsers(required=True, metavar="new|list|revoke")
    new = actions.add_parser(
        "new",
        help="make a key and show it, once",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make a key and show it, once.",
        epilog=_ABOUT_NEW,
    )
    new.add_argument(
        "--role",
        required=True,
        action="append",
        choices=ROLES,
        help="what the key may do; more than once for several",
    )
    for kind in ("models", "datasets"):
        new.add_argument(
            f"--{kind}",
            action="append",
            metavar="PATTERNS",
            help=f"the only {kind} that the key is for: 'churn,fraud-*' (default: all)",
        )
    until = new.add_mutually_exclusive_group()
    until.add_argument(
        "--expires",
        metavar="DATE",
        help="the last day on which the key is valid, in UTC, or a time: 2026-12-31, 2026-12-31T18:00Z",
    )
    until.add_argument("--days", type=int, metavar="N", help="the key is valid for so many days from now")
    new.set_defaults(run=_new)
    listed = actions.add_parser(
        "list",
        help="show the keys' records",
        description="Show the keys' records: what each may do, and until when. On a terminal as a table; "
        "elsewhere a line for each key, with id, roles, models, datasets, expiry and creation between tabs, "
        "where * is all.",
    )
    listed.set_defaults(run=_list)
    revoke = actions.add_parser(
        "revoke",
        help="make keys invalid",
        description="Make keys invalid. Running instances notice within ML_KEY_TTL (a minute).",
    )
    revoke.add_argument("ids", nargs="+", metavar="ID", help="a key's id, as `keys list` shows it")
    revoke.set_defaults(run=_revoke)
    for action in (new, listed, revoke):
        _add_target(action)


def _add_target(action: argparse.ArgumentParser) -> None:
    """The options that name a deployment."""
    action.add_argument("--stage", default="dev", help="the deployment's stage (default: dev)")
    action.add_argument(
        "--cloud",
        default=os.environ.get("CLOUD", "aws"),
        help=f"{_CLOUDS} (default: the variable CLOUD, else aws)",
    )
    action.add_argument(
        "--service", default=Target("").service, help="as serverless.yml calls it (default: serverless-ml)"
    )
    for name, (flags, says) in OPTIONS.items():
        action.add_argument(*flags, dest=name, help=says)


def _new(arguments: argparse.Namespace) -> int:
    made = new_key(*dict.fromkeys(arguments.role), limits=_limits(arguments))
    store = _store(arguments)
    _change(store, lambda records: [*(each for each in records if each != made.record), made.record])
    # The key alone goes to standard output: KEY=$(python -m providers keys new …)
    _say(f"stored key {made.record['id']} ({told(made.record)}) in the {store.place}")
    _warn(store)
    _say("the key is shown only this once:")
    print(made.key)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    records = store.read() or []
    _say(f"keys in the {store.place}:")
    _warn(store)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in listing(records, timestamp(time.time()), width):
        print(line)
    if not records:
        _say(_WITHOUT_KEYS.get(arguments.cloud, "there is no key: nothing is served but health"))
    return 0


def _limits(arguments: argparse.Namespace) -> KeyLimits:
    """The limits that the options say. Raises `InvalidInput`."""
    models, datasets = (_patterns(f"--{kind}", getattr(arguments, kind)) for kind in ("models", "datasets"))
    return KeyLimits(models, datasets, _expiry(arguments.expires, arguments.days))


def _patterns(option: str, given: list[str] | None) -> list[str] | None:
    """The patterns of an option, once each. Raises `InvalidInput` for one that no name can match."""
    if given is None:
        return None
    patterns = [*dict.fromkeys(each.strip() for text in given for each in text.split(","))]
    for each in patterns:
        check_pattern(each, option)
    return patterns


def _expiry(until: str | None, days: int | None, now: float | None = None) -> str | None:
    """When a key expires, None for never. Raises `InvalidInput` for what is no time, or is over."""
    now = time.time() if now is None else now
    if days is not None:
        if not 1 <= days <= _MOST_DAYS:
            raise InvalidInput.at("--days", f"expected 1 to {_MOST_DAYS:,} days, got {days}")
        return timestamp(now + days * 86_400)
    if until is None:
        return None
    expected = "a day such as 2026-12-31, or a time such as 2026-12-31T18:00Z"
    try:
        found = datetime.fromisoformat(until)
    except ValueError:
        raise InvalidInput.at("--expires", f"expected {expected}, got {shown(until)}") from None
    if len(until) <= _LONGEST_DAY:
        found = found.replace(hour=23, minute=59, second=59, tzinfo=UTC)
    if found.tzinfo is None:
        raise InvalidInput.at("--expires", f"expected {expected}, with its zone, got {shown(until)}")
    if not 0 < found.timestamp() - now <= _MOST_DAYS * 86_400:
        raise InvalidInput.at(
            "--expires",
            f"expected a time to come, within {_MOST_DAYS:,} days, got {shown(until)}; "
            f"it is {timestamp(now)}",
        )
    return timestamp(found.timestamp())


def _revoke(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    unknown = set(arguments.ids) - {record.get("id") for record in store.read() or []}
    if unknown:
        raise KeyUnknown(
            f"unknown key id in the {store.place}: {', '.join(sorted(unknown))}; `keys list` shows the ids"
        )
    _change(store, lambda records: [each for each in records if each.get("id") not in arguments.ids])
    _warn(store)
    print(f"revoked {', '.join(arguments.ids)} in the {store.place}")
    return 0


def _change(
    store: KeyStore,
    changed: Callable[[list[Record]], list[Record]],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Read, change and write, again while somebody else wrote in between.

    `changed` may meet its own work: a write whose answer was lost is done once more.
    """
    for remaining in reversed(range(_ATTEMPTS)):
        try:
            store.write(changed(store.read() or []))
        except RevisionMismatch:
            if not remaining:
                raise
            # Jitter keeps those who met from meeting again.
            sleep(random.uniform(0.02, 0.4))  # noqa: S311
        else:
            return


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _warn(store: KeyStore) -> None:
    if store.warning is not None:
        _say(f"warning: {store.warning}")


def _store(arguments: argparse.Namespace) -> KeyStore:
    cloud = arguments.cloud
    try:
        module = importlib.import_module(f"providers.{cloud}.deploying.key_store")
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("providers."):
            raise  # a library; what to do is said where commands are run
        raise KeyUnknown(f"expected the cloud {_CLOUDS}, got {cloud!r}") from error
    given = {name: getattr(arguments, name) for name in OPTIONS if getattr(arguments, name) is not None}
    if foreign := sorted(given.keys() - set(module.OPTIONS)):
        flags = ", ".join(OPTIONS[name][0][0] for name in foreign)
        raise KeyUnknown(f"{flags} is not an option of --cloud {cloud}")
    store: KeyStore = module.key_store(Target(arguments.stage, arguments.service, given), os.environ)
    return store
