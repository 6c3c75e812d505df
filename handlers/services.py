"""What the endpoints stand on, built when it is first asked for: a prediction needs no jobs."""

from __future__ import annotations

from handlers.auth import KeyGate, OpenGate, Records
from ml_core.errors import InvalidInput, NotConfigured
from ml_core.records import cached_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.auth import Gate
    from handlers.settings import Settings
    from handlers.tracing.tracing import Tracing
    from handlers.waiting import Waiting
    from ml_core.datasets.datasets import Datasets
    from ml_core.datasets.outputs import OutputPlaces
    from ml_core.datasets.private_reading import PrivateReading
    from ml_core.datasets.reopening import Reopening, Stores
    from ml_core.datasets.sources import DataSources, OwnKey
    from ml_core.engines import Engine, Engines
    from ml_core.erasing.erasure import Erasing
    from ml_core.graphs.contract import GraphRunner
    from ml_core.inputs.rows import Limits
    from ml_core.jobs.jobs import Jobs
    from ml_core.jobs.origin_scan import OriginScan
    from ml_core.jobs.turns import Turns
    from ml_core.model.model import Model
    from ml_core.monitoring.counting import Monitor
    from ml_core.monitoring.receipts import Receipts
    from ml_core.monitoring.telling import Telling
    from ml_core.notices.outbox import Sender
    from ml_core.ports import JobQueue, ObjectStore, OtherBucket, Signer
    from ml_core.records import Protocol
    from ml_core.registering.uploads import ArtifactUploads
    from ml_core.registry.abouts import Abouts
    from ml_core.registry.aliases import Aliases
    from ml_core.registry.artifacts import Artifacts
    from ml_core.registry.deletion import Deletion
    from ml_core.registry.registry import Registry, Version
    from ml_core.registry.versions import Versions
    from ml_core.scheduling.schedules import Schedules
    from ml_core.scoring.listing import JobFiles
    from ml_core.serving import Served

    class ModelSource(Protocol):
        """Where models come from that are ready to predict; `ml_core.serving.Models`, for most."""

        def resolve(
            self, name: str, version: int | None = None, alias: str | None = None, key: str | None = None
        ) -> Served:
            """A model's version, chosen by the key where several share its traffic.

            Raises `ModelNotFound`, `VersionNotFound`, `AliasNotFound`, `Unavailable`.
            """

        def look_again(self, name: str) -> None:
            """Have the next `resolve` of the model ask the store, not go by what was read a moment ago."""

        def ready(self, name: str, version: int | None = None) -> Served:
            """As `resolve`, once every version that a caller may get can answer."""


class Services:
    """The store and the queue of one cloud, and what `ml_core` makes of them.

    Args:
        settings: the settings.
        store: makes the object store; called once.
        queue: makes the job queue; called once.
        key_records: reads the records of the keys; None where everyone is let in.
        models: makes the source of models; None for what the store's registry holds.
        data_folder: makes the folder of plain files to read and to write results to, where there is one.
        data_bucket: opens another bucket, by scheme and name, where there is one to open.
        own_key: says what of the store an address of another place leads to after all.
        signer: makes what signs addresses to write and to read one object of the store; called once.
        reopening: says how another process opens the same stores; None where there are none.
        disk_is_memory: whether what a function writes to its disk takes of its memory.
        one_at_a_time: whether an instance answers one request at a time: then all share the places to wait.
        engine: says how an engine is run from here, by name. Raises `NotConfigured` where it cannot be.
        topic: makes what tells a topic of the cloud's, by its name.
        freezes: whether the process may stand still once it has answered.
        graphs: makes what runs imported models; called once, where the setting ML_ONNX says that they are.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Callable[[], ObjectStore],
        queue: Callable[[], JobQueue],
        key_records: Callable[[], Records | None] | None,
        models: Callable[[], ModelSource] | None = None,
        data_folder: Callable[[], OtherBucket] | None = None,
        data_place: str = "",
        data_bucket: Callable[[str, str], OtherBucket] | None = None,
        own_key: OwnKey = lambda *_: None,
        signer: Callable[[], Signer] | None = None,
        reopening: Callable[[], Reopening] | None = None,
        disk_is_memory: bool = False,
        one_at_a_time: bool = False,
        engine: Callable[[str], Engine] | None = None,
        topic: Callable[[str], Sender] | None = None,
        freezes: bool = False,
        graphs: Callable[[Services], GraphRunner] | None = None,
    ) -> None:
        self.settings = settings
        self._engine = engine
        self._make_topic = topic
        self._freezes = freezes
        self._make_graphs = graphs
        self._graphs: GraphRunner | None = None
        self.disk_is_memory = disk_is_memory
        self._one_at_a_time = one_at_a_time
        self.asks_for_keys = key_records is not None
        self.gate: Gate = KeyGate(key_records, settings.key_ttl) if key_records else OpenGate()
        self._make_store = store
        self._make_queue = queue
        self._make_models = models or self._registered
        self._data_folder = data_folder
        self._data_place = data_place
        self._data_bucket = data_bucket
        self._own_key = own_key
        self._make_signer = signer
        self._make_reopening = reopening
        self._signer: Signer | None = None
        self._datasets: Datasets | None = None
        self._store: ObjectStore | None = None
        self._queue: JobQueue | None = None
        self._registry: Registry | None = None
        self._jobs: Jobs | None = None
        self._turns: Turns | None = None
        self._models: ModelSource | None = None
        self._receipts: Receipts | None = None

    @property
    def store(self) -> ObjectStore:
        """The cloud's object store."""
        if self._store is None:
            store = self._make_store()
            self._store = store if self.tracing is None else self.tracing.store(store)
        return self._store

    @property
    def queue(self) -> JobQueue:
        """The cloud's queue of jobs."""
        if self._queue is None:
            self._queue = self._make_queue()
        return self._queue

    @property
    def signer(self) -> Signer:
        """What signs addresses of the store's objects. Raises `NotConfigured` where there is nothing."""
        if self._signer is None:
            if self._make_signer is None:
                raise NotConfigured("this deployment signs no addresses")
            self._signer = self._make_signer()
        return self._signer

    @property
    def graphs(self) -> GraphRunner:
        """What runs imported models. Raises `NotDeployed` where nothing does."""
        if self._graphs is None:
            if not self.settings.onnx or self._make_graphs is None:
                from ml_core.conflicts import NotDeployed

                raise NotDeployed.graphs()
            self._graphs = self._make_graphs(self)
        return self._graphs

    @cached_property
    def tracing(self) -> Tracing | None:
        """What places requests in their traces; None where traces are off."""
        if self.settings.traces == "off":
            return None
        from handlers.tracing.context import share_of
        from handlers.tracing.tracing import Tracing

        share = share_of(self.settings.traces)
        return None if share is None else Tracing(share, freezes=self._freezes)

    @property
    def registry(self) -> Registry:
        """Names, versions and aliases."""
        if self._registry is None:
            from ml_core.registry.registry import Registry
            from ml_core.registry.retention import DAY

            self._registry = Registry(self.store, retention=self.settings.retention * DAY)
        return self._registry

    @property
    def aliases(self) -> Aliases:
        """What is done to aliases."""
        from ml_core.registry.aliases import Aliases

        return Aliases(self.registry, runs_imported=bool(self.settings.onnx))

    @property
    def deletion(self) -> Deletion:
        """What deletes and restores versions and models."""
        from ml_core.registry.deletion import Deletion
        from ml_core.registry.retention import DAY

        return Deletion(self.registry, self.settings.retention * DAY)

    @property
    def versions(self) -> Versions:
        """What is known of versions."""
        from ml_core.registry.versions import Versions

        return Versions(self.registry)

    @property
    def abouts(self) -> Abouts:
        """What people wrote about models and versions."""
        from ml_core.registry.abouts import Abouts

        return Abouts(self.registry)

    @property
    def schedules(self) -> Schedules:
        """When models are trained again."""
        from ml_core.scheduling.schedules import Schedules

        return Schedules(self.store)

    @property
    def artifacts(self) -> Artifacts:
        """Versions' artifacts, to be taken away. Raises `NotConfigured` where nothing signs addresses."""
        from ml_core.registry.artifacts import Artifacts

        return Artifacts(self.registry, self.signer)

    @property
    def artifact_uploads(self) -> ArtifactUploads:
        """Artifacts to be registered. Raises `NotConfigured` where nothing signs addresses."""
        from ml_core.registering.uploads import ArtifactUploads

        return ArtifactUploads(self.registry, self.signer)

    @property
    def jobs(self) -> Jobs:
        """Training jobs."""
        if self._jobs is None:
            from ml_core.jobs.jobs import JobLimits, Jobs
            from ml_core.registry.retention import DAY

            bounds = self.settings
            limits = JobLimits(bounds.job_retention * DAY, bounds.max_jobs, bounds.max_key_jobs)
            tell = None
            if self.tells:
                from functools import partial

                from ml_core.notices.events import job_ended

                tell = partial(job_ended, self.store)
            place = None if self.tracing is None else self.tracing.place
            self._jobs = Jobs(self.store, self.queue, limits=limits, tell=tell, place=place)
        return self._jobs

    @property
    def tells(self) -> bool:
        """Whether anybody is told of what happens."""
        return bool(self.settings.webhooks or self.settings.topic)

    @property
    def senders(self) -> list[Sender]:
        """Who is told of what happens. Raises `NotConfigured` for settings that cannot be."""
        from ml_core.notices.hooks import hooks
        from ml_core.notices.signing import secret_of
        from ml_core.notices.webhooks import WebhookSender

        try:
            named = hooks(self.settings.webhooks)
            secret = secret_of(self.settings.webhook_secret) if named else b""
        except InvalidInput as error:
            raise NotConfigured(f"the settings ML_WEBHOOKS and ML_WEBHOOK_SECRET: {error}") from error
        found: list[Sender] = [WebhookSender(hook, secret) for hook in named]
        if self.settings.topic:
            if self._make_topic is None:
                raise NotConfigured("the setting ML_TOPIC names a topic, and here is none")
            found.append(self._make_topic(self.settings.topic))
        return found

    def origin_scan(self, seconds: float) -> OriginScan:
        """What looks up for so long what earlier releases made from datasets."""
        from time import monotonic

        from ml_core.jobs.origin_scan import OriginScan

        until = monotonic() + seconds
        return OriginScan(self.registry, self.jobs, lambda: monotonic() >= until)

    def erasing(self, seconds: float) -> Erasing:
        """What erases datasets with the versions made from them, for so long."""
        from time import monotonic

        from ml_core.erasing.erasure import Erasing
        from ml_core.erasing.report import KeptDays

        until, set_to = monotonic() + seconds, self.settings
        kept = KeptDays(set_to.old_states_days, set_to.job_retention, set_to.monitoring_days, set_to.log_days)
        return Erasing(
            self.datasets,
            self.registry,
            self.jobs,
            self.origin_scan(seconds / 2),
            kept,
            lambda: monotonic() >= until,
        )

    @property
    def job_files(self) -> JobFiles:
        """The files that jobs wrote."""
        from ml_core.scoring.listing import JobFiles

        return JobFiles(self.store, lambda: self.signer)

    @property
    def turns(self) -> Turns:
        """Whose turn it is at this process's trainer."""
        if self._turns is None:
            from ml_core.jobs.turns import Turns

            self._turns = Turns()
        return self._turns

    @property
    def waiting(self) -> Waiting:
        """The requests that wait for a job, and their places."""
        from handlers.waiting import ProcessPlaces, SharedPlaces, Waiting

        most = self.settings.max_waiting
        places = SharedPlaces(lambda: self.store, most) if self._one_at_a_time else ProcessPlaces(most)
        # One for all threads: `setdefault` of a dictionary is one step.
        waiting: Waiting = self.__dict__.setdefault("_waiting", Waiting(places))
        return waiting

    @cached_property
    def limits(self) -> Limits:
        """The bounds on what one request may hold."""
        from ml_core.inputs.rows import Limits

        settings = self.settings
        return Limits(settings.max_rows, settings.max_columns, settings.max_cells)

    @property
    def models(self) -> ModelSource:
        """Models that are loaded, or will be."""
        if self._models is None:
            self._models = self._make_models()
        return self._models

    @property
    def receipts(self) -> Receipts:
        """What makes and checks receipts of predictions."""
        if self._receipts is None:
            from ml_core.monitoring.receipts import Receipts

            self._receipts = Receipts(self.store)
        return self._receipts

    @property
    def telling(self) -> Telling:
        """What takes the truth about predictions. Raises `NotMonitored` where these are not counted."""
        from ml_core.conflicts import NotMonitored
        from ml_core.monitoring.telling import Telling

        registry, days = self.registry, self.settings.monitoring_days  # a function with one model has neither
        if not days:
            raise NotMonitored("nothing is counted: the setting ML_MONITORING_DAYS is 0")
        return Telling(registry, self.receipts, days)

    @property
    def monitor(self) -> Monitor:
        """What counts this process's predictions."""
        monitor: Monitor | None = self.__dict__.get("_monitor")
        if monitor is None:
            from handlers.logs import log
            from ml_core.monitoring.counting import Monitor

            made = Monitor(self.store, lambda reason: log("warning", "counting", detail=reason))
            monitor = self.__dict__.setdefault("_monitor", made)  # one for all threads, as of `waiting`
        return monitor

    @property
    def data(self) -> DataSources:
        """Where training data may be read from. Raises `NotConfigured` for a setting that is no list."""
        from handlers.addresses import SCHEMES
        from ml_core.datasets.sources import DataSources, allow_list

        try:
            allowed = allow_list(self.settings.data_buckets, SCHEMES)
        except InvalidInput as error:
            raise NotConfigured(f"the setting ML_DATA_BUCKETS cannot be read: {error}") from error
        return DataSources(
            uploads=lambda: self.store,
            folder=self._data_folder,
            place=self._data_place,
            bucket=self._data_bucket,
            schemes=SCHEMES,
            allowed=allowed,
            own_key=self._own_key,
        )

    @property
    def private_reading(self) -> PrivateReading:
        """Who may read datasets that have a privacy budget. Raises `NotConfigured`, as `data`."""
        from ml_core.datasets.private_reading import PrivateReading

        return PrivateReading(self.store, self.data)

    @property
    def engines(self) -> Engines:
        """The engines that the setting ML_ENGINES turns on. Raises `NotConfigured` for one that cannot be."""
        from handlers.engines import named_engines

        names = named_engines(self.settings.engines)
        if names and self._engine is None:
            raise NotConfigured(f"the setting ML_ENGINES names {names[0]}, which nothing here can run")
        return {name: self._engine(name) for name in names} if self._engine else {}

    @property
    def outputs(self) -> OutputPlaces:
        """Where results may be written. Raises `NotConfigured` for a setting that is no list."""
        from handlers.addresses import SCHEMES
        from ml_core.datasets.outputs import OutputPlaces
        from ml_core.datasets.sources import allow_list

        try:
            allowed = allow_list(self.settings.output_buckets, SCHEMES, files=True)
        except InvalidInput as error:
            raise NotConfigured(f"the setting ML_OUTPUT_BUCKETS cannot be read: {error}") from error
        return OutputPlaces(allowed, SCHEMES, self._data_folder, self._data_bucket)

    @property
    def stores(self) -> Stores:
        """What a task works on. Raises `NotConfigured` for a setting that is no list."""
        from ml_core.datasets.reopening import Stores

        return Stores(self.store, self.data, self.outputs, lambda: self.graphs)

    @property
    def reopening(self) -> Reopening | None:
        """How another process opens `stores`."""
        return self._make_reopening() if self._make_reopening else None

    @property
    def datasets(self) -> Datasets:
        """Uploaded datasets. Raises `NotConfigured` where nothing signs addresses."""
        if self._datasets is None:
            from ml_core.datasets.datasets import Datasets

            self._datasets = Datasets(self.store, self.signer, self.queue)
        return self._datasets

    def _registered(self) -> ModelSource:
        from ml_core.serving import Models

        settings = self.settings
        return Models(
            self.store,
            alias_ttl=settings.alias_ttl,
            max_bytes=settings.model_cache_bytes,
            imported=self._imported,
        )

    def _imported(self, version: Version) -> Model:
        """The imported model of a version. Raises `ArtifactInvalid`, `ObjectNotFound`, `Unavailable`."""
        from ml_core.graphs.model import imported_model

        return imported_model(self.store, version.job, version.sha256, lambda: self.graphs)
