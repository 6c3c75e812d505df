"""How much memory and CPU an instance may have together, as Cloud Run documents it.

https://cloud.google.com/run/docs/configuring/services/cpu and …/memory-limits (docs/google.md says when they
were read). Memory is what the parameters name; CPU follows from it.
"""

import re

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Function

LEAST_MEMORY, MOST_MEMORY = 256, 32_768
# MiB below which an instance gets less than one CPU, and so one request at a time.
WHOLE_CPU_MEMORY = 512

# CPUs, and the memory (MiB) that they may have.
_MEMORY = {
    1.0: (WHOLE_CPU_MEMORY, 4096),
    2.0: (WHOLE_CPU_MEMORY, 8192),
    4.0: (2048, 16_384),
    6.0: (4096, 24_576),
    8.0: (4096, MOST_MEMORY),
}
_CHOSEN = (1, 2, 4, 8)
_LEAST_CPU, _HALF_CPU = 0.08, 0.5
# What Cloud Run functions themselves give 256 MiB.
_SMALL = "0.167"


def mebibytes(memory: str) -> int:
    """`512Mi` or `4Gi` in MiB.

    Raises:
        DeploymentFailed: when it is written otherwise.
    """
    found = re.fullmatch(r"([0-9]+)(Mi|Gi)", memory)
    if not found:
        raise DeploymentFailed(f"memory: expected a whole number of MiB, got {memory.removesuffix('Mi')!r}")
    return int(found[1]) * {"Mi": 1, "Gi": 1024}[found[2]]


def cpu_for(where: str, memory: int, concurrency: int) -> str:
    """The CPUs of an instance with so much memory (MiB) that answers so many requests at once.

    Raises:
        DeploymentFailed: when no instance has so much, or so little; `where` is the place in the message.
    """
    least = LEAST_MEMORY if concurrency == 1 else WHOLE_CPU_MEMORY
    if not least <= memory <= MOST_MEMORY:
        why = "" if concurrency == 1 else f" for {concurrency} requests at once"
        raise DeploymentFailed(f"{where}: expected {least} to {MOST_MEMORY} MiB{why}, got {memory}")
    if memory < WHOLE_CPU_MEMORY:
        return _SMALL
    return str(next(cpu for cpu in _CHOSEN if memory <= _MEMORY[cpu][1]))


def cpu_of(function: Function) -> str:
    """A function's CPUs: as config.yml says, else by its memory.

    Raises:
        DeploymentFailed: when its memory, CPUs and requests at once do not go together.
    """
    settings = function.settings
    memory, concurrency = mebibytes(settings["memory"]), settings["concurrency"]
    chosen = cpu_for(f"memory of {function.name}", memory, concurrency)
    if (said := settings.get("cpu")) is None:
        return chosen
    cpu = float(said)
    least, most = _bounds(function.name, cpu)
    if not least <= memory <= most:
        raise DeploymentFailed(
            f"memory of {function.name}: expected {least} to {most} MiB with cpu {said}, got {memory}"
        )
    if cpu < 1 and concurrency != 1:
        raise DeploymentFailed(
            f"concurrency of {function.name}: expected 1 with cpu {said}, got {concurrency}"
        )
    return str(said)


def _bounds(name: str, cpu: float) -> tuple[int, int]:
    """The memory that so many CPUs may have."""
    if cpu in _MEMORY:
        return _MEMORY[cpu]
    if not _LEAST_CPU <= cpu < 1:
        raise DeploymentFailed(f"cpu of {name}: expected 0.08 to 1, 2, 4, 6 or 8, got {cpu:g}")
    return LEAST_MEMORY, 1024 if cpu >= _HALF_CPU else WHOLE_CPU_MEMORY
