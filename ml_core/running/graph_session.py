"""A graph in onnxruntime: loaded from its bytes, and asked. Runs in the child alone."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np  # noqa: F401 - the runtime finds it loaded
import onnxruntime

from ml_core.graphs.call import (
    FAILED,
    MEMORY,
    MOST_BYTES,
    REFUSED,
    GraphFailure,
    GraphTensor,
    total_bytes,
)
from ml_core.running.arrays import array_of, tensor_of
from ml_core.running.batches import in_batches

if TYPE_CHECKING:
    from ml_core.running.batches import Batch

_LONGEST_MESSAGE = 300
_NO_LOGS = 4  # only what is fatal
# How the runtime, numpy and C++ say that they were given no memory.
_NO_MEMORY = re.compile(r"bad_alloc|[Ff]ailed to allocate memory|[Uu]nable to allocate|MemoryError")


class GraphSession:
    """A loaded graph.

    Args:
        graph: the bytes of an ONNX file.

    Raises `GraphFailure` with REFUSED or MEMORY.
    """

    def __init__(self, graph: bytes) -> None:
        self._session = _attempt(
            REFUSED,
            "the runtime does not load the graph",
            lambda: onnxruntime.InferenceSession(graph, _options(), providers=["CPUExecutionProvider"]),
        )
        self._declared = {output.name: output.type for output in self._session.get_outputs()}

    def run(
        self, inputs: Mapping[str, GraphTensor], outputs: Sequence[str], batch: int = 0
    ) -> dict[str, GraphTensor]:
        """The outputs of these names, or all. Raises `GraphFailure` with FAILED or MEMORY.

        `batch` is how many instances the graph takes at a time; 0 for any number.
        """
        asked = tuple(outputs) or tuple(self._declared)
        for name in asked:
            if name not in self._declared:
                raise GraphFailure(FAILED, f"expected an output of the graph, got {name[:60]!r}")
        return _attempt(
            FAILED, "the runtime does not compute the graph", lambda: self._run(inputs, asked, batch)
        )

    def _run(
        self, inputs: Mapping[str, GraphTensor], asked: Sequence[str], batch: int
    ) -> dict[str, GraphTensor]:
        feeds = {name: array_of(tensor) for name, tensor in inputs.items()}

        def ask(given: "Batch") -> list[Any]:
            values: list[Any] = self._session.run(list(asked), given)
            return values

        values = in_batches(ask, feeds, batch) if batch else ask(feeds)
        answer: dict[str, GraphTensor] = {}
        for name, value in zip(asked, values, strict=True):
            if getattr(value, "nbytes", 0) <= MOST_BYTES:
                answer[name] = tensor_of(name, value, self._declared[name])
            size = total_bytes(answer) if name in answer else value.nbytes
            if size > MOST_BYTES:
                raise GraphFailure(
                    FAILED,
                    f"expected outputs of at most {MOST_BYTES >> 20} MiB, got {size >> 20} MiB: "
                    "send fewer rows, or name the outputs that you need",
                )
        return answer


onnxruntime.disable_telemetry_events()  # it is off already where the environment says so, as a child's does


def _options() -> onnxruntime.SessionOptions:
    """One thread, no memory kept for later, and nothing but ONNX's own format."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = _NO_LOGS
    # The runtime also knows a format of its own, which its readers take as it is.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return options


def _attempt[Result](reason: str, what: str, act: Callable[[], Result]) -> Result:
    try:
        return act()
    except GraphFailure:
        raise
    except MemoryError:
        raise GraphFailure(MEMORY, f"{what}: there is not enough memory") from None
    except Exception as error:  # noqa: BLE001 - the runtime's own, of many kinds
        said = f"{type(error).__name__}: {error}"
        if _NO_MEMORY.search(said):
            raise GraphFailure(MEMORY, f"{what}: there is not enough memory") from None
        raise GraphFailure(reason, f"{what}: {_readable(said)}") from None


def _readable(said: str) -> str:
    """The runtime's words on one line, which may hold the graph's own."""
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())
    return words if len(words) <= _LONGEST_MESSAGE else words[: _LONGEST_MESSAGE - 3] + "..."
