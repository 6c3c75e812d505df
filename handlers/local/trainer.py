"""The laptop's trainer: a process that works off the folder's queue, and sweeps."""

import os
import time

from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import SettingInvalid, Settings


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
    from providers.local.runtime.queue import FolderQueue, stop_on_request, work
    from providers.local.runtime.worker_registry import FolderWorkers

    forward_logging()
    services = _services(settings, keys_file)
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


def sweep_now(settings: Settings, keys_file: str | None = None) -> int:
    """Sweep the folder once; jobs that come of it are left to the trainer beside the server.

    Args:
        settings: the settings.
        keys_file: the file of keys; None for the folder's own, where there is one.

    Raises:
        SettingInvalid: the folder is not there.
    """
    from handlers.jobs import sweep_once
    from handlers.logs import forward_logging
    from providers.local.runtime.keys import FILE

    forward_logging()
    if not os.path.isdir(settings.root):
        raise SettingInvalid(
            f"expected a folder of models, got {os.path.abspath(settings.root)}: serve it first"
        )
    own = os.path.join(settings.root, FILE)
    sweep_once(_services(settings, keys_file or (own if os.path.exists(own) else None)))
    return 0


def _services(settings: Settings, keys_file: str | None) -> Services:
    """The services over the folder, by the keys of this file; None where none is asked for."""
    from providers.local.runtime.keys import FileKeyStore

    return folder_services(settings, key_records=None if keys_file is None else FileKeyStore(keys_file).read)


def _deadline(settings: Settings) -> float | None:
    """When a training that begins now has to be done; None where there is to be no bound."""
    return time.time() + settings.train_seconds if settings.train_seconds else None
