"""Requests to train: who may ask for one, of a caller, and of a schedule in the name of who wrote it."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers.auth import ADMIN, ANYONE, KeyGate
from handlers.engines import check_engine
from handlers.limits import MODEL, check, check_data
from handlers.settings import allowed_seconds
from ml_core.datasets.private_reading import DataUse
from ml_core.documents import timestamp
from ml_core.errors import Forbidden
from ml_core.scheduling.running import PreparedRun
from ml_core.training.reference import TableReference
from ml_core.training.request import AUTO, FUNCTION, STREAMED, TrainingRequest, check_request
from ml_core.training.split import HASH

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.auth import Caller
    from handlers.services import Services


class PreparedTraining(NamedTuple):
    """A checked request, as a job takes it.

    Args:
        data: the job's input.
        summary: what the job tells of its request.
        body_digest: tells whether two requests are the same; None where `data` does.
        use: the data that it reads, which may have a privacy budget; None where it reads none.
    """

    data: bytes
    summary: dict[str, Any]
    body_digest: str | None
    use: DataUse | None


def checked_training(
    services: Services, caller: Caller, body: object, *, scheduled: bool = False
) -> TrainingRequest:
    """The request of a body, which this caller may make here, or a schedule in its name.

    Raises as `check_request` and `check_data`.
    """

    def check_uri(uri: object) -> None:
        check_data(caller, uri)
        services.data.check(uri)

    settings = services.settings
    request = check_request(
        body, services.limits, check_uri, seconds=allowed_seconds(settings), scheduled=scheduled
    )
    check_engine(request.engine, settings.engines, own=(AUTO, FUNCTION, STREAMED))
    return request


def prepared_training(services: Services, request: TrainingRequest) -> PreparedTraining:
    """A checked request, of what its address means now. Raises `InvalidInput`, `Unavailable`."""
    settled = request.settled(services.data.settled)
    # As it was asked for: a retry is the same request also when something was uploaded in between.
    digest = None if settled is request else digest_of(request)
    table = settled.data if isinstance(settled.data, TableReference) else None
    use = None if table is None else DataUse(table.uri, settled.rho)
    return PreparedTraining(settled.to_bytes(), settled.summary(), digest, use)


def digest_of(request: TrainingRequest) -> str:
    """Tells whether two requests are the same."""
    return hashlib.sha256(request.to_bytes()).hexdigest()


class ScheduledTraining:
    """Prepares the runs of schedules: each in the name of the key by which its schedule was written."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.time) -> None:
        self._services = services
        self._clock = clock

    def prepare(
        self, writer: str | None, model: str, train: dict[str, Any], split_key: str | None = None
    ) -> PreparedRun:
        """What the run trains on now; `split_key` is that of the hash that may hold rows out.

        Raises:
            Forbidden: the key is gone or has expired, is no admin's any more, or not for this model or data.
            InvalidInput, NameTaken, NotConfigured, Unavailable: as asking for the training does.
        """
        services = self._services
        caller = self._caller(writer)
        check(caller, {MODEL: model})
        request = checked_training(services, caller, train, scheduled=True)
        services.registry.check_spelling(model)
        keyed = request._replace(split_key=split_key) if request.split["by"] == HASH else request
        prepared = prepared_training(services, keyed)
        use = prepared.use
        if use is None:
            raise Forbidden("a schedule trains on an address, and this one names none")
        return PreparedRun(
            prepared.data,
            prepared.summary,
            digest_of(request),
            lambda: services.data.files(use.uri),
            lambda: services.private_reading.check(use),
            services.data.as_upload(use.uri),
        )

    def _caller(self, writer: str | None) -> Caller:
        """Who has the key now by which a schedule was written. Raises `Forbidden`, `Unavailable`."""
        gate, again = self._services.gate, "have an admin write the schedule again"
        if not isinstance(gate, KeyGate):
            return ANYONE
        if writer is None:
            raise Forbidden(f"the schedule was written when no key was asked for; {again}")
        found = [caller for _, caller in gate.callers() if caller.id == writer]
        if len(found) != 1:
            raise Forbidden(f"the key {writer}, by which the schedule was written, is gone; {again}")
        (caller,) = found
        if caller.expires is not None and timestamp(self._clock()) >= caller.expires:
            raise Forbidden(f"the key {writer} expired on {caller.expires}; {again}")
        if ADMIN not in caller.rights:
            raise Forbidden(f"the key {writer} has the right 'admin' no more; {again}")
        return caller
