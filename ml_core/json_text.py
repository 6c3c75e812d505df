"""What the package `json` reads, writes and refuses, at the price of its functions in C.

To import the package takes two thirds of what bare Python takes: `re`, `enum` and `functools` come with it.
Its scanner and its encoder need none of them; what the package adds in Python is here in a few lines, and
tests/unit/ml_core/test_json_text.py compares the two, refusals and their places included. Whatever is unusual
is handed to the package, and so is everything by an interpreter without these functions in C.
"""

from __future__ import annotations

__all__ = ["JSONDecodeError", "dumps", "loads", "quoted", "reader", "writer"]

try:
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
except ImportError:
    _IS_IN_C = False
else:
    _IS_IN_C = True
    quoted = encode_basestring_ascii

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable
    from json import JSONDecodeError
    from typing import Any, NoReturn

_SPACE = " \t\n\r"
_CONSTANTS = {"-Infinity": float("-inf"), "Infinity": float("inf"), "NaN": float("nan")}


def __getattr__(name: str) -> type[ValueError]:
    """`except json_text.JSONDecodeError` asks for the class only when something has been raised."""
    if name != "JSONDecodeError":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from json import JSONDecodeError

    return JSONDecodeError


if not _IS_IN_C:

    def quoted(text: str) -> str:
        """A text as JSON has it, in ASCII."""
        return writer()(text)


def reader(
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    parse_constant: Callable[[str], Any] = _CONSTANTS.__getitem__,
) -> Callable[[str], Any]:
    """A function that reads a text as `json.JSONDecoder` of these hooks does. It raises JSONDecodeError."""
    if not _IS_IN_C:
        from json import JSONDecoder

        return JSONDecoder(object_pairs_hook=object_pairs_hook, parse_constant=parse_constant).decode
    scan = make_scanner(_Rules(object_pairs_hook, parse_constant))  # type: ignore[arg-type]

    def read(text: str) -> Any:  # noqa: ANN401 - any value of JSON
        begin = len(text) - len(text.lstrip(_SPACE))
        try:
            value, end = scan(text, begin)
        except StopIteration as stop:
            _refuse("Expecting value", text, stop.value)
        if end != len(text) and (rest := text[end:].lstrip(_SPACE)):
            _refuse("Extra data", text, len(text) - len(rest))
        return value

    return read


class _Rules:
    """What the scanner in C looks up: all but the hooks is as the package has it."""

    strict, object_hook, parse_float, parse_int = True, None, float, int

    def __init__(self, object_pairs_hook: object, parse_constant: object) -> None:
        self.object_pairs_hook = object_pairs_hook
        self.parse_constant = parse_constant


def _refuse(message: str, text: str, place: int) -> NoReturn:
    from json import JSONDecodeError

    raise JSONDecodeError(message, text, place) from None


_read = reader()


def loads(text: str | bytes) -> Any:  # noqa: ANN401 - any value of JSON
    """The value of a text, or of bytes. Raises JSONDecodeError, and ValueError as the package does."""
    if isinstance(text, bytes) and b"\0" not in text[:4] and text[:1] not in (b"\xef", b"\xfe", b"\xff"):
        return _read(text.decode("utf-8", "surrogatepass"))
    if isinstance(text, str) and not text.startswith("\ufeff"):
        return _read(text)
    from json import loads  # another encoding, or a mark that says which

    return loads(text)


def dumps(
    value: object,
    *,
    separators: tuple[str, str] = (", ", ": "),
    sort_keys: bool = False,
    ensure_ascii: bool = True,
    allow_nan: bool = True,
    default: Callable[[Any], Any] | None = None,
) -> str:
    """The value as a text. Raises TypeError and ValueError as the package does."""
    if not _IS_IN_C:
        from json import dumps

        return dumps(
            value, separators=separators, sort_keys=sort_keys, ensure_ascii=ensure_ascii,
            allow_nan=allow_nan, default=default,
        )  # fmt: skip
    between, colon = separators
    quoted = encode_basestring_ascii if ensure_ascii else encode_basestring
    encode = make_encoder(
        {}, default or _unknown, quoted, None, colon, between, sort_keys, False, allow_nan
    )  # the dictionary: what is being written, for circles to be found
    return "".join(encode(value, 0))


def writer(
    separators: tuple[str, str] = (", ", ": "),
    *,
    allow_nan: bool = True,
    default: Callable[[Any], Any] | None = None,
) -> Callable[[object], str]:
    """A function that writes as `dumps` with these options; its encoder is made once.

    A value that holds itself is a RecursionError: who writes an answer or a line of the log has none.
    """
    if not _IS_IN_C:
        from json import JSONEncoder

        return JSONEncoder(separators=separators, allow_nan=allow_nan, default=default).encode
    between, colon = separators
    encode = make_encoder(
        None, default or _unknown, encode_basestring_ascii, None, colon, between, False, False, allow_nan
    )  # None: not even what is being written is kept, so that threads can share it

    def write(value: object) -> str:
        return "".join(encode(value, 0))

    return write


def _unknown(value: object) -> NoReturn:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
