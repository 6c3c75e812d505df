"""The child process in which a model is fitted, what is from elsewhere is checked, or a table scored.

    python -m ml_core.jobs.fit_process FOLDER [MODULE PATH...]

The folder holds `request` and, if that is about a table, the table's file as `data`; and `checkpoint`, where
there is something to continue from, which the child replaces (`checkpoints.py`); `job.json`, which says whose
job it is and how the stores are opened (`surroundings.py`); and `engines.json`, which says what works
elsewhere (`ml_core/engines.py`); `against.json` and `against`, where the model is compared with a version
(`ml_core/training/against.py`). The child leaves there `artifact` and `manifest.json`, or `scored.json`, or
`error.json`, and says on its standard output how far it is, a JSON line each time. It ends when its parent is
gone, and at the time `ML_DEADLINE` (seconds since the epoch). In `ML_ALLOWED_SECONDS` stands how long a
training may take in all that is continued; without it any time.
"""

import errno
import faulthandler
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any

from ml_core.jobs.checkpoints import FolderCheckpoints
from ml_core.sandbox.memory import is_nearly_spent, prefer_oom_kill
from ml_core.sandbox.orphans import be_killed_with_parent
from ml_core.training.history import Entry, History

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.tables.memory import Budget
    from ml_core.training.fitting import Trained
    from ml_core.training.request import TrainingRequest

_SPARE = 3.0  # seconds before its deadline at which a fit should have stopped by itself,
_SPARE_PART = 0.1  # and of little time that part

READING = "reading"
"""The phase in which the rows are brought into memory, from a table's file if there is one."""
CHECKING, TRYING = "checking", "trying"
"""The phases in which a file from elsewhere is checked, and in which a graph is run once."""
OF_ROWS, OF_TABLES = "rows", "table"
"""Kinds of fits that are forked: on the rows in a request, and on a table's file."""

# What nearly every fit imports. With pandas, which scikit-learn imports where it is installed and no fit
# needs, come threads of its own.
_LIBRARIES = (
    "sklearn.model_selection",  # first, as in a process of its own: numpy sees the same variables
    "sklearn.linear_model",
    "sklearn.svm",
    "threadpoolctl",
    "importlib.metadata",
    "ml_core.algorithms.tasks.classification",
    "ml_core.jobs.kinds",
    "ml_core.preprocessing.fitting",
    "ml_core.preprocessing.network_fitting",
    "ml_core.training.importance",
    "ml_core.training.profiling",
    "ml_core.training.splitting",
)
_LIBRARIES_OF_TABLES = ("ml_core.jobs.choosing", "ml_core.tables.reading")
_UNWANTED = "pandas"


def prepare(kind: str) -> None:
    """Import what fits of a kind need, for the process that they are forked from (`zygote.py`)."""
    names: tuple[str, ...] = _LIBRARIES
    if kind == OF_TABLES:
        _compute_alike()
        names += _LIBRARIES_OF_TABLES
    sys.modules[_UNWANTED] = None  # type: ignore[assignment]  # who imports it is told that it is not there
    try:
        for name in names:
            import_module(name)
    finally:
        del sys.modules[_UNWANTED]
    if kind == OF_TABLES:
        from ml_core.tables.readers import load_readers

        load_readers()


def main(folder: str, module_paths: list[str]) -> None:
    """Do what is in the folder."""
    if module_paths:
        sys.path[:] = module_paths
    _end_at_the_deadline()
    be_killed_with_parent()
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    prefer_oom_kill()
    _return_freed_memory()
    faulthandler.enable()  # a crash says where Python was
    progress = _Progress(_take_standard_output())
    try:
        _work(folder, progress)
    except BaseException as error:  # noqa: BLE001  # the boundary of the process: everything is told to the parent
        reads_file = progress.phase == READING and os.path.exists(os.path.join(folder, "data"))
        starting = progress.phase == "starting"
        _write_error(folder, _describe(error, reads_file=reads_file, starting=starting))


class _Progress:
    """Tells the parent how far the fit is."""

    def __init__(self, report: IO[str]) -> None:
        self.phase = "starting"
        self._report = report
        self._reached: Entry | None = None

    def __call__(self, phase: str, percentage: float | None) -> None:
        self.phase = phase
        said = {"phase": phase, "percentage": percentage, "reached": self._reached}
        self._reached = None
        self._report.write(json.dumps(said) + "\n")
        self._report.flush()

    def note(self, reached: Entry) -> None:
        """Tell it with what is told next."""
        self._reached = reached


def _work(folder: str, progress: _Progress) -> None:
    """Do what is in the folder."""
    from ml_core.jobs.kinds import IMPORTING, REGISTERING, SCORING, kind_of

    with open(os.path.join(folder, "request"), "rb") as written:
        stored = written.read()
    kind = kind_of(stored)
    if kind is REGISTERING:
        _check_artifact(folder, progress)
    elif kind is IMPORTING:
        _import(stored, folder, progress)
    elif kind is SCORING:
        _score(stored, folder, progress)
    else:
        _fit(stored, folder, progress)


def _compute_alike() -> None:
    """Have this process add up as other engines' workers do. Before numpy is imported, which looks then."""
    from ml_core.networks.numerics import environment

    os.environ.update(environment())


def _score(stored: bytes, folder: str, progress: _Progress) -> None:
    _compute_alike()
    from ml_core.conflicts import DataChanged
    from ml_core.errors import InvalidInput, RevisionMismatch
    from ml_core.jobs.kept_plan import kept_plan
    from ml_core.jobs.kinds import SCORING
    from ml_core.jobs.surroundings import Surroundings
    from ml_core.scoring.driver import Delivery, score
    from ml_core.scoring.request import ScoringRequest

    job, reopening = Surroundings.read(folder)
    if reopening is None:
        raise InvalidInput.at("$.data.uri", "no table is scored here: its process cannot open any store")
    delivery = Delivery(
        job,
        reopening,
        lambda make: kept_plan(reopening.open().store, job, make),
        FolderCheckpoints(folder, History()),
        progress,
        folder,
        _stop_by(_deadline(), time.time()),
    )
    try:
        told = score(ScoringRequest.from_bytes(stored), delivery)
    except RevisionMismatch as error:
        raise DataChanged(f"{error}, and {SCORING.goes_on}") from error
    with open(os.path.join(folder, "scored.json"), "w", encoding="utf-8") as file:
        json.dump(told, file, allow_nan=False)


def _check_artifact(folder: str, progress: _Progress) -> None:
    from ml_core.registering.checking import check_artifact

    progress(CHECKING, None)
    with open(os.path.join(folder, "data"), "rb") as uploaded:
        artifact = uploaded.read()
    _write_results(folder, artifact, check_artifact(artifact))


def _import(stored: bytes, folder: str, progress: _Progress) -> None:
    from ml_core.graphs.importing import looked_at, tried
    from ml_core.graphs.request import ImportRequest
    from ml_core.jobs.surroundings import Surroundings

    progress(CHECKING, None)
    with open(os.path.join(folder, "data"), "rb") as uploaded:
        looked = looked_at(uploaded.read(), ImportRequest.from_bytes(stored))
    progress(TRYING, None)
    job, reopening = Surroundings.read(folder)
    manifest = tried(looked, job, None if reopening is None else reopening.open())
    _write_results(folder, looked.artifact, manifest)


def _fit(stored: bytes, folder: str, progress: _Progress) -> None:
    from ml_core import algorithms
    from ml_core.training.against import Against
    from ml_core.training.reference import TableReference
    from ml_core.training.request import TrainingRequest
    from ml_core.training.rows import TrainingRows

    request = TrainingRequest.from_bytes(stored)
    del stored
    # Nothing up to here imports numpy, which reads its variables when it is imported.
    info = algorithms.algorithm(request.algorithm)
    environment = info.algorithm.environment
    if environment is not None:
        os.environ.update(environment())
    elif isinstance(request.data, TableReference):
        _compute_alike()  # whether it is trained part by part shows only when it is read
    from ml_core.inputs.kinds import TABLE
    from ml_core.tables.memory import machine_budget
    from ml_core.tables.readers import load_readers

    history = History(listen=progress.note)
    lineage = {}
    if isinstance(request.data, TrainingRows):
        lineage = {"data": request.data.lineage()}
    else:
        load_readers()
    progress(READING, None)
    if request.privacy is not None:
        import warnings

        from ml_core.jobs.private_table import fit_privately

        warnings.simplefilter("ignore")  # what libraries warn of depends on the rows
        private = fit_privately(request, folder, progress, machine_budget())
        _write_results(folder, private.artifact, private.manifest)
        return
    seconds = _seconds("ML_ALLOWED_SECONDS")
    fitting: Callable[..., Trained] = _fit_rows
    if isinstance(request.data, TableReference) and TABLE in info.algorithm.takes:
        from ml_core.jobs.choosing import fit_table as fitting  # it imports more than rows need
    champion = None
    if Against.read(folder) is not None:
        from ml_core.training.comparing import Champion

        champion = Champion.read(folder)
    trained = fitting(
        request,
        folder,
        progress,
        machine_budget(),
        deadline=_stop_by(_deadline(), time.time()),
        checkpoints=FolderCheckpoints(folder, history),
        history=history,
        seconds=seconds,
        champion=champion,
    )
    _write_results(folder, trained.artifact, {**trained.manifest, **lineage})


def _fit_rows(
    request: "TrainingRequest",
    folder: str,
    progress: _Progress,
    budget: "Budget",
    *,
    seconds: float | None,
    **options: Any,  # noqa: ANN401 - those of `fit`
) -> "Trained":
    """Fit on the rows of a request, or on other instances, whose file is in the folder."""
    from ml_core.training.fitting import fit

    path = os.path.join(folder, "data")
    # Nobody else holds the rows: `fit` lets go of them when it has what it computes with.
    return fit(request.with_rows(path, budget, seconds=seconds), progress, seconds=seconds, **options)


def _write_results(folder: str, artifact: bytes, manifest: dict[str, Any]) -> None:
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file, allow_nan=False)
    with open(os.path.join(folder, "artifact"), "wb") as written:
        written.write(artifact)


def _describe(error: BaseException, *, reads_file: bool, starting: bool) -> dict[str, Any]:
    """What the parent is told. Whatever else a reader throws at a file is the file's fault."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return {"code": "out_of_memory"}
    from ml_core.errors import InvalidInput, ServerlessMLError, Unfinished
    from ml_core.sandbox.tracebacks import frames_of

    if isinstance(error, Unfinished):
        return {"code": "unfinished", "message": str(error)}
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return {"code": "disk_full"}
    # A library that is refused memory while it is imported may say only that it failed.
    importing = starting or isinstance(error, (SystemError, ImportError))
    if importing and not isinstance(error, ServerlessMLError) and is_nearly_spent():
        return {"code": "out_of_memory"}
    if not isinstance(error, ServerlessMLError):
        return {"code": "unreadable" if reads_file else "internal", "traceback": frames_of(error)}
    faults = error.faults if isinstance(error, InvalidInput) else []
    return {"code": error.code, "message": str(error), "faults": [fault._asdict() for fault in faults]}


def _write_error(folder: str, error: dict[str, Any]) -> None:
    with open(os.path.join(folder, "error.json"), "w", encoding="utf-8") as file:
        json.dump(error, file)


def _take_standard_output() -> IO[str]:
    """The real standard output; what libraries print goes to standard error from now on."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return report


def _return_freed_memory() -> None:
    """What is large gets memory of its own, that goes back to the system with it: gaps would fit nothing."""
    import ctypes

    mmap_threshold, nbytes = -3, 4 << 20  # less would cost more in page faults than it saves
    with suppress(AttributeError, OSError):  # the GNU C library has it
        ctypes.CDLL(None).mallopt(mmap_threshold, nbytes)


def _deadline() -> float | None:
    """When the fit has to be done, in seconds since the epoch; None where nobody bounded it."""
    return _seconds("ML_DEADLINE")


def _seconds(variable: str) -> float | None:
    return float(os.environ[variable]) if variable in os.environ else None


def _stop_by(deadline: float | None, now: float) -> float | None:
    """When a fit that can be continued should have saved and stopped; the deadline itself kills it."""
    return None if deadline is None else deadline - min(_SPARE, max(0.0, _SPARE_PART * (deadline - now)))


def _end_at_the_deadline() -> None:
    """By a signal that nobody handles: no long calculation can hold it up."""
    deadline = _deadline()
    if deadline is not None:
        left = deadline - time.time()
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))


def _end_with_parent(folder: str) -> None:
    while os.read(0, 1):
        pass
    import shutil

    shutil.rmtree(folder, ignore_errors=True)  # nobody else is left to do it
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
