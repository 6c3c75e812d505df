"""Datasets' privacy budgets: what private trainings may cost together, what they have, and who set that."""

from typing import Any

from handlers.limits import MODEL, among
from handlers.rest.call import Call
from handlers.rest.etags import tags, wanted
from handlers.rest.http import Response, json_response
from handlers.rest.schemas import Schema
from ml_core.datasets.datasets import stored_descriptions
from ml_core.privacy.budgets import DatasetBudget
from ml_core.privacy.ledger import (
    LEAST_DELTA,
    LEAST_EPSILON,
    MOST_DELTA,
    MOST_EPSILON,
    Account,
    BudgetChange,
    Debit,
    Ledger,
    check_budget,
)

BUDGET_BODY: Schema = {
    "type": "object",
    "required": ["budget"],
    "additionalProperties": False,
    "properties": {
        "budget": {
            "description": "What all private trainings on the dataset may cost together; null removes it.",
            "anyOf": [
                {
                    "title": "NewPrivacyBudget",
                    "type": "object",
                    "required": ["epsilon", "delta"],
                    "additionalProperties": False,
                    "properties": {
                        "epsilon": {"type": "number", "minimum": LEAST_EPSILON, "maximum": MOST_EPSILON},
                        "delta": {"type": "number", "minimum": LEAST_DELTA, "maximum": MOST_DELTA},
                    },
                },
                {"type": "null"},
            ],
            "x-checked-by": "ml_core.privacy.ledger",
        },
    },
    "examples": [{"budget": {"epsilon": 4, "delta": 1e-6}}, {"budget": None}],
}


def budget(call: Call) -> Response:
    """Show a dataset's privacy budget: what is left of it, what was spent by which training, who set it.

    The dataset need not be there: a budget belongs to the name, in whatever spelling, and outlives uploads
    and deletions. `rho` is what zero-concentrated differential privacy counts in, as an exact fraction.
    `descriptions` are those that are kept of looks at the dataset; they are not shown while a budget is set.
    """
    return _shown(call, _ledger(call).account())


def put_budget(call: Call) -> Response:
    """Set, raise, lower or (with null) remove a dataset's privacy budget. What was spent stays spent.

    While one is set, only trainings with `privacy` read the dataset: without it trainings, scorings,
    descriptions and the files of earlier scorings are refused with 409 (`budget`), also by another address of
    the same file. A training that cannot be paid is a 409 (`budget_spent`). With If-Match only if the account
    still has this ETag; with `If-None-Match: *` only if no budget is set.
    """
    asked = check_budget(call.body()["budget"])
    unwanted = tags(call.header("if-none-match"))
    account = _ledger(call).set(
        asked,
        by=call.caller.id or None,
        if_match=wanted(call),
        if_none_match=unwanted.all if unwanted else frozenset(),
    )
    call.note(dataset=call.path["dataset"])
    return _shown(call, account)


def _ledger(call: Call) -> Ledger:
    return Ledger(call.services.store, call.path["dataset"])


def _shown(call: Call, account: Account) -> Response:
    told = among(call.caller, MODEL)
    store = call.services.store
    left = {"rho": str(account.left), "epsilon": account.epsilon_left}
    body = {
        "dataset": call.path["dataset"],
        "etag": account.etag,
        "budget": _said(account.budget),
        "spent": {"rho": str(account.rho), "epsilon": account.epsilon_spent},
        "left": None if account.budget is None else left,
        "entries": [_entry(each, told is None or told(each.model)) for each in account.entries],
        "entries_omitted": account.entries_omitted,
        "changes": [_change(each) for each in account.changes],
        "changes_omitted": account.changes_omitted,
        "descriptions": [each._asdict() for each in stored_descriptions(store, call.path["dataset"])],
    }
    headers = {"etag": f'"{account.etag}"', "cache-control": "private, no-cache"}
    return json_response(body, headers=headers)


def _entry(debit: Debit, told: bool) -> dict[str, Any]:
    """What was spent; of a model that the key is not for, neither its name nor the job."""
    return {
        "job": debit.job if told else None,
        "model": debit.model if told else None,
        "attempt": debit.attempt,
        "rho": debit.rho,
        "time": debit.time,
    }


def _change(change: BudgetChange) -> dict[str, Any]:
    return {
        "number": change.number,
        "time": change.time,
        "by": change.by,
        "from": _said(change.before),
        "to": _said(change.after),
    }


def _said(budget: DatasetBudget | None) -> dict[str, float] | None:
    return None if budget is None else {"epsilon": budget.epsilon, "delta": budget.delta}
