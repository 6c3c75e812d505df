"""What people write of a schedule: what is trained, when, and what may become of it.

A body has the form that its endpoint declares; here is checked what a form cannot say. It is kept as it was
written, with its defaults filled in, and each run checks again what it trains on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core import algorithms
from ml_core.datasets.sources import DATASET
from ml_core.errors import Fault, InvalidInput, raise_faults, shown
from ml_core.registry.registry import PRODUCTION
from ml_core.scheduling.durations import duration_faults, seconds_of
from ml_core.training.reference import TableReference
from ml_core.training.split import HASH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ml_core.training.request import TrainingRequest

EVERY, UPLOAD, DRIFT = "every", "upload", "drift"
ON = (UPLOAD, DRIFT)
MOST_A_DAY = 48
DEFAULT_A_DAY = 4
LARGEST = 65_536  # bytes of a schedule as JSON
# What a challenger may be compared by: what is measured of each held-out row, or of their order.
METRICS = ("log_loss", "hinge_loss", "accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "pr_auc")
# Members that hold rows, which no schedule keeps.
_ROWS = ("instances", "targets")

# What is meant where a member is left out.
PROMOTE_DEFAULTS: dict[str, Any] = {"steps": [10, 50, 100], "step": "PT1H", "least": 300}
WHEN_DEFAULTS: dict[str, Any] = {"not_worse_by": 0.01, "confidence": 0.95}
ROLLBACK_DEFAULTS: dict[str, Any] = {
    "errors": None,
    "p95_ms": None,
    "feedback_accuracy_drop": None,
    "for": "PT24H",
}


class Schedule(NamedTuple):
    """A schedule that has no faults. `promote` and `rollback` say what guards are to do, None for nothing."""

    train: dict[str, Any]
    every: str | None = None
    on: tuple[str, ...] = ()
    at_most_every: str | None = None
    most_a_day: int = DEFAULT_A_DAY
    alias: str = PRODUCTION
    promote: dict[str, Any] | None = None
    rollback: dict[str, Any] | None = None
    paused: bool = False

    @property
    def uri(self) -> str:
        """The address of the data that is trained on."""
        uri: str = self.train["data"]["uri"]
        return uri

    @property
    def dataset(self) -> str | None:
        """The dataset whose newest upload is trained on; None for another address."""
        scheme, _, name = self.uri.partition("://")
        return name if scheme == DATASET and "/" not in name else None

    @property
    def is_hashed(self) -> bool:
        """Whether a hash of their content holds rows out."""
        split = self.train.get("split")
        return isinstance(split, dict) and split.get("by") == HASH

    @property
    def period(self) -> int | None:
        """The seconds of `every`; None without it."""
        return None if self.every is None else seconds_of(self.every)

    @property
    def pause(self) -> int:
        """The seconds that have to be between two runs."""
        return 0 if self.at_most_every is None else seconds_of(self.at_most_every)

    def described(self) -> dict[str, Any]:
        """As JSON, such as `of` takes it."""
        return {**self._asdict(), "on": list(self.on)}

    @classmethod
    def of(cls, written: dict[str, Any]) -> Schedule:
        """The schedule that `described` wrote; members of a later release are left out."""
        known = {name: value for name, value in written.items() if name in cls._fields}
        return cls(**{**known, "on": tuple(known["on"])})


def check_schedule(body: dict[str, Any], check_train: Callable[[object], TrainingRequest]) -> Schedule:
    """The schedule that a body of the declared form asks for, with its defaults.

    `check_train` checks what is trained, and raises what `check_request` does. Raises `InvalidInput` with the
    place of each fault, and what `check_train` raises besides.
    """
    filled = _filled(body)
    faults = [*_timing_faults(filled), *_guard_faults(filled)]
    try:
        request = _checked_training(filled.train, check_train)
    except InvalidInput as error:
        raise InvalidInput([*error.faults, *faults]) from error
    raise_faults([*faults, *_faults_together(filled, request)])
    size = len(json.dumps(filled.described()).encode())
    if size > LARGEST:
        raise InvalidInput.at("$", f"has {size:,} bytes as JSON; at most {LARGEST:,} are expected")
    return filled


def _filled(body: dict[str, Any]) -> Schedule:
    given = {name: value for name, value in body.items() if value is not None}
    promote, rollback = given.get("promote"), given.get("rollback")
    if promote is not None:
        promote = {
            **PROMOTE_DEFAULTS,
            **_given(promote),
            "when": {**WHEN_DEFAULTS, **_given(promote["when"])},
        }
    if rollback is not None:
        rollback = {**ROLLBACK_DEFAULTS, **_given(rollback)}
    on = tuple(each for each in ON if each in given.get("on", ()))
    return Schedule(**{**given, "train": body["train"], "on": on, "promote": promote, "rollback": rollback})


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _checked_training(train: object, check_train: Callable[[object], TrainingRequest]) -> TrainingRequest:
    """The request that each run makes. Raises `InvalidInput`, whose places are in the schedule."""
    expected = "a schedule trains on an address: name it in `data`"
    if not isinstance(train, dict):
        raise InvalidInput.at("$.train", f"expected an object, got {shown(train)}")
    raise_faults(
        Fault(f"$.train.{name}", f"rows are not kept here; {expected}") for name in _ROWS if name in train
    )
    if train.get("data") is None:
        raise InvalidInput.at("$.train", f"lacks 'data'; {expected}")
    try:
        request = check_train(train)
        raise_faults(_null_faults(train, _declared(request.algorithm), "$"))
    except InvalidInput as error:
        told = InvalidInput(
            [Fault(f"$.train{path.removeprefix('$')}", message) for path, message in error.faults]
        )
        told.omitted = error.omitted
        raise told from error
    return request


def _declared(algorithm: str) -> dict[str, Any]:
    """The members of a body of `:train` for an algorithm, as JSON Schema."""
    from ml_core.training.request import body_schema

    declared: dict[str, Any] = body_schema(algorithms.algorithm(algorithm))["properties"]
    return declared


def _null_faults(members: dict[str, Any], declared: dict[str, Any], where: str) -> Iterator[Fault]:
    """Nulls that are not declared. `:train` takes them as left out, as it always did."""
    for name, value in members.items():
        described = declared.get(name, {})
        if value is None and not _may_be_null(described):
            yield Fault(f"{where}.{name}", "expected a value, got null; leave it out")
        elif isinstance(value, dict):
            yield from _null_faults(value, described.get("properties", {}), f"{where}.{name}")


def _may_be_null(described: dict[str, Any]) -> bool:
    if any(_may_be_null(each) for form in ("anyOf", "oneOf") for each in described.get(form, ())):
        return True
    types = described.get("type", ())
    return None in described.get("enum", ()) or "null" in ([types] if isinstance(types, str) else types)


def _timing_faults(schedule: Schedule) -> Iterator[Fault]:
    if schedule.every is None and not schedule.on:
        yield Fault("$", "expected 'every' or 'on', or nothing would ever start a run")
    for name in ("every", "at_most_every"):
        value = getattr(schedule, name)
        if value is not None:
            yield from duration_faults(value, f"$.{name}")
    if DRIFT in schedule.on and schedule.at_most_every is None:
        yield Fault(
            "$.at_most_every",
            'expected a duration beside "drift": each version that still drifts would train another',
        )


def _guard_faults(schedule: Schedule) -> Iterator[Fault]:
    promote, rollback = schedule.promote, schedule.rollback
    if promote is not None:
        yield from duration_faults(promote["step"], "$.promote.step")
        steps = promote["steps"]
        if steps != sorted({*steps}) or steps[-1] != 100:
            yield Fault("$.promote.steps", "expected shares that grow, the last of them 100, got others")
    if rollback is not None:
        yield from duration_faults(rollback["for"], "$.rollback.for")
        if all(value is None for name, value in rollback.items() if name != "for"):
            known = ", ".join(name for name in ROLLBACK_DEFAULTS if name != "for")
            yield Fault("$.rollback", f"expected at least one of {known}")


def _faults_together(schedule: Schedule, request: TrainingRequest) -> Iterator[Fault]:
    """What of the schedule does not go with what it trains."""
    assert isinstance(request.data, TableReference), "rows are refused before"  # noqa: S101
    if UPLOAD in schedule.on and schedule.dataset is None:
        yield Fault(
            "$.train.data.uri",
            f'expected a dataset without an upload\'s id (dataset://name) beside "upload", got '
            f"{shown(schedule.uri)}",
        )
    if schedule.promote is None:
        return
    if request.privacy is not None:
        yield Fault(
            "$.promote",
            "expected null for a private training: comparing versions on held-out rows is not private",
        )
    if not algorithms.algorithm(request.algorithm).task.supervised:
        yield Fault("$.promote", f"expected null: {request.algorithm} has no labels to be compared by")
