"""Who may call what. A key is shown to its owner once; here are only records `{id, role, sha256}` of it.

A key is 256 random bits, so one round of SHA-256 hides it as well as a slow hash would, which each cold start
would pay for. With no key configured everything but health is closed, not open.
"""

from __future__ import annotations

import time

from ml_core.digests import sha256
from ml_core.errors import Forbidden, NotConfigured, Unauthenticated, Unavailable
from ml_core.records import Protocol, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


# What an endpoint asks for. OPEN is for anyone, always; VISITOR for anyone once a key is configured; the
# others for keys whose role gives that right. READ is versions, metrics and aliases; INSPECT is what was
# learnt, and what became of it.
OPEN, VISITOR = "open", "visitor"
PREDICT, READ, INSPECT, FEEDBACK, TRAIN, ADMIN = "predict", "read", "inspect", "feedback", "train", "admin"
ROLES = (PREDICT, TRAIN, ADMIN)
_GIVEN = {
    PREDICT: (PREDICT, READ),
    TRAIN: (PREDICT, READ, INSPECT, TRAIN),
    ADMIN: (PREDICT, READ, INSPECT, FEEDBACK, TRAIN, ADMIN),
}

_DIGITS = 64  # of a SHA-256
_LONGEST_KEY = 512
_EARLIEST_RELOAD = 5.0
_STALE_FACTOR = 10.0

type Records = list[dict[str, Any]]


class Caller(Record):
    """Who was let in: the id of the key's record, empty for a place that asks for none."""

    id: str
    role: str


class Gate(Protocol):
    """Decides about each request."""

    def admit(self, headers: Mapping[str, str], access: str) -> Caller:
        """The caller, when it may do what needs `access`.

        Raises:
            NotConfigured: there is no key at all.
            Unauthenticated: no key came, or none that is known.
            Forbidden: the key's role does not reach that far.
            Unavailable: the records cannot be read.
        """


class OpenGate:
    """Lets everyone in: the laptop's own loopback, and a caller that the platform has vouched for."""

    def admit(self, headers: Mapping[str, str], access: str) -> Caller:  # noqa: ARG002 (the protocol's)
        """Anyone is an admin."""
        return Caller("", ADMIN)


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
        self._records: Records = []
        self._read_at: float | None = None

    def admit(self, headers: Mapping[str, str], access: str) -> Caller:
        """See `Gate`."""
        if access == OPEN:
            return Caller("", OPEN)
        # Without any record a short memory is enough: the first key opens the service within seconds.
        if not self._fresh_records(self._ttl if self._records else _EARLIEST_RELOAD):
            raise NotConfigured(
                "no key is configured, so all but health is closed; `python -m providers keys new` makes one"
            )
        if access == VISITOR:
            return Caller("", VISITOR)
        key = key_of(headers)
        if not key:
            raise Unauthenticated("send a key as `Authorization: Bearer <key>` or as `X-Api-Key: <key>`")
        # A key that was just made is not in the cache yet; but no stranger may make us read all the time.
        caller = match(key, self._records) or match(key, self._fresh_records(_EARLIEST_RELOAD))
        if caller is None:
            raise Unauthenticated("the key is not known")
        if access not in _GIVEN[caller.role]:
            raise Forbidden(f"the role {caller.role!r} does not reach this far; {role_for(access)!r} does")
        return caller

    def _fresh_records(self, most_age: float) -> Records:
        """The well-formed records, at most `most_age` seconds old if they can be read."""
        age = self._clock() - self._read_at if self._read_at is not None else float("inf")
        if 0 <= age < min(most_age, self._ttl):
            return self._records
        try:
            read = self._read() or []
        except Unavailable:
            if 0 <= age < self._ttl * _STALE_FACTOR:
                return self._records
            raise
        self._records = [record for record in read if is_record(record)]
        self._read_at = self._clock()
        return self._records


def role_for(access: str) -> str:
    """The least role that gives a right."""
    return next(role for role in ROLES if access in _GIVEN[role])


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


def match(key: str, records: Records) -> Caller | None:
    """The record's caller whose digest is the key's. Every record is compared, each in constant time."""
    from _operator import _compare_digest as equal  # what the module hmac exports, without its other imports

    sent = digest(key)
    found = None
    for record in records:
        if equal(sent, record["sha256"]):
            found = Caller(record["id"], record["role"])
    return found


def is_record(record: object) -> bool:
    """Whether `record` is `{id, role, sha256}` as it should be; a damaged one admits nobody."""
    return (
        isinstance(record, dict)
        and isinstance(record.get("id"), str)
        and record.get("role") in ROLES
        and isinstance(record.get("sha256"), str)
        and len(record["sha256"]) == _DIGITS
        and record["sha256"].isascii()
    )
