"""Lithops behind the `Mapper` port: functions of a cloud, or processes of this machine, one for each item.

Lithops hands functions, items and results over in a bucket (on this machine: a folder), and looks there for
results. What it loses is noticed here and worked on again, and what it gives twice is taken once.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from lithops import FunctionExecutor
from lithops.future import ResponseFuture
from lithops.job.job import invalidate_function_cache

from ml_core.errors import Unavailable
from providers.mappers.tasks import ATTEMPTS, Outcome, PackedTask, is_worth_repeating, packed

log = logging.getLogger(__name__)

_AT_ONCE = 16  # results that are fetched before the first of them is handed on: each may be some megabytes
_JOBS = "lithops.jobs"  # the folder of Lithops' temporary objects


class Pace(NamedTuple):
    """How long the driver waits for what, in seconds.

    Args:
        look: between two looks at what has ended, of which Lithops learns in a thread of its own.
        patience: without any result, until all workers under way count as lost.
        idle: the same, where no worker is running any more.
        pause: before the second attempt; doubles with each.
    """

    look: float = 0.05
    patience: float = 960.0
    idle: float = 5.0
    pause: float = 1.0


class LithopsMapper:
    """The `Mapper` port over an executor of Lithops, which is made by the first map and kept for the next.

    Args:
        make: makes the executor.
        width: so many items are handed over together, and at most twice as many are under way.
        pace: how long it waits for what.
        is_idle: whether the executor's workers have all ended; where that cannot be known, never.
    """

    def __init__(
        self,
        make: Callable[[], FunctionExecutor],
        *,
        width: int,
        pace: Pace,
        is_idle: Callable[[FunctionExecutor], bool] = lambda _: False,
    ) -> None:
        self._make = make
        self._width = width
        self._pace = pace
        self._is_idle = is_idle
        self._executor: FunctionExecutor | None = None

    def map[Item, Result](
        self, task: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """See `Mapper`."""
        executor = self._started()
        calls = _Calls(executor, PackedTask(task), items, self._pace, lambda: self._is_idle(executor))
        done = False
        try:
            for first in range(0, len(items), self._width):
                calls.start(range(first, min(first + self._width, len(items))))
                yield from calls.results(before=first)
            yield from calls.results(before=len(items))
            done = True
        finally:
            calls.close(broken_off=not done)

    def close(self) -> None:
        """End the executor's threads. The next map makes another."""
        if self._executor is not None:
            self._executor.__exit__(None, None, None)
            self._executor = None

    def _started(self) -> FunctionExecutor:
        if self._executor is None:
            with _translated("Lithops cannot be started"):
                self._executor = self._make()
        return self._executor


class _Call(NamedTuple):
    future: ResponseFuture
    attempt: int


class _Calls:
    """The calls of one map: those under way, and those to be repeated."""

    def __init__(
        self,
        executor: FunctionExecutor,
        task: PackedTask,
        items: Sequence[Any],
        pace: Pace,
        is_idle: Callable[[], bool],
    ) -> None:
        self._executor = executor
        self._task = task
        self._items = items
        self._pace = pace
        self._is_idle = is_idle
        self._waiting: dict[int, _Call] = {}
        self._begun: list[ResponseFuture] = []
        self._moved = time.monotonic()

    def start(self, places: Iterable[int], attempt: int = 1) -> None:
        """Have the items at these places worked on. Raises `Unavailable`."""
        named = list(places)
        with _translated("Lithops cannot start its workers"):
            futures = self._executor.map(
                self._task, [packed(self._items[place]) for place in named], include_modules=None
            )
        self._begun += futures
        self._waiting.update(
            (place, _Call(future, attempt)) for place, future in zip(named, futures, strict=True)
        )
        self._moved = time.monotonic()

    def results(self, before: int) -> Iterator[tuple[int, Any]]:
        """Results as they come, until those of all places before this one have."""
        while any(place < before for place in self._waiting):
            ended = [place for place, call in self._waiting.items() if _has_ended(call.future)][:_AT_ONCE]
            failed: dict[int, tuple[int, Exception]] = {}
            for place in ended:
                call = self._waiting.pop(place)
                returned, value = self._outcome(call)
                if returned:
                    yield place, value
                else:
                    failed[place] = (call.attempt, value)
            if ended:
                self._moved = time.monotonic()  # the time of who takes the results is no silence
            else:
                failed = self._lost()
            if failed:
                self._repeat(failed)
            elif not ended:
                time.sleep(self._pace.look)

    def _outcome(self, call: _Call) -> Outcome:
        """What came of a call. Raises what the task raised, unless another attempt may fare better."""
        future = call.future
        try:
            # A task's errors are returned. The engine's, when thrown, would change the process's hooks.
            outcome: Outcome | None = future.result(
                throw_except=False, internal_storage=self._executor.internal_storage
            )
            reason = future._exception  # noqa: SLF001 - it is told nowhere else
        except Exception as error:  # noqa: BLE001 - whatever keeps a result from us
            outcome, reason = None, error
        if outcome is None:
            log.warning("a worker of Lithops was lost: %s", reason)
            return False, Unavailable(f"a worker of Lithops was lost ({_said(reason)})")
        if not outcome[0] and not is_worth_repeating(outcome):
            raise outcome[1]
        return outcome

    def _lost(self) -> dict[int, tuple[int, Exception]]:
        """The calls of which nothing was heard for too long."""
        silent = time.monotonic() - self._moved
        if silent < self._pace.idle or (silent < self._pace.patience and not self._is_idle()):
            return {}
        log.warning("%d workers of Lithops have said nothing for %.0f s", len(self._waiting), silent)
        error = Unavailable(f"workers of Lithops have said nothing for {silent:.0f} s")
        lost: dict[int, tuple[int, Exception]] = {
            place: (call.attempt, error) for place, call in self._waiting.items()
        }
        self._stop(error)
        self._waiting.clear()
        return lost

    def _repeat(self, failed: dict[int, tuple[int, Exception]]) -> None:
        """Work on items once more. Raises the error of one that failed too often."""
        for attempt, error in failed.values():
            if attempt >= ATTEMPTS:
                raise error
        most = max(attempt for attempt, _ in failed.values())
        time.sleep(self._pace.pause * 2 ** (most - 1))
        self.start(failed, most + 1)

    def _stop(self, error: Exception | None) -> None:
        """End the workers under way, where the engine can."""
        jobs = {call.future.job_key for call in self._waiting.values()}
        if jobs:
            self._executor.compute_handler.clear(jobs, exception=error)

    def close(self, *, broken_off: bool) -> None:
        """Forget the calls, and remove what they left in the bucket."""
        try:
            if broken_off:
                self._stop(Unavailable("the map was broken off"))
            self._executor.job_monitor.remove(self._begun)
            self._executor.futures.clear()
            self._remove_objects()
        except Exception as error:  # noqa: BLE001 - the results are there: what is left expires
            log.warning("temporary objects of Lithops are left: %s", error)

    def _remove_objects(self) -> None:
        executor = self._executor.executor_id
        invalidate_function_cache(executor)
        storage = self._executor.internal_storage
        jobs = {future.job_key for future in self._begun}
        # On this machine a job that never began leaves a file; a key that is not there is no error.
        left = [f"{_JOBS}/{job}-job.json" for job in jobs]
        # The slash: a name of another's may begin with one of these.
        for name in {executor, *jobs}:
            left += storage.storage.list_keys(storage.bucket, f"{_JOBS}/{name}/")
        storage.storage.delete_objects(storage.bucket, left)


def _has_ended(future: ResponseFuture) -> bool:
    return bool(future.ready or future.success or future.done)


def _said(reason: object) -> str:
    """What Lithops says of a call that failed; it keeps errors as `sys.exc_info` has them."""
    error = reason[1] if isinstance(reason, tuple) else reason
    return f"{type(error).__name__}: {error}"[:300]


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Whatever goes wrong in the engine is `Unavailable`."""
    try:
        yield
    except Exception as error:
        raise Unavailable(f"{what}: {_said(error)}") from error
