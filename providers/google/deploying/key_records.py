"""The records of the keys in a secret, changed by compare-and-swap.

Secret Manager compares an entity tag when a secret is patched, and none when a version is added. So whoever
writes first claims the secret: a patch that names the tag that was read, which one of several writers gets
through. https://cloud.google.com/secret-manager/docs/etags

A deployment writes no records. It makes a first, empty version, because a secret without one cannot be
mounted, and claims the secret for that like everybody.
"""

import json
import secrets
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

from ml_core.errors import RevisionMismatch, TooLarge, Unavailable
from providers.google.deploying.access import Access, one_line

Json = dict[str, Any]
Records = list[dict[str, Any]]

# The annotation that names who is writing.
CLAIM = "keys-are-being-written-by"
# Seconds after which a claim that did not change is taken for one whose writer died.
ABANDONED = 30.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
# Of a version, in bytes. https://cloud.google.com/secret-manager/quotas
_LONGEST = 65_536


class _Overtaken(Exception):
    """The version that was the newest is so no more, and was destroyed."""


class KeyRecords:
    """The records in one secret; `path` is its REST path."""

    def __init__(self, access: Access, path: str) -> None:
        self._access, self._path = access, path
        self._secret: Json | None = None
        self._newest = 0

    def read(self) -> Records | None:
        """The records of the newest version; None where there is no secret, or no version that holds any.

        Raises:
            Unavailable: the newest version holds something else, or somebody disabled it.
        """
        while True:
            self._secret, self._newest = self._unclaimed(), 0
            if self._secret is None or (newest := self._newest_version()) is None:
                return None
            try:
                return self._records(newest)
            except _Overtaken:
                continue

    def _records(self, newest: Json) -> Records | None:
        """The records of a version. Raises `_Overtaken` when a newer one took its place meanwhile."""
        from google.api_core.exceptions import BadRequest

        self._newest = _number(newest)
        # Functions read the newest version whatever its state, so an older one is no help.
        if newest.get("state") == "DISABLED":
            raise Unavailable(f"{newest['name']} is disabled: enable it, or destroy it to begin anew")
        if newest.get("state") == "DESTROYED":
            return None
        path = f"{self._path}/versions/{self._newest}:access"
        try:
            found = self._access.rest("GET", "secretmanager", path)
        except BadRequest as error:
            if _number(self._newest_version() or newest) == self._newest:
                raise
            raise _Overtaken from error
        try:
            records: Records = json.loads(b64decode(found["payload"]["data"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"expected key records in {found['name']}, got something else") from error
        return records

    def write(self, records: Records) -> bool:
        """Replace what `read` returned, and destroy the older versions, which cost and nobody reads.

        Returns:
            Whether there is a secret.

        Raises:
            RevisionMismatch: somebody else changed the records since they were read.
            TooLarge: a secret does not hold so many.
        """
        data = json.dumps(records, separators=(",", ":")).encode()
        if len(data) > _LONGEST:
            raise TooLarge(
                f"the keys would take {len(data):,} bytes; a secret holds at most {_LONGEST:,}:"
                " revoke keys that are no longer used, or name fewer patterns"
            )
        if self._secret is None:
            self.read()
        if self._secret is None:
            return False
        claimed, self._secret = self._patch(self._secret, {CLAIM: secrets.token_hex(8)}), None
        try:
            added = self._add(data)
            if _number(added) != self._newest + 1:
                self._give_way(added)
            self._destroy_all_but(added)
        finally:
            self._release(claimed)
        return True

    def begin(self) -> None:
        """Make the first version, which holds no record, unless there is a version."""
        while True:
            if self.read() is not None:
                return
            with suppress(RevisionMismatch):
                self.write([])
                return

    def _newest_version(self) -> Json | None:
        page = self._access.rest("GET", "secretmanager", f"{self._path}/versions?pageSize=1")
        return next(iter(page.get("versions", [])), None)

    def _give_way(self, added: Json) -> None:
        """Put back the version that ours hides: a writer that took us for dead was told that it holds."""
        hidden = f"{self._path}/versions/{_number(added) - 1}:access"
        found = self._access.rest("GET", "secretmanager", hidden)
        self._destroy_all_but(self._add(b64decode(found["payload"]["data"])))
        raise RevisionMismatch("the key records were changed while they were written")

    def _unclaimed(self) -> Json | None:
        """The secret once nobody is writing, or whoever did is taken for dead; None without one."""
        seen, waited, pause = None, 0.0, _SHORTEST_PAUSE
        while True:
            secret = self._access.rest_or_none("GET", "secretmanager", self._path)
            claim = ((secret or {}).get("annotations") or {}).get(CLAIM)
            if claim is None:
                return secret
            if claim != seen:
                seen, waited = claim, 0.0
            if waited >= ABANDONED:
                return secret
            waited += self._access.pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _patch(self, secret: Json, claim: Json) -> Json:
        """The secret with another claim, or none. Raises `RevisionMismatch` when it is not as it was read."""
        from google.api_core.exceptions import BadRequest, Conflict

        others = {name: said for name, said in (secret.get("annotations") or {}).items() if name != CLAIM}
        body = {"name": secret["name"], "etag": secret["etag"], "annotations": {**others, **claim}}
        path = f"{self._path}?updateMask=annotations"
        try:
            # Once: an answer that was lost must not be asked for again with a tag that is no longer true.
            return self._access.rest_once("PATCH", "secretmanager", path, body)
        except (BadRequest, Conflict) as error:
            if "etag" not in str(error).lower():
                raise
            raise RevisionMismatch(f"the key records were changed meanwhile: {one_line(error)}") from error

    def _release(self, claimed: Json) -> None:
        """Give the claim back; whoever took it from us keeps it."""
        from google.api_core.exceptions import GoogleAPICallError

        try:
            self._patch(claimed, {})
        except (RevisionMismatch, GoogleAPICallError):
            return

    def _add(self, data: bytes) -> Json:
        payload = {"payload": {"data": b64encode(data).decode()}}
        return self._access.rest("POST", "secretmanager", f"{self._path}:addVersion", payload)

    def _destroy_all_but(self, kept: Json) -> None:
        page = self._access.rest("GET", "secretmanager", f"{self._path}/versions?pageSize=100")
        for version in page.get("versions", []):
            if _number(version) < _number(kept) and version.get("state") != "DESTROYED":
                self._access.rest("POST", "secretmanager", f"/v1/{version['name']}:destroy", {})


def _number(version: Json) -> int:
    """A version's number; Secret Manager counts them one by one."""
    return int(version["name"].rpartition("/")[2])
