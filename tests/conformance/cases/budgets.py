"""Privacy budgets: who sets them, what they pay for, and what reads a dataset no more once there is one."""

from typing import Any

from tests.conformance.case import LIMITED, NOBODY, PREDICT, TRAIN, Case, delete, get, post, put, upload
from tests.conformance.cases.private_training import ROWS

_BUDGET = "/v1/datasets/budgeted/budget"
_SCORE, _DESCRIBE = "/v1/models/budgeted:score", "/v1/datasets/budgeted:describe"
_FOUR = {"budget": {"epsilon": 4, "delta": 1e-6}}
_TABLE = ("size,kind,bought\n" + "".join(f"{size},{kind},{kind}\n" for size, kind in ROWS)).encode()
_BODY: dict[str, Any] = {
    "algorithm": "logistic_regression",
    "data": {"uri": "dataset://budgeted", "target": "bought"},
}
_PRIVACY: dict[str, Any] = {
    "epsilon": 2,
    "delta": 1e-6,
    "bounds": {"size": [0, 100]},
    "classes": ["low", "high"],
}
_TABLE_TO_SCORE = {"data": {"uri": "dataset://budgeted"}}


def train(name: str, status: int = 202, *, code: str = "", note: str = "", **more: Any) -> Case:
    """A training on the table, delivered where it is accepted."""
    keep, deliver = ({note: "body id"}, "after") if note else ({}, "")
    body = {**_BODY, **more}
    return post(
        name, "/v1/models/budgeted:train", body, status, code=code, keep=keep, deliver=deliver, key=TRAIN
    )


def not_set(name: str, budget: Any, at: str) -> Case:
    """What is no budget."""
    return put(name, _BUDGET, {"budget": budget}, 422, code="invalid_input", at=at)


def refused(name: str, path: str, body: Any) -> Case:
    """What reads the dataset."""
    return post(name, path, body, 409, code="budget", key=TRAIN)


CASES = [
    get("there is none yet", _BUDGET, key=TRAIN),
    get("that of a name that can be none", "/v1/datasets/budgeted./budget", 404, code="dataset_not_found"),
    put("one of a name that can be none", "/v1/datasets/budgeted./budget", _FOUR, 422, code="invalid_input"),
    put("for a key that may only train", _BUDGET, _FOUR, 403, key=TRAIN, code="forbidden"),
    put("for nobody", _BUDGET, _FOUR, 401, key=NOBODY, code="unauthenticated"),
    put("for an admin of others", _BUDGET, _FOUR, 403, key=LIMITED, code="forbidden"),
    get("shown to a key that may only predict", _BUDGET, 403, key=PREDICT, code="forbidden"),
    get("shown to a key for others", _BUDGET, 403, key=LIMITED, code="forbidden"),
    not_set("a number", 4, "$.budget"),
    not_set("an epsilon alone", {"epsilon": 4}, "$.budget"),
    not_set("an epsilon of 0", {"epsilon": 0, "delta": 1e-6}, "$.budget.epsilon"),
    not_set("a delta of 1", {"epsilon": 4, "delta": 1}, "$.budget.delta"),
    put("no budget at all", _BUDGET, {}, 422, code="invalid_input", at="$"),
    put("it is not there to be changed", _BUDGET, _FOUR, 412, {"If-Match": '"7"'}, code="revision_mismatch"),
    *upload("a table", "budgeted", _TABLE),
    train("without a budget nothing is refused", note="open"),
    post(
        "nor is a scoring",
        _SCORE,
        _TABLE_TO_SCORE,
        202,
        keep={"scored": "body id"},
        deliver="after",
        key=TRAIN,
    ),
    get("a description before", "/v1/datasets/budgeted", deliver="after", key=TRAIN),
    put("it is set", _BUDGET, _FOUR, headers={"If-None-Match": "*"}, keep={"budget_etag": "body etag"}),
    put("it is set already", _BUDGET, _FOUR, 412, {"If-None-Match": "*"}, code="revision_mismatch"),
    get("it is told", _BUDGET, key=TRAIN),
    train("a training without privacy", 409, code="budget"),
    train("one part by part", 409, code="budget", engine="streamed"),
    refused("a scoring", _SCORE, _TABLE_TO_SCORE),
    refused("a description under options", _DESCRIBE, {"exclude": ["size"]}),
    refused("a description without", _DESCRIBE, None),
    get("the description that there was", "/v1/datasets/budgeted", 409, code="budget", key=TRAIN),
    get("the list does not tell its size", "/v1/datasets?prefix=budgeted", key=TRAIN),
    get("the files that were scored", "/v1/jobs/{scored}/files", 409, code="budget", key=TRAIN),
    train("a private training", note="paid", privacy=_PRIVACY),
    get("it is over", "/v1/jobs/{paid}", key=TRAIN),
    get("it is paid for", _BUDGET, key=TRAIN),
    train("one that cannot be paid", 409, code="budget_spent", privacy={**_PRIVACY, "epsilon": 4}),
    put(
        "somebody spent of it", _BUDGET, _FOUR, 412, {"If-Match": '"{budget_etag}"'}, code="revision_mismatch"
    ),
    put("it is raised", _BUDGET, {"budget": {"epsilon": 8, "delta": 1e-6}}),
    delete("the dataset goes", "/v1/datasets/budgeted"),
    get("and its budget stays", _BUDGET, key=TRAIN),
    put("it is removed", _BUDGET, {"budget": None}),
    get("what was spent stays", _BUDGET, key=TRAIN),
    # Lists that others ask for have no figures with noise in them then.
    delete("the model goes", "/v1/models/budgeted"),
]
