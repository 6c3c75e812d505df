"""Schedules: when a model is trained again by itself, on what, and what became of it."""

from typing import Any

from handlers.rest.call import Call
from handlers.rest.etags import tags, wanted
from handlers.rest.http import Response, json_response
from handlers.rest.schemas import Schema
from handlers.trainings import checked_training
from ml_core.documents import timestamp
from ml_core.names import PATTERN
from ml_core.registry.registry import PRODUCTION
from ml_core.scheduling.durations import PATTERN as DURATION
from ml_core.scheduling.running import present
from ml_core.scheduling.schedule import (
    DEFAULT_A_DAY,
    METRICS,
    MOST_A_DAY,
    ON,
    PROMOTE_DEFAULTS,
    ROLLBACK_DEFAULTS,
    WHEN_DEFAULTS,
    check_schedule,
)
from ml_core.scheduling.schedules import Conditions, StoredSchedule
from ml_core.scheduling.triggers import next_slot

_DURATION: Schema = {  # null is as if it were left out
    "type": ["string", "null"],
    "maxLength": 30,
    "pattern": DURATION,
    "x-checked-by": "ml_core.scheduling.durations",
}
_SHARE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}

WHEN: Schema = {
    "title": "ScheduleComparison",
    "type": "object",
    "required": ["metric"],
    "additionalProperties": False,
    "description": "How the new version has to do on held-out rows, beside the one that the alias has.",
    "properties": {
        "metric": {"type": "string", "enum": [*METRICS], "description": "What both are measured by."},
        "not_worse_by": {
            "type": "number",
            "minimum": 0,
            "maximum": 1_000_000,
            "description": "By so much it may be worse, at the bad end of the difference's interval.",
            "default": WHEN_DEFAULTS["not_worse_by"],
        },
        "confidence": {
            "type": "number",
            "minimum": 0.5,
            "maximum": 0.9999,
            "description": "Of that interval.",
            "default": WHEN_DEFAULTS["confidence"],
        },
    },
}
PROMOTE: Schema = {
    "title": "SchedulePromotion",
    "type": ["object", "null"],
    "required": ["when"],
    "additionalProperties": False,
    "description": "What guards do with the version that a run trained; null for nothing.",
    "properties": {
        "when": WHEN,
        "steps": {
            "type": "array",
            "description": "The new version's shares of the alias's traffic in percent, one after the other.",
            "minItems": 1,
            "maxItems": 20,
            "items": {"type": "integer", "minimum": 1, "maximum": 100},
            "default": PROMOTE_DEFAULTS["steps"],
        },
        "step": {
            **_DURATION,
            "description": "How long each share stays at least.",
            "default": PROMOTE_DEFAULTS["step"],
        },
        "least": {
            "type": "integer",
            "description": "Predictions of the new version that have to be counted in each step.",
            "minimum": 1,
            "maximum": 1_000_000_000,
            "default": PROMOTE_DEFAULTS["least"],
        },
    },
}
ROLLBACK: Schema = {
    "title": "ScheduleRollback",
    "type": ["object", "null"],
    "additionalProperties": False,
    "description": "What has guards roll a promoted version back; null for nothing.",
    "properties": {
        "errors": {**_SHARE, "description": "The share of predictions that may fail."},
        "p95_ms": {
            "type": ["number", "null"],
            "minimum": 1,
            "maximum": 3_600_000,
            "description": "The milliseconds that 95 of 100 requests may take at most.",
        },
        "feedback_accuracy_drop": {**_SHARE, "description": "How far accuracy by feedback may fall."},
        "for": {**_DURATION, "description": "How long it is looked at.", "default": ROLLBACK_DEFAULTS["for"]},
    },
}
SCHEDULE_BODY: Schema = {
    "type": "object",
    "required": ["train"],
    "additionalProperties": False,
    "properties": {
        # Described in full by what declares it.
        "train": {"type": "object", "x-checked-by": "ml_core.training.request"},
        "every": {
            **_DURATION,
            "description": "Spans of UTC, counted from 1970-01-01: `P1D` is midnight, `P7D` begins on "
            "Thursdays. Weeks, days, hours and minutes, from PT10M to P366D.",
        },
        "on": {
            "type": "array",
            "description": "`upload`: of the dataset that `train.data.uri` names. `drift`: of the version "
            "that the alias answers with, over the last 7 days.",
            "maxItems": 10,
            "items": {"title": "ScheduleTrigger", "type": "string", "enum": [*ON]},
        },
        "at_most_every": {**_DURATION, "description": "The time between two runs at least."},
        "most_a_day": {
            "type": "integer",
            "description": "Runs that may start in a day of UTC.",
            "minimum": 1,
            "maximum": MOST_A_DAY,
            "default": DEFAULT_A_DAY,
        },
        "alias": {
            "type": "string",
            "pattern": PATTERN,
            "description": "Whose version is looked at, and moved by guards.",
            "default": PRODUCTION,
        },
        "promote": PROMOTE,
        "rollback": ROLLBACK,
        "paused": {"type": "boolean", "description": "Nothing is started.", "default": False},
    },
    "examples": [
        {
            "train": {
                "algorithm": "logistic_regression",
                "data": {"uri": "dataset://churn", "target": "cancelled"},
            },
            "every": "P1D",
            "on": ["upload"],
            "at_most_every": "PT6H",
        },
        {
            "train": {
                "algorithm": "logistic_regression",
                "data": {"uri": "dataset://churn", "target": "cancelled"},
            },
            "every": "P7D",
            "promote": {"when": {"metric": "log_loss"}},
            "rollback": {"errors": 0.02},
        },
    ],
}


def schedule(call: Call) -> Response:
    """Show a model's schedule: what is trained when, who wrote it, when it comes next, and its last runs.

    The ETag is of what people wrote: no run changes it.
    """
    return _shown(call, call.services.schedules.get(call.path["model"]))


def put_schedule(call: Call) -> Response:
    """Have a model trained again by itself: in spans of time, on new uploads, or when its rows drift.

    The model need not be there yet, nor the data. The slot in which it is written counts as past: `:train`
    trains now. The sweep comes once in ten minutes, starts one job for each slot, and none where neither the
    data nor the request has changed. A run may do what the key may do by which the schedule was written. With
    If-Match only if it still has this ETag; with `If-None-Match: *` only if there is none.
    """
    services, model = call.services, call.path["model"]
    asked = check_schedule(
        call.body(), lambda body: checked_training(services, call.caller, body, scheduled=True)
    )
    services.registry.check_spelling(model)
    stored = services.schedules.put(
        model,
        asked,
        by=call.caller.id or None,
        conditions=_conditions(call),
        present=present(services.registry, model, asked),
    )
    call.note(model=model)
    return _shown(call, stored)


def delete_schedule(call: Call) -> Response:
    """Remove a model's schedule. Runs that started go on; no slot of it is run again by the next one."""
    model = call.path["model"]
    call.services.schedules.delete(model, _conditions(call))
    call.note(model=model)
    return Response(204, {}, b"")


def _conditions(call: Call) -> Conditions:
    unwanted = tags(call.header("if-none-match"))
    return Conditions(wanted(call), unwanted.all if unwanted else frozenset())


def _shown(call: Call, stored: StoredSchedule) -> Response:
    body: dict[str, Any] = {
        "model": stored.model,
        "etag": stored.etag,
        **stored.schedule.described(),
        "writer": stored.writer,
        "updated": stored.updated,
        "next": next_slot(stored.schedule, call.services.schedules.clock()),
        "runs": stored.state["runs"],
        "guard": _guard(stored.state["ladder"]),
    }
    return json_response(body, headers={"etag": f'"{stored.etag}"', "cache-control": "private, no-cache"})


def _guard(ladder: dict[str, Any] | None) -> dict[str, Any] | None:
    """How far the new version is, as callers are told it: without what only sweeps need to go on."""
    if ladder is None:
        return None
    told = {name: ladder[name] for name in ("alias", "old", "new", "at", "step", "reason")}
    if not told["old"]:  # the alias was not there
        told["old"] = None
    return {**told, "begun": timestamp(ladder["begun"]), "since": timestamp(ladder["since"])}
