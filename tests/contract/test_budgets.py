"""A dataset's privacy budget, attacked: trainers that are killed, stores that fail, budgets set in between.

Whatever happens, all that was fitted was paid for before, together never more than is allowed, and what was
not made privately cannot be read once a budget is set.
"""

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from ml_core.conflicts import BudgetSpent
from ml_core.datasets.sources import DataSources, uploads_of
from ml_core.documents import update
from ml_core.errors import ModelNotFound, Unavailable
from ml_core.jobs import fit_results
from ml_core.jobs.fit_child import FittedArtifact
from ml_core.jobs.jobs import FAILED, SUCCEEDED, Job
from ml_core.jobs.leases import MOST_ATTEMPTS, claim
from ml_core.jobs.sweep import sweep
from ml_core.jobs.trainer import run_job
from ml_core.objects import StoredObject
from ml_core.ports import ObjectStore, every_object
from ml_core.privacy.accounting import rho_of
from ml_core.privacy.budgets import DatasetBudget, budget_key
from ml_core.privacy.ledger import Ledger, allowed
from ml_core.registry.aliases import Aliases, Terms
from ml_core.registry.registry import artifact_key, manifest_key
from ml_core.training.reference import TableReference
from ml_core.training.request import TrainingRequest
from tests.contract.bench import PRIVACY, Bench
from tests.contract.faults import Fault, FaultyStore, do_twice, fail_before, lose_answer
from tests.contract.places import Forks, Place

# A little more than a private training does on the store: past its last operation nothing goes wrong.
NTHS = range(1, 33)
FAULTS = (fail_before, lose_answer, do_twice)
ONE = rho_of(PRIVACY["epsilon"], PRIVACY["delta"])
ONCE, OFTEN = DatasetBudget(1.0, 1e-6), DatasetBudget(50.0, 1e-6)


@pytest.fixture
def bench(store: ObjectStore) -> Bench:
    return Bench(store)


def ledger_of(bench: Bench) -> Ledger:
    return Ledger(bench.store, "table")


def set_to(bench: Bench, budget: DatasetBudget | None) -> None:
    ledger_of(bench).set(budget, by=None)


def check_sound(bench: Bench, job: Job) -> Job:
    """Nothing is overspent, what can be read was paid for, and nothing else is left; the job."""
    ended = bench.jobs.get(job.id)
    account = ledger_of(bench).account()
    assert account.budget is None or account.rho <= allowed(account.budget)
    assert account.rho == ONE * len(account.entries)
    kept = [bench.store.list(key).objects for key in (artifact_key(job.id), manifest_key(job.id))]
    if ended.state == SUCCEEDED:
        assert bench.registry.number_of("iris", job.id) == 1
        assert [entry.job for entry in account.entries].count(job.id) >= 1
        assert all(kept)
    else:
        assert ended.state == FAILED
        assert ended.error is not None
        assert ended.error["code"] in {"budget", "budget_spent"}, ended.error
        assert ended.metrics is None
        assert bench.registry.number_of("iris", job.id) is None
        assert not any(kept)
    return ended


def deliver_on(bench: Bench, job: Job) -> None:
    """What the queue does when the trainer that had the job is gone."""
    bench.clock.ahead += 3600
    bench.deliver_until_over(job)


class TestPaying:
    """What a private training pays."""

    def test_it_pays_once_where_nothing_goes_wrong(self, bench: Bench) -> None:
        set_to(bench, ONCE)
        job = bench.submit_private()
        bench.deliver_until_over(job)
        assert check_sound(bench, job).state == SUCCEEDED
        (entry,) = ledger_of(bench).account().entries
        assert (entry.job, entry.model, entry.attempt) == (job.id, "iris", 1)
        again = bench.submit_private()
        ended = bench.deliver_until_over(again)
        assert (ended.state, ended.error and ended.error["code"]) == (FAILED, "budget_spent")

    def test_it_is_counted_without_a_budget_for_the_one_to_come(self, bench: Bench) -> None:
        bench.deliver_until_over(bench.submit_private())
        set_to(bench, ONCE)
        with pytest.raises(BudgetSpent):
            ledger_of(bench).check(ONE)

    def test_it_is_counted_on_when_the_upload_is_another_or_was_gone(self, bench: Bench) -> None:
        set_to(bench, ONCE)
        bench.deliver_until_over(bench.submit_private())
        for found in list(every_object(bench.store, uploads_of("table"))):
            bench.store.delete(found.key)
        bench.table = b""
        ended = bench.deliver_until_over(bench.submit_private())
        assert (ended.state, ended.error and ended.error["code"]) == (FAILED, "budget_spent")

    def test_every_attempt_pays_until_nothing_is_left(self, bench: Bench) -> None:
        set_to(bench, DatasetBudget(1.5, 1e-6))
        assert 2 * ONE <= allowed(DatasetBudget(1.5, 1e-6)) < 3 * ONE
        job = bench.submit_private()
        for _ in range(3):
            context = bench.context(bench.store)._replace(fit_command=("false",))
            run_job(job.id, context)
            bench.clock.ahead += 3600
        check_sound(bench, job)
        assert [entry.attempt for entry in ledger_of(bench).account().entries] == [2, 1]

    def test_jobs_at_once_spend_no_more_than_there_is(self, bench: Bench) -> None:
        budget = DatasetBudget(2.0, 1e-6)
        set_to(bench, budget)
        payable = allowed(budget) // ONE
        jobs = [bench.submit_private() for _ in range(payable + 3)]
        with ThreadPoolExecutor(4) as trainers:
            states = [job.state for job in trainers.map(bench.deliver_until_over, jobs)]
        assert states.count(SUCCEEDED) == payable
        account = ledger_of(bench).account()
        assert account.rho == ONE * payable
        assert account.rho <= allowed(budget)


@pytest.mark.matrix
class TestThingsGoingWrong:
    """At every operation on the store."""

    @pytest.mark.parametrize("budget", [ONCE, OFTEN], ids=["for one attempt", "for many"])
    @pytest.mark.parametrize("moment", ["before", "after"])
    @pytest.mark.parametrize("nth", NTHS)
    def test_a_killed_trainer_has_paid_for_what_it_fitted(
        self,
        place: Place,
        forks: Forks,
        tmp_path: Path,
        *,
        nth: int,
        moment: str,
        budget: DatasetBudget,
    ) -> None:
        bench = Bench(place.open())
        set_to(bench, budget)
        job = bench.submit_private()
        ended = forks.run(place, "train", job.id, str(nth), moment, str(tmp_path), "0")
        assert ended in {-signal.SIGKILL, 0}
        paid = len(ledger_of(bench).account().entries)
        deliver_on(bench, job)
        state = check_sound(bench, job).state
        if budget is OFTEN or not paid:
            assert state == SUCCEEDED
        assert len(ledger_of(bench).account().entries) >= max(paid, 1)

    @pytest.mark.parametrize("lasting", [False, True], ids=["once", "for-ever"])
    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("nth", NTHS)
    def test_a_store_that_fails_never_makes_it_cheaper(
        self, bench: Bench, nth: int, fault: Fault, *, lasting: bool
    ) -> None:
        set_to(bench, ONCE)
        job = bench.submit_private()
        run_job(job.id, bench.context(FaultyStore(bench.store, nth, fault, lasting=lasting)))
        deliver_on(bench, job)
        check_sound(bench, job)

    @pytest.mark.parametrize("nth", NTHS)
    @pytest.mark.parametrize("data", ["table", "private"])
    def test_a_budget_that_is_set_or_lowered_at_any_moment_is_kept_to(
        self, bench: Bench, nth: int, data: str
    ) -> None:
        """A version that was not registered when it was set never stays."""
        set_to(bench, OFTEN if data == "private" else None)
        job = bench.submit_private() if data == "private" else bench.submit_table()
        registered: list[bool] = []

        def set_first(operation: object) -> object:
            set_to(bench, DatasetBudget(0.01, 1e-6))
            registered.append(bench.registry.number_of("iris", job.id) is not None)
            return operation()  # type: ignore[operator]

        run_job(job.id, bench.context(FaultyStore(bench.store, nth, set_first)))
        deliver_on(bench, job)
        ended = bench.jobs.get(job.id)
        if ended.state == SUCCEEDED:
            assert registered in ([], [True]), "it was registered after the budget was set"
            return
        assert ended.error is not None
        assert ended.error["code"] == ("budget_spent" if data == "private" else "budget")
        assert ended.metrics is None
        for key in (artifact_key(job.id), manifest_key(job.id)):
            assert not bench.store.list(key).objects
        with suppress(ModelNotFound):
            assert not bench.registry.model("iris").versions


class TestReadingWithoutPrivacy:
    """What becomes of jobs that were accepted before a budget was set."""

    @pytest.mark.parametrize("data", ["table", "score"])
    def test_a_queued_one_fails_when_it_begins(self, bench: Bench, data: str) -> None:
        job = bench.submit_with(data)
        set_to(bench, ONCE)
        ended = bench.deliver_until_over(job)
        assert (ended.state, ended.error and ended.error["code"]) == (FAILED, "budget")
        assert "dataset 'table' has a privacy budget" in str(ended.error)

    def test_what_was_stored_before_its_trainer_died_is_removed(self, bench: Bench) -> None:
        class Dying(FaultyStore):
            """Nothing is done any more once the manifest is stored."""

            def put_if_absent(self, key: str, data: bytes) -> str:
                written = super().put_if_absent(key, data)
                if key.startswith("artifacts/") and key.endswith(".json"):
                    self._nth, self._lasting = 0, True
                return written

        job = bench.submit_table()
        run_job(job.id, bench.context(Dying(bench.store, 10_000, fail_before)))
        assert bench.store.list(manifest_key(job.id)).objects
        set_to(bench, ONCE)
        deliver_on(bench, job)
        check_sound(bench, job)

    def test_a_version_that_an_alias_points_at_already_stays(self, bench: Bench) -> None:
        job = bench.submit_table()
        looks = 0

        class Hurried(FaultyStore):
            """Between the write of the version and the last look somebody promotes it and sets a budget."""

            def get(self, key: str) -> StoredObject:
                nonlocal looks
                if key == budget_key("table") and bench.registry.number_of("iris", job.id):
                    looks += 1
                    Aliases(bench.registry).set("iris", "live", 1, Terms(by=None))
                    set_to(bench, ONCE)
                return super().get(key)

        run_job(job.id, bench.context(Hurried(bench.store, 0, fail_before)))
        assert looks == 1
        assert bench.jobs.get(job.id).version == 1
        assert bench.store.list(artifact_key(job.id)).objects

    @pytest.mark.parametrize("told", [True, False])
    def test_a_job_on_another_place_is_ended_by_the_sweep(self, bench: Bench, told: bool) -> None:
        """Its last trainer died between the manifest and the version."""
        reference = TableReference("s3://lake/a.csv", target="target")
        request = TrainingRequest("quick", {}, reference, 0.2, 0)
        job = bench.jobs.submit("iris", request.to_bytes(), request.summary())
        for _ in range(MOST_ATTEMPTS):
            claim(bench.jobs, job.id)
            bench.clock.ahead += 3600
        manifest = {"algorithm": "quick", "metrics": {}, "warnings": []}
        fit_results.store(bench.store, job.id, FittedArtifact(b"artifact", manifest))
        schemes = {"s3": lambda _: True}
        data = DataSources(uploads=lambda: bench.store, schemes=schemes) if told else None
        sweep(bench.jobs, bench.registry, data=data)
        assert bench.jobs.get(job.id).state == SUCCEEDED

    def test_a_removed_budget_lets_it_go_on(self, bench: Bench) -> None:
        job = bench.submit_table()
        set_to(bench, ONCE)
        set_to(bench, None)
        bench.deliver_until_over(job)
        bench.check_one_version(job)

    def test_a_version_whose_entry_is_gone_is_not_registered(self, bench: Bench) -> None:
        set_to(bench, OFTEN)
        job = bench.submit_private()

        class Forgetting(FaultyStore):
            """The entries are lost while the artifact is stored, as from a backup that is older."""

            def put_if_absent(self, key: str, data: bytes) -> str:
                if key.startswith("artifacts/") and not key.endswith(".json"):
                    update(bench.store, budget_key("table"), lambda body: {**(body or {}), "entries": []})
                return super().put_if_absent(key, data)

        run_job(job.id, bench.context(Forgetting(bench.store, 0, fail_before)))
        ended = bench.jobs.get(job.id)
        assert (ended.state, ended.error and ended.error["code"]) == (FAILED, "budget_spent")
        assert not bench.store.list(artifact_key(job.id)).objects

    def test_a_damaged_budget_lets_nobody_read(self, bench: Bench) -> None:
        job = bench.submit_table()
        bench.store.put_if_absent(budget_key("table"), b"{}")
        with pytest.raises(Unavailable):
            ledger_of(bench).account()
        bench.deliver(job)
        assert bench.registry.number_of("iris", job.id) is None
