"""When two answers are equal: labels and texts exactly, floats within 1e-12, ids and times by their form.

What is masked is listed here by name, and nothing else is.
"""

import json
import re
import struct
from collections.abc import Iterator, Mapping
from math import isclose
from typing import Any

from tests.conformance.case import Answer

# Theirs who carry the answer, not ours.
CARRIERS = frozenset({"connection", "date", "keep-alive", "server", "transfer-encoding", "via"})
RELATIVE = 1e-12

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_JOB = re.compile(r"[0-9a-f]{28}")
_ALIAS_ETAG = re.compile(r"[0-9a-f]{16}")
_QUOTED_ALIAS_ETAG = re.compile(r'"[0-9a-f]{16}"')
_UPLOAD = re.compile(r"(dataset|artifact)://[A-Za-z0-9._-]+/[0-9a-f]{28}")
_JOBS_PLACE = re.compile(r"/v1/jobs/[0-9a-f]{28}")
_RECEIPT = re.compile(r"[A-Za-z0-9_-]{40}")
_SLOT = re.compile(r"[A-Za-z0-9._-]+/[0-9a-f]{28}")
_ANY = re.compile(r".+", re.DOTALL)

MASKED_MEMBERS = {
    **dict.fromkeys(
        (
            "created",
            "started",
            "finished",
            "ended",
            "updated",
            "uploaded",
            "expires",
            "time",
            "deleted",
            "restorable_until",
            "written",
            "begun",
            "since",
        ),
        _TIME,
    ),
    **dict.fromkeys(("id", "job", "next_after", "old_job", "new_job"), _JOB),
    "slot": _SLOT,
    **dict.fromkeys(("from", "to"), _TIME),
    "etag": _ALIAS_ETAG,
    "receipts": _RECEIPT,
    "at": _TIME,
    "next": _TIME,
    "uri": _UPLOAD,
    **dict.fromkeys(("request_id", "url", "revision"), _ANY),
}
# What noise is in, of a version or job that is private; its form is compared.
_SHA_256 = re.compile(r"[0-9a-f]{64}")
NOISY = frozenset({"metrics", "rows", "test_rows", "warnings", "sha256", "size", "metric"})
# The console may ask the storage of its deployment: that address, and so the page's tag, are each cloud's.
_PAGES_ETAG = re.compile(r'"[0-9a-f]{32}"')
_STORAGE = re.compile(r"(?<=connect-src 'self')( [^; ]+)(?=;)")
MASKED_HEADERS = {"etag": _QUOTED_ALIAS_ETAG, "location": _JOBS_PLACE, "x-request-id": _ANY}

# Where callers of traces come from: shown where an answer repeats it, all other ids are masked.
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

# Notes of addresses that are others on every cloud.
LAKE, OUT, PAGE = "lake", "out", "page"
_FORMATS = {"FP64": "d", "INT64": "q", "BOOL": "?"}


def comparable(answer: Answer, notes: Mapping[str, str]) -> Any:
    """An answer as something to compare: what differs by chance is masked, a body is read.

    `notes` are ids and ETags that the cases kept: a text that repeats one shows the note's name.
    """
    headers = {name: value for name, value in answer.headers.items() if name not in CARRIERS}
    body = _read(answer)
    if isinstance(body, dict) and "request_id" in body:
        assert body["request_id"] == headers.get("x-request-id"), "two ids of one request"
    if "content-security-policy" in headers:
        headers["content-security-policy"] = _STORAGE.sub("", headers["content-security-policy"])
        headers["etag"] = _PAGES_ETAG.sub("<the page's>", headers.get("etag", ""))
    length = headers.pop("content-length", None)
    if length is not None and int(length) != len(answer.body):
        headers["content-length"] = _of_a_get(int(length), answer)
    if _is_private(body):
        headers["etag"] = _SHA_256.sub("<of the artifact>", headers.get("etag", ""))
    shown = {name: _masked(MASKED_HEADERS.get(name), value, notes) for name, value in headers.items()}
    if "traceparent" in shown:
        shown["traceparent"] = _TRACEPARENT.sub(_traced, shown["traceparent"])
    # JSON in several lines is indented, and alike everywhere.
    is_json = headers.get("content-type", "").endswith("json")
    lines = {"lines": answer.body.count(b"\n")} if is_json and b"\n" in answer.body else {}
    return {"status": answer.status, "headers": shown, "body": _unchanging(body, notes), **lines}


def differences(expected: Any, found: Any, path: str = "answer") -> Iterator[str]:
    """Where two comparable values differ, in words."""
    if type(expected) is not type(found):
        yield f"{path}: {_shown(expected)} ≠ {_shown(found)}"
    elif isinstance(expected, dict):
        yield from _members_that_differ(expected, found, path)
    elif isinstance(expected, list):
        if len(expected) != len(found):
            yield f"{path}: {len(expected)} ≠ {len(found)} items"
        for index, (left, right) in enumerate(zip(expected, found, strict=False)):
            yield from differences(left, right, f"{path}[{index}]")
    elif not _equal(expected, found):
        yield f"{path}: {_shown(expected)} ≠ {_shown(found)}"


def _members_that_differ(expected: Any, found: Any, path: str) -> Iterator[str]:
    for key in [*expected, *(key for key in found if key not in expected)]:
        if key in expected and key in found:
            yield from differences(expected[key], found[key], f"{path}.{key}")
        else:
            where = "only on the laptop" if key in expected else "not on the laptop"
            yield f"{path}.{key}: {where}: {_shown(expected.get(key, found.get(key)))}"


def _equal(expected: Any, found: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return isclose(expected, found, rel_tol=RELATIVE, abs_tol=0.0)
    return bool(expected == found)


def _of_a_get(length: int, answer: Answer) -> str:
    """What a HEAD tells of a GET's body: its length, in which a problem repeats the request's id."""
    repeated = len(answer.headers["x-request-id"]) if answer.status >= 400 else 0
    return str(length - repeated)


def _traced(told: re.Match[str]) -> str:
    trace = TRACE if told[1] == TRACE else "<new>"
    return f"00-{trace}-{PARENT if told[2] == PARENT else '<new>'}-{told[3]}"


def _read(answer: Answer) -> Any:
    """The body: JSON as its value, a binary inference as its header and numbers, else the bytes."""
    kind = answer.headers.get("content-type", "")
    if answer.body and kind.endswith("json"):
        return json.loads(answer.body)
    length = answer.headers.get("inference-header-content-length")
    if length is None:
        return answer.body
    header, rest = json.loads(answer.body[: int(length)]), answer.body[int(length) :]
    for output in header["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is not None:
            output["data"], rest = _decoded(output["datatype"], rest[:size]), rest[size:]
    return {"header": header, "left over": rest}


def _decoded(datatype: str, data: bytes) -> list[Any]:
    if datatype != "BYTES":
        form = _FORMATS[datatype]
        return list(struct.unpack(f"<{len(data) // struct.calcsize(f'<{form}')}{form}", data))
    texts = []
    while data:
        length = int.from_bytes(data[:4], "little")
        texts.append(data[4 : 4 + length].decode())
        data = data[4 + length :]
    return texts


def _unchanging(value: Any, notes: Mapping[str, str], name: str = "") -> Any:
    if isinstance(value, dict):
        if name == "latency":  # how long it took is chance
            return {key: "<number>" if isinstance(each, int | float) else each for key, each in value.items()}
        noisy = NOISY if _is_private(value) else ()
        return {
            key: _form_of(each) if key in noisy else _unchanging(each, notes, key)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_unchanging(each, notes, name) for each in value]
    if name == "reason" and isinstance(value, str):
        value = _TIME.sub("<a time>", value)  # until which a guard waits
    return _masked(MASKED_MEMBERS.get(name), value, notes) if isinstance(value, str) else value


def _is_private(value: Any) -> bool:
    """Whether it is a version that was trained privately, or the job of one."""
    if not isinstance(value, dict):
        return False
    asked = value.get("request")
    return bool(value.get("privacy") or (isinstance(asked, dict) and asked.get("privacy")))


def _form_of(value: Any) -> Any:
    """What stays of noisy figures: which there are, and of what type."""
    if isinstance(value, dict):
        return {key: each if key == "class" else _form_of(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_form_of(each) for each in value if not isinstance(each, str)]
    return value if value is None else f"<{'number' if isinstance(value, int | float) else 'text'}>"


def _masked(form: re.Pattern[str] | None, text: str, notes: Mapping[str, str]) -> str:
    for note, value in notes.items():
        if note in (LAKE, OUT, PAGE) or _JOB.fullmatch(value) or _ALIAS_ETAG.fullmatch(value):
            text = text.replace(value, f"{{{note}}}")
    if form is not None and form.fullmatch(text):
        return f"<{form.pattern}>"
    return _UPLOAD.sub("<an upload>", text)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}…"
