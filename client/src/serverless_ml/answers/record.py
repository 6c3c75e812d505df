"""What every answer is: a record that is made of JSON, and keeps it as `raw`.

A record takes from the JSON what it knows, by the names and types of its fields; other members are in `raw`
alone, so that a service of a later release is understood by this client. A member that is missing is
what its field is without it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, Self, cast, get_args, get_origin, get_type_hints, overload

from serverless_ml.display import Displayed
from serverless_ml.errors import Fault, UnexpectedAnswer


@dataclass(frozen=True, kw_only=True, repr=False)
class Answer(Displayed):
    """A record of what the service answered.

    Args:
        raw: the JSON that it was made of, whole.
    """

    raw: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Make a record of an object of JSON. Raises `UnexpectedAnswer` where it cannot be one."""
        if not isinstance(told, Mapping):
            raise UnexpectedAnswer(f"expected {cls.__name__} as an object of JSON, got {type(told).__name__}")
        values = {each.name: _value(cls, each, told) for each in fields(cls) if each.name != "raw"}
        return cls(raw=dict(told), **values)


def _value(kind: type, known: Field[Any], told: Mapping[str, Any]) -> Any:
    name = known.metadata.get("member", known.name)
    value = told.get(name)
    if value is None and known.default is not MISSING:
        return known.default
    if value is None and known.default_factory is not MISSING:
        return known.default_factory()
    if name not in told:
        raise UnexpectedAnswer(f"expected {kind.__name__} with the member '{name}', which is not there")
    try:
        return reader_of(_types(kind)[known.name])(value)
    except (TypeError, ValueError, AttributeError, LookupError):
        raise UnexpectedAnswer(f"expected another '{name}' of {kind.__name__}, got {value!r:.80}") from None


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


_READERS: dict[Any, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    Fault: lambda told: Fault(str(told["path"]), str(told["message"])),
    dict[int, int]: lambda told: {int(name): value for name, value in told.items()},
}


def reader_of(annotation: Any) -> Callable[[Any], Any]:
    """What makes a field's value of JSON, by the field's type; of types that JSON has it is what is there."""
    kinds = get_args(annotation)
    if isinstance(annotation, UnionType):
        return reader_of(kinds[0])
    if annotation in _READERS:
        return _READERS[annotation]
    if get_origin(annotation) is tuple:
        read = reader_of(kinds[0])
        return lambda told: tuple(read(each) for each in told)
    if isinstance(annotation, type) and issubclass(annotation, Answer | Listed):
        return annotation.from_json
    return _as_it_is


def _as_it_is(told: Any) -> Any:
    return told


class Listed[Entry](Displayed, Sequence[Entry]):
    """What the service listed, in its order; `raw` is the list as JSON.

    A list behaves as a tuple of its entries.
    """

    raw: Any

    def __init__(self, entries: Sequence[Entry], raw: Any) -> None:
        self._entries = tuple(entries)
        self.raw = raw

    @classmethod
    def from_json(cls, told: Sequence[Any]) -> Self:
        """Make it of a list of JSON. Raises `UnexpectedAnswer`."""
        raw = list(told)
        return cls([cls.entry(each) for each in raw], raw)

    @classmethod
    def entry(cls, told: Any) -> Entry:
        """One entry of its JSON."""
        return cast("Entry", told)

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> Entry | Self:
        if isinstance(place, slice):
            return self.part(self._entries[place], place)
        return self._entries[place]

    def part(self, entries: tuple[Entry, ...], place: slice) -> Self:
        """Some of them, which stand at `place`."""
        return type(self)(entries, self.raw[place])

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listed) and self._entries == other._entries

    def __hash__(self) -> int:
        return hash(self._entries)
