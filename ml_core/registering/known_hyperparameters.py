"""The hyperparameters of a model that was made elsewhere: facts about it, which nobody here asked for.

So the bounds of requests to train do not bind: an estimator may have been fitted with C = 1e12. But they are
JSON of a modest size, and what the algorithm declares has a value of the kind that it declares.
"""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from ml_core.errors import Fault, member, shown
from ml_core.hyperparameters import REFUSED, AnyOf, Flag, Hyperparameter, Integer, Kind, ListOf, Number, OneOf

_MOST, _LONGEST_NAME = 100, 100
_MOST_VALUES, _DEEPEST, _LONGEST_TEXT = 2_000, 4, 1_000
_BITS = 64


def hyperparameter_faults(given: object, declared: Sequence[Hyperparameter], where: str) -> Iterator[Fault]:
    """What is wrong with the hyperparameters at `where`."""
    if not isinstance(given, dict):
        yield Fault(where, f"expected an object, got {shown(given)}")
        return
    if len(given) > _MOST:
        yield Fault(where, f"expected at most {_MOST} hyperparameters, got {len(given)}")
        return
    kinds = {each.name: each.kind for each in declared}
    for name, value in given.items():
        path = member(where, name)
        if not name or len(name) > _LONGEST_NAME or not name.isascii() or not name.isprintable():
            yield Fault(path, f"expected a name of 1 to {_LONGEST_NAME} printable characters of ASCII")
        elif wrong := _wrong_value(value):
            yield Fault(path, wrong)
        elif name in kinds and not _is_of_kind(value, kinds[name]):
            yield Fault(
                path, f"expected {kinds[name].expects}, or a number past these bounds, got {shown(value)}"
            )


def _wrong_value(value: Any) -> str | None:  # noqa: ANN401 - a value of JSON
    """Why a value is refused whatever it stands for; None where it is not."""
    level, seen = [value], 0
    for _ in range(_DEEPEST):
        seen += len(level)
        if seen > _MOST_VALUES:
            return f"expected at most {_MOST_VALUES} values, got more"
        wrong = next(filter(None, map(_wrong_scalar, level)), None)
        if wrong:
            return wrong
        level = [inside for each in level for inside in _inside(each)]
    return f"expected at most {_DEEPEST} levels of objects and lists, got more" if level else None


def _wrong_scalar(value: object) -> str | None:
    """Why a number or a text is refused, or a name of an object."""
    if isinstance(value, float) and not isfinite(value):
        return "expected a finite number, got one that is not"
    if isinstance(value, int) and value.bit_length() > _BITS:
        return f"expected an integer of {_BITS} bits, got {shown(value)}"
    texts = [value] if isinstance(value, str) else value if isinstance(value, dict) else ()
    wrong = next((text for text in texts if len(text) > _LONGEST_TEXT or not _is_text(text)), None)
    return wrong and f"expected text of at most {_LONGEST_TEXT} characters, got {shown(wrong)}"


def _inside(value: Any) -> list[Any]:  # noqa: ANN401 - a value of JSON
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_of_kind(value: object, kind: Kind) -> bool:
    """Whether a request may have the value, or a number where it may have another number."""
    if kind.read(value) is not REFUSED:
        return True
    if isinstance(kind, AnyOf):
        return any(_is_of_kind(value, each) for each in kind.kinds)
    if isinstance(kind, (Number, Integer)):
        return type(value) is int or (type(value) is float and isinstance(kind, Number))
    if isinstance(kind, ListOf):
        return isinstance(value, list) and all(_is_of_kind(each, kind.kind) for each in value)
    if isinstance(kind, (Flag, OneOf)):
        return False
    return isinstance(value, dict)  # of weights
