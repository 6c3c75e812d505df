"""How much work a call does, counted and not timed: the same on every machine, and in every run.

Counted are the instructions of Python's interpreter, and for what C does in one of them, the length of what
it looks through: of a list that is searched, of a text that is encoded, of values that are put into a set
(where a value is compared with all that have its hash). Comparisons of texts are seen where the texts are
`Counted`, whose comparison is written in Python.
"""

import sys
from collections import Counter
from collections.abc import Callable, Sized
from types import CodeType, FunctionType, MethodType

# What C does without looking through its first argument.
_AT_ONCE = {
    *("len", "isinstance", "issubclass", "type", "iter", "next", "getattr", "hasattr"),
    *("enumerate", "zip", "map", "filter", "chain", "islice"),
    *("append", "add", "get", "setdefault", "pop", "items", "keys", "values"),
}


class Counted(str):
    """A text that is compared in Python, so that each comparison counts."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True

    def __hash__(self) -> int:
        return str.__hash__(self)


def counted(value: object) -> object:
    """A JSON value with `Counted` texts in its lists; in an object they are counted already."""
    if isinstance(value, list):
        return [counted(item) for item in value]
    return Counted(value) if type(value) is str else value


def work_of(call: Callable[[], object]) -> int:
    """The work that a call does the second time: what is imported and cached is there by then."""
    call()
    work = [0]

    def count_instruction(_code: CodeType, _offset: int) -> None:
        work[0] += 1

    def count_call(_code: CodeType, _offset: int, callee: object, first: object) -> None:
        if isinstance(callee, FunctionType | MethodType) or getattr(callee, "__name__", "") in _AT_ONCE:
            return
        if callee in (set, frozenset) and isinstance(first, list | tuple):
            different = Counter(map(hash, set(first)))
            work[0] += sum(different[hash(value)] for value in first)
        elif isinstance(first, Sized) and not isinstance(first, type):
            work[0] += len(first)

    tool, events = sys.monitoring.PROFILER_ID, sys.monitoring.events
    sys.monitoring.use_tool_id(tool, "work")
    try:
        sys.monitoring.register_callback(tool, events.INSTRUCTION, count_instruction)
        sys.monitoring.register_callback(tool, events.CALL, count_call)
        sys.monitoring.set_events(tool, events.INSTRUCTION | events.CALL)
        call()
    finally:
        sys.monitoring.set_events(tool, 0)
        sys.monitoring.free_tool_id(tool)
    return work[0]
