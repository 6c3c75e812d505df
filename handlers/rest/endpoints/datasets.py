"""Datasets: an address to upload to, and what was uploaded."""

import time
from typing import Any

from handlers.rest.call import Call
from handlers.rest.endpoints.training import preferred_wait
from handlers.rest.http import Response, json_response
from ml_core.datasets.datasets import DatasetDetails

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


def upload(call: Call) -> Response:
    """Sign an address to PUT a file to; what it may hold is bounded by the cloud's storage alone."""
    begun = call.services.datasets.begin(call.path["dataset"])
    url = begun.url if "://" in begun.url else f"http://{call.header('host')}{begun.url}"
    call.note(dataset=begun.dataset)
    return json_response({**begun._asdict(), "method": "PUT", "url": url}, status=201)


def datasets(call: Call) -> Response:
    """List the datasets by their names in lower case, each with its newest upload."""
    query = call.query()
    page = call.services.datasets.list(call.page_length(query), query.get("after"))
    return json_response(
        {"datasets": [each._asdict() for each in page.datasets], "next_after": page.next_after}
    )


def dataset(call: Call) -> Response:
    """Show the newest upload of a dataset: columns, types, what is missing, ranges, how often values occur.

    It is described by the trainer when it is first asked for; `Prefer: wait=N` waits for that.
    """
    known = call.services.datasets
    found = known.get(call.path["dataset"])
    seconds = min(preferred_wait(call.header("prefer")), call.settings.max_wait)
    until, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while found.described is None:
        known.ask_for_description(found)
        left = until - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        found = known.get(found.name)
    return json_response(_described(found))


def delete_dataset(call: Call) -> Response:
    """Delete all uploads of a dataset, and what was found in them. Versions keep naming what they were of."""
    call.services.datasets.delete(call.path["dataset"])
    call.note(dataset=call.path["dataset"])
    return Response(204, {}, b"")


def _described(found: DatasetDetails) -> dict[str, Any]:
    told = found.described or {"sha256": None, "description": None, "error": None}
    described, error = told["description"], told["error"]
    return {
        "name": found.name,
        "uri": found.uri,
        "size": found.size,
        "uploaded": found.uploaded,
        "revision": found.revision,
        "sha256": told["sha256"],
        "state": "described" if described else "unreadable" if error else "describing",
        "description": described,
        "error": error,
    }
