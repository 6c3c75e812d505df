"""Keys for callers of the service: made, listed and revoked here, on every cloud.

    python -m providers keys new --stage dev --role predict
    python -m providers keys list --stage dev
    python -m providers keys revoke --stage dev 3f9a0c1e

A key is shown once, when it is made. What is stored is a record `{id, role, sha256, created}`: enough to
recognise the key, useless to whoever reads it. Several may be valid at once, so that a new one can be handed
out before the old is revoked.
"""

import argparse
import hashlib
import importlib
import os
import secrets
import sys
import time
from typing import Any, NamedTuple, Protocol

from ml_core.errors import ServerlessMLError

ROLES = ("predict", "train", "admin")

Record = dict[str, Any]


class KeyStore(Protocol):
    """Where one stage of one cloud keeps the records of its keys.

    `providers/<cloud>/key_store.py` offers `key_store(stage) -> KeyStore`.
    """

    def read(self) -> list[Record] | None:
        """The records; None when there never was one. Raises `Unavailable`."""
        ...

    def write(self, records: list[Record]) -> None:
        """Replace the records.

        Raises `RevisionMismatch` when someone else changed them since `read`, where the cloud can tell, and
        `Unavailable`.
        """
        ...


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
    revoke.add_argument("ids", nargs="+", metavar="ID", help="as `keys list` shows it")
    revoke.set_defaults(run=_revoke)
    for action in (new, listed, revoke):
        action.add_argument("--stage", default="dev", help="the deployment's stage (default: dev)")
        action.add_argument(
            "--cloud",
            default=os.environ.get("CLOUD", "aws"),
            help="aws, google, azure or local (default: the variable CLOUD, else aws)",
        )


def _new(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    made = new_key(arguments.role)
    store.write([*(store.read() or []), made.record])
    # The key alone goes to standard output: KEY=$(python -m providers keys new …)
    print(f"key {made.record['id']} ({arguments.role}), shown only this once:", file=sys.stderr)
    print(made.key)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    records = _store(arguments).read() or []
    for record in records:
        print(f"{record.get('id', '?'):10}{record.get('role', '?'):9}{record.get('created', '')}")
    if not records:
        print("there is no key: nothing is served but health", file=sys.stderr)
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    records = store.read() or []
    unknown = set(arguments.ids) - {record.get("id") for record in records}
    if unknown:
        raise KeyUnknown(f"no key has the id {', '.join(sorted(unknown))}; `keys list` shows the ids")
    store.write([record for record in records if record.get("id") not in arguments.ids])
    print(f"revoked {', '.join(arguments.ids)}")
    return 0


def _store(arguments: argparse.Namespace) -> KeyStore:
    try:
        module = importlib.import_module(f"providers.{arguments.cloud}.key_store")
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("providers."):
            raise KeyUnknown(f"keys on {arguments.cloud} need {error.name!r}: run `make setup`") from error
        raise KeyUnknown(f"there is no cloud {arguments.cloud!r} with keys") from error
    store: KeyStore = module.key_store(arguments.stage)
    return store
