"""Spares a command what it does not need: most options are texts, and are taken as they are.

Typer has pydantic make a value of each option, also of those that nobody gave. To import it takes longer than
all the rest of a command, so that it is asked for numbers alone, and only where one is given. What this
relies on is typer's own: where another release has it otherwise, nothing is spared, and nothing else changes.
"""

from typing import Any


class _Lazy:
    """Stands in the place of what typer makes a parameter's value with."""

    def __init__(self, parameter: Any) -> None:
        self._descriptor = parameter.type_descriptor

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of an option; the names of the arguments are typer's."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        kind = self._descriptor.annotation
        if kind in (str, bool) and isinstance(value, kind):
            return value
        if kind == list[str] and isinstance(value, list | tuple):
            return list(value)
        from typer._coercion import build_runtime_param

        return build_runtime_param(self._descriptor).coerce(value, param=param, ctx=ctx)


def take_texts_as_they_are() -> None:
    """Have commands of this process do so."""
    from typer import core

    parameter: Any = getattr(core, "_TyperParameter", None)
    if hasattr(parameter, "get_runtime_param"):
        parameter.get_runtime_param = lambda self: _Lazy(self)  # noqa: PLW0108  a class is no method
