"""`NamedTuple` and `Protocol` at the price of a plain class: a cold start pays for every class it defines.

`typing.NamedTuple` compiles a constructor for each class, which takes ten times the instructions of a plain
class, and the module `typing` costs half a bare Python. All records share one constructor instead. Type
checkers take a `Record` for a `NamedTuple`, and it behaves as one; made by name it is slower, so what each
request makes is made in order. A `Protocol` is for type checkers alone.

`cached_property` is here because `functools` would bring `collections`.

What a first prediction imports keeps four rules; tests/unit/handlers/test_cold_start.py holds them:

- `from __future__ import annotations`, and what only annotations name is imported under `TYPE_CHECKING`.
- `TYPE_CHECKING = False` is written out, as type checkers allow: to import it is to import `typing`.
- None of `collections`, `enum`, `functools`, `json`, `operator` and `re` at the top of a module: to import
  one takes between a tenth and two thirds of bare Python. Values of JSON go through `json_text.py`.
- A class with type parameters stands in a module that is imported under `TYPE_CHECKING` alone.
"""

from __future__ import annotations

__all__ = ["Protocol", "Record", "cached_property"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from functools import cached_property
    from typing import Any, Protocol, Self
    from typing import NamedTuple as Record
else:
    try:
        from _collections import _tuplegetter  # what a named tuple's fields are
    except ImportError:  # an interpreter that has them elsewhere
        from collections import _tuplegetter

    _new_tuple = tuple.__new__

    class Protocol:
        """What a class has to offer; at run time nothing is checked."""

    class cached_property:  # noqa: N801 - as in `functools`
        """A value that is computed when it is first asked for, and then is an attribute of the object."""

        def __init__(self, compute: Callable[[Any], Any]) -> None:
            self._compute = compute
            self.__doc__ = compute.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, owner: Any, kind: type | None = None) -> Any:  # noqa: ANN401 - what it computes
            if owner is None:
                return self
            computed = owner.__dict__[self._name] = self._compute(owner)
            return computed

    class _RecordType(type):
        """Makes a record's class: its annotations are the fields, in order."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Self:
            fields = tuple(body.get("__annotations__", ()))
            if bases and not fields:
                raise TypeError(f"{name} has no fields; does its module postpone annotations?")
            body["_fields"] = body["__match_args__"] = fields
            body["_field_defaults"] = {field: body[field] for field in fields if field in body}
            body.update((field, _tuplegetter(place, None)) for place, field in enumerate(fields))
            body["__slots__"] = ()
            return super().__new__(cls, name, bases or (tuple,), body)

    class Record(metaclass=_RecordType):
        """A tuple whose places have names: `name: type`, or `name: type = default`, in a subclass."""

        def __new__(cls, *values: Any, **named: Any) -> Self:  # noqa: ANN401 - the fields' types
            """Make a record of values in order or by name. Raises TypeError unless each field gets one."""
            if named or len(values) != len(cls._fields):
                values = _completed(cls, values, named)
            return _new_tuple(cls, values)

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Self:
            return cls(*values)

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **changes: Any) -> Self:  # noqa: ANN401 - as above
            return type(self)(**{**self._asdict(), **changes})

        def __getnewargs__(self) -> tuple[Any, ...]:
            """What a copy is made of."""
            return tuple(self)

        def __repr__(self) -> str:
            fields = ", ".join(f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({fields})"

    def _completed(record: type[Record], values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Every field's value: those in order, then by name or by default."""
        fields = record._fields
        rest = fields[len(values) :]
        known = record._field_defaults | named
        try:
            completed = (*values, *map(known.__getitem__, rest))
        except KeyError:
            completed = ()
        if len(completed) == len(fields) and not named.keys() - rest:
            return completed
        got = ", ".join([*map(repr, values), *(f"{name}={value!r}" for name, value in named.items())])
        raise TypeError(f"{record.__name__} expected {', '.join(fields)}, got {got[:200] or 'nothing'}")
