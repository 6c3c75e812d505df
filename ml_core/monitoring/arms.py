"""The versions that share an alias's traffic, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_core.monitoring.counts import VersionCounts
from ml_core.monitoring.drift import LEAST_COUNTED, TOO_FEW, compare
from ml_core.monitoring.report import label_of, report, told_comparison
from ml_core.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.inputs.labels import Label
    from ml_core.model.model import Model
    from ml_core.monitoring.feedback import FeedbackCounts
    from ml_core.monitoring.reading import Window

    type Told = dict[str, Any]

ALIKE, DIFFERENT = "alike", "different"
MIX_STATES = (TOO_FEW, ALIKE, DIFFERENT)
_LEFT_TO_VERSIONS = ("features", "predictions", "warnings")


class Arm(Record):
    """A version of an alias, and what was counted of it."""

    version: int
    weight: int
    model: Model
    window: Window
    feedback: FeedbackCounts


def side_by_side(arms: Sequence[Arm], first: int) -> list[Told]:
    """What the counts say of each arm, as JSON values.

    The mix of predicted labels of each is compared with that of the version `first`, on the days on which
    both predicted something. Columns are not compared: which version a row comes to is chance.
    """
    (base,) = (arm for arm in arms if arm.version == first)
    requests = sum(arm.window.counts.requests for arm in arms)
    return [
        {
            "version": arm.version,
            "weight": arm.weight,
            "share": round(arm.window.counts.requests / requests, 6) if requests else None,
            **_summary(arm),
            "mix": None if arm is base else _mix(base, arm, len(arms) - 1),
        }
        for arm in arms
    ]


def _summary(arm: Arm) -> Told:
    """An arm's own report without what is told of single columns, and with its labels."""
    model = arm.model
    told = report(
        model.profile,
        arm.window.counts,
        features=model.columns,
        classes=model.classes,
        feedback=arm.feedback,
    )
    labels = [{"label": each["label"], "share": each["now"]} for each in told["predictions"]["labels"]]
    return {**{name: each for name, each in told.items() if name not in _LEFT_TO_VERSIONS}, "labels": labels}


def _mix(base: Arm, arm: Arm, tests: int) -> Told | None:
    """Whether an arm predicts other labels than the base; None of clusters, whose numbers say nothing."""
    if base.model.classes is None or arm.model.classes is None:
        return None
    dates = {day.date for day in base.window.days if day.counts.predictions}
    dates &= {day.date for day in arm.window.days if day.counts.predictions}
    then, now = _labels(base, dates), _labels(arm, dates)
    cells = [(then.get(label, 0), now.get(label, 0)) for label in {**then, **now}]
    found = compare(cells)
    few = min(sum(then.values()), sum(now.values())) < LEAST_COUNTED
    state = TOO_FEW if few or found is None else DIFFERENT if found.drifted(tests) else ALIKE
    return {"against": base.version, "days": len(dates), **told_comparison(found), "state": state}


def _labels(arm: Arm, dates: set[str]) -> dict[Label, int]:
    """How many rows were given each label on these days."""
    total = VersionCounts()
    for day in arm.window.days:
        if day.date in dates:
            total.add(day.counts)
    return {label_of(number, arm.model.classes): count for number, count in enumerate(total.labels)}
