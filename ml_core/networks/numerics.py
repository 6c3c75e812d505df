"""What the last bits of a training depend on besides its seed: the BLAS kernel, its threads, numpy's loops.

OpenBLAS and numpy choose their code by the processor, and each adds up in another order. Two deliveries of
one job may meet two kinds of processor; so the process that fits is held to what all of them have. Seen on
one processor with AVX-512, numpy 2.5.5 and OpenBLAS 0.3.34: OpenBLAS's kernels Haswell and SkylakeX differ,
and numpy's float64 `exp` and `log` differ with and without AVX-512; with these variables all was equal.

Nothing is imported here before it is asked for: who starts a process asks before numpy is there.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
# By the name of the machine's architecture. Arm's kernels were not tried: their own choice stands.
ENVIRONMENT: Mapping[str, Mapping[str, str]] = {
    "x86_64": {
        **_ONE_THREAD,
        "OPENBLAS_CORETYPE": "Haswell",
        # What numpy 2.5 has beyond AVX2: with these disabled its loops are those of every x86-64 since 2013.
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    },
    "aarch64": _ONE_THREAD,
}
# What a processor must have for the kernel above: OpenBLAS does not ask, and dies.
_HASWELL = {"avx2", "fma"}
# What AMD's have where OpenBLAS 0.3.34 gives every kernel the block sizes of its own choice: in float64 the
# one above then writes past its stack (OpenMathLib/OpenBLAS#6021; seen on a Zen 4).
_AMD_512 = {"AuthenticAMD", "avx512f"}


def environment() -> dict[str, str]:
    """The variables to set on this machine before numpy is imported.

    A processor that is older than the kernel, that the kernel crashes on, or that cannot be looked at, is
    left to OpenBLAS's choice.
    """
    machine = os.uname().machine if sys.platform != "win32" else ""
    told = _told_of_processor() if machine == "x86_64" else set()
    if machine == "x86_64" and not told >= _HASWELL:
        return dict(_ONE_THREAD)
    variables = dict(ENVIRONMENT.get(machine, _ONE_THREAD))
    if told >= _AMD_512:
        del variables["OPENBLAS_CORETYPE"]
    return variables


def _told_of_processor() -> set[str]:
    """The words for the first processor's vendor and for what it has; none outside Linux."""
    told: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                name, _, said = line.partition(":")
                told.setdefault(name.strip(), said)
    except OSError:
        return set()
    return {*told.get("vendor_id", "").split(), *told.get("flags", "").split()}


def numerics() -> dict[str, object]:
    """What this process computes with, for a version's manifest.

    "machine" is the architecture, "numpy" its version, "cpu_features" the groups of instructions that its
    loops use. "blas", "kernel" and "threads" are the library and its version, the code that it chose and how
    many threads it takes; null where it cannot be told.
    """
    from importlib import import_module
    from typing import Any

    import numpy as np
    from threadpoolctl import threadpool_info

    # Where numpy keeps them; `numpy.show_runtime` prints the same.
    loops = import_module("numpy._core._multiarray_umath")
    found = loops.__cpu_features__
    groups = [*loops.__cpu_baseline__, *loops.__cpu_dispatch__]
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    of_numpy = [library for library in libraries if "numpy.libs" in library["filepath"]]
    blas: dict[str, Any] = next(iter(of_numpy or libraries), {})
    version = blas.get("version")
    return {
        "machine": os.uname().machine if sys.platform != "win32" else "windows",
        "numpy": np.__version__,
        "cpu_features": [group for group in groups if found.get(group)],
        "blas": f"{blas['internal_api']} {version}" if version else None,
        "kernel": blas.get("architecture"),
        "threads": blas.get("num_threads"),
    }
