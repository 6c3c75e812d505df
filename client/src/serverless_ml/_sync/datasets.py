# Made of `_async/datasets.py` by `client/generate_sync.py`: change that one.
"""A dataset of the service: what was uploaded to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serverless_ml._sync.lists import listed
from serverless_ml._sync.requests import unchanged_since
from serverless_ml._sync.runtime import sleep
from serverless_ml.answers import Dataset, Erasure, MadeVersions, PrivacyBudget
from serverless_ml.errors import Conflict, NotFound
from serverless_ml.references import segment

if TYPE_CHECKING:
    from serverless_ml._sync.requests import Requests

_WAIT = 20


class DatasetHandle:
    """A dataset, by its name; that it exists is found out when something is asked of it.

    `uri` is what to train on: the upload that this handle was made by, else the newest one.
    """

    def __init__(self, requests: Requests, name: str, uri: str | None = None) -> None:
        self._requests = requests
        self.name = name
        self.uri = uri or f"dataset://{name}"
        self._path = f"/v1/datasets/{segment(name)}"

    def describe(self, *, wait: bool = True, **options: Any) -> Dataset:
        """Its newest upload: columns, types, what is missing, ranges; as read under options.

        Args:
            wait: whether to wait until the trainer has read it.
            options: what is to be read otherwise than guessed: `types`, `missing`, `decimal` and so on.

        Raises:
            NotFound: nothing was uploaded to it.
            InvalidInput: something cannot be an option. What does not fit the file is told in the answer:
                its `state` is `options_refused`, and `faults` say where.
        """
        headers = {"prefer": f"wait={_WAIT}"} if wait else {}
        method, verb, body = ("POST", ":describe", options) if options else ("GET", "", None)
        while True:
            reply = self._requests.send(method, self._path + verb, body=body, headers=headers)
            found = Dataset.from_json(reply.record())
            if not wait or found.state != "describing":
                return found
            sleep(0.5)

    def budget(self) -> PrivacyBudget:
        """Its privacy budget: what is left, what was spent by which training, and who set it.

        The dataset need not be there: a budget belongs to the name.
        """
        return PrivacyBudget.from_json(self._requests.get(f"{self._path}/budget"))

    def set_budget(self, epsilon: float, delta: float, *, etag: str | None = None) -> PrivacyBudget:
        """Set, raise or lower its privacy budget; what was spent stays spent. Only an admin's key may.

        From then on only trainings with `privacy` read it.

        Args:
            epsilon: what all private trainings together may cost,
            delta: at this delta.
            etag: which the budget has to have, as it was read; None for any.

        Raises:
            Conflict: the budget has another etag.
        """
        return self._put_budget({"epsilon": epsilon, "delta": delta}, etag)

    def remove_budget(self, *, etag: str | None = None) -> PrivacyBudget:
        """Remove its privacy budget, so that everything may read it again; what was spent stays written down.

        Raises `Conflict`, as `set_budget`.
        """
        return self._put_budget(None, etag)

    def _put_budget(self, budget: dict[str, float] | None, etag: str | None) -> PrivacyBudget:
        headers = unchanged_since(etag)
        path, body = f"{self._path}/budget", {"budget": budget}
        try:
            reply = self._requests.send("PUT", path, body=body, headers=headers)
        except Conflict as error:
            found = self.budget() if error.tried > 1 else None
            if found is None or found.budget != budget:
                raise
            return found  # a try before has done it, and only its answer was lost
        return PrivacyBudget.from_json(reply.record())

    def versions(self, *, limit: int | None = None) -> MadeVersions:
        """List the versions that were made from it, of all models, newest first; also of a deleted dataset.

        Waits while the service still looks up what an earlier release of it made.

        Args:
            limit: how many at most; None for all.

        Raises:
            NotFound: nothing was uploaded to it, and nothing made from it.
        """
        while not (self._requests.get(f"{self._path}/versions", {"limit": 1}))["complete"]:
            sleep(0.5)
        return MadeVersions.from_json(
            listed(self._requests, f"{self._path}/versions", "versions", limit)
        )

    def erase(self, *, wait: bool = True) -> Erasure:
        """Remove it with every version that was made from it, for good; the report tells what is left.

        Jobs that read it are cancelled.

        Args:
            wait: whether to ask again until such jobs are over, and all is done.

        Raises:
            NotFound: nothing was uploaded to it, and nothing made from it.
            Conflict: aliases point at such versions; the message names them, and nothing was done.
            NotAllowed: the key is not for all the models.
        """
        while True:
            reply = self._requests.send("DELETE", self._path, query={"with_versions": "true"})
            report = Erasure.from_json(reply.record())
            if report.complete or not wait:
                return report
            sleep(1.0)

    def delete(self) -> None:
        """Remove all its uploads, and what was found in them. Versions stay. Raises `NotFound`."""
        try:
            self._requests.send("DELETE", self._path)
        except NotFound as error:
            if error.tried == 1:  # else a try before it has done it
                raise

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} at {self._requests.url}>"
