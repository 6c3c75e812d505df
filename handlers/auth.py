"""Who may call what. A key is shown to its owner once; here are only records of it.

    {id, roles, sha256, created, models, datasets, expires}   the last three where the key has such limits
    {id, role, sha256, created}                               as earlier releases wrote them

A key is 256 random bits, so one round of SHA-256 hides it as well as a slow hash would, which each cold start
would pay for. With no key configured everything but health is closed, not open. A record with anything that
is not known here admits nobody: it may be a limit of a later release.
"""

from __future__ import annotations

import time
from _operator import _compare_digest as equal  # what the module hmac exports, without its other imports

from ml_core.digests import sha256
from ml_core.errors import Forbidden, NotConfigured, Unauthenticated, Unavailable
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ml_core.records import Protocol

    class Gate(Protocol):
        """Decides about each request."""

        def admit(self, headers: Mapping[str, str], access: str) -> Caller:
            """The caller, when it may do what needs `access`.

            Raises:
                NotConfigured: there is no key at all.
                Unauthenticated: no key came, none that is known, or one that has expired.
                Forbidden: the key does not have that right.
                Unavailable: the records cannot be read.
            """


# What an endpoint asks for. OPEN is for anyone, always; VISITOR for anyone once a key is configured; KEY for
# every key. The others are rights: SCHEMA is to know what a model takes, READ its versions, metrics and
# aliases, INSPECT what it learnt and what becomes of it.
OPEN, VISITOR, KEY, SCHEMA, READ = "open", "visitor", "key", "schema", "read"
PREDICT, FEEDBACK, INSPECT, TRAIN, ADMIN = "predict", "feedback", "inspect", "train", "admin"

# The rights that each role gives. A key may have several roles.
ROLES = {
    PREDICT: (KEY, SCHEMA, PREDICT),
    FEEDBACK: (KEY, FEEDBACK),
    INSPECT: (KEY, SCHEMA, READ, INSPECT),
    TRAIN: (KEY, SCHEMA, PREDICT, READ, INSPECT, TRAIN),
    ADMIN: (KEY, SCHEMA, PREDICT, READ, INSPECT, FEEDBACK, TRAIN, ADMIN),
}
# The same of records with a `role`: they keep what they could do.
_EARLIER = {PREDICT: (KEY, SCHEMA, PREDICT, READ), TRAIN: ROLES[TRAIN], ADMIN: ROLES[ADMIN]}
_LIMITS = frozenset(("roles", "models", "datasets", "expires"))
_MEMBERS = _LIMITS | {"id", "sha256", "created"}

_DIGITS = 64  # of a SHA-256
_LONGEST_KEY = 512
_EARLIEST_RELOAD = 5.0
_STALE_FACTOR = 10.0

type Records = list[dict[str, Any]]
type Callers = list[tuple[str, Caller]]


class Caller(Record):
    """Who was let in, and what it may do.

    `id` is that of the key's record, empty for a place that asks for none. `models` and `datasets` are the
    patterns of names that it may use, None for all (`limits.py`). `expires` is RFC 3339, None for never.
    """

    id: str
    roles: tuple[str, ...]
    rights: tuple[str, ...]
    models: list[str] | None
    datasets: list[str] | None
    expires: str | None

    @property
    def limited(self) -> bool:
        """Whether there are models or datasets that the key is not for."""
        return self.models is not None or self.datasets is not None


# Who is let in without a key: everywhere, or where only health and the page are asked for.
ANYONE = Caller("", (ADMIN,), ROLES[ADMIN], None, None, None)
_NOBODY = Caller("", (), (), None, None, None)


class OpenGate:
    """Lets everyone in: the laptop's own loopback, and a caller that the platform has vouched for."""

    def admit(self, headers: Mapping[str, str], access: str) -> Caller:  # noqa: ARG002 (the protocol's)
        """Anyone is an admin."""
        return ANYONE


class KeyGate:
    """Asks for a key whose record is known.

    Args:
        read: reads the records; None or an empty list means that no key is configured.
        ttl: seconds for which records are kept. While they cannot be read again, they serve ten times as
            long: a parameter store that stumbles must not take every warm instance with it.
        clock: seconds; wall time, because an instance may be frozen between requests.
    """

    def __init__(
        self, read: Callable[[], Records | None], ttl: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._read = read
        self._ttl = ttl
        self._clock = clock
        self._callers: Callers = []  # each with the digest of its key
        self._read_at: float | None = None

    def admit(self, headers: Mapping[str, str], access: str) -> Caller:
        """See `Gate`."""
        if access == OPEN:
            return _NOBODY
        # Without any record a short memory is enough: the first key opens the service within seconds.
        if not self._known(self._ttl if self._callers else _EARLIEST_RELOAD):
            raise NotConfigured(
                "no key is configured, so all but health is closed; `python -m providers keys new` makes one"
            )
        if access == VISITOR:
            return _NOBODY
        key = key_of(headers)
        if not key:
            raise Unauthenticated("send a key as `Authorization: Bearer <key>` or as `X-Api-Key: <key>`")
        # A key that was just made is not in the cache yet; but no stranger may make us read all the time.
        caller = match(key, self._callers) or match(key, self._known(_EARLIEST_RELOAD))
        if caller is None:
            raise Unauthenticated("the key is not known")
        if caller.expires is not None and _timestamp(self._clock()) >= caller.expires:
            raise Unauthenticated(
                f"the key {caller.id} expired on {caller.expires}; `python -m providers keys new` makes one"
            )
        if access not in caller.rights:
            expected = " or ".join(map(repr, roles_for(access)))
            raise Forbidden(
                f"expected a key with the right {expected}; this key has: {', '.join(caller.roles)}"
            )
        return caller

    def callers(self) -> Callers:
        """Whom the well-formed records let in now, by the digests of their keys. Raises `Unavailable`."""
        return self._known(_EARLIEST_RELOAD)

    def _known(self, most_age: float) -> Callers:
        """Whom the well-formed records let in, at most `most_age` seconds old if they can be read."""
        age = self._clock() - self._read_at if self._read_at is not None else float("inf")
        if 0 <= age < min(most_age, self._ttl):
            return self._callers
        try:
            read = self._read() or []
        except Unavailable:
            if 0 <= age < self._ttl * _STALE_FACTOR:
                return self._callers
            raise
        self._callers = [(record["sha256"], _caller(record)) for record in read if is_record(record)]
        self._read_at = self._clock()
        return self._callers


def roles_for(access: str) -> list[str]:
    """The roles that give a right, without those that give another of them and more."""
    giving = [role for role in ROLES if access in ROLES[role]]
    more = {role for role in giving for other in giving if set(ROLES[other]) < set(ROLES[role])}
    return [role for role in giving if role not in more]


def key_of(headers: Mapping[str, str]) -> str:
    """The key that came with a request, or an empty string.

    X-Api-Key counts before Authorization, which holds the platform's own token where a company's callers
    have to show who they are.
    """
    key = headers.get("x-api-key", "").strip()
    if not key:
        scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
        key = bearer.strip() if scheme.lower() == "bearer" else ""
    return key if len(key) <= _LONGEST_KEY else ""


def digest(key: str) -> str:
    """What a record keeps of a key: its SHA-256, as 64 hexadecimal digits."""
    return sha256(key.encode("utf-8", "surrogatepass"))


def match(key: str, callers: Callers) -> Caller | None:
    """The caller whose digest is the key's. Every one is compared, each in constant time."""
    sent = digest(key)
    found = None
    for kept, caller in callers:
        if equal(sent, kept):
            found = caller
    return found


def is_record(record: object) -> bool:
    """Whether `record` is one of the two as it should be; a damaged or unknown one admits nobody."""
    if not (
        isinstance(record, dict)
        and isinstance(record.get("id"), str)
        and isinstance(record.get("sha256"), str)
        and len(record["sha256"]) == _DIGITS
        and record["sha256"].isascii()
    ):
        return False
    if "role" in record:
        role = record["role"]
        return isinstance(role, str) and role in _EARLIER and _LIMITS.isdisjoint(record)
    roles = record.get("roles", [])
    return (
        _MEMBERS.issuperset(record)
        and _is_texts(roles)
        and bool(roles)
        and all(role in ROLES for role in roles)
        and _is_texts(record.get("models", []))
        and _is_texts(record.get("datasets", []))
        and ("expires" not in record or _is_timestamp(record["expires"]))
    )


def _caller(record: dict[str, Any]) -> Caller:
    """Who has the key of a record."""
    if "role" in record:
        role = record["role"]
        return Caller(record["id"], (role,), _EARLIER[role], None, None, None)
    roles = tuple(record["roles"])
    rights = tuple(right for role in roles for right in ROLES[role])
    limits = record.get("models"), record.get("datasets"), record.get("expires")
    return Caller(record["id"], roles, rights, *limits)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _timestamp(seconds: float) -> str:
    """Seconds since the epoch as records have them; of two, the later one sorts after the other."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _is_timestamp(value: object) -> bool:
    """Whether `value` is written as `_timestamp` writes."""
    if not (isinstance(value, str) and value.isascii() and value[4:20:3] == "--T::Z" and len(value) == 20):
        return False
    return all(value[start : start + 2].isdigit() for start in (0, 2, 5, 8, 11, 14, 17))
