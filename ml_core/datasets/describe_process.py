"""The child process that describes an upload.

    python -m ml_core.datasets.describe_process FILE OPTIONS MEMORY [MODULE PATH...]

OPTIONS is a file that holds what is said of the upload, as JSON. MEMORY is how many bytes its data may take,
0 for no limit of ours. It writes two lines on its standard output: `reading` when it comes to the file, and
`{"description", "error", "traceback"}` as JSON, with `faults` and `faults_omitted` where the file is not as
was said. A file that takes too much memory, or makes a reader crash, ends this process and not the trainer.
"""

import errno
import faulthandler
import json
import resource
import sys
from typing import TYPE_CHECKING, Any

from ml_core.sandbox.memory import prefer_oom_kill

if TYPE_CHECKING:
    from ml_core.datasets.looking import Look
    from ml_core.tables.memory import Budget

ROWS = 1_000_000
"""About how many rows a description is of at most; of a longer table it says that it is not complete."""


_NO_PICTURES = (
    "the file is a table, and is described as one: leave this out. A training with it reads pictures of the "
    "rows' pixels, and its job tells what was left out"
)


def main(path: str, options: str, memory: int, module_paths: list[str]) -> None:
    """Describe a file: what it holds, or what is wrong with it."""
    if module_paths:
        sys.path[:] = module_paths
    faulthandler.enable()  # a crash says where Python was
    prefer_oom_kill()
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    sys.stdout.write(json.dumps(_described(path, options), allow_nan=False))


def _described(path: str, options: str) -> dict[str, Any]:
    from ml_core.datasets.looking import Look, faults_of_look
    from ml_core.errors import Fault, InvalidInput, ServerlessMLError, raise_faults
    from ml_core.picture_files.formats import holds_pictures
    from ml_core.sandbox.tracebacks import frames_of
    from ml_core.tables.description import describe
    from ml_core.tables.memory import machine_budget
    from ml_core.tables.readers import cannot_be_read, load_readers
    from ml_core.tables.reading import read

    with open(options, encoding="ascii") as file:
        look = Look.of(json.load(file))
    load_readers()
    print("reading", flush=True)
    try:
        budget = machine_budget()
        if holds_pictures(path, budget):
            return _told(_pictures(path, look, budget))
        raise_faults([] if look.image is None else [Fault("$.data.image", _NO_PICTURES)])
        dataset = read(path, declared=look.format, most_rows=ROWS, budget=budget, options=look.options)
        return _told(describe(dataset))
    except InvalidInput as error:
        mine = InvalidInput(faults_of_look(error))
        faults = [fault._asdict() for fault in mine.faults]
        return {**_told(None, str(mine)), "faults": faults, "faults_omitted": error.omitted}
    except ServerlessMLError as error:
        return _told(None, str(error))
    except BaseException as error:  # noqa: BLE001 - whatever a reader throws at a file is the file's fault
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return _told(None, "the file takes more memory than the trainer has")
        return _told(None, cannot_be_read("the reader failed"), frames_of(error))


def _pictures(path: str, look: "Look", budget: "Budget") -> dict[str, Any]:
    """What a file of pictures holds. Raises `InvalidInput` for what was said of a table."""
    from ml_core.errors import Fault, raise_faults
    from ml_core.picture_files.description import describe_pictures

    raise_faults(
        Fault(f"$.{name}", "the file holds pictures, and no table: leave this out")
        for name in look.options.said()
    )
    return describe_pictures(path, look.format, budget, look.image)


def _told(description: object, error: str | None = None, traceback: str | None = None) -> dict[str, Any]:
    return {"description": description, "error": error, "traceback": traceback}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
