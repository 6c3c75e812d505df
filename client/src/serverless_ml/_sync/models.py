# Made of `_async/models.py` by `client/generate_sync.py`: change that one.
"""A model of the service: its versions and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serverless_ml._sync.lists import listed
from serverless_ml.answers import Alias, Aliases, History, ModelDescription, Version, Versions
from serverless_ml.references import model_path, segment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serverless_ml._sync.requests import Requests

PRODUCTION = "production"


class RemoteModel:
    """A model, by its name; that it exists is found out when something is asked of it."""

    def __init__(self, requests: Requests, name: str) -> None:
        self._requests = requests
        self.name = name
        self._path = model_path(name)

    def describe(self) -> ModelDescription:
        """Its newest hundred versions, its aliases, and what was deleted of it."""
        return ModelDescription.from_json(self._requests.get(self._path))

    def versions(self, *, limit: int | None = None) -> Versions:
        """Its versions, the newest first, with what each reached and what it came from."""
        return Versions.from_json(
            listed(self._requests, f"{self._path}/versions", "versions", limit, by="before")
        )

    def version(self, number: int | None = None) -> Version:
        """A version: all that is told of it. Without a number the newest."""
        if number is None:
            number = (self.versions(limit=1))[0].version
        return Version.from_json(self._requests.get(f"{self._path}/versions/{number}"))

    def aliases(self) -> Aliases:
        """Its aliases."""
        return (self.describe()).aliases

    def alias(self, name: str = PRODUCTION) -> Alias:
        """One of its aliases. Raises `NotFound`."""
        return Alias.from_json(self._requests.get(self._alias_path(name)))

    def promote(
        self, version: int | None = None, alias: str = PRODUCTION, *, source: str | None = None
    ) -> Alias:
        """Give all of an alias's traffic to one version.

        Args:
            version: which; without it the newest of those that share the traffic.
            alias: whose traffic.
            source: another alias, whose version it is to be.
        """
        body = {"version": version, "alias": source}
        said = {name: value for name, value in body.items() if value is not None}
        return Alias.from_json(self._requests.post(f"{self._alias_path(alias)}:promote", said))

    def canary(self, weights: Mapping[int, int], alias: str = PRODUCTION) -> Alias:
        """Have several versions share an alias's traffic, such as `{1: 90, 2: 10}`."""
        body = {"weights": {str(version): weight for version, weight in weights.items()}}
        reply = self._requests.send("PUT", self._alias_path(alias), body=body)
        return Alias.from_json(reply.record())

    def rollback(self, alias: str = PRODUCTION, *, to: int | None = None) -> Alias:
        """Give all of an alias's traffic back to the version that had it before.

        Args:
            alias: whose traffic.
            to: the number of a change in the history: back to what it made of the alias.
        """
        body = {} if to is None else {"to": to}
        return Alias.from_json(
            self._requests.post(f"{self._alias_path(alias)}:rollback", body, repeatable=False)
        )

    def history(self, alias: str = PRODUCTION, *, limit: int | None = None) -> History:
        """What was done to an alias, the newest first; also of one that was removed."""
        path = f"{self._alias_path(alias)}/history"
        return History.from_json(listed(self._requests, path, "changes", limit, by="before"))

    def schema(self, version: int | None = None) -> dict[str, Any]:
        """What a row is, as JSON Schema."""
        within = "" if version is None else f"/versions/{version}"
        return self._requests.get(f"{self._path}{within}/schema")

    def _alias_path(self, alias: str) -> str:
        return f"{self._path}/aliases/{segment(alias)}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} at {self._requests.url}>"
