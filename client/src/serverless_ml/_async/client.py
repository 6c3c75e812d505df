"""The client: where everything begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, overload

from serverless_ml._async.datasets import AsyncDatasetHandle
from serverless_ml._async.jobs import AsyncJobHandle
from serverless_ml._async.lists import listed
from serverless_ml._async.models import AsyncRemoteModel
from serverless_ml._async.predicting import predict
from serverless_ml._async.requests import AsyncRequests, Reply
from serverless_ml._async.runtime import blocking
from serverless_ml._async.training import submit, training_body
from serverless_ml._async.uploads import opened, upload_dataset
from serverless_ml.answers import Algorithms, Datasets, Job, Jobs, Models, Version
from serverless_ml.connection import connection
from serverless_ml.references import reference, segment

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import httpx


class AsyncClient:
    """A service that trains, registers and predicts.

    Several threads may use one at once. It is closed by `close`, or by leaving its `with`.

    Args:
        url: its address, such as `https://host/path`. Without it, the environment (`SERVERLESS_ML_URL`,
            `SERVERLESS_ML_KEY`), a profile of `serverless-ml login`, or `make serve` on this machine.
        key: what it asks for; sent to that address and nowhere else.
        profile: the name of a profile to take both from.
        timeout: the seconds that an answer may keep waiting; None for any.
        retries: how often a request is sent again at most, where that is safe.
        progress: whether uploads and jobs are drawn; None for on a terminal and in a notebook.
        transport: what carries requests, of httpx, in the place of the network.

    Raises:
        BadConnection: the address or the key cannot be one.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        profile: str | None = None,
        timeout: float | None = 60.0,
        retries: int = 4,
        progress: bool | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._requests = AsyncRequests(
            connection(url, key, profile), timeout=timeout, retries=retries, transport=transport
        )
        self._progress = progress

    @property
    def url(self) -> str:
        """The service's address."""
        return self._requests.url

    async def close(self) -> None:
        """Close all connections."""
        await self._requests.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @overload
    async def train(
        self,
        model: str,
        data: Any = None,
        *,
        target: str | None = None,
        algorithm: str = "logistic_regression",
        hyperparameters: Mapping[str, Any] | None = None,
        targets: Any = None,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
        test_fraction: float | None = None,
        seed: int | None = None,
        split: Mapping[str, Any] | None = None,
        max_seconds: float | None = None,
        dataset: str | None = None,
        wait: Literal[True] = True,
        on_interrupt: str = "cancel",
    ) -> Version: ...
    @overload
    async def train(
        self,
        model: str,
        data: Any = None,
        *,
        target: str | None = None,
        algorithm: str = "logistic_regression",
        hyperparameters: Mapping[str, Any] | None = None,
        targets: Any = None,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
        test_fraction: float | None = None,
        seed: int | None = None,
        split: Mapping[str, Any] | None = None,
        max_seconds: float | None = None,
        dataset: str | None = None,
        wait: Literal[False],
        on_interrupt: str = "cancel",
    ) -> AsyncJobHandle: ...
    @overload
    async def train(
        self,
        model: str,
        data: Any = None,
        *,
        target: str | None = None,
        algorithm: str = "logistic_regression",
        hyperparameters: Mapping[str, Any] | None = None,
        targets: Any = None,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
        test_fraction: float | None = None,
        seed: int | None = None,
        split: Mapping[str, Any] | None = None,
        max_seconds: float | None = None,
        dataset: str | None = None,
        wait: bool,
        on_interrupt: str = "cancel",
    ) -> Version | AsyncJobHandle: ...
    async def train(
        self,
        model: str,
        data: Any = None,
        *,
        target: str | None = None,
        algorithm: str = "logistic_regression",
        hyperparameters: Mapping[str, Any] | None = None,
        targets: Any = None,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
        test_fraction: float | None = None,
        seed: int | None = None,
        split: Mapping[str, Any] | None = None,
        max_seconds: float | None = None,
        dataset: str | None = None,
        wait: bool = True,
        on_interrupt: str = "cancel",
    ) -> Version | AsyncJobHandle:
        """Train a new version of a model; the version, or without `wait` the job.

        Args:
            model: its name; it need not exist yet.
            data: a file's path, or an address that the service finds by itself: `dataset://churn`,
                `s3://…`, `gs://…`, `az://…` or `file:…`. Or rows as lists. Without it the dataset.
            target: the column to predict.
            algorithm: one of `algorithms()`.
            hyperparameters: the algorithm's own.
            targets: in the place of `target`, a label for each row.
            features: the columns to learn from, in this order.
            exclude: columns that are not looked at.
            options: how the table is read: `types`, `missing`, `decimal` and so on.
            test_fraction: the part of the rows that is held out.
            seed: of all that is random.
            split: how rows are held out, such as `{"by": "time", "column": "since"}`.
            max_seconds: how long the training may take.
            dataset: what to upload as; without it the model's name.
            wait: whether to wait for the version.
            on_interrupt: what Ctrl-C does while waiting: `cancel` the job, or `leave` it.

        Raises:
            InvalidInput: the service refused the request; `faults` say where.
            JobFailed: the training failed; the message says why and what to do.
            JobCancelled: somebody cancelled it.
        """
        body = await training_body(
            self._requests,
            model,
            data,
            target=target,
            targets=targets,
            features=features,
            exclude=exclude,
            options=options,
            dataset=dataset,
            rest={
                "algorithm": algorithm,
                "hyperparameters": hyperparameters,
                "test_fraction": test_fraction,
                "seed": seed,
                "split": split,
                "max_seconds": max_seconds,
            },
        )
        job = await submit(self._requests, model, body)
        return await job.wait(on_interrupt=on_interrupt) if wait else job

    async def predict(
        self,
        model: str,
        X: Any,
        *,
        outputs: Sequence[str] | None = None,
        version: int | None = None,
        alias: str | None = None,
        unknown_columns: str = "refuse",
        routing_key: str | None = None,
    ) -> Any:
        """Predict the rows of X.

        Args:
            model: its name, or `name@2`, or `name@alias`.
            X: rows.
            outputs: what to answer for each row: `label`, `probability`, `decision`, `distance`.
            version: in the place of `name@2`.
            alias: in the place of `name@alias`.
            unknown_columns: `refuse` or `ignore` columns that the model does not know.
            routing_key: whom it is about; of an alias that shares its traffic, it decides the version.
        """
        which = reference(model, version=version, alias=alias)
        return await predict(
            self._requests,
            which,
            list(X),
            outputs=outputs,
            unknown_columns=unknown_columns,
            routing_key=routing_key,
        )

    async def models(self, *, limit: int | None = None) -> Models:
        """The names of the models."""
        return Models.from_json(await listed(self._requests, "/v1/models", "models", limit))

    def model(self, name: str) -> AsyncRemoteModel:
        """A model, by its name. Asks nobody yet."""
        return AsyncRemoteModel(self._requests, reference(name).model)

    async def jobs(
        self, *, state: str | None = None, model: str | None = None, limit: int | None = None
    ) -> Jobs:
        """The jobs, the newest first.

        Args:
            state: only those that are `queued`, `running`, `succeeded`, `failed` or `cancelled`.
            model: only those of one model.
            limit: how many at most; None for all.
        """
        query = {"state": state, "model": model}
        return Jobs.from_json(await listed(self._requests, "/v1/jobs", "jobs", limit, query=query))

    async def job(self, job: str) -> AsyncJobHandle:
        """A job, by its id. Raises `NotFound`."""
        return AsyncJobHandle(
            self._requests, Job.from_json(await self._requests.get(f"/v1/jobs/{segment(job)}"))
        )

    async def datasets(self, *, limit: int | None = None) -> Datasets:
        """The datasets, each with its newest upload."""
        return Datasets.from_json(await listed(self._requests, "/v1/datasets", "datasets", limit))

    def dataset(self, name: str) -> AsyncDatasetHandle:
        """A dataset, by its name. Asks nobody yet."""
        return AsyncDatasetHandle(self._requests, name)

    async def upload(self, name: str, data: str | os.PathLike[str] | bytes) -> AsyncDatasetHandle:
        """Upload a file, which becomes the newest of a dataset. Raises `OSError` where it cannot be read."""
        with await blocking(lambda: opened(data)) as file:
            await upload_dataset(self._requests, name, file)
        return self.dataset(name)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> Reply:
        """Ask the service for anything: with the key, retries and errors of every other request.

        Args:
            method: of HTTP.
            path: below the service's address, such as `/v1/models`.
            params: the query; members that are None are left out.
            json: a body, sent as JSON.
            content: a body in its place, as bytes.
            headers: beside the client's own; such as `content-type` of `content`.
            repeatable: whether it may be sent twice; None for all methods but POST, for POST with an
                Idempotency-Key, and for `:predict` and `:explain`.

        Returns:
            The answer: `status`, `headers`, `content`, and `json()`.
        """
        if repeatable is None:
            keyed = any(name.lower() == "idempotency-key" for name in headers or {})
            repeatable = method.upper() != "POST" or keyed or path.endswith((":predict", ":explain"))
        return await self._requests.send(
            method, path, query=params, body=json, content=content, headers=headers, repeatable=repeatable
        )

    async def algorithms(self) -> Algorithms:
        """What can be trained, with the hyperparameters of each as JSON Schema."""
        return Algorithms.from_json((await self._requests.get("/v1/algorithms"))["algorithms"])

    async def openapi(self) -> dict[str, Any]:
        """The service's description of itself."""
        return await self._requests.get("/openapi.json")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.url}>"
