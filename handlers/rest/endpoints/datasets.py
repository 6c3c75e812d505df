"""Datasets: an address to upload to, and what was uploaded."""

from typing import Any

from handlers.limits import DATASET, among
from handlers.rest.call import Call
from handlers.rest.endpoints.training import preferred_wait
from handlers.rest.etags import polled
from handlers.rest.http import Response, json_response
from handlers.rest.schemas import Schema
from ml_core.datasets.datasets import DatasetDetails, DatasetSummary
from ml_core.datasets.looking import PLAIN, Look, check_look
from ml_core.privacy.budgets import check_no_budget, with_budgets

# Described in full by `look_schema`, from what the readers' options declare.
DESCRIBE_BODY: Schema = {"type": "object", "x-checked-by": "ml_core.datasets.looking"}


def upload(call: Call) -> Response:
    """Sign an address to PUT a file to; what it may hold is bounded by the cloud's storage alone."""
    begun = call.services.datasets.begin(call.path["dataset"])
    call.note(dataset=begun.dataset)
    return json_response({**begun._asdict(), "method": "PUT", "url": call.address(begun.url)}, status=201)


def datasets(call: Call) -> Response:
    """List the datasets by their names in lower case, each with its newest upload."""
    query = call.query()
    page = call.services.datasets.list(
        call.page_length(query),
        query.get("after"),
        prefix=query.get("prefix", ""),
        among=among(call.caller, DATASET),
    )
    private = with_budgets(call.services.store, [each.name.lower() for each in page.datasets])
    listed = [_listed(each, each.name.lower() in private) for each in page.datasets]
    return polled(call, {"datasets": listed, "next_after": page.next_after})


def dataset(call: Call) -> Response:
    """Show the newest upload of a dataset: columns, types, what is missing, ranges, how often values occur.

    It is described by the trainer when it is first asked for; `Prefer: wait=N` waits for that. A dataset with
    a privacy budget is not described (409, `budget`).
    """
    return polled(call, _looked_at(call, PLAIN))


def describe(call: Call) -> Response:
    """Show the newest upload of a dataset as it is read under options, which overrule what would be guessed.

    They are members of `data` in a request to train: what is seen here is what a training with them reads.
    Options that do not fit the content are told in the answer, each with its path in this body. Without
    options it is the description that a GET of the dataset shows.
    """
    return json_response(_looked_at(call, check_look(call.optional_body())))


def _listed(found: DatasetSummary, private: bool) -> dict[str, Any]:
    """A dataset in a list; the size of one with a privacy budget would tell of its rows."""
    return {**found._asdict(), "size": None if private else found.size}


def _looked_at(call: Call, look: Look) -> dict[str, Any]:
    """The newest upload under what is said of it, described already or as soon as the caller would wait."""
    known = call.services.datasets
    found = known.get(call.path["dataset"], look)
    check_no_budget(call.services.store, found.name)
    seconds = min(preferred_wait(call.header("prefer")), call.settings.max_wait)

    def asked(details: DatasetDetails) -> DatasetDetails:
        if details.described is None:
            known.ask_for_description(details)
        return details

    found, _ = call.services.waiting.look(
        asked(found),
        lambda: asked(known.get(found.name, look)),
        lambda details: details.described is not None,
        seconds,
    )
    if seconds > 0:
        check_no_budget(call.services.store, found.name)  # it may have been set while the caller waited
    return _described(found)


def _described(found: DatasetDetails) -> dict[str, Any]:
    told = found.described or {"sha256": None, "description": None, "error": None}
    omitted = told.get("faults_omitted", 0)
    return {
        "name": found.name,
        "uri": found.uri,
        "size": found.size,
        "uploaded": found.uploaded,
        "revision": found.revision,
        "sha256": told["sha256"],
        "options": found.look.said(),
        "state": _state(told),
        "description": told["description"],
        "error": told["error"],
        "faults": told.get("faults", []),
        **({"faults_omitted": omitted} if omitted else {}),
    }


def _state(told: dict[str, Any]) -> str:
    if told["description"]:
        return "described"
    if told.get("faults"):
        return "options_refused"
    return "unreadable" if told["error"] else "describing"
