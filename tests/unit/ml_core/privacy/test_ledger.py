"""The budget of a dataset: what is spent adds up exactly, together never more than is allowed."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest

from ml_core import documents
from ml_core.conflicts import BudgetRefused, BudgetSpent
from ml_core.errors import InvalidInput, RevisionMismatch, Unavailable
from ml_core.privacy.accounting import epsilon_of, rho_of
from ml_core.privacy.budgets import (
    DatasetBudget,
    budget_key,
    check_no_budget,
    has_budget,
    with_budgets,
)
from ml_core.privacy.ledger import (
    MOST_CHANGES,
    MOST_ENTRIES,
    Ledger,
    allowed,
    check_budget,
)
from providers.local.runtime.store import FolderStore
from tests.contract.faults import Fault, FaultyStore, do_twice, fail_before, lose_answer

FOUR = DatasetBudget(4.0, 1e-6)
ONE = rho_of(1, 1e-6)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(str(tmp_path))


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that was not first tries again at once."""
    monkeypatch.setattr(documents, "_FIRST_PAUSE", 0.0)


def spend(ledger: Ledger, rho: Fraction, token: str, job: str = "j") -> None:
    ledger.debit(rho, job=job, model="m", attempt=1, token=token)


def set_to(ledger: Ledger, budget: DatasetBudget | None) -> None:
    ledger.set(budget, by="key")


def test_nothing_is_there_before_somebody_sets_it(store: FolderStore) -> None:
    account = Ledger(store, "churn").account()
    assert (account.budget, account.entries, account.changes) == (None, [], [])
    assert (account.epsilon_left, account.epsilon_spent) == (None, None)
    assert (account.rho, account.left) == (Fraction(0), Fraction(0))
    assert not has_budget(store, "churn")
    check_no_budget(store, "churn")
    assert Ledger(store, "churn").set(None, by=None) == account, "nothing is removed"
    assert store.list("").objects == []


def test_it_is_one_of_a_name_in_every_spelling_and_of_no_other(store: FolderStore) -> None:
    set_to(Ledger(store, "Churn"), FOUR)
    assert has_budget(store, "churn")
    assert has_budget(store, "CHURN")
    for other in ("churn-2", "churn.json", "chur", "churn_", "c"):
        assert not has_budget(store, other), other
    set_to(Ledger(store, "a.b_c-d.json"), FOUR)
    assert with_budgets(store) == {"churn", "a.b_c-d.json"}
    assert with_budgets(store, ["churn", "x"]) == {"churn"}
    with pytest.raises(BudgetRefused, match="dataset 'CHURN' has a privacy budget"):
        check_no_budget(store, "CHURN")


def test_a_budget_is_spent_to_its_end_and_not_further(store: FolderStore) -> None:
    ledger = Ledger(store, "churn")
    set_to(ledger, FOUR)
    rho = allowed(FOUR)
    third = rho / 3
    for token in ("a", "b", "c"):
        ledger.check(third)
        spend(ledger, third, token)
    account = ledger.account()
    assert account.rho == rho, "exactly, which no float would be"
    assert (account.left, account.epsilon_left) == (Fraction(0), 0.0)
    assert account.epsilon_spent == pytest.approx(4.0)
    for ask in (ledger.check, lambda least: spend(ledger, least, "d")):
        with pytest.raises(BudgetSpent, match="may still ask for epsilon 0 at that delta"):
            ask(Fraction(1, 10**30))
    assert [entry.token for entry in ledger.account().entries] == ["c", "b", "a"]


@pytest.mark.parametrize("budget", [FOUR, DatasetBudget(0.5, 1e-9), DatasetBudget(100, 1e-3)])
@pytest.mark.parametrize("part", [Fraction(1, 7), Fraction(99, 100), Fraction(1, 10**12)])
def test_what_is_told_to_be_left_may_be_asked_for(
    store: FolderStore, budget: DatasetBudget, part: Fraction
) -> None:
    ledger = Ledger(store, "churn")
    set_to(ledger, budget)
    spend(ledger, allowed(budget) * part, "first")
    left = ledger.account().epsilon_left
    assert left is not None
    assert left <= budget.epsilon
    spend(ledger, rho_of(left, budget.delta), "rest")
    account = ledger.account()
    assert epsilon_of(float(account.rho), budget.delta) <= budget.epsilon * (1 + 1e-12)


def test_the_whole_budget_may_be_asked_for_at_once(store: FolderStore) -> None:
    ledger = Ledger(store, "churn")
    set_to(ledger, FOUR)
    assert ledger.account().epsilon_left == 4.0
    spend(ledger, rho_of(4, 1e-6), "all")
    assert ledger.account().left == 0


def test_every_attempt_pays_and_the_same_attempt_once(store: FolderStore) -> None:
    ledger = Ledger(store, "churn")
    set_to(ledger, FOUR)
    spend(ledger, ONE, "a")
    spend(ledger, ONE, "a")
    assert ledger.account().rho == ONE, "its answer was lost"
    spend(ledger, ONE, "b")
    assert ledger.account().rho == 2 * ONE, "another attempt at the same job, with the same number"
    spend(ledger, ONE / 2, "b")
    assert ledger.account().rho == ONE * 5 / 2, "what is spent again is counted, rather than not at all"
    with pytest.raises(ValueError, match="above 0"):
        spend(ledger, Fraction(0), "c")


def test_what_was_spent_stays_whatever_becomes_of_the_budget(store: FolderStore) -> None:
    ledger = Ledger(store, "churn")
    spend(ledger, ONE, "before there was a budget")
    set_to(ledger, FOUR)
    assert ledger.account().rho == ONE
    set_to(ledger, None)
    assert not has_budget(store, "churn")
    spend(ledger, ONE, "without one")
    set_to(ledger, DatasetBudget(1.2, 1e-6))
    assert ledger.account().rho == 2 * ONE
    assert ledger.account().left == 0
    with pytest.raises(BudgetSpent):
        spend(ledger, ONE, "c")
    set_to(ledger, DatasetBudget(1.2, 1e-3))
    account = ledger.account()
    assert account.rho == 2 * ONE, "a rho is one whatever delta is"
    assert account.left == max(0, rho_of(1.2, 1e-3) - 2 * ONE)
    assert [(change.before, change.after) for change in account.changes] == [
        (DatasetBudget(1.2, 1e-6), DatasetBudget(1.2, 1e-3)),
        (None, DatasetBudget(1.2, 1e-6)),
        (FOUR, None),
        (None, FOUR),
    ]


def test_a_version_is_covered_by_its_own_job_and_by_what_is_allowed_now(store: FolderStore) -> None:
    ledger = Ledger(store, "churn")
    set_to(ledger, FOUR)
    spend(ledger, ONE, "a", job="mine")
    ledger.check_covered("mine")
    with pytest.raises(BudgetSpent, match="nothing was spent"):
        ledger.check_covered("other")
    set_to(ledger, None)
    ledger.check_covered("mine")
    set_to(ledger, DatasetBudget(0.5, 1e-6))
    with pytest.raises(BudgetSpent, match="epsilon 0 at that delta"):
        ledger.check_covered("mine")
    store.delete(budget_key("churn"))
    with pytest.raises(BudgetSpent, match="nothing was spent"):
        ledger.check_covered("mine")


def test_a_change_is_written_down_with_who_and_when(store: FolderStore) -> None:
    times = iter([100.0, 50.0])
    ledger = Ledger(store, "churn", clock=lambda: next(times))
    ledger.set(FOUR, by="7ea38ac0")
    ledger.set(FOUR, by="40e70d33")  # changes nothing
    account = ledger.set(DatasetBudget(8.0, 1e-6), by=None)
    second, first = account.changes
    assert (first.number, first.time, first.by) == (1, "1970-01-01T00:01:40Z", "7ea38ac0")
    assert (second.number, second.time, second.by) == (2, "1970-01-01T00:00:50Z", None), "a clock went back"


def test_what_is_many_is_bounded_and_the_sum_is_of_all(store: FolderStore) -> None:
    ledger = Ledger(store, "churn")
    ledger.set(FOUR, by=None)
    spend(ledger, ONE, "first", job="old")
    document = json.loads(store.get(budget_key("churn")).data)
    document["entries"] += [["j", "m", 1, "1/7", "", str(number)] for number in range(MOST_ENTRIES - 1)]
    document["changes"] += [[number, "", None, None, None] for number in range(MOST_CHANGES - 1)]
    store.delete(budget_key("churn"))
    store.put_if_absent(budget_key("churn"), json.dumps(document).encode())
    spend(ledger, ONE, "last")
    account = ledger.set(None, by=None)
    assert (len(account.entries), account.entries_omitted) == (MOST_ENTRIES, 1)
    assert (len(account.changes), account.changes_omitted) == (MOST_CHANGES, 1)
    assert account.changes[0].number == MOST_CHANGES + 1
    assert account.rho == 2 * ONE
    with pytest.raises(BudgetSpent):
        ledger.check_covered("old")


def test_who_comes_second_is_told(store: FolderStore) -> None:
    ledger = Ledger(store, "churn")
    with pytest.raises(RevisionMismatch):
        ledger.set(FOUR, by=None, if_match=frozenset({"1"}))
    first = ledger.set(FOUR, by=None, if_match=frozenset({"0"}))
    with pytest.raises(RevisionMismatch):
        ledger.set(FOUR, by=None, if_none_match=frozenset({"*"}))
    spend(ledger, ONE, "a")
    with pytest.raises(RevisionMismatch):
        ledger.set(None, by=None, if_match=frozenset({first.etag}))
    now = ledger.account()
    assert ledger.set(None, by=None, if_match=frozenset({now.etag})).budget is None
    assert ledger.set(FOUR, by=None, if_none_match=frozenset({"*"})).budget == FOUR


def test_trainings_at_once_never_spend_more_than_there_is(store: FolderStore) -> None:
    ledger = Ledger(store, "churn")
    ledger.set(FOUR, by=None)
    part = allowed(FOUR) / 10
    together = threading.Barrier(8)

    def train(worker: int) -> int:
        together.wait()
        paid = 0
        for number in range(5):
            try:
                spend(Ledger(store, "churn"), part, f"{worker}.{number}")
            except BudgetSpent:
                continue
            paid += 1
        return paid

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(train, range(8))) == 10
    account = ledger.account()
    assert (account.rho, len(account.entries)) == (allowed(FOUR), 10)


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("fault", [fail_before, lose_answer, do_twice])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "and the trainer is killed"])
@pytest.mark.parametrize("nth", range(1, 5))
def test_who_is_told_that_it_has_paid_has(store: FolderStore, fault: Fault, lasting: bool, nth: int) -> None:
    """Whatever goes wrong at whichever operation, it may be counted more than once, and never not."""
    ledger = Ledger(store, "churn")
    ledger.set(FOUR, by=None)
    try:
        spend(Ledger(FaultyStore(store, nth, fault, lasting=lasting), "churn"), ONE, "a")
        may_fit = True
    except Unavailable:
        may_fit = False
    spent = ledger.account().rho
    assert spent in ((ONE,) if may_fit else (0, ONE))
    spend(ledger, ONE, "b")
    assert ledger.account().rho == spent + ONE, "the next attempt pays anew"


@pytest.mark.parametrize(
    "budget",
    [
        3,
        [],
        {},
        {"epsilon": 1},
        {"epsilon": 1, "delta": 1e-6, "rho": 0},
        {"epsilon": 0, "delta": 1e-6},
        {"epsilon": -1, "delta": 1e-6},
        {"epsilon": True, "delta": 1e-6},
        {"epsilon": "4", "delta": 1e-6},
        {"epsilon": float("nan"), "delta": 1e-6},
        {"epsilon": float("inf"), "delta": 1e-6},
        {"epsilon": 10**400, "delta": 1e-6},
        {"epsilon": 4, "delta": 0},
        {"epsilon": 4, "delta": 1},
        {"epsilon": 4, "delta": None},
    ],
)
def test_what_is_no_budget_is_refused(budget: object) -> None:
    with pytest.raises(InvalidInput, match=r"\$\.budget"):
        check_budget(budget)


def test_what_is_a_budget_is_taken() -> None:
    assert check_budget(None) is None
    assert check_budget({"epsilon": 4, "delta": 1e-6}) == FOUR
