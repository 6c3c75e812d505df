"""Mappers on Lithops: on functions that were deployed with the service, or on processes of this machine.

Lithops takes its places from the environment when it is imported, so nothing here imports it before they are
set. A worker imports this project's packages from where it runs: nothing of them is shipped.
"""

import os
import shlex
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops import FunctionExecutor

    from providers.mappers.lithops_mapper import LithopsMapper, Pace

_LONGEST_TASK = 24 * 3600  # seconds, on this machine; a function has its own time-out


def on_this_machine(
    folder: str, *, processes: int | None = None, pace: "Pace | None" = None
) -> "LithopsMapper":
    """Work in processes of this machine, which end with this one.

    Args:
        folder: where Lithops keeps its files.
        processes: how many work at once; None for as many as there are processors.
        pace: how long is waited for what.
    """
    with _places(folder):
        from lithops.constants import TEMP_DIR

        from providers.mappers.lithops_mapper import LithopsMapper, Pace

    count = processes or os.cpu_count() or 1
    config = {
        "lithops": {
            "backend": "localhost",
            "storage": "localhost",
            "monitoring_interval": 0.1,
            "data_cleaner": False,  # it would be a process that outlives this one
            "execution_timeout": _LONGEST_TASK,
        },
        # Version 2 hangs where one looks as often as that.
        "localhost": {
            "version": 1,
            "runtime": _runner(folder, TEMP_DIR),
            "worker_processes": count,
            "storage_bucket": "tasks",
        },
    }
    return LithopsMapper(
        lambda: _executor(config),
        width=max(32, 8 * count),
        pace=pace or Pace(patience=_LONGEST_TASK, idle=5.0),
        is_idle=lambda executor: executor.compute_handler.job_manager is None,
    )


def on_functions(
    *, bucket: str, function: str, region: str, workers: int, seconds: int, folder: str
) -> "LithopsMapper":
    """Work in a function of AWS, many at once.

    Args:
        bucket: Lithops' own, in which it hands over functions, items and results.
        function: the name of the workers' function, which was deployed with this code.
        region: of both.
        workers: how many work at once.
        seconds: the function's time-out.
        folder: where Lithops keeps its files.
    """
    with _places(folder):
        from providers.aws.runtime.lithops_functions import use_deployed_functions
        from providers.mappers.lithops_mapper import LithopsMapper, Pace

    use_deployed_functions()
    config = {
        "lithops": {
            "backend": "aws_lambda",
            "storage": "aws_s3",
            "monitoring_interval": 1.0,
            "data_cleaner": False,
            "execution_timeout": seconds - 15,
        },
        "aws": {"region": region},
        "aws_lambda": {
            "execution_role": "the function's",
            "runtime": function,
            "runtime_timeout": seconds,
            "max_workers": workers,
            # Else Lithops asks who it is.
            "account_id": "deployed",
            "user_id": "deployed",
        },
        "aws_s3": {"storage_bucket": bucket},
    }
    return LithopsMapper(
        lambda: _executor(config), width=max(1, workers // 2), pace=Pace(look=0.2, patience=seconds + 60.0)
    )


@contextmanager
def _places(folder: str) -> Iterator[None]:
    """Have Lithops keep its files in a folder: it looks for the places when it is imported."""
    kept, home = tempfile.tempdir, os.environ.get("HOME")
    tempfile.tempdir = os.environ["HOME"] = folder
    try:
        yield
    finally:
        tempfile.tempdir = kept
        if home is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = home


def _runner(folder: str, temporary: str) -> str:
    """A program that stands for Python where Lithops starts a worker; its path.

    Args:
        folder: for the program.
        temporary: where this process's Lithops keeps its files, for the workers' to keep theirs there too.
    """
    said = {
        "TMPDIR": temporary,
        "HOME": temporary,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(map(os.path.abspath, sys.path))),
    }
    # What holds numpy's arithmetic is inherited from this process: all compute alike, to the last bit.
    names = " ".join(f"{name}={shlex.quote(value)}" for name, value in said.items())
    started = f"{shlex.quote(sys.executable)} -m providers.mappers.lithops_runner {os.getpid()}"
    path = os.path.join(folder, "lithops-worker")
    with open(path, "w", encoding="utf-8") as program:
        program.write(f'#!/bin/sh\n{names} exec {started} "$@"\n')
    os.chmod(path, stat.S_IRWXU)
    return path


def _executor(config: dict[str, Any]) -> "FunctionExecutor":
    """An executor whose runtime need not be asked what it is: it was made with this code."""
    from lithops import FunctionExecutor
    from lithops.constants import RUNTIMES_PREFIX
    from lithops.storage.storage import RUNTIME_META_CACHE
    from lithops.utils import version_str
    from lithops.version import __version__

    executor = FunctionExecutor(config=config, log_level=None)
    runtime = executor.invoker.runtime_info
    memory = runtime["runtime_memory"]
    key = executor.compute_handler.get_runtime_key(runtime["runtime_name"], memory, __version__)
    RUNTIME_META_CACHE[f"{RUNTIMES_PREFIX}/{key}.meta.json"] = {
        "lithops_version": __version__,
        "python_version": version_str(sys.version_info),
        "preinstalls": [],
        "runtime_timeout": runtime["runtime_timeout"],
    }
    return executor
