"""The child process that describes an upload.

    python -m ml_core.datasets.describe_process FILE MEMORY [MODULE PATH...]

MEMORY is how many bytes its data may take, 0 for no limit of ours. It writes `{"description", "error"}` as
JSON on its standard output. A file that takes too much memory, or makes a reader crash, ends this process and
not the trainer.
"""

import json
import resource
import sys
from typing import Any

from ml_core.jobs.function_memory import be_first_to_go

ROWS = 1_000_000
"""About how many rows a description is of at most; of a longer table it says that it is not complete."""


def main(path: str, memory: int, module_paths: list[str]) -> None:
    """Describe a file: what it holds, or what is wrong with it."""
    if module_paths:
        sys.path[:] = module_paths
    be_first_to_go()
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    sys.stdout.write(json.dumps(_described(path), allow_nan=False))


def _described(path: str) -> dict[str, Any]:
    from ml_core.errors import ServerlessMLError
    from ml_core.tables.description import describe
    from ml_core.tables.memory import machine_budget
    from ml_core.tables.reading import read

    try:
        return {"description": describe(read(path, most_rows=ROWS, budget=machine_budget())), "error": None}
    except ServerlessMLError as error:
        return {"description": None, "error": str(error)}
    except MemoryError:
        return {"description": None, "error": "the file takes more memory than the trainer has"}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
