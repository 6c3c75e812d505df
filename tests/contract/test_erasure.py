"""A dataset is erased with the versions made from it, on every store."""

import pytest

from ml_core.conflicts import VersionGone, VersionInUse
from ml_core.datasets.datasets import Datasets
from ml_core.erasing.erasure import Erasing
from ml_core.erasing.made_versions import made_versions_page
from ml_core.erasing.report import ErasureReport, KeptDays
from ml_core.errors import Unavailable, VersionNotFound
from ml_core.jobs.jobs import CANCELLED, FAILED, Jobs
from ml_core.jobs.origin_scan import OriginScan
from ml_core.ports import ObjectStore, Signer
from ml_core.registry.aliases import Aliases
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry
from ml_core.registry.retention import RETENTION
from tests.contract.bench import TABLE, Bench
from tests.contract.faults import FaultyStore, fail_before, lose_answer

_KEPT = KeptDays(old_states=30, jobs=30, monitoring=90, logs=30)
_FAULTS = [(fault, nth) for fault in (fail_before, lose_answer) for nth in (3, 9, 15, 21, 27)]


@pytest.fixture
def bench(store: ObjectStore) -> Bench:
    return Bench(store)


def erase(bench: Bench, signer: Signer, store: ObjectStore | None = None) -> ErasureReport:
    """Erase the dataset of the bench, over a store that may go wrong."""
    used = bench.store if store is None else store
    jobs, registry = Jobs(used, bench.queue, bench.clock), Registry(used, bench.clock)
    datasets = Datasets(used, signer, bench.queue, bench.clock)
    scan = OriginScan(registry, jobs, lambda: False)
    return Erasing(datasets, registry, jobs, scan, _KEPT, lambda: False).erase("table")


def left(bench: Bench) -> list[str]:
    return [key for key in bench.stored() if key.startswith(("artifacts/", "datasets/", "scores/"))]


def test_versions_go_and_waiting_jobs_are_cancelled(bench: Bench, signer: Signer) -> None:
    bench.deliver_until_over(bench.submit_table())
    waiting = bench.submit_table()
    Aliases(bench.registry).set("iris", "production", 1)
    with pytest.raises(VersionInUse, match=r"model 'iris': 'production' \(version 1\)"):
        erase(bench, signer)
    assert TABLE in left(bench), "nothing was deleted"
    Aliases(bench.registry).delete("iris", "production")
    report = erase(bench, signer)
    assert (report.complete, report.waiting_for) == (True, [])
    assert [(each["model"], each["version"]) for each in report.versions] == [("iris", 1)]
    assert bench.jobs.get(waiting.id).state == CANCELLED
    with pytest.raises(VersionNotFound):
        bench.registry.model("iris").pick(1)
    with pytest.raises(VersionGone):
        Deletion(bench.registry).restore("iris", 1)
    bench.sweep()
    assert left(bench) == []
    assert erase(bench, signer).going == []
    page = made_versions_page(bench.registry, "table", 10, retention=RETENTION)
    assert [(each["version"], each["restorable_until"]) for each in page.versions] == [(1, None)]


def test_nothing_more_is_registered_of_what_was_erased(bench: Bench, signer: Signer) -> None:
    bench.deliver_until_over(bench.submit_table())
    erase(bench, signer)
    job = bench.submit_table()  # the file is put again, at its old address
    ended = bench.deliver_until_over(job)
    assert (ended.state, ended.error and ended.error["code"]) == (FAILED, "data_erased")
    bench.store.delete(TABLE)
    bench.sweep()
    assert left(bench) == []


@pytest.mark.parametrize(("fault", "nth"), _FAULTS)
def test_where_the_store_fails_the_next_request_finishes(
    bench: Bench, signer: Signer, fault: object, nth: int
) -> None:
    bench.deliver_until_over(bench.submit_table())
    with pytest.raises(Unavailable):
        erase(bench, signer, FaultyStore(bench.store, nth, fault, lasting=True))  # type: ignore[arg-type]
    assert erase(bench, signer).complete
    bench.sweep()
    assert left(bench) == []
