"""From the bytes of a request's body to a JSON value, strictly and within bounds.

RFC 8259 is taken at its word: UTF-8 only, no NaN or Infinity, no key twice in one object. A missing
Content-Type is JSON (Triton's client sends none), and so is the form type that `curl -d` names when it is not
told otherwise.
"""

from __future__ import annotations

from ml_core import json_text
from ml_core.errors import MalformedInput, TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from handlers.rest.http import Request


_AS_JSON = (
    "",
    "application/json",
    "text/json",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
)


# Bodies of rows that are longer are worth loading a parser that makes no Python numbers.
_LONG = 1024  # bytes
_LOADING = 1 << 19  # bytes that are read without that parser in the time that loading it takes
_READ = [0]  # bytes of rows that were read without it


def read_json(request: Request, most_bytes: int, rows: str = "") -> Any:
    """The body as a JSON value; of an object's member `rows` perhaps `Rows`, if it is lists of numbers.

    Raises:
        UnsupportedMediaType: Content-Type or Content-Encoding is of another kind.
        TooLarge: the body is longer than `most_bytes` when decoded.
        MalformedInput: it is empty, not UTF-8, or not JSON.
    """
    check_media_type(request.headers.get("content-type", ""))
    data = decoded(request, most_bytes)
    if rows and (len(data) > _LONG or b"[[" in data):  # else of short ones it reads no row
        # Loaded when it would have paid by now, or after one long body, which is seldom the last.
        if _READ[0] >= _LOADING:
            from handlers.rest.long_bodies import parse_with_rows

            return parse_with_rows(data, rows, parse_json)
        _READ[0] += len(data) if len(data) <= _LONG else _LOADING
    return parse_json(data)


def decoded(request: Request, most_bytes: int) -> bytes:
    """The body with its Content-Encoding undone.

    Raises:
        UnsupportedMediaType: the encoding is not gzip, deflate or identity.
        TooLarge: the body is longer than `most_bytes` when decoded.
        MalformedInput: it is not what its encoding says.
    """
    if "content-encoding" not in request.headers:
        return request.body
    encoding = request.headers["content-encoding"].strip().lower()
    if encoding in ("", "identity"):
        return request.body
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _inflated(request.body, encoding, most_bytes)
    from handlers.errors import UnsupportedMediaType

    raise UnsupportedMediaType(
        f"Content-Encoding {encoding[:40]!r} is not read here; send {UnsupportedMediaType.ACCEPTED_ENCODINGS}"
    )


def parse_json(data: bytes) -> Any:
    """The JSON value that `data` spells.

    Raises:
        MalformedInput: it is empty, not UTF-8, not JSON, or nested too deeply to be read.
    """
    if not data.strip():
        raise MalformedInput("the body is empty; a JSON object is expected")
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        raise MalformedInput(f"the body is not UTF-8: byte {error.start} cannot be decoded") from error
    try:
        return _read(text)
    except json_text.JSONDecodeError as error:
        raise MalformedInput(
            f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from error
    except ValueError as error:  # Python reads no integer of more than 4300 digits
        raise MalformedInput("the body holds a number with too many digits") from error
    except RecursionError as error:
        raise MalformedInput("the body is nested too deeply") from error


def check_media_type(content_type: str) -> None:
    """Raise `UnsupportedMediaType` unless the header is absent or names JSON in UTF-8."""
    if content_type in _AS_JSON:
        return
    kind, _, parameters = content_type.lower().partition(";")
    kind = kind.strip()
    if kind not in _AS_JSON and not kind.endswith("+json"):
        _refuse(f"Content-Type {kind[:80]!r} is not read here; send application/json")
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8", "us-ascii"):
            _refuse(f"JSON is UTF-8; the charset is {value[:40]!r}")


def _refuse(message: str) -> NoReturn:
    from handlers.errors import UnsupportedMediaType

    raise UnsupportedMediaType(message)


def _inflated(data: bytes, encoding: str, most_bytes: int) -> bytes:
    """`data` decompressed, never holding more than `most_bytes` and one byte."""
    import zlib

    window = 16 + zlib.MAX_WBITS  # gzip
    if encoding == "deflate":  # RFC 9110 means zlib's format; some clients send bare deflate
        window = zlib.MAX_WBITS if data[:1] == b"\x78" else -zlib.MAX_WBITS
    decompressor = zlib.decompressobj(window)
    try:
        result = decompressor.decompress(data, most_bytes + 1)
    except zlib.error as error:
        raise MalformedInput(f"the body is not {encoding} data") from error
    if len(result) > most_bytes:
        raise TooLarge(f"the body is longer than {most_bytes:,} bytes when decoded, which is the limit")
    if not decompressor.eof:
        raise MalformedInput(f"the body's {encoding} data ends too early")
    if decompressor.unused_data:
        raise MalformedInput(f"something follows the body's {encoding} data")
    return result


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of `pairs`. Parsers differ in which of two equal keys wins, so neither does."""
    members = dict(pairs)
    if len(members) < len(pairs):
        from collections import Counter

        times = Counter(key for key, _ in pairs)
        repeated = next(key for key in times if times[key] > 1)
        raise MalformedInput(f"the key {repeated[:80]!r} appears more than once in one object")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedInput(
        f"the body is not JSON: {name} is no JSON number; a missing value is null, where a model takes one"
    )


_read = json_text.reader(object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
