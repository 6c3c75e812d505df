"""What is spent of a dataset's privacy budget, by compare-and-swap: together never more than it allows.

Costs are exact fractions, which add up; what ε they come to is rounded up, and what a budget allows is
rounded down. An attempt is debited before its fit, and nothing is given back: a trainer that was killed may
have told somebody what it found. A debit whose answer was lost is found by its token, or is counted twice.
"""

import math
import time
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from ml_core.conflicts import BudgetSpent
from ml_core.documents import Body, Document, read, timestamp, update
from ml_core.errors import InvalidInput, ObjectNotFound, RevisionMismatch, shown
from ml_core.ports import ObjectStore
from ml_core.privacy.accounting import epsilon_of, rho_of
from ml_core.privacy.budgets import DatasetBudget, budget_in, budget_key

MOST_EPSILON, LEAST_EPSILON = 1_000.0, 1e-3
MOST_DELTA, LEAST_DELTA = 1e-3, 1e-15
MOST_ENTRIES = 1_000
MOST_CHANGES = 1_000
NO_REVISION = "0"  # of a budget that nobody has set or spent of

_NEW: Body = {
    "budget": None,
    "rho": "0",
    "entries": [],
    "entries_omitted": 0,
    "changes": [],
    "changes_omitted": 0,
}


class Debit(NamedTuple):
    """What one attempt at a job has spent; `attempt` counts a job's attempts from 1."""

    job: str
    model: str
    attempt: int
    rho: str
    time: str
    token: str


class BudgetChange(NamedTuple):
    """One change of the budget: `by` is the id of the caller's key, None where none is asked for."""

    number: int
    time: str
    by: str | None
    before: DatasetBudget | None
    after: DatasetBudget | None


class Account(NamedTuple):
    """A dataset's budget, and what was spent, newest first; `etag` is another with each change."""

    etag: str
    budget: DatasetBudget | None
    rho: Fraction
    entries: list[Debit]
    entries_omitted: int
    changes: list[BudgetChange]
    changes_omitted: int

    @property
    def left(self) -> Fraction:
        """The rho that may still be spent; 0 where no budget is set or more than all of it was."""
        return Fraction(0) if self.budget is None else max(Fraction(0), allowed(self.budget) - self.rho)

    @property
    def epsilon_spent(self) -> float | None:
        """What was spent, as ε at the budget's δ; None where no budget is set."""
        return None if self.budget is None else _epsilon_spent(self.rho, self.budget.delta)

    @property
    def epsilon_left(self) -> float | None:
        """The greatest ε that one training may still ask for at the budget's δ, rounded down a little."""
        if self.budget is None:
            return None
        return _epsilon_left(self.left, self.budget.epsilon, self.budget.delta)


class Ledger:
    """The account of one dataset, in whatever spelling of its name."""

    def __init__(self, store: ObjectStore, dataset: str, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._dataset = dataset
        self._key = budget_key(dataset)
        self._clock = clock

    def account(self) -> Account:
        """The account as it is now. Raises `Unavailable`."""
        try:
            return _account(read(self._store, self._key))
        except ObjectNotFound:
            return _NOTHING

    def set(
        self,
        budget: DatasetBudget | None,
        *,
        by: str | None,
        if_match: frozenset[str] | None = None,
        if_none_match: frozenset[str] = frozenset(),
    ) -> Account:
        """Set, change or, with None, remove the budget; what was spent stays.

        Args:
            budget: the new one.
            by: the id of the caller's key.
            if_match: the account has to have one of these ETags; None for any.
            if_none_match: a budget must not be set (`*`), or the account not have one of these ETags.

        Raises:
            RevisionMismatch: the account is another.
            Unavailable: the store failed.
        """

        def change(body: Body | None) -> Body | None:
            etag = NO_REVISION if body is None else str(body["revision"])
            present = None if body is None else budget_in(body)
            if if_match is not None and not if_match & {etag, "*"}:
                raise RevisionMismatch(
                    f"the budget of '{self._dataset}' was changed or spent of: it is {etag}"
                )
            if etag in if_none_match or ("*" in if_none_match and present is not None):
                raise RevisionMismatch(f"the budget of '{self._dataset}' is set already, and is {etag}")
            if present == budget:
                return None
            body = _begun(body)
            number = body["changes_omitted"] + len(body["changes"]) + 1
            line = [number, timestamp(self._clock()), by, body["budget"], _said(budget)]
            body["budget"] = _said(budget)
            _append(body, "changes", line, MOST_CHANGES)
            return body

        try:
            return _account(update(self._store, self._key, change))
        except ObjectNotFound:  # none was there to remove
            return _NOTHING

    def check(self, rho: Fraction) -> None:
        """Raise `BudgetSpent` where a fit that costs rho could not be paid; nothing is spent."""
        account = self.account()
        self._check(account.budget, account.rho, rho)

    def debit(self, rho: Fraction, *, job: str, model: str, attempt: int, token: str) -> None:
        """Spend rho for an attempt, unless this very token has: once it returns, the fit may begin.

        Args:
            rho: what the fit costs.
            job: the job.
            model: the model.
            attempt: counts the job's attempts.
            token: is of this attempt alone, whatever else has the same number.

        Raises:
            BudgetSpent: the budget does not pay for it.
            Unavailable: the store failed; it may have been spent all the same.
        """
        if rho <= 0:
            raise ValueError(f"expected rho above 0, got {rho}")

        def change(body: Body | None) -> Body | None:
            body = _begun(body)
            if any(entry[3] == str(rho) and entry[5] == token for entry in body["entries"]):
                return None
            spent = Fraction(body["rho"])
            self._check(budget_in(body), spent, rho)
            body["rho"] = str(spent + rho)
            entry = Debit(job, model, attempt, str(rho), timestamp(self._clock()), token)
            _append(body, "entries", list(entry), MOST_ENTRIES)
            return body

        update(self._store, self._key, change)

    def check_covered(self, job: str) -> None:
        """Raise `BudgetSpent` unless an attempt at the job was debited, and what was spent is allowed now.

        To be asked right before its version is registered: the budget may have been lowered meanwhile.
        """
        account = self.account()
        if not any(entry.job == job for entry in account.entries):
            raise BudgetSpent(
                f"nothing was spent of the privacy budget of dataset '{self._dataset}' for this training: "
                "send the request again"
            )
        self._check(account.budget, account.rho, Fraction(0))

    def _check(self, budget: DatasetBudget | None, spent: Fraction, rho: Fraction) -> None:
        """Raise `BudgetSpent` where so much more is not allowed."""
        if budget is None or spent + rho <= allowed(budget):
            return
        left = _epsilon_left(max(Fraction(0), allowed(budget) - spent), budget.epsilon, budget.delta)
        raise BudgetSpent(
            f"the privacy budget of dataset '{self._dataset}' (epsilon {budget.epsilon:g} at delta "
            f"{budget.delta:g}) does not pay for this training: a training may still ask for epsilon "
            f"{math.floor(left * 1e4) / 1e4:g} at that delta; ask for less, or have an admin raise the budget"
        )


def check_budget(value: object) -> DatasetBudget | None:
    """The budget that a body asks for, in its member `budget`; null removes it. Raises `InvalidInput`."""
    if value is None:
        return None
    where = "$.budget"
    if not isinstance(value, dict) or set(value) != {"epsilon", "delta"}:
        expected = 'null or {"epsilon": …, "delta": …}'
        raise InvalidInput.at(where, f"expected {expected}, got {shown(value)}")
    return DatasetBudget(
        _number(value["epsilon"], f"{where}.epsilon", LEAST_EPSILON, MOST_EPSILON),
        _number(value["delta"], f"{where}.delta", LEAST_DELTA, MOST_DELTA),
    )


@lru_cache(maxsize=256)
def allowed(budget: DatasetBudget) -> Fraction:
    """The rho that a budget allows, rounded down."""
    return rho_of(budget.epsilon, budget.delta)


def _number(value: object, where: str, least: float, most: float) -> float:
    right = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
    if not right:
        raise InvalidInput.at(where, f"expected a number from {least:g} to {most:g}, got {shown(value)}")
    return float(value)  # type: ignore[arg-type]  # checked by `right`


def _epsilon_spent(rho: Fraction, delta: float) -> float:
    nearest = float(rho)
    return epsilon_of(nearest if Fraction(nearest) >= rho else math.nextafter(nearest, math.inf), delta)


def _epsilon_left(rho: Fraction, epsilon: float, delta: float) -> float:
    """As `epsilon_left`: what is told may be asked for."""
    if rho == 0:
        return 0.0
    told = min(epsilon, _epsilon_spent(rho, delta))
    while told > 0 and rho_of(told, delta) > rho:
        told = max(0.0, told * (1 - 1e-9) - 1e-12)
    return told


def _begun(body: Body | None) -> Body:
    """A document to change; a new one where there is none."""
    return {**_NEW, "entries": [], "changes": []} if body is None else body


def _append(body: Body, member: str, line: list[Any], most: int) -> None:
    lines = [*body[member], line]
    body[f"{member}_omitted"] += max(0, len(lines) - most)
    body[member] = lines[-most:]


def _said(budget: DatasetBudget | None) -> dict[str, float] | None:
    return None if budget is None else {"epsilon": budget.epsilon, "delta": budget.delta}


def _account(document: Document) -> Account:
    body = document.body
    return Account(
        str(body["revision"]),
        budget_in(body),
        Fraction(body["rho"]),
        [Debit(*entry) for entry in reversed(body["entries"])],
        body["entries_omitted"],
        [_change(*line) for line in reversed(body["changes"])],
        body["changes_omitted"],
    )


def _change(
    number: int, at: str, by: str | None, before: dict[str, float] | None, after: dict[str, float] | None
) -> BudgetChange:
    return BudgetChange(number, at, by, budget_in({"budget": before}), budget_in({"budget": after}))


_NOTHING = Account(NO_REVISION, None, Fraction(0), [], 0, [], 0)
