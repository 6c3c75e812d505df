"""Reading a request's body: strict JSON, bounded decoding."""

import gzip
import json
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.errors import UnsupportedMediaType
from handlers.rest.bodies import parse_json, read_json
from handlers.rest.http import Request
from ml_core.errors import MalformedInput, TooLarge

LIMIT = 10_000
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


def _request(body: bytes, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/", {}, named, body, "r1")


@given(json_values)
def test_what_json_can_spell_is_read_as_it_was(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b"[Infinity]", "Infinity is no JSON number"),
        (b"[-Infinity]", "-Infinity is no JSON number"),
        (b'"\xff"', "not UTF-8: byte 1"),
        ("[1]".encode("utf-16"), "not UTF-8"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' appears more than once"),
        (b'[{"x": {"a": 1, "a": 1}}]', "'a' appears more than once"),
        (b"[" + b"9" * 5000 + b"]", "too many digits"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"[1] [2]", "not JSON"),
    ],
)
def test_what_is_not_json_is_malformed_and_says_why(body: bytes, message: str) -> None:
    with pytest.raises(MalformedInput, match=message):
        parse_json(body)


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    with suppress(MalformedInput):
        parse_json(body)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/problem+json",
        "application/x-www-form-urlencoded",
    ],
)
def test_json_comes_under_several_names(content_type: str) -> None:
    assert read_json(_request(b"[1]", content_type=content_type), LIMIT) == [1]


def test_a_missing_content_type_is_json() -> None:
    assert read_json(_request(b"[1]"), LIMIT) == [1]


@pytest.mark.parametrize(
    "content_type", ["text/csv", "multipart/form-data; boundary=x", "application/json; charset=latin-1"]
)
def test_another_media_type_is_refused_by_name(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        read_json(_request(b"[1]", content_type=content_type), LIMIT)


def _deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress),
     ("deflate", _deflated), ("identity", bytes)],
)  # fmt: skip
def test_compressed_bodies_are_decoded(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    assert read_json(_request(encode(b'{"a": [1, 2]}'), content_encoding=encoding), LIMIT) == {"a": [1, 2]}


def test_a_small_body_that_grows_past_the_limit_is_too_large() -> None:
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    with pytest.raises(TooLarge, match="10,000 bytes"):
        read_json(_request(bomb, content_encoding="gzip"), LIMIT)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[1]", "is not gzip data"),
        (gzip.compress(b"[1]", mtime=0)[:-3], "ends too early"),
        (b"", "ends too early"),
        (gzip.compress(b"[1]", mtime=0) + b"more", "something follows"),
    ],
)
def test_damaged_compression_is_malformed(body: bytes, message: str) -> None:
    with pytest.raises(MalformedInput, match=message):
        read_json(_request(body, content_encoding="gzip"), LIMIT)


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType, match="'br'"):
        read_json(_request(b"[1]", content_encoding="br"), LIMIT)
