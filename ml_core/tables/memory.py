"""How much memory a table will take, told before it is loaded, and the refusal of one that will not fit."""

import os
import resource
from math import prod
from typing import NamedTuple

from ml_core.errors import TooLarge

# What training holds at its peak (benchmarks/tables.py measures it): each cell once, as a column when a table
# is read and then among the rows; and twice what an estimator is given of it, whose own copy is the second.
BYTES_A_CELL = 8
BYTES_A_NUMBER = 16
# Pictures are held as they are read, and once more where some of them are held out. A network sees a batch
# at a time, in float32.
COPIES_OF_PICTURES = 2
_PICTURES_A_BATCH, _BYTES_OF_FLOAT32 = 64, 4
# Texts and lists as they are read, and as the steps that a network is given, which are held twice.
COPIES_OF_CELLS = 3
# The interpreter with numpy and scikit-learn imported, and the blocks under way.
BYTES_AT_LEAST = 300 << 20

_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Budget(NamedTuple):
    """The memory that a table may take. `bytes` is None where nobody set a limit.

    `bytes_a_number` is what an estimator's copies of a number take together.
    """

    bytes: int | None = None
    bytes_a_number: int = BYTES_A_NUMBER

    def check(self, rows: int, columns: int, numbers: int | None = None) -> None:
        """Raise `TooLarge` for a table that will not fit.

        `numbers` is how many an estimator is given for each row, as far as is known: a missing value is
        flagged by a number more.
        """
        a_row = columns * BYTES_A_CELL + (columns if numbers is None else numbers) * self.bytes_a_number
        needed = BYTES_AT_LEAST + rows * a_row
        if self.bytes is not None and needed > self.bytes:
            raise TooLarge(
                f"a table of about {rows} rows and {columns} columns takes about {_megabytes(needed)} "
                f"of memory to train on, and the trainer has {_megabytes(self.bytes)}: name fewer columns in "
                "data.features, use fewer rows, or give the train function more memory"
            )

    def check_pictures(
        self, pictures: int, shape: tuple[int, int, int], *, bytes_a_number: int = 1, unpacked: int = 0
    ) -> None:
        """Raise `TooLarge` for pictures that will not fit.

        `unpacked` is what the largest of them takes while it is read, in bytes.
        """
        numbers = prod(shape)
        batch = min(pictures, _PICTURES_A_BATCH) * numbers * _BYTES_OF_FLOAT32
        needed = BYTES_AT_LEAST + COPIES_OF_PICTURES * pictures * numbers * bytes_a_number + batch + unpacked
        if self.bytes is not None and needed > self.bytes:
            raise TooLarge(
                f"{pictures} pictures of {'×'.join(map(str, shape))} take about {_megabytes(needed)} of "
                "memory to "
                f"train on, and the trainer has {_megabytes(self.bytes)}: use fewer pictures, resize them "
                "to a "
                'smaller "image" in data, or give the train function more memory'
            )

    def check_bytes(self, held: int, *, copies: int = COPIES_OF_CELLS) -> None:
        """Raise `TooLarge` for texts or sequences of so many bytes that will not fit with their copies."""
        needed = BYTES_AT_LEAST + held * copies
        if self.bytes is not None and needed > self.bytes:
            raise TooLarge(
                f"{_megabytes(held)} of texts or sequences take about {_megabytes(needed)} of memory "
                f"to train on, and the trainer has {_megabytes(self.bytes)}: use fewer rows or shorter ones, "
                "or give the train function more memory"
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
