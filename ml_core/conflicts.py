"""Conflicts, what is not found and what is not deployed: errors of the tree in `ml_core/errors.py`.

They stand here because a cold start pays for every class it defines, and no prediction of our own models
raises one of these.
"""

from __future__ import annotations

from ml_core.errors import Conflict, NotFound, Refused


class DataChanged(Conflict):
    """What a job reads is not any more what it was when the job began."""

    code = "data_changed"


class BudgetRefused(Conflict):
    """A dataset has a privacy budget, and this would read or show it without privacy."""

    code = "budget"


class BudgetSpent(Conflict):
    """A dataset's privacy budget does not pay for a private training any more."""

    code = "budget_spent"


class VersionInUse(Conflict):
    """An alias points at the version."""

    code = "version_in_use"


class VersionGone(Conflict):
    """The version was deleted: nothing can go back to it, unless it is restored first."""

    code = "version_gone"


class NothingToPromote(Conflict):
    """Which version to promote is not said, and the alias's state does not say it either."""

    code = "nothing_to_promote"


class NothingToRollBack(Conflict):
    """Nothing is known of what the alias was before."""

    code = "nothing_to_roll_back"


class NotDescribed(Conflict):
    """What the version learnt cannot be told: its algorithm does not say it, or not in the columns' units.

    Or nothing is kept of the rows that it was trained on.
    """

    code = "not_described"


class NotExplained(Conflict):
    """Why the version predicts what it predicts cannot be told; the message says what would help."""

    code = "not_explained"


class NotExported(Conflict):
    """The version cannot be said as ONNX: its algorithm has no graph, or ONNX no place for what it holds."""

    code = "not_exported"


class NotMonitored(Conflict):
    """Predictions are not counted here, and nor is what they were really of."""

    code = "not_monitored"


class FeedbackFull(Conflict):
    """A version's predictions of one day have as many labels as are counted."""

    code = "feedback_full"


class IdempotencyMismatch(Conflict):
    """The Idempotency-Key was used before, with another body."""

    code = "idempotency_mismatch"


class NotDeployed(Refused):
    """A function that would be needed is no part of this deployment."""

    code = "not_deployed"

    @classmethod
    def graphs(cls) -> NotDeployed:
        """Of the function that runs imported models."""
        return cls(
            "nothing here runs imported ONNX models: deploy with the parameter `onnx: yes`, or on a laptop "
            "set ML_ONNX=here with onnxruntime installed"
        )


class LeaseLost(Conflict):
    """The trainer no longer holds the job: its lease ran out and was taken over, or the job is over."""

    code = "lease_lost"


class ScheduleNotFound(NotFound):
    """The model has no schedule."""

    code = "schedule_not_found"
