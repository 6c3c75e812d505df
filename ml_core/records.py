"""`NamedTuple` and `Protocol` at the price of a plain class: a cold start pays for every class it defines.

`typing.NamedTuple` compiles a constructor for each class, which takes ten times the instructions of a plain
class, and the module `typing` costs half a bare Python. All records share one constructor instead. Type
checkers take a `Record` for a `NamedTuple`, and it behaves as one. A `Protocol` is for type checkers alone.

What a first prediction imports keeps three rules; tests/unit/handlers/test_cold_start.py holds them:

- `from __future__ import annotations`, and what only annotations name is imported under `TYPE_CHECKING`.
- `TYPE_CHECKING = False` is written out, as type checkers allow: to import it is to import `typing`.
- A class with type parameters stands in a module that is imported under `TYPE_CHECKING` alone.
"""

from __future__ import annotations

from operator import itemgetter

__all__ = ["Protocol", "Record"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Protocol, Self
    from typing import NamedTuple as Record
else:

    class Protocol:
        """What a class has to offer; at run time nothing is checked."""

    class _RecordType(type):
        """Makes a record's class: its annotations are the fields, in order."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Self:
            fields = tuple(body.get("__annotations__", ()))
            if bases and not fields:
                raise TypeError(f"{name} has no fields; does its module postpone annotations?")
            body["_fields"] = body["__match_args__"] = fields
            body["_field_defaults"] = {field: body[field] for field in fields if field in body}
            body.update((field, property(itemgetter(place))) for place, field in enumerate(fields))
            body["__slots__"] = ()
            return super().__new__(cls, name, bases or (tuple,), body)

    class Record(metaclass=_RecordType):
        """A tuple whose places have names: `name: type`, or `name: type = default`, in a subclass."""

        def __new__(cls, *values: Any, **named: Any) -> Self:  # noqa: ANN401 - the fields' types
            """Make a record of values in order or by name. Raises TypeError unless each field gets one."""
            if named or len(values) != len(cls._fields):
                values = _completed(cls, values, named)
            return tuple.__new__(cls, values)

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

    def _completed(record: type[Record], values: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """Every field's value, defaults included."""
        fields = record._fields
        known = {**record._field_defaults, **dict(zip(fields, values, strict=False)), **named}
        twice = named.keys() & fields[: len(values)]
        if len(values) > len(fields) or known.keys() != set(fields) or twice:
            got = ", ".join([*map(repr, values), *(f"{name}={value!r}" for name, value in named.items())])
            raise TypeError(f"{record.__name__} expected {', '.join(fields)}, got {got[:200] or 'nothing'}")
        return [known[field] for field in fields]
