"""Workers of one folder know which of them are dead, and take over at once."""

import os
import subprocess
import sys
import time
from pathlib import Path

from handlers.local.services import folder_services
from handlers.settings import read_settings
from ml_core.inputs.rows import Limits
from ml_core.training.notebook import check_request
from providers.local.runtime.queue import WorkerProcess
from providers.local.runtime.worker_registry import FolderWorkers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__)))))
LIVING = """
import sys
from providers.local.runtime.worker_registry import FolderWorkers
print(FolderWorkers(sys.argv[1]).name, flush=True)
input()
"""


def test_a_worker_is_gone_when_its_process_is(tmp_path: Path) -> None:
    mine = FolderWorkers(str(tmp_path))
    worker = subprocess.Popen(
        [sys.executable, "-c", LIVING, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    name = worker.stdout.readline().strip()
    assert not mine.is_gone(name)
    assert not mine.is_gone(mine.name)
    worker.kill()
    worker.communicate()
    assert mine.is_gone(name)
    assert not any(map(mine.is_gone, ("", "f" * 16, "..", "/"))), "of others nothing is known"
    workers = tmp_path / "~queue" / "~workers"
    mine.remove_stale()
    assert (workers / name).exists(), "its lease may not have run out"
    for file in workers.iterdir():
        os.utime(file, (0, 0))
    mine.refresh()
    mine.remove_stale()
    assert os.listdir(workers) == [mine.name]


def test_the_job_of_a_killed_worker_goes_on_at_once(tmp_path: Path) -> None:
    """Its lease has not run out; the worker that follows it knows that it is dead."""
    services = folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=None)
    rows = [[float(number % 97), float(number % 89)] for number in range(6000)]
    body = {"algorithm": "svm", "instances": rows, "targets": [number % 2 for number in range(6000)]}
    request = check_request(body, Limits())
    job = services.jobs.submit("slow", request.to_bytes(), request.summary())

    def wait_for_attempts(count: int) -> float:
        began = time.monotonic()
        while len(services.jobs.get(job.id).attempts) < count:
            assert time.monotonic() - began < 30
            time.sleep(0.02)
        return time.monotonic() - began

    trainer = [sys.executable, "-m", "handlers.local", "--trainer", "--root", str(tmp_path)]
    with WorkerProcess(trainer, first_restart=0.01) as worker:
        wait_for_attempts(1)
        os.kill(worker.pid, 9)
        assert wait_for_attempts(2) < 12, "the lease would have held it for 15 seconds"
        services.jobs.cancel(job.id)
    assert services.jobs.get(job.id).attempts[0]["outcome"] == "lost"
