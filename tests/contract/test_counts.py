"""What instances count is written, summed and read on every store, and each prediction is in it once."""

from ml_core.jobs.sweep import sweep
from ml_core.monitoring.counting import Monitor
from ml_core.monitoring.parts import PARTS, SUMS
from ml_core.monitoring.reading import window
from ml_core.ports import ObjectStore, every_object
from ml_core.registry.registry import artifact_key
from tests.contract.bench import Bench
from tests.unit.ml_core.monitoring.observed import model, observed

HOUR = 3600.0


def test_each_prediction_is_counted_once_from_an_instance_to_a_sum(store: ObjectStore) -> None:
    bench, asked = Bench(store), model()
    begin = bench.clock() // HOUR * HOUR - 26 * HOUR
    job, now, told = "f" * 28, begin, list[str]()
    store.put_if_absent(artifact_key(job), b"artifact")
    instances = [Monitor(store, told.append, clock=lambda: now, run=lambda work: work()) for _ in range(3)]
    requests = 0
    while now < begin + 3 * HOUR:
        for instance in instances:
            instance.take(observed(asked, [0.5, -7.0], [1.5, 20.0], job=job), 200, 1.0)
            requests += 1
        now += 900
    assert told == []
    assert len(store.list(PARTS).objects) == 9
    for _ in range(3):
        found = window(store, job, begin, bench.clock(), now=bench.clock()).counts
        assert (found.requests, found.predictions, found.counted) == (requests, 2 * requests, 2 * requests)
        assert found.labels == [requests, requests]
        assert found.columns == [
            [0, requests, requests, 0, 0, 0, 0],
            [requests, 0, 0, requests, 0, 0, requests],
        ]
        sweep(bench.jobs, bench.registry)
        assert store.list(PARTS).objects == []
    assert {info.key.rpartition("/")[0] for info in every_object(store, SUMS)} == {f"{SUMS}{job}"}
