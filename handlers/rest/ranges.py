"""A part of an answer, as the header Range asks for it (RFC 9110, section 14)."""

import re

from handlers.errors import RangeNotSatisfiable
from handlers.rest.http import Response

# One range in bytes: from one place to another, from one on, or the last so many.
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


def part(response: Response, asked: str, most: int) -> Response:
    """The bytes that are asked for, at most `most` of them; all where none are asked for as HTTP has it.

    Raises `RangeNotSatisfiable` where the answer has none of these bytes.
    """
    length = len(response.body)
    found = _RANGE.fullmatch(asked)
    if not found or not any(found.groups()):
        return response
    first, last = found[1], found[2]
    begin = int(first) if first else max(0, length - int(last))
    end = min(length, int(last) + 1) if first and last else length
    if first and last and int(last) < begin:
        return response
    if begin >= end:
        raise RangeNotSatisfiable(length)
    end = min(end, begin + most)
    headers = {**response.headers, "content-range": f"bytes {begin}-{end - 1}/{length}"}
    return Response(206, headers, response.body[begin:end])
