"""A model of the service: its versions and aliases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from serverless_ml import offline
from serverless_ml._async.aliases import DELETE, PROMOTE, ROLLBACK, SET, change_alias
from serverless_ml._async.downloads import artifact, onnx
from serverless_ml._async.lists import day, listed
from serverless_ml._async.requests import unchanged_since
from serverless_ml._async.runtime import blocking
from serverless_ml.answers import (
    About,
    Alias,
    Aliases,
    AliasMonitoring,
    Explanations,
    FeedbackCounts,
    History,
    ModelDescription,
    Monitoring,
    Parameters,
    Profile,
    Schedule,
    Version,
    Versions,
)
from serverless_ml.errors import Conflict, InvalidArgument, NotFound
from serverless_ml.references import model_path, reference, segment

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from datetime import date

    from serverless_ml._async.client import AsyncClient
    from serverless_ml._async.requests import AsyncRequests
    from serverless_ml._async.scoring import AsyncScores, AsyncScoringHandle
    from serverless_ml._core.model.model import Model
    from serverless_ml.arguments import ExplanationSaid, PredictionSaid, ScoringSaid

PRODUCTION = "production"


class AsyncRemoteModel:
    """A model of a service, by its name; that it exists is found out when something is asked of it.

    Where a version is taken, it is a number or an alias; None is what answers where none is named: what
    `production` points at, where there is such an alias, else the newest.
    """

    def __init__(self, client: AsyncClient, requests: AsyncRequests, name: str) -> None:
        self._client = client
        self._requests = requests
        self.name = name
        self._path = model_path(name)

    async def describe(self) -> ModelDescription:
        """Its newest hundred versions, its aliases, and what was deleted of it."""
        return ModelDescription.from_json(await self._requests.get(self._path))

    async def versions(self, *, limit: int | None = None) -> Versions:
        """Its versions, the newest first, with what each reached and what it came from."""
        return Versions.from_json(
            await listed(self._requests, f"{self._path}/versions", "versions", limit, by="before")
        )

    async def version(self, version: int | str | None = None) -> Version:
        """A version: all that is told of it."""
        return Version.from_json(await self._requests.get(await self._version_path(version)))

    async def annotate(
        self,
        patch: Mapping[str, Any],
        version: int | str | None = None,
        *,
        etag: str | None = None,
    ) -> About:
        """Change what is written about it, or about one of its versions; what is written then.

        Args:
            patch: `description` and `tags`, such as `{"tags": {"team": "growth", "trial": None}}`: None takes
                away, what is not named stays.
            version: which; without it the model itself.
            etag: the `about_etag` that it has to have; without it the last one wins.

        Raises:
            Conflict: somebody else changed it meanwhile.
        """
        path = self._path if version is None else await self._version_path(version)
        headers = unchanged_since(etag)
        reply = await self._requests.send(
            "PATCH", path, body=dict(patch), headers=headers, repeatable=etag is None
        )
        return About.from_json(reply.record())

    async def predict(self, X: Any, **said: Unpack[PredictionSaid]) -> Any:
        """Predict the rows of X, as `predict` of the client does."""
        return await self._client.predict(self.name, X, **said)

    @overload
    async def score(
        self, data: Any, *, wait: Literal[True] = True, **said: Unpack[ScoringSaid]
    ) -> AsyncScores: ...
    @overload
    async def score(
        self, data: Any, *, wait: Literal[False], **said: Unpack[ScoringSaid]
    ) -> AsyncScoringHandle: ...
    async def score(
        self, data: Any, *, wait: bool = True, **said: Unpack[ScoringSaid]
    ) -> AsyncScores | AsyncScoringHandle:
        """Predict a whole table as a job, as `score` of the client does."""
        return await self._client.score(self.name, data, wait=wait, **said)

    async def explain(self, X: Any, **said: Unpack[ExplanationSaid]) -> Explanations:
        """Explain the rows of X, as `explain` of the client does."""
        return await self._client.explain(self.name, X, **said)

    async def feedback(self, receipts: Iterable[str], labels: Any) -> FeedbackCounts:
        """Tell what predictions were really of, as `feedback` of the client does."""
        return await self._client.feedback(self.name, receipts, labels)

    async def aliases(self) -> Aliases:
        """Its aliases."""
        return (await self.describe()).aliases

    async def alias(self, name: str = PRODUCTION) -> Alias:
        """One of its aliases. Raises `NotFound`."""
        return Alias.from_json(await self._requests.get(self._alias_path(name)))

    async def promote(
        self,
        version: int | None = None,
        alias: str = PRODUCTION,
        *,
        source: str | None = None,
        etag: str | None = None,
    ) -> Alias:
        """Give all of an alias's traffic to one version.

        Args:
            version: which; without it the newest of those that share the traffic.
            alias: whose traffic; it need not exist yet.
            source: another alias, whose version it is to be.
            etag: which the alias has to have; without it the one that it has now.

        Raises:
            Conflict: somebody else changed the alias meanwhile, or nothing says which version.
        """
        said = {"version": version, "alias": source}
        body = {name: value for name, value in said.items() if value is not None}
        return await self._changed(alias, PROMOTE, body, etag)

    async def canary(
        self, weights: Mapping[int, int], alias: str = PRODUCTION, *, etag: str | None = None
    ) -> Alias:
        """Have several versions share an alias's traffic, such as `{1: 90, 2: 10}`.

        Args:
            weights: the share of each version, in any proportion; 0 leaves one out.
            alias: whose traffic; it need not exist yet.
            etag: which the alias has to have; without it the one that it has now.

        Raises:
            Conflict: somebody else changed the alias meanwhile, or the versions cannot stand for each other.
        """
        body = {"weights": {str(version): int(weight) for version, weight in weights.items()}}
        return await self._changed(alias, SET, body, etag)

    async def rollback(
        self, alias: str = PRODUCTION, *, to: int | None = None, etag: str | None = None
    ) -> Alias:
        """Give all of an alias's traffic back to the version that had it before.

        Args:
            alias: whose traffic.
            to: the number of a change in the history: back to what it made of the alias.
            etag: which the alias has to have; without it the one that it has now.

        Raises:
            Conflict: somebody else changed the alias meanwhile, or there is nothing to go back to.
        """
        return await self._changed(alias, ROLLBACK, {} if to is None else {"to": to}, etag)

    async def delete_alias(self, alias: str, *, etag: str | None = None) -> None:
        """Remove an alias; its versions stay, and so does its history. Raises `NotFound`, `Conflict`."""
        await change_alias(self._requests, self._alias_path(alias), DELETE, etag=etag)

    async def history(self, alias: str = PRODUCTION, *, limit: int | None = None) -> History:
        """What was done to an alias, the newest first; also of one that was removed."""
        path = f"{self._alias_path(alias)}/history"
        return History.from_json(await listed(self._requests, path, "changes", limit, by="before"))

    async def schema(self, version: int | str | None = None) -> dict[str, Any]:
        """What a row is, as JSON Schema; `x-version` is the version that it is of.

        Where versions share the traffic it is the one with the greatest weight.
        """
        which = reference(self.name if version is None else f"{self.name}@{version}")
        return await self._requests.get(f"{which.path}/schema")

    async def parameters(self, version: int | str | None = None) -> Parameters:
        """What a version learnt, on the table's own columns and in their units. Raises `Conflict`."""
        path = await self._version_path(version)
        return Parameters.from_json(await self._requests.get(f"{path}/parameters"))

    async def profile(self, version: int | str | None = None) -> Profile:
        """What the rows were like that a version was trained on. Raises `Conflict`."""
        path = await self._version_path(version)
        return Profile.from_json(await self._requests.get(f"{path}/profile"))

    @overload
    async def monitoring(
        self,
        version: int | None = None,
        *,
        alias: None = None,
        since: date | str | None = None,
        until: date | str | None = None,
    ) -> Monitoring: ...
    @overload
    async def monitoring(
        self,
        version: None = None,
        *,
        alias: str,
        since: date | str | None = None,
        until: date | str | None = None,
    ) -> AliasMonitoring: ...
    async def monitoring(
        self,
        version: int | None = None,
        *,
        alias: str | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
    ) -> Monitoring | AliasMonitoring:
        """What was predicted: traffic, drift and live accuracy; of an alias its versions side by side.

        Args:
            version: which; without it and `alias` what answers where none is named.
            alias: in its place.
            since: the first day (UTC) to tell of; without it the seven days that end with `until`.
            until: the last day; without it today.
        """
        query = {"from": day(since), "to": day(until)}
        if alias is not None:
            if version is not None:
                raise InvalidArgument("expected a version or an alias, got both")
            told = await self._requests.get(f"{self._alias_path(alias)}/monitoring", query)
            return AliasMonitoring.from_json(told)
        path = await self._version_path(version)
        return Monitoring.from_json(await self._requests.get(f"{path}/monitoring", query))

    async def schedule(self) -> Schedule:
        """When it is trained again by itself, and what became of the last runs. Raises `NotFound`."""
        return Schedule.from_json(await self._requests.get(f"{self._path}/schedule"))

    async def set_schedule(
        self,
        train: Mapping[str, Any],
        *,
        every: str | None = None,
        on: str | Iterable[str] = (),
        etag: str | None = None,
        **said: Any,
    ) -> Schedule:
        """Have it trained again by itself; all that was said before is replaced. Only an admin's key may.

        Args:
            train: a request to train whose `data` names an address, such as `{"algorithm": "svm", "data":
                {"uri": "dataset://churn", "target": "cancelled"}}`.
            every: how often, such as `P1D` or `PT6H`, in spans of UTC.
            on: what else starts a run: `upload`, `drift`, or both.
            etag: which the schedule has to have, as it was read; None for any.
            said: `at_most_every`, `most_a_day`, `alias`, `promote`, `rollback`, `paused`.

        Raises:
            Conflict: somebody else changed the schedule meanwhile.
            InvalidInput: something cannot be so; `faults` say where.
        """
        given = {
            "train": dict(train),
            "every": every,
            "on": [on] if isinstance(on, str) else list(on),
            **said,
        }
        body = {name: value for name, value in given.items() if value is not None}
        headers = unchanged_since(etag)
        try:
            reply = await self._requests.send("PUT", f"{self._path}/schedule", body=body, headers=headers)
        except Conflict as error:
            found = await self.schedule() if error.tried > 1 else None
            if found is None or any(found.raw[name] != value for name, value in body.items()):
                raise
            return found  # a try before has done it, and only its answer was lost
        return Schedule.from_json(reply.record())

    async def delete_schedule(self, *, etag: str | None = None) -> None:
        """Remove its schedule; runs that started go on. Raises `NotFound`, `Conflict`."""
        headers = unchanged_since(etag)
        try:
            await self._requests.send("DELETE", f"{self._path}/schedule", headers=headers)
        except NotFound as error:
            if error.tried == 1:  # else a try before has done it
                raise

    async def artifact(self, version: int | str | None = None) -> bytes:
        """A version's file, with its checksum checked: the whole model, in numbers."""
        return await artifact(self._requests, await self._version_path(version))

    async def load(self, version: int | str | None = None) -> Model:
        """Take a version to this machine, as `load` of the client does."""
        await blocking(offline.check_installed)
        content = await artifact(self._requests, await self._version_path(version), cached=True)
        return await blocking(lambda: offline.load(content))

    async def download(
        self, path: str | os.PathLike[str] | None = None, version: int | str | None = None
    ) -> Path:
        """Write a version's file; where it is then.

        Args:
            path: where to, or into which folder; without it here, called `<model>-<version>.safetensors`.
            version: which.
        """
        number = await self._number(version)
        content = await artifact(self._requests, f"{self._path}/versions/{number}")
        return await blocking(lambda: _written(content, path, f"{self.name}-{number}.safetensors"))

    async def onnx(
        self, path: str | os.PathLike[str] | None = None, version: int | str | None = None
    ) -> Path:
        """Write a version as ONNX, which other runtimes predict with; where it is then.

        Args:
            path: where to, or into which folder; without it here, called `<model>-<version>.onnx`.
            version: which.

        Raises:
            Conflict: ONNX cannot say the version.
            TooLarge: it is too long to come so; the message says what to do.
        """
        number = await self._number(version)
        content = await onnx(self._requests, f"{self._path}/versions/{number}")
        return await blocking(lambda: _written(content, path, f"{self.name}-{number}.onnx"))

    async def delete(self, version: int | None = None, *, purge: bool = False) -> None:
        """Delete a version, or without one the whole model. It can be restored for a while.

        Args:
            version: which; its number is never used again.
            purge: for good: nothing can bring it back.

        Raises:
            Conflict: an alias points at the version.
        """
        path = self._path if version is None else f"{self._path}/versions/{version}"
        try:
            await self._requests.send("DELETE", path, query={"purge": "true" if purge else None})
        except NotFound as error:
            if error.tried == 1:  # else a try before it has done it
                raise

    async def restore(self, version: int) -> Version:
        """Bring back a version that was deleted, and its model with it. Raises `Conflict` after its time."""
        return Version.from_json(await self._requests.post(f"{self._path}/versions/{version}:restore"))

    async def _changed(self, alias: str, kind: str, body: Mapping[str, Any], etag: str | None) -> Alias:
        changed = await change_alias(self._requests, self._alias_path(alias), kind, body, etag)
        if changed is None:
            raise NotFound(
                f"the alias '{alias}' of '{self.name}' was removed meanwhile", code="alias_not_found"
            )
        return changed

    async def _version_path(self, version: int | str | None) -> str:
        return f"{self._path}/versions/{await self._number(version)}"

    async def _number(self, version: int | str | None) -> int:
        """The number of a version, which may be said by an alias or not at all."""
        if isinstance(version, int):
            return version
        if isinstance(version, str):
            return int(version) if version.isdecimal() else (await self.alias(version)).version
        described = await self.describe()
        found = [each.version for each in described.aliases if each.alias == PRODUCTION]
        found += [each.version for each in described.versions[-1:]]  # a page begins with its oldest
        if not found:
            raise NotFound(f"model '{self.name}' has no version", code="version_not_found")
        return found[0]

    def _alias_path(self, alias: str) -> str:
        return f"{self._path}/aliases/{segment(alias)}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} at {self._requests.url}>"


def _written(content: bytes, path: str | os.PathLike[str] | None, name: str) -> Path:
    """Write a file, whole or not at all."""
    place = Path(path) if path is not None else Path()
    if place.is_dir():
        place /= name
    part = place.with_name(f".{place.name}.part")
    try:
        part.write_bytes(content)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    return place
