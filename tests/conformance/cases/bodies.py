"""Bodies in every encoding and by every name, and what cannot be read."""

import gzip
import json
import zlib
from typing import Any

from tests.conformance.case import Case, post, put, zipped
from tests.conformance.cases.state import ROWS

PATH = "/v1/models/iris:predict"
BODY = {"instances": ROWS[:2], "outputs": ["label", "probability"]}
PLAIN = json.dumps(BODY).encode()
LATIN = "größe".encode("latin-1")
MEDIA = {"code": "unsupported_media_type"}
MALFORMED = {"code": "malformed_input"}
JSON = "application/json"


def _bare(data: bytes) -> bytes:
    """Deflate without zlib's frame, as some clients send it."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def _encoded(name: str, encoding: str, body: bytes, status: int = 200, **more: Any) -> Case:
    return post(name, PATH, body, status, {"Content-Encoding": encoding, "Content-Type": JSON}, **more)


CASES = [
    _encoded("gzip", "gzip", zipped(BODY)),
    _encoded("gzip in capitals", "GZIP", zipped(BODY)),
    _encoded("x-gzip", "x-gzip", zipped(BODY)),
    _encoded("deflate", "deflate", zlib.compress(PLAIN)),
    _encoded("bare deflate", "deflate", _bare(PLAIN)),
    _encoded("identity", "identity", PLAIN),
    _encoded("spaces around gzip", " gzip ", zipped(BODY)),
    post("gzip of no Content-Type", PATH, zipped(BODY), 200, {"Content-Encoding": "gzip"}),
    _encoded("gzip that is none", "gzip", PLAIN, 400, **MALFORMED),
    _encoded("gzip that ends too early", "gzip", zipped(BODY)[:-9], 400, **MALFORMED),
    _encoded("gzip with something behind it", "gzip", zipped(BODY) + b"more", 400, **MALFORMED),
    _encoded("gzip with a wrong checksum", "gzip", zipped(BODY)[:-8] + b"\0" * 8, 400, **MALFORMED),
    _encoded("gzip of nothing", "gzip", gzip.compress(b"", mtime=0), 400, **MALFORMED),
    _encoded("gzip of no JSON", "gzip", gzip.compress(b"hello", mtime=0), 400, **MALFORMED),
    _encoded("an empty body called gzip", "gzip", b"", 400, **MALFORMED),
    _encoded("deflate that is none", "deflate", PLAIN, 400, **MALFORMED),
    _encoded("gzip called deflate", "deflate", zipped(BODY), 400, **MALFORMED),
    _encoded("brotli", "br", PLAIN, 415, **MEDIA),
    _encoded("gzip twice", "gzip, gzip", zipped(BODY), 415, **MEDIA),
    *[
        post(f"Content-Type {kind}", PATH, PLAIN, 200, {"Content-Type": kind})
        for kind in (
            "application/json; charset=utf-8",
            'application/json;charset="UTF-8"',
            "Application/JSON",
            "application/vnd.api+json",
            "text/json",
            "application/x-www-form-urlencoded",
            "application/octet-stream",
            "application/json; profile=x",
        )
    ],
    *[
        post(f"Content-Type {kind}", PATH, PLAIN, 415, {"Content-Type": kind}, **MEDIA)
        for kind in (
            "text/plain",
            "text/tab-separated-values",
            "application/xml",
            "multipart/form-data; boundary=x",
            "image/png",
            "json",
            "application/json; charset=latin-1",
            "application/json; charset=utf-16",
        )
    ],
    post(
        "a form that is one",
        PATH,
        b"instances=1",
        400,
        {"Content-Type": "application/x-www-form-urlencoded"},
        **MALFORMED,
    ),
    post("no Content-Type", PATH, PLAIN),
    post("an empty Content-Type", PATH, PLAIN, 200, {"Content-Type": ""}),
    post("Latin-1 in a text", PATH, b'{"' + LATIN + b'": 1}', 400, {"Content-Type": JSON}, **MALFORMED),
    post(
        "Latin-1 called so",
        PATH,
        b'{"' + LATIN + b'": 1}',
        415,
        {"Content-Type": f"{JSON}; charset=iso-8859-1"},
        **MEDIA,
    ),
    post(
        "a text that is Base64", PATH, b"eyJpbnN0YW5jZXMiOiBbXX0=", 400, {"Content-Type": JSON}, **MALFORMED
    ),
    post("every byte there is", PATH, bytes(range(256)), 400, {"Content-Type": JSON}, **MALFORMED),
    post(
        "every byte there is, as such",
        PATH,
        bytes(range(256)),
        400,
        {"Content-Type": "application/octet-stream"},
        **MALFORMED,
    ),
    post(
        "half a surrogate pair as it is",
        PATH,
        b'{"\xed\xa0\xbc": 1}',
        400,
        {"Content-Type": JSON},
        **MALFORMED,
    ),
    post(
        "half a surrogate pair, escaped",
        PATH,
        b'{"instances": [], "\\ud83c": 1}',
        422,
        {"Content-Type": JSON},
        code="invalid_input",
    ),
    put(
        "another media type for an alias",
        "/v1/models/iris/aliases/green",
        b"version: 1",
        415,
        {"Content-Type": "application/yaml"},
        **MEDIA,
    ),
    post(
        "another media type for a training",
        "/v1/models/candidate:train",
        b"a,b\n1,2\n",
        415,
        {"Content-Type": "text/csv"},
        **MEDIA,
    ),
    post(
        "another media type for an inference",
        "/v2/models/iris/infer",
        b"ARROW1",
        415,
        {"Content-Type": "application/vnd.apache.arrow.file"},
        **MEDIA,
    ),
]
