"""What the counts of a version say, and those of the versions that share an alias's traffic."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from handlers.rest.endpoints.prediction import note
from handlers.rest.etags import digested, polled
from handlers.rest.http import Response, json_response
from handlers.rest.spans import span_of
from ml_core.documents import timestamp
from ml_core.monitoring.drift import DRIFTED
from ml_core.monitoring.feedback import feedback_of
from ml_core.monitoring.parts import date_of
from ml_core.monitoring.reading import windows

if TYPE_CHECKING:
    from handlers.rest.call import Call
    from ml_core.monitoring.feedback import FeedbackCounts
    from ml_core.monitoring.reading import Window
    from ml_core.serving import Served


def version(call: Call) -> Response:
    """Show what a version answered in some time, and whether that is what it was trained on.

    Of each column and of what was predicted: how far it is from the training rows, the chance of that, and
    a state, which is `drifted` only where both say so. Days of UTC are counted whole: `window` says which.
    docs/monitoring.md describes the members, and how often the state is wrong.
    """
    from ml_core.monitoring.report import report

    span = span_of(call.query())
    served = call.services.models.resolve(call.path["model"], call.version)
    note(call, served)
    (window,) = _windows(call, [served], span)
    model = served.model
    told = report(
        model.profile,
        window.counts,
        features=model.columns,
        classes=model.classes,
        feedback=_feedback(call, served, window),
    )
    told["warnings"] = [*_warnings(call, window), *told["warnings"]]
    told = {
        "model": {"name": served.name, "version": served.version},
        **_about(call, window),
        **told,
    }
    response = json_response(told)
    if len(response.body) > call.settings.max_answer_bytes:
        for feature in told["features"].values():
            if feature["state"] != DRIFTED:
                feature["bins"] = []
        told["warnings"].append("the answer was too long: bins are told of columns that drifted alone")
        response = json_response(told)
    return digested(response, call.header("if-none-match"))


def alias(call: Call) -> Response:
    """Show the versions that share an alias's traffic side by side: traffic, labels, accuracy and state.

    All that a version answered is counted, by whatever name it was asked for. `mix` compares the labels that
    a version predicted with those of the version of the greatest weight, on the days on which both predicted.
    """
    from ml_core.monitoring.arms import Arm, side_by_side

    span = span_of(call.query())
    name = call.path["model"]
    found = call.services.registry.model(name).alias(call.path["alias"])
    weights = found.weights or {str(found.version): 1}
    served = [call.services.models.resolve(name, number) for number in found.versions]
    call.note(model=name, alias=found.alias)
    counted = _windows(call, served, span)
    arms = [
        Arm(each.version, weights[str(each.version)], each.model, window, _feedback(call, each, window))
        for each, window in zip(served, counted, strict=True)
    ]
    return polled(
        call,
        {
            "model": {"name": served[0].name},
            "alias": found.alias,
            **_about(call, counted[0]),
            "versions": side_by_side(arms, found.version),
            "warnings": _warnings(call, counted[0]),
        },
    )


def _windows(call: Call, served: list[Served], span: tuple[float, float]) -> list[Window]:
    """What was counted of each version: what is stored, and what this instance has not stored yet."""
    now = time.time()
    jobs = [each.job or "" for each in served]
    found = windows(call.services.store, jobs, *span, now=now)
    if call.settings.monitoring_days:
        for job, counts in call.services.monitor.unsaved(jobs).items():
            found[job] = found[job].plus(now, counts)
    return [found[job] for job in jobs]


def _feedback(call: Call, served: Served, window: Window) -> FeedbackCounts:
    first, last = (date_of(at) for at in (window.begin, window.end - 0.001))
    return feedback_of(call.services.store, served.job or "", first, last)


def _about(call: Call, window: Window) -> dict[str, Any]:
    """Whether anything is counted, and which time is told of."""
    days = call.settings.monitoring_days
    return {
        "monitoring": {"on": days > 0, "setting": "ML_MONITORING_DAYS", "days": days},
        "window": {"from": timestamp(window.begin), "to": timestamp(window.end)},
    }


def _warnings(call: Call, window: Window) -> list[str]:
    warnings = []
    if not call.settings.monitoring_days:
        warnings.append("nothing is counted: the setting ML_MONITORING_DAYS is 0")
    if window.left_out:
        warnings.append(
            f"{window.left_out:,} or more objects of counts were not read, because there are too many: ask "
            "for a shorter time"
        )
    return warnings
