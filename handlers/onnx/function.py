"""What the function is on every cloud: a call's bytes in, an answer's out, and a line of the log for each.

It reads two settings: `ML_ARTIFACTS` says what the addresses of this store's artifacts begin with, and
`ML_ONNX_MEMORY` how many MB the function has, where the platform does not say.
"""

import os
import time
from collections.abc import Mapping

from handlers.logs import forward_logging, log
from ml_core.running.addresses import ArtifactAddresses
from ml_core.running.answering import GraphFunction
from ml_core.running.children import GraphChildren
from ml_core.running.confinement import hide_from_children
from ml_core.running.graph_process import Allowance
from ml_core.sandbox.memory import FunctionMemory

# What the platform says, and then what we do, in MB.
_MEMORY = ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "ML_ONNX_MEMORY")
# For this process, and an artifact on its way to a child.
_RESERVE = 256 << 20
_LEAST = 64 << 20
# A call: its tensors as base64 or as texts, and its names. Lambda takes 6 MB.
LONGEST_CALL = 8 << 20
_DIGITS = 12  # of a digest: enough to tell models apart

_FUNCTION: list[GraphFunction] = []


def prepare() -> None:
    """Start the first child while the platform still starts this process."""
    _function().prepare()


def answer(sent: object) -> bytes:
    """The answer to a call (see `read_call`), which is also where a failure is told."""
    began = time.perf_counter()
    reply = _function().answer(sent)
    log(
        "info" if reply.reason is None else "warning",
        "graph",
        sha256=reply.sha256[:_DIGITS] or None,
        ms=round((time.perf_counter() - began) * 1000, 3),
        cold=reply.cold,
        reason=reply.reason,
    )
    return reply.payload


def memory_for_children(total: int | None) -> tuple[int, int]:
    """How much memory a child may take, and how much all of them while none is asked, in bytes.

    One that runs and those that wait take together what the function has, less a reserve: two thirds for
    the one, a third for the others. Where more run at once and take more, the system ends one of them.
    """
    left = max(_LEAST, (1 << 30 if total is None else total) - _RESERVE)
    return left * 2 // 3, left // 3


def _function() -> GraphFunction:
    if not _FUNCTION:
        forward_logging()
        hide_from_children()
        _FUNCTION.append(_made(os.environ))
    return _FUNCTION[0]


def _made(env: Mapping[str, str]) -> GraphFunction:
    """Raises `NotConfigured`."""
    megabytes = next((int(env[name]) for name in _MEMORY if env.get(name)), None)
    total = FunctionMemory(megabytes << 20 if megabytes else None).total
    each, kept = memory_for_children(total)
    return GraphFunction(
        ArtifactAddresses(env.get("ML_ARTIFACTS", "")), GraphChildren(Allowance(each, env), kept)
    )
