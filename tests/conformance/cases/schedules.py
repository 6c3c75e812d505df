"""Schedules: who writes them, what is wrong with one, and two people who write at once. No sweep comes."""

from typing import Any

from tests.conformance.case import LIMITED, LOOKING, NOBODY, PREDICT, TRAIN, Case, delete, get, put

_SCHEDULE = "/v1/models/scheduled/schedule"
_TRAIN: dict[str, Any] = {
    "algorithm": "logistic_regression",
    "data": {"uri": "dataset://scheduled", "target": "bought"},
}
_WEEKLY = {"train": _TRAIN, "every": "P7D"}
_GUARDED: dict[str, Any] = {
    "train": _TRAIN,
    "on": ["upload", "drift"],
    "at_most_every": "PT6H",
    "most_a_day": 2,
    "alias": "live",
    "promote": {"when": {"metric": "log_loss"}, "steps": [10, 50, 100]},
    "rollback": {"errors": 0.02, "p95_ms": 500},
    "paused": True,
}


def refused(name: str, body: Any, at: str) -> Case:
    """What is no schedule."""
    return put(name, _SCHEDULE, body, 422, code="invalid_input", at=at)


def lost(name: str, headers: dict[str, str]) -> Case:
    """One that somebody else has written first, or that is not there."""
    return put(name, _SCHEDULE, _WEEKLY, 412, headers, code="revision_mismatch")


CASES = [
    get("there is none yet", _SCHEDULE, 404, code="schedule_not_found"),
    get("of a name that can be none", "/v1/models/scheduled./schedule", 404, code="model_not_found"),
    delete("one that is not there", _SCHEDULE, 404, code="schedule_not_found"),
    put("for a name that can be none", "/v1/models/scheduled./schedule", _WEEKLY, 422, code="invalid_input"),
    put("by a key that may only train", _SCHEDULE, _WEEKLY, 403, key=TRAIN, code="forbidden"),
    put("by nobody", _SCHEDULE, _WEEKLY, 401, key=NOBODY, code="unauthenticated"),
    put("by an admin of others", _SCHEDULE, _WEEKLY, 403, key=LIMITED, code="forbidden"),
    put(
        "on data of others",
        "/v1/models/iris/schedule",
        _WEEKLY,
        403,
        key=LIMITED,
        code="forbidden",
    ),
    put("another spelling of a model", "/v1/models/IRIS/schedule", _WEEKLY, 409, code="name_taken"),
    refused("nothing", {}, "$"),
    refused("a list", [], "$"),
    refused("without a reason to run", {"train": _TRAIN}, "$"),
    refused("every month", {"train": _TRAIN, "every": "P1M"}, "$.every"),
    refused("every minute", {"train": _TRAIN, "every": "PT1M"}, "$.every"),
    refused("on drift without a pause", {"train": _TRAIN, "on": ["drift"]}, "$.at_most_every"),
    refused("on something else", {"train": _TRAIN, "on": ["rain"]}, "$.on[0]"),
    refused("49 a day", {**_WEEKLY, "most_a_day": 49}, "$.most_a_day"),
    refused("rows", {**_WEEKLY, "train": {"algorithm": "kmeans", "instances": [[1]]}}, "$.train.instances"),
    refused("no training", {**_WEEKLY, "train": 1}, "$.train"),
    refused(
        "a strange algorithm", {**_WEEKLY, "train": {**_TRAIN, "algorithm": "oracle"}}, "$.train.algorithm"
    ),
    refused(
        "an address that may not be read",
        {**_WEEKLY, "train": {**_TRAIN, "data": {"uri": "https://example.org/t.csv", "target": "a"}}},
        "$.train.data.uri",
    ),
    refused(
        "uploads of one upload",
        {"train": {**_TRAIN, "data": {"uri": "dataset://a/1", "target": "a"}}, "on": ["upload"]},
        "$.train.data.uri",
    ),
    refused(
        "steps that fall",
        {**_WEEKLY, "promote": {"when": {"metric": "accuracy"}, "steps": [50, 10]}},
        "$.promote.steps",
    ),
    refused("a roll-back for nothing", {**_WEEKLY, "rollback": {}}, "$.rollback"),
    lost("it is not there to be changed", {"If-Match": '"0"'}),
    put("the first", _SCHEDULE, _WEEKLY, headers={"If-None-Match": "*"}, keep={"weekly": "body etag"}),
    lost("it is there already", {"If-None-Match": "*"}),
    lost("with another ETag", {"If-Match": '"0"'}),
    get("it is told", _SCHEDULE),
    get("it is told to who looks", _SCHEDULE, key=LOOKING),
    get("it is not told to who predicts", _SCHEDULE, 403, key=PREDICT, code="forbidden"),
    get("another spelling of it", "/v1/models/Scheduled/schedule", 404, code="schedule_not_found"),
    put("a spelling beside it", "/v1/models/Scheduled/schedule", _WEEKLY, 409, code="name_taken"),
    put(
        "all that can be said",
        _SCHEDULE,
        _GUARDED,
        headers={"If-Match": '"{weekly}"'},
        keep={"guarded": "body etag"},
    ),
    lost("who was slower", {"If-Match": '"{weekly}"'}),
    delete("nor is it removed by them", _SCHEDULE, 412, {"If-Match": '"{weekly}"'}, code="revision_mismatch"),
    delete("nor by who may only train", _SCHEDULE, 403, key=TRAIN, code="forbidden"),
    delete("it is removed", _SCHEDULE, headers={"If-Match": '"{guarded}"'}),
    get("it is gone", _SCHEDULE, 404, code="schedule_not_found"),
]
