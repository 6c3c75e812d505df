"""The client: where everything begins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from serverless_ml._async.copying import copy
from serverless_ml._async.datasets import AsyncDatasetHandle
from serverless_ml._async.explaining import explain
from serverless_ml._async.feedback import tell
from serverless_ml._async.lists import day, listed
from serverless_ml._async.models import AsyncRemoteModel
from serverless_ml._async.predicting import predict
from serverless_ml._async.registering import import_graph, made_artifact, register
from serverless_ml._async.requests import AsyncRequests, Reply
from serverless_ml._async.runtime import blocking
from serverless_ml._async.scoring import (
    AsyncScores,
    AsyncScoringHandle,
    dataset_for,
    handle_of,
    scored_data,
)
from serverless_ml._async.training import submit, training_data
from serverless_ml._async.uploads import opened, upload_dataset
from serverless_ml.answers import (
    Algorithms,
    AuditEntries,
    Caller,
    Datasets,
    Explanations,
    FeedbackCounts,
    Job,
    Jobs,
    Models,
    Overview,
    Usage,
    Version,
)
from serverless_ml.bars import bar
from serverless_ml.connection import connection
from serverless_ml.errors import InvalidArgument
from serverless_ml.graphs.sending import graph_to_send, import_said
from serverless_ml.references import reference, segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    import httpx

    from serverless_ml._async.jobs import AsyncJobHandle
    from serverless_ml._core.model.model import Model
    from serverless_ml.arguments import ImportSaid, ScoringSaid, TrainingSaid

CANCEL, LEAVE = "cancel", "leave"
"""What Ctrl-C does to a job that is waited for."""


class AsyncClient:
    """A service that trains, registers and predicts.

    Several threads may use one at once. It is closed by `close`, or by leaving its `with`.

    Every method raises `NotConnected` where nobody answers, and a `ServiceError` where the service refuses:
    `InvalidInput` (with the place of each fault), `NotAllowed`, `NotFound`, `Conflict`, `TooLarge`, `TooMany`
    and `Unavailable`. What may pass is tried again first, where that does nothing twice.

    Args:
        url: its address, such as `https://host/path`. Without it, the environment (`SERVERLESS_ML_URL`,
            `SERVERLESS_ML_KEY`), a profile of `serverless-ml login`, or `make serve` on this machine.
        key: what it asks for; sent to that address and nowhere else.
        profile: the name of a profile to take both from.
        timeout: the seconds that an answer may keep waiting; None for any. Connecting has at most 10.
        retries: how often a request is sent again at most.
        progress: whether uploads, jobs and long predictions are drawn; None for on a terminal and in a
            notebook.
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
        self, model: str, data: Any = None, *, wait: Literal[True] = True, **said: Unpack[TrainingSaid]
    ) -> Version: ...
    @overload
    async def train(
        self, model: str, data: Any = None, *, wait: Literal[False], **said: Unpack[TrainingSaid]
    ) -> AsyncJobHandle: ...
    @overload
    async def train(
        self, model: str, data: Any = None, *, wait: bool, **said: Unpack[TrainingSaid]
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
        engine: str | None = None,
        privacy: Mapping[str, Any] | None = None,
        dataset: str | None = None,
        wait: bool = True,
        on_interrupt: str = CANCEL,
    ) -> Version | AsyncJobHandle:
        """Train a new version of a model; the version, or without `wait` the job.

        Args:
            model: its name; it need not exist yet.
            data: a frame, an array or lists; a file's path; or an address that the service finds by itself:
                `dataset://churn`, `s3://…`, `gs://…`, `az://…` or `file:…`. What is no address is uploaded as
                a dataset. Without it the newest upload of the dataset.
            target: the column to predict.
            algorithm: one of `algorithms()`.
            hyperparameters: the algorithm's own.
            targets: in the place of `target`, a label for each row of a frame, an array or lists.
            features: the columns to learn from, in this order; of lists and arrays their names.
            exclude: columns that are not looked at.
            options: how the table is read: `types`, `missing`, `decimal` and so on.
            test_fraction: the part of the rows that is held out.
            seed: of all that is random.
            split: how rows are held out, such as `{"by": "time", "column": "since"}`.
            max_seconds: how long the training may take.
            engine: what does it: `auto`, `function`, `streamed`, or `lithops` where the deployment has turned
                it on; without it what fits the size of the data.
            privacy: trains with differential privacy: `epsilon`, `delta`, and what may not be looked up in
                the rows, `bounds` of numbers, words of `categories`, and `classes`. The columns that are
                trained on are those of the last two.
            dataset: what to upload as; without it the model's name.
            wait: whether to wait for the version.
            on_interrupt: what Ctrl-C does while waiting, and cancelling the task of a coroutine: `cancel` the
                job, or `leave` it. The exception goes on either way and says what became of the job. A second
                Ctrl-C ends at once.

        Raises:
            InvalidInput: something in the data or the request is not as it has to be; `faults` say where.
            JobFailed: the training failed; the message says why and what to do.
            JobCancelled: somebody cancelled it.
            OSError: the file cannot be read.
        """
        _checked(on_interrupt)
        with bar(f"Uploading {dataset or model}", unit="bytes", on=self._progress) as drawn:
            described = await training_data(
                self._requests,
                data,
                dataset=dataset or model,
                algorithm=algorithm,
                target=target,
                targets=targets,
                features=features,
                exclude=exclude,
                options=options,
                seen=drawn.counted,
            )
        if privacy is not None and "types" not in (options or {}):
            described.pop("types", None)  # of a frame's own types: `privacy` says what columns are
        said = {
            "algorithm": algorithm,
            "hyperparameters": hyperparameters and dict(hyperparameters),
            "test_fraction": test_fraction,
            "seed": seed,
            "split": split,
            "max_seconds": max_seconds,
            "engine": engine,
            "privacy": privacy and dict(privacy),
        }
        body = {"data": described, **{name: value for name, value in said.items() if value is not None}}
        job = await submit(self._requests, model, body, on_interrupt=on_interrupt)
        return await self._waited(job, f"Training {model}", on_interrupt) if wait else job

    async def _waited(self, job: AsyncJobHandle, title: str, on_interrupt: str) -> Version:
        with bar(title, on=self._progress) as drawn:
            return await job.wait(on_interrupt=on_interrupt, seen=lambda seen: drawn.job(seen.raw))

    async def predict(
        self,
        model: str,
        X: Any,
        *,
        outputs: Sequence[str] | None = None,
        version: int | None = None,
        alias: str | None = None,
        unknown_columns: str | None = None,
        routing_key: str | None = None,
        receipts: bool = False,
        chunk_rows: int | None = None,
    ) -> Any:
        """Predict the rows of X, of any number: a frame is answered with a column of its kind and index.

        All rows are answered by one version. Of an alias whose versions share the traffic, the routing key
        decides which, or without one chance, once for the call.

        Args:
            model: its name, or `name@2`, or `name@alias`. Without version and alias it is what `production`
                points at, where there is such an alias, else the newest.
            X: rows, as a frame, an array, lists or dicts; or pictures, sequences or texts.
            outputs: what to answer for each row: `label`, `probability`, `decision`, `distance`, or what else
                the model gives. Without it the labels alone.
            version: in the place of `name@2`.
            alias: in the place of `name@alias`.
            unknown_columns: `refuse` or `ignore` columns that the model does not know; without it those of a
                frame are ignored, and others refused.
            routing_key: whom the rows are about, such as a user's id.
            receipts: whether to answer (predictions, receipts), for `feedback`.
            chunk_rows: how many rows are sent at once at most; without it as many as the service takes.

        Raises:
            InvalidInput: a row cannot be sent, or the model refuses it; the fault names the row.
        """
        which = reference(model, version=version, alias=alias)
        with bar(f"Predicting with {which}", unit="rows", on=self._progress) as drawn:
            return await predict(
                self._requests,
                which,
                X,
                outputs=outputs,
                unknown_columns=unknown_columns,
                routing_key=routing_key,
                receipts=receipts,
                chunk_rows=chunk_rows,
                seen=drawn.counted,
            )

    @overload
    async def score(
        self, model: str, data: Any, *, wait: Literal[True] = True, **said: Unpack[ScoringSaid]
    ) -> AsyncScores: ...
    @overload
    async def score(
        self, model: str, data: Any, *, wait: Literal[False], **said: Unpack[ScoringSaid]
    ) -> AsyncScoringHandle: ...
    @overload
    async def score(
        self, model: str, data: Any, *, wait: bool, **said: Unpack[ScoringSaid]
    ) -> AsyncScores | AsyncScoringHandle: ...
    async def score(
        self,
        model: str,
        data: Any,
        *,
        outputs: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        format: str | None = None,  # noqa: A002 - as the request has it
        to: str | None = None,
        rejects: str | None = None,
        engine: str | None = None,
        options: Mapping[str, Any] | None = None,
        version: int | None = None,
        alias: str | None = None,
        dataset: str | None = None,
        wait: bool = True,
        on_interrupt: str = CANCEL,
    ) -> AsyncScores | AsyncScoringHandle:
        """Predict a whole table, however large, as a job of the service; or without `wait` the job.

        Columns that the model does not know are left alone. All rows are predicted by one version, which is
        fixed when the job is accepted: of an alias that shares its traffic the one with the greatest weight.

        Args:
            model: as for `predict`.
            data: an address that the service finds by itself: `dataset://churn`, `s3://…`, `gs://…`, `az://…`
                or `file:…`, of a file, or of a folder where it ends with a slash. A file's path, or a frame,
                an array or lists, is uploaded as a dataset.
            outputs: what to write for each row: `label`, `probability`, `decision`, `distance`; without it
                the labels alone.
            keep: columns of the table that are written before the predictions.
            format: of what is written: `parquet` or `csv`.
            to: a place in a bucket that the deployment allows, such as `s3://lake/scores/`; without it the
                deployment's own store, from where `download` and `frame` take it.
            rejects: `write` rows that cannot be predicted to a file, with the reason; or `stop` at the first.
            engine: what does it: `auto`, `function`, or `lithops` where the deployment has turned it on.
            options: how the table is read: `format`, `delimiter`, `encoding`, `header`.
            version: as for `predict`.
            alias: as for `predict`.
            dataset: what to upload as; without it the model's name with `-to-score` after it.
            wait: whether to wait for the files.
            on_interrupt: as for `train`.

        Raises:
            InvalidInput: something in the request is not as it has to be; `faults` say where.
            JobFailed: the table cannot be scored; the message says why and what to do.
            JobCancelled: somebody cancelled it.
            OSError: the file cannot be read.
        """
        _checked(on_interrupt)
        which = reference(model, version=version, alias=alias)
        name = dataset or dataset_for(which.model)
        with bar(f"Uploading {name}", unit="bytes", on=self._progress) as drawn:
            described = await scored_data(
                self._requests, data, dataset=name, options=options, seen=drawn.counted
            )
        said = {
            "outputs": None if outputs is None else list(outputs),
            "keep": None if keep is None else list(keep),
            "format": format,
            "to": None if to is None else {"uri": to},
            "rejects": rejects,
            "engine": engine,
        }
        body = {"data": described, **{name: value for name, value in said.items() if value is not None}}
        sent = await submit(
            self._requests, which.model, body, verb="score", path=which.path, on_interrupt=on_interrupt
        )
        job = AsyncScoringHandle(self._requests, sent.record, data)
        if not wait:
            return job
        with bar(f"Scoring with {which}", on=self._progress) as drawn:
            return await job.wait(on_interrupt=on_interrupt, seen=lambda seen: drawn.job(seen.raw))

    async def explain(
        self,
        model: str,
        X: Any,
        *,
        against: Any = None,
        background: Any = None,
        top: int | None = None,
        counterfactual: Sequence[str] | None = None,
        version: int | None = None,
        alias: str | None = None,
        unknown_columns: str | None = None,
        routing_key: str | None = None,
        chunk_rows: int | None = None,
    ) -> Explanations:
        """Explain why each row has its label rather than another one.

        Args:
            model: as for `predict`.
            X: rows, as for `predict`.
            against: the label that each row's is compared with; without it the next likely one.
            background: rows that stand for what is not known of a column; without them the training rows.
            top: only so many columns of each row, those with the largest parts.
            counterfactual: columns that may be changed: also tells the smallest change of them that gives a
                row the other label.
            version: as for `predict`.
            alias: as for `predict`.
            unknown_columns: as for `predict`.
            routing_key: as for `predict`.
            chunk_rows: as for `predict`.

        Raises:
            Conflict: the version keeps nothing of its training rows and there is no `background`; or it
                cannot be explained.
            InvalidInput: as for `predict`.
        """
        which = reference(model, version=version, alias=alias)
        with bar(f"Explaining by {which}", unit="rows", on=self._progress) as drawn:
            return await explain(
                self._requests,
                which,
                X,
                against=against,
                background=background,
                top=top,
                counterfactual=counterfactual,
                unknown_columns=unknown_columns,
                routing_key=routing_key,
                chunk_rows=chunk_rows,
                seen=drawn.counted,
            )

    async def feedback(self, model: str, receipts: Iterable[str], labels: Any) -> FeedbackCounts:
        """Tell what predictions were really of; a receipt counts once, however often it is told.

        Args:
            model: its name.
            receipts: of `predict(…, receipts=True)`.
            labels: what each was really of, in the same order; None for none of the model's classes.
        """
        return await tell(self._requests, reference(model).model, receipts, labels)

    @overload
    async def register(
        self,
        model: str,
        what: Any,
        *,
        X: Any = None,
        y: Any = None,
        origin: Mapping[str, Any] | None = None,
        wait: Literal[True] = True,
        on_interrupt: str = CANCEL,
    ) -> Version: ...
    @overload
    async def register(
        self,
        model: str,
        what: Any,
        *,
        X: Any = None,
        y: Any = None,
        origin: Mapping[str, Any] | None = None,
        wait: Literal[False],
        on_interrupt: str = CANCEL,
    ) -> AsyncJobHandle: ...
    async def register(
        self,
        model: str,
        what: Any,
        *,
        X: Any = None,
        y: Any = None,
        origin: Mapping[str, Any] | None = None,
        wait: bool = True,
        on_interrupt: str = CANCEL,
    ) -> Version | AsyncJobHandle:
        """Register what was made elsewhere as a version; the version, or without `wait` the job.

        Args:
            model: its name; it need not exist yet.
            what: an artifact, as a path or as bytes; or a fitted object that can be made one: that
                takes the extra `models`.
            X: rows as the object takes them: their answers are compared, and a profile of them is kept.
            y: their labels, if they were held out of its training: what is measured by them is told as
                `registered.origin.version.metrics`.
            origin: what is said of where it came from: `description`, `library_versions`, `version`.
            wait: whether to wait for the version.
            on_interrupt: as for `train`.

        Raises:
            InvalidInput: the object cannot be said as an artifact; the fault names its step.
            JobFailed: the service refuses the artifact; `faults` say where.
        """
        _checked(on_interrupt)
        content, told = await blocking(lambda: made_artifact(what, X, y))
        file = await blocking(lambda: opened(content))
        with file, bar(f"Uploading {model}", unit="bytes", on=self._progress) as drawn:
            job = await register(
                self._requests,
                model,
                file,
                {**told, **(origin or {})},
                drawn.counted,
                on_interrupt=on_interrupt,
            )
        return await self._waited(job, f"Registering {model}", on_interrupt) if wait else job

    @overload
    async def import_onnx(
        self, model: str, what: Any, *, wait: Literal[True] = True, **said: Unpack[ImportSaid]
    ) -> Version: ...
    @overload
    async def import_onnx(
        self, model: str, what: Any, *, wait: Literal[False], **said: Unpack[ImportSaid]
    ) -> AsyncJobHandle: ...
    @overload
    async def import_onnx(
        self, model: str, what: Any, *, wait: bool, **said: Unpack[ImportSaid]
    ) -> Version | AsyncJobHandle: ...
    async def import_onnx(
        self,
        model: str,
        what: Any,
        *,
        features: Sequence[str] | None = None,
        classes: Sequence[Any] | None = None,
        outputs: Mapping[str, str] | None = None,
        example: Any = None,
        origin: Mapping[str, Any] | None = None,
        wait: bool = True,
        on_interrupt: str = CANCEL,
    ) -> Version | AsyncJobHandle:
        """Import a graph of ONNX as a version; the version, or without `wait` the job.

        The service runs such a version as its file says, where it was deployed to (`onnx: yes`). What it
        guesses of inputs and outputs stands in the version's `warnings`, what they are in its `graph`.

        Args:
            model: its name; it need not exist yet.
            what: the graph, as a path or as bytes, or as an `onnx.ModelProto`.
            features: names of the columns of a row, in the order of the graph's input; or of its inputs,
                where each is a column. Without them `x0`, `x1` and so on, or the inputs' names.
            classes: the labels, in the order of the graph's classes, where it does not name them.
            outputs: what may be asked for, and what the graph calls that, such as
                `{"label": "output_label", "probability": "output_probability"}`.
            example: rows, or other instances, to try the graph on, as `predict` takes them; at most 16.
                Without it the graph is tried on zeros and empty texts.
            origin: what is said of where it came from: `description`, `library_versions`, `version`.
            wait: whether to wait for the version.
            on_interrupt: as for `train`.

        Raises:
            InvalidInput: `example` or something else that was said is not as it has to be.
            JobFailed: the service refuses the graph; `faults` say where, such as `model.graph.node[3]`.
            ServiceError: 501, where nothing was deployed that runs graphs.
            OSError: the file cannot be read.
        """
        _checked(on_interrupt)
        told = await blocking(lambda: import_said(features, classes, outputs, example, origin))
        file = await blocking(lambda: opened(graph_to_send(what)))
        with file, bar(f"Uploading {model}", unit="bytes", on=self._progress) as drawn:
            job = await import_graph(
                self._requests, model, file, told, drawn.counted, on_interrupt=on_interrupt
            )
        return await self._waited(job, f"Importing {model}", on_interrupt) if wait else job

    async def load(self, model: str) -> Model:
        """Take a version to this machine, where it predicts without the service; takes the extra `models`.

        Its file is kept in the user's cache folder, and fetched once.

        Args:
            model: its name, or `name@2`, or `name@alias`.

        Returns:
            The model, with `predict`, `predict_proba`, `decision_function`, `explain`, `to_onnx` and so on.

        Raises:
            NotInstalled: the extra is not installed.
        """
        which = reference(model)
        return await self.model(which.model).load(which.version or which.alias)

    async def copy(
        self,
        which: str,
        *,
        to: AsyncClient,
        model: str | None = None,
        alias: str | None = None,
        on_interrupt: str = CANCEL,
    ) -> Version:
        """Copy a version to another service, which tells where it is from; the version there.

        Args:
            which: what is copied: a model's name, or `name@2`, or `name@alias`.
            to: the client of the other service.
            model: what it is called there; without it as here.
            alias: an alias there that is given to the new version.
            on_interrupt: as for `train`.

        Raises:
            InvalidArgument: it is there already: `to` is this service, and the name the same.
            JobFailed: the other service refuses the artifact; `faults` say where.
        """
        _checked(on_interrupt)
        return await copy(self, reference(which), to, model=model, alias=alias, on_interrupt=on_interrupt)

    async def models(self, *, prefix: str | None = None, limit: int | None = None) -> Models:
        """The names of the models, in the order that they have in lower case.

        Args:
            prefix: only those that begin so, in upper or lower case.
            limit: how many at most; None for all.
        """
        query = {"prefix": prefix}
        return Models.from_json(await listed(self._requests, "/v1/models", "models", limit, query=query))

    async def overview(self, *, prefix: str | None = None, limit: int | None = None) -> Overview:
        """The models, each with its newest version, what that reached, its aliases, description and tags.

        Args:
            prefix: only those whose names begin so, in upper or lower case.
            limit: how many at most; None for all.
        """
        query = {"prefix": prefix}
        return Overview.from_json(await listed(self._requests, "/v1/models", "entries", limit, query=query))

    def model(self, name: str) -> AsyncRemoteModel:
        """A model, by its name. Asks nobody yet."""
        return AsyncRemoteModel(self, self._requests, reference(name).model)

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
        found = Job.from_json(await self._requests.get(f"/v1/jobs/{segment(job)}"))
        return handle_of(self._requests, found)

    async def datasets(self, *, prefix: str | None = None, limit: int | None = None) -> Datasets:
        """The datasets, each with its newest upload, in the order that their names have in lower case.

        Args:
            prefix: only those whose names begin so, in upper or lower case.
            limit: how many at most; None for all.
        """
        query = {"prefix": prefix}
        return Datasets.from_json(
            await listed(self._requests, "/v1/datasets", "datasets", limit, query=query)
        )

    def dataset(self, name: str) -> AsyncDatasetHandle:
        """A dataset, by its name. Asks nobody yet."""
        return AsyncDatasetHandle(self._requests, name)

    async def upload(self, name: str, data: Any) -> AsyncDatasetHandle:
        """Upload a file, by its path or as bytes, or a frame; it becomes the newest of a dataset.

        The handle's `uri` names this very upload, whatever is uploaded after it.

        Raises:
            InvalidInput: something in a frame cannot be sent.
            OSError: the file cannot be read.
        """
        with bar(f"Uploading {name}", unit="bytes", on=self._progress) as drawn:
            if isinstance(data, str | os.PathLike | bytes):
                with await blocking(lambda: opened(data)) as file:
                    uri = await upload_dataset(self._requests, name, file, drawn.counted)
            else:
                from serverless_ml import tables

                with await blocking(lambda: tables.as_file(tables.read(data))) as written:
                    uri = await upload_dataset(self._requests, name, written.file, drawn.counted)
        return AsyncDatasetHandle(self._requests, name, uri)

    async def algorithms(self) -> Algorithms:
        """What can be trained, with the hyperparameters of each as JSON Schema."""
        return Algorithms.from_json((await self._requests.get("/v1/algorithms"))["algorithms"])

    async def whoami(self) -> Caller:
        """Whose key this client has: its roles, the rights they give, and what it is limited to."""
        return Caller.from_json(await self._requests.get("/v1/whoami"))

    async def audit(
        self,
        *,
        model: str | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        limit: int | None = None,
    ) -> AuditEntries:
        """Who asked for which change, the newest first. It takes a key of the role `admin`.

        Args:
            model: only what was about one model.
            since: the first day (UTC) to tell of; without it the seven days that end with `until`.
            until: the last day; without it today.
            limit: how many at most; None for all.
        """
        query = {"model": model, "from": day(since), "to": day(until)}
        return AuditEntries.from_json(
            await listed(self._requests, "/v1/audit", "entries", limit, query=query)
        )

    async def usage(
        self,
        *,
        key: str | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
    ) -> Usage:
        """What each key used on each day. It takes a key of the role `admin`.

        Args:
            key: only what the key with this id used.
            since: the first day (UTC) to tell of; without it the seven days that end with `until`.
            until: the last day; without it today.
        """
        query = {"key": key, "from": day(since), "to": day(until)}
        return Usage.from_json(await self._requests.get("/v1/usage", query))

    async def openapi(self) -> dict[str, Any]:
        """The service's description of itself."""
        return await self._requests.get("/openapi.json")

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

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.url}>"


def _checked(on_interrupt: str) -> None:
    if on_interrupt not in (CANCEL, LEAVE):
        raise InvalidArgument(f"expected on_interrupt to be '{CANCEL}' or '{LEAVE}', got {on_interrupt!r}")
