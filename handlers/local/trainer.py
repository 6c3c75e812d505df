"""The laptop's trainer: a process that works off the folder's queue, and sweeps."""

import time

from handlers.local.services import folder_services
from handlers.settings import Settings


def train_until_stopped(settings: Settings, keys_file: str | None = None) -> int:
    """Work off the folder's queue until SIGTERM, or until the process that started this one is gone.

    Args:
        settings: the settings.
        keys_file: where the server reads the records of the keys, by which schedules are carried out; None
            where it asks for none.
    """
    import threading

    from handlers.jobs import sweep_once, trainer_context, work_off
    from handlers.logs import forward_logging
    from ml_core.jobs.context import PollIntervals, TrainerContext
    from providers.local.runtime.keys import FileKeyStore
    from providers.local.runtime.queue import FolderQueue, stop_on_request, work
    from providers.local.runtime.worker_registry import FolderWorkers

    forward_logging()
    records = None if keys_file is None else FileKeyStore(keys_file).read
    services = folder_services(settings, key_records=records)
    queue, stopping, workers = FolderQueue(settings.root), threading.Event(), FolderWorkers(settings.root)
    stop_on_request(stopping, queue)
    # Writing to a folder is cheap, and nobody ends this process when the time of a training is over.
    intervals = PollIntervals(lease=15.0, renewal=2.0, poll_interval=0.25, shutdown_grace=0.5, least=0.5)

    def context() -> TrainerContext:
        return trainer_context(services, _deadline(settings))._replace(
            stopping=stopping, intervals=intervals, workers=workers, time_setting="ML_TRAIN_SECONDS"
        )

    def handle(job_id: str, failures: int) -> float | None:
        return work_off(services, job_id, failures=failures, make_context=context)

    def sweep() -> None:
        sweep_once(services)
        workers.refresh()
        workers.remove_stale()

    work(queue, handle, sweep, stopping)
    return 0


def _deadline(settings: Settings) -> float | None:
    """When a training that begins now has to be done; None where there is to be no bound."""
    return time.time() + settings.train_seconds if settings.train_seconds else None
