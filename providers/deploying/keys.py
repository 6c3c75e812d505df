"""Keys for callers of the service: made, listed and revoked here, on every cloud.

    python -m providers keys new --stage dev --role predict
    python -m providers keys list --stage dev
    python -m providers keys revoke --stage dev 3f9a0c1e

Each command finds the deployment that it names, and reads and writes where that one's function looks. It says
where that is, and warns when nothing is deployed there.

A key is shown once, when it is made. What is stored is a record `{id, role, sha256, created}`: enough to
recognise the key, useless to whoever reads it. Several may be valid at once, so that a new one can be handed
out before the old is revoked.
"""

import argparse
import hashlib
import importlib
import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from ml_core.errors import RevisionMismatch, ServerlessMLError

ROLES = ("predict", "train", "admin")

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


def new_key(role: str) -> NewKey:
    """A key of 256 random bits. Its beginning names the record, so that a key that leaked can be revoked."""
    name = secrets.token_hex(4)
    key = f"sml_{name}_{secrets.token_urlsafe(32)}"
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    digest = hashlib.sha256(key.encode()).hexdigest()
    return NewKey(key, {"id": name, "role": role, "sha256": digest, "created": created})


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of `python -m providers keys`."""
    actions = parser.add_subparsers(required=True, metavar="new|list|revoke")
    new = actions.add_parser(
        "new", help="make a key and show it, once", description="Make a key and show it, once."
    )
    new.add_argument(
        "--role", required=True, choices=ROLES, help="what the key may do; each role includes those before it"
    )
    new.set_defaults(run=_new)
    listed = actions.add_parser("list", help="show the keys' records", description="Show the keys' records.")
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
    store = _store(arguments)
    made = new_key(arguments.role)
    _change(store, lambda records: [*(each for each in records if each != made.record), made.record])
    # The key alone goes to standard output: KEY=$(python -m providers keys new …)
    _say(f"stored key {made.record['id']} (role {arguments.role}) in the {store.place}")
    _warn(store)
    _say("the key is shown only this once:")
    print(made.key)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    records = store.read() or []
    _say(f"keys in the {store.place}:")
    _warn(store)
    for record in records:
        print(f"{record.get('id', '?'):10}{record.get('role', '?'):9}{record.get('created', '')}")
    if not records:
        _say(_WITHOUT_KEYS.get(arguments.cloud, "there is no key: nothing is served but health"))
    return 0


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
