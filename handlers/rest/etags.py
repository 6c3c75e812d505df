"""ETags and the conditions that name them (RFC 9110, section 13)."""

from typing import Any

from handlers.rest.http import Response, json_response


def tags(header: str) -> list[str]:
    """The entity tags of an If-Match or If-None-Match header, without their quotes; `*` stays as it is."""
    return [tag.strip().removeprefix('"').removesuffix('"') for tag in header.split(",") if tag.strip()]


def tagged_response(value: Any, etag: str, if_none_match: str) -> Response:
    """`value` with its ETag; 304 when the caller has it already."""
    headers = {"etag": f'"{etag}"', "cache-control": "private, no-cache"}
    # If-None-Match compares weakly: W/"x" is "x" for it.
    known = [tag.removeprefix('W/"') for tag in tags(if_none_match)]
    if etag in known or "*" in known:
        return Response(304, headers, b"")
    return json_response(value, headers=headers)
