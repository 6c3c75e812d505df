"""Which fits are forked from a process that has imported scikit-learn, and which are programs of their own.

Importing it is most of a small fit. What is large, private or a network is a program of its own, as every
other kind of job is: there importing counts for little, noise is drawn by nobody's copy, and a network's
libraries are set up for it alone.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ml_core import algorithms
from ml_core.errors import AlgorithmNotFound
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.fit_child import FIT_COMMAND
from ml_core.jobs.fit_process import OF_ROWS, OF_TABLES
from ml_core.jobs.kinds import TRAINING, kind_of
from ml_core.sandbox.forking import Zygote, Zygotes
from ml_core.training.reference import STORED_PREFIX

MOST_BYTES = 1 << 20
"""Of data: so many may be fitted to in a fork."""
# OpenBLAS starts its threads again when a fork first needs them. Where memory has run out by then it may wait
# for a lock that it holds itself, and not end as it does when it is imported.
LEAST_MEMORY = 1 << 30
"""Bytes; with less a fit gets all of them, and nothing is kept. So a fork's memory never is tight."""

KEPT = Zygotes("ml_core.jobs.fit_process")
"""This process's."""


@contextmanager
def zygote_for(
    request: bytes, told: Mapping[str, Any], size: int | None, context: TrainerContext
) -> Iterator[Zygote | None]:
    """What the fit of a stored request is to be forked from; None where it gets all memory for itself.

    Args:
        request: as it is stored.
        told: what its job tells of it.
        size: how many bytes of data there are; None where they are read part by part.
        context: where the trainer works.
    """
    left = context.memory.left(0)
    if (
        not _is_small_fit(request, told, size)
        or list(context.fit_command) != list(FIT_COMMAND)
        or (left is not None and left < LEAST_MEMORY)
    ):
        KEPT.end()
        yield None
        return
    with KEPT.lend(OF_TABLES if request.startswith(STORED_PREFIX) else OF_ROWS) as zygote:
        yield zygote


def _is_small_fit(request: bytes, told: Mapping[str, Any], size: int | None) -> bool:
    """Whether what a fit takes is mostly its imports, on a system where a fork is as clean as a program."""
    if sys.platform != "linux" or kind_of(request) is not TRAINING or told.get("privacy") is not None:
        return False
    if size is None or size > MOST_BYTES:
        return False
    try:
        return algorithms.algorithm(told["algorithm"]).algorithm.environment is None
    except (AlgorithmNotFound, KeyError):
        return False
