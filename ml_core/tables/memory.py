"""How much memory a table will take, told before it is loaded, and the refusal of one that will not fit."""

import os
import resource
from typing import NamedTuple

from ml_core.errors import TooLarge

# What training holds at its peak (benchmarks/tables.py measures it): each cell once, as a column when a table
# is read and then among the rows; and twice what an estimator is given of it, whose own copy is the second.
BYTES_A_CELL = 8
BYTES_A_NUMBER = 16
# The interpreter with numpy and scikit-learn imported, and the blocks under way.
BYTES_AT_LEAST = 300 << 20

_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Budget(NamedTuple):
    """The memory that a table may take. `bytes` is None where nobody set a limit."""

    bytes: int | None = None

    def check(self, rows: int, columns: int, numbers: int | None = None) -> None:
        """Raise `TooLarge` for a table that will not fit.

        `numbers` is how many an estimator is given for each row, as far as is known: a missing value is
        flagged by a number more.
        """
        a_row = columns * BYTES_A_CELL + (columns if numbers is None else numbers) * BYTES_A_NUMBER
        needed = BYTES_AT_LEAST + rows * a_row
        if self.bytes is not None and needed > self.bytes:
            raise TooLarge(
                f"a table of about {rows} rows and {columns} columns takes about {_megabytes(needed)} "
                f"of memory to train on, and the trainer has {_megabytes(self.bytes)}: name fewer columns in "
                "data.features, use fewer rows, or give the train function more memory"
            )


NO_BUDGET = Budget()


def machine_budget() -> Budget:
    """What this process may use: the machine's memory, its control group's, or its own limit."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    own = resource.getrlimit(resource.RLIMIT_DATA)[0]
    if own != resource.RLIM_INFINITY:
        limits.append(own)
    for path in _CGROUP_FILES:
        try:
            with open(path, encoding="ascii") as file:
                limits.append(int(file.read()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return Budget(min(limits))


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
