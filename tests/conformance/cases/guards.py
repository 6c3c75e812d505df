"""Guards: what a schedule says of them, and a version that is trained by the sweep, compared, and moved."""

import random
from typing import Any

from tests.conformance.case import LOOKING, Case, delete, get, post, put, upload

_MODEL = "/v1/models/guarded"
_SCHEDULE, _ALIAS = f"{_MODEL}/schedule", f"{_MODEL}/aliases/live"
_TRAIN: dict[str, Any] = {
    "algorithm": "logistic_regression",
    "data": {"uri": "dataset://guarded", "target": "bought", "features": ["age", "visits"]},
    "test_fraction": 0.4,
}
_PROMOTE: dict[str, Any] = {
    "when": {"metric": "log_loss", "not_worse_by": 1, "confidence": 0.9},
    "steps": [10, 100],
    "step": "PT30M",
    "least": 100,
}
_BODY: dict[str, Any] = {
    "train": _TRAIN,
    "on": ["upload"],
    "alias": "live",
    "promote": _PROMOTE,
    "rollback": {"errors": 0.05, "for": "PT6H"},
}
_PRIVACY = {
    "epsilon": 1,
    "delta": 1e-6,
    "bounds": {"age": [0, 99], "visits": [0, 99]},
    "classes": ["no", "yes"],
}


def _table(rows: int, seed: int) -> bytes:
    """Of two columns that tell whether somebody bought, more or less."""
    of = random.Random(seed)  # noqa: S311 - the same on every cloud
    lines = ["age,visits,bought"]
    for _ in range(rows):
        age, visits = of.randint(18, 90), of.randint(0, 30)
        lines.append(f"{age},{visits},{'yes' if visits * 3 + of.gauss(0, 20) > age else 'no'}")
    return ("\n".join(lines) + "\n").encode()


def _refused(name: str, change: dict[str, Any], at: str) -> Case:
    return put(name, _SCHEDULE, {**_BODY, **change}, 422, code="invalid_input", at=at)


def _no_promotion(name: str, change: dict[str, Any], at: str) -> Case:
    return _refused(name, {"promote": {**_PROMOTE, **change}}, f"$.promote{at}")


def _no_comparison(name: str, change: dict[str, Any], at: str) -> Case:
    return _no_promotion(name, {"when": {**_PROMOTE["when"], **change}}, f".when{at}")


CASES = [
    _refused("a promotion without a reason", {"promote": {}}, "$.promote"),
    _refused("a promotion that is none", {"promote": 1}, "$.promote"),
    _no_comparison("by no metric of ours", {"metric": "luck"}, ".metric"),
    _no_comparison("that may be better alone", {"not_worse_by": -1}, ".not_worse_by"),
    _no_comparison("that is quite sure", {"confidence": 1}, ".confidence"),
    _no_promotion("in no steps", {"steps": []}, ".steps"),
    _no_promotion("in steps past the whole", {"steps": [10, 110]}, ".steps[1]"),
    _no_promotion("in steps of no time", {"step": "PT1M"}, ".step"),
    _no_promotion("that has to see nothing", {"least": 0}, ".least"),
    _no_promotion("of somebody's", {"by": "ada"}, ""),
    _refused("a roll-back at more than all", {"rollback": {"errors": 2}}, "$.rollback.errors"),
    _refused("a roll-back at once", {"rollback": {"p95_ms": 0}}, "$.rollback.p95_ms"),
    _refused("a roll-back for a month", {"rollback": {"errors": 0.1, "for": "P1M"}}, "$.rollback.for"),
    _refused("of private versions", {"train": {**_TRAIN, "privacy": _PRIVACY}}, "$.promote"),
    *upload("rows to begin with", "guarded", _table(700, 1)),
    post("the version before", f"{_MODEL}:train", _TRAIN, 202, deliver="after"),
    put("an alias to be moved", _ALIAS, {"version": 1}),
    put("a schedule that promotes and rolls back", _SCHEDULE, _BODY),
    *upload("more rows", "guarded", _table(800, 2)),
    get("a sweep trains on them", _SCHEDULE, deliver="swept"),
    # The laptop's trainer sweeps by itself as well: from here on nothing is asked that one more would change.
    get("the next one makes the first step", f"{_MODEL}/versions/1", deliver="swept"),
    get("one more waits for its time", f"{_MODEL}/versions/1", deliver="swept"),
    get("the first step was made", _SCHEDULE, key=LOOKING),
    get("both versions on the same rows", f"{_MODEL}/versions/2"),
    get("the alias shares its traffic", _ALIAS),
    get("its history says why", f"{_ALIAS}/history"),
    put("somebody decides", _ALIAS, {"version": 1}, deliver="swept"),
    get("which ends it", _SCHEDULE),
    get("and stays", f"{_ALIAS}/history"),
    delete("the schedule goes", _SCHEDULE),
]
