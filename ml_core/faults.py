"""How what is wrong with the values that callers send is gathered and worded."""

from collections.abc import Iterable
from itertools import chain

from ml_core.errors import Fault, InvalidInput

LONGEST = 60


def shown(value: object) -> str:
    """A value as a message shows it: JSON-like, and never longer than `LONGEST` characters."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > LONGEST:
        # str() of a huge integer takes quadratic time, and Python refuses it past 4,300 digits.
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = repr(value[:LONGEST]) if isinstance(value, str | bytes) else repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def member(where: str, name: str) -> str:
    """The JSON path of an object's member: `$.a.name`, or `$.a["any name"]`, shortened when it is long."""
    if name.isascii() and name.isidentifier() and len(name) <= LONGEST:
        return f"{where}.{name}"
    return f'{where}["{name if len(name) <= LONGEST else name[: LONGEST - 3] + "..."}"]'


def raise_faults(faults: Iterable[Fault]) -> None:
    """Raise `InvalidInput` if there are any; no more are looked for than it tells."""
    rest = iter(faults)
    for first in rest:
        raise InvalidInput(chain([first], rest))
