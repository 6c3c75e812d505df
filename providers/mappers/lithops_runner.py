"""Runs a worker of Lithops on this machine, and ends it with the process that it works for.

    python -m providers.mappers.lithops_runner PID PROGRAM ARGUMENT...

The process PID is the driver's. Lithops starts a worker in a session of its own, where it would outlive it.
"""

import os
import runpy
import signal
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module

# What the tasks import: they are forked off this process, and need not import it each.
_IMPORTED = ("numpy", "arro3.core", "arro3.io", "obstore")
_LOOK = 0.5  # seconds between two looks at whether the driver is there


def main(driver: int, program: list[str]) -> None:
    """Run Lithops' program in this process."""
    threading.Thread(target=_end_with, args=(driver,), daemon=True).start()
    for name in _IMPORTED:
        with suppress(ImportError):
            import_module(name)
    sys.argv = program
    runpy.run_path(program[0], run_name="__main__")


def _end_with(driver: int) -> None:
    while os.getppid() == driver:
        time.sleep(_LOOK)
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
