"""The child process that describes an upload.

    python -m ml_core.datasets.describe_process FILE MEMORY [MODULE PATH...]

MEMORY is how many bytes its data may take, 0 for no limit of ours. It writes two lines on its standard
output: `reading` when it comes to the file, and `{"description", "error", "traceback"}` as JSON. A file that
takes too much memory, or makes a reader crash, ends this process and not the trainer.
"""

import errno
import faulthandler
import json
import resource
import sys
from typing import Any

from ml_core.sandbox.memory import prefer_oom_kill

ROWS = 1_000_000
"""About how many rows a description is of at most; of a longer table it says that it is not complete."""


def main(path: str, memory: int, module_paths: list[str]) -> None:
    """Describe a file: what it holds, or what is wrong with it."""
    if module_paths:
        sys.path[:] = module_paths
    faulthandler.enable()  # a crash says where Python was
    prefer_oom_kill()
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    sys.stdout.write(json.dumps(_described(path), allow_nan=False))


def _described(path: str) -> dict[str, Any]:
    from ml_core.errors import ServerlessMLError
    from ml_core.sandbox.tracebacks import frames_of
    from ml_core.tables.description import describe
    from ml_core.tables.memory import machine_budget
    from ml_core.tables.readers import cannot_be_read, load_readers
    from ml_core.tables.reading import read

    load_readers()
    print("reading", flush=True)
    try:
        return _told(describe(read(path, most_rows=ROWS, budget=machine_budget())))
    except ServerlessMLError as error:
        return _told(None, str(error))
    except BaseException as error:  # noqa: BLE001 - whatever a reader throws at a file is the file's fault
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return _told(None, "the file takes more memory than the trainer has")
        return _told(None, cannot_be_read("the reader failed"), frames_of(error))


def _told(description: object, error: str | None = None, traceback: str | None = None) -> dict[str, Any]:
    return {"description": description, "error": error, "traceback": traceback}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
