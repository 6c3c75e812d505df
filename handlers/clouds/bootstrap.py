"""The services of the cloud that this process runs on; under `invoke local` the folder's."""

from __future__ import annotations

import gc
import os

from handlers.services import Services
from handlers.settings import places, read_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from handlers.auth import Records
    from handlers.rest.api import Api
    from handlers.rest.http import Request, Response
    from handlers.settings import Settings
    from ml_core.datasets.reopening import Reopening, Stores
    from ml_core.engines import Engine
    from ml_core.graphs.contract import GraphRunner
    from ml_core.notices.outbox import Sender
    from ml_core.ports import JobQueue, ObjectStore, OtherBucket, Signer
    from ml_core.records import Protocol

    class CalledGraphs(Protocol):
        """Calls the function that runs imported models."""

        def call(self, payload: bytes) -> bytes:
            """The answer to a call of `ml_core/graphs/call.py`. Raises `Unavailable`."""

    class Wiring(Protocol):
        """What `providers/<cloud>/runtime/wiring.py` offers: each part from the function's environment."""

        __name__: str
        DISK_IS_MEMORY: bool  # whether what a function writes to its disk takes of its memory
        ONE_AT_A_TIME: bool  # whether an instance answers one request at a time
        STORE_VARIABLES: tuple[str, ...]  # of the environment: what says where the stores are; no secrets

        def store(self, env: Mapping[str, str]) -> ObjectStore:
            """The object store."""

        def queue(self, env: Mapping[str, str]) -> JobQueue:
            """The job queue."""

        def data_bucket(self, env: Mapping[str, str], scheme: str, name: str) -> OtherBucket:
            """Another bucket of this cloud, to read from or to write results to. Raises `ObjectNotFound`."""

        def own_key(self, env: Mapping[str, str], scheme: str, name: str, key: str) -> str | None:
            """The key in the store that an address of a bucket leads to; None where it is another bucket."""

        def signer(self, env: Mapping[str, str]) -> Signer:
            """What signs addresses to write and to read one object of the store."""

        def key_records(self, env: Mapping[str, str]) -> Records | None:
            """The records of the keys."""

        def engine(self, env: Mapping[str, str], name: str) -> Engine:
            """How an engine is run from here. Raises `NotConfigured` where it cannot be."""

        def topic(self, env: Mapping[str, str], name: str) -> Sender:
            """What tells a topic of the cloud's. Raises `NotConfigured` for a name that is none."""

        def graphs(self, env: Mapping[str, str]) -> CalledGraphs | None:
            """How the function is called that runs imported models; None where there is none."""


_SERVICES: list[Services] = []
_ANSWERED: list[Api] = []

# What an instance loads until its first answer stays for good: the garbage collector does not go through it
# every two thousand objects while it is loaded, and never again once the first answer is there.
gc.set_threshold(10_000, *gc.get_threshold()[1:])


def services_of(wiring: Wiring, platform_sets: str) -> Services:
    """This process's services, made by its first request.

    Args:
        wiring: the cloud's.
        platform_sets: a variable that the cloud's runtime sets, and `invoke local` does not: a deployed
            function never serves the folder, whatever else is in its environment.
    """
    if not _SERVICES:
        settings = read_settings(os.environ)
        if "IS_LOCAL" in os.environ and platform_sets not in os.environ:
            from handlers.local.services import folder_services

            _SERVICES.append(folder_services(settings, key_records=None))
        else:
            _SERVICES.append(cloud_services(wiring, settings, os.environ))
    return _SERVICES[0]


def answer(api: Api, request: Request) -> Response:
    """The answer of the process's API to a request."""
    response = api.handle(request)
    if not _ANSWERED:
        _ANSWERED.append(api)
        gc.freeze()
    return response


def open_stores(wiring: str, environment: dict[str, str]) -> Stores:
    """The stores of the cloud with this wiring, in a process of its own: see `Reopening`.

    Args:
        wiring: the module.
        environment: what this process's environment may lack, or have otherwise.
    """
    from importlib import import_module

    env = {**os.environ, **environment}
    return cloud_services(import_module(wiring), read_settings(env), env).stores


def cloud_services(wiring: Wiring, settings: Settings, env: Mapping[str, str]) -> Services:
    """The services of a cloud, from an environment such as its functions have."""

    def reopening() -> Reopening:
        from ml_core.datasets.reopening import Reopening

        named = {name: env[name] for name in wiring.STORE_VARIABLES if env.get(name)}
        arguments = {"wiring": wiring.__name__, "environment": {**named, **places(settings)}}
        return Reopening("handlers.clouds.bootstrap:open_stores", arguments)

    def graphs(services: Services) -> GraphRunner:
        from ml_core.graphs.remote import RemoteGraphs

        called = wiring.graphs(env)
        if called is None:
            from ml_core.conflicts import NotDeployed

            raise NotDeployed.graphs()
        return RemoteGraphs(services.signer, called.call, settings.onnx_seconds)

    return Services(
        settings,
        store=lambda: wiring.store(env),
        queue=lambda: wiring.queue(env),
        key_records=lambda: wiring.key_records(env),
        signer=lambda: wiring.signer(env),
        data_bucket=lambda scheme, name: wiring.data_bucket(env, scheme, name),
        own_key=lambda scheme, name, key: wiring.own_key(env, scheme, name, key),
        reopening=reopening,
        disk_is_memory=wiring.DISK_IS_MEMORY,
        one_at_a_time=wiring.ONE_AT_A_TIME,
        engine=lambda name: wiring.engine(env, name),
        topic=lambda name: wiring.topic(env, name),
        freezes=True,
        graphs=graphs,
    )
