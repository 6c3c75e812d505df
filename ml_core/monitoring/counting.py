"""What an instance counts of its requests, and when it stores that: within one, once a minute.

A frozen function runs nothing between requests, so the first prediction of an instance stores at once, and
each further one that comes a minute or more after the last time. What other requests used waits for that, but
no longer than a minute where requests come; one that sends a job stores at once. What an instance counted
after it stored last is lost when it ends.

Rows wait in memory until they are counted, many at a time, and are never stored.
"""

from __future__ import annotations

import time
from _thread import allocate_lock, start_new_thread
from bisect import bisect_left

from ml_core.errors import ArtifactInvalid, ServerlessMLError
from ml_core.inputs.rows import Rows
from ml_core.monitoring.columns import count_rows, empty
from ml_core.monitoring.counts import LATENCY_ENDS, VersionCounts, probability_bin
from ml_core.monitoring.own_part import OwnPart
from ml_core.monitoring.parts import Counted, add_usage, part_bytes, read_part, read_usage

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ml_core.model.model import Model
    from ml_core.monitoring.observation import Observation
    from ml_core.monitoring.parts import Usage
    from ml_core.ports import ObjectStore
    from ml_core.profiles.profile import ColumnProfile
    from ml_core.serving import Served

EVERY = 60.0  # seconds between two writes of an instance
AFTER_FAILURE = 600.0  # seconds until it tries again what failed
PATIENCE = 1.0  # seconds for which a request waits for its write; it goes on meanwhile
MOST_VERSIONS = 500  # in one part
MOST_NUMBERS = 250_000  # counts of columns in one part
_BATCH_ROWS = 512  # of a version that wait to be counted
_BATCH_BYTES = 1 << 20
_MOST_WAITING = 2 << 20  # bytes of rows of all versions together
# Values of columns that are counted in a second, and at once after a pause; of more rows some are counted,
# evenly spaced. A value takes about a tenth of a microsecond.
VALUES_A_SECOND = 100_000
VALUES_AT_ONCE = 200_000


class Monitor:
    """Counts what this process predicts; safe to use from several threads.

    Args:
        store: where the counts go.
        warn: is told once when they cannot be stored, in a sentence, until they can again.
        clock: seconds since the epoch. The wall clock: a frozen function's monotonic clock may stand still.
        run: starts a write and waits for it a while; by default in a thread of its own.
    """

    def __init__(
        self,
        store: ObjectStore,
        warn: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.time,
        run: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._warn = warn
        self._clock = clock
        self._run = run or _run_in_thread
        self._lock = allocate_lock()
        self._store_of_parts = store
        self._part: OwnPart | None = None
        self._versions: dict[str, _VersionTally] = {}
        self._waiting = 0  # bytes of rows
        self._numbers = 0  # counts of columns
        self._allowance = float(VALUES_AT_ONCE)
        self._allowed_at = clock()
        self._stored_at = float("-inf")
        self._due = float("-inf")
        self._is_storing = False
        self._warned = False
        self._usage: Usage = {}
        self._used_since: float | None = None  # when the first of it was counted that is not stored

    def take(self, seen: Observation, status: int, milliseconds: float) -> None:
        """Count a request that was answered with `status` after so many milliseconds, and its prediction.

        Where it is time to, all counts are stored: at the first call, then once a minute.
        """
        now = self._clock()
        with self._lock:
            tally = self._versions.get(seen.job) or self._begin(seen)
            if tally is not None:
                counts = tally.counts
                counts.requests += 1
                counts.latency[bisect_left(LATENCY_ENDS, milliseconds)] += 1
                if status < 400:
                    self._count(tally, seen, now)
                elif status < 500:
                    counts.refused += 1
                else:
                    counts.errors += 1
            # a clock that was set back makes it time as well
            if self._is_storing or self._stored_at <= now < self._due:
                return
            self._is_storing = True
        self._run(self._store)

    def use(self, key: str, rows: int, jobs: int, size: int, *, predicts: bool) -> None:
        """Count a request of a key with a body of `size` bytes. Where it predicts, `take` has to come next.

        Args:
            key: its id, empty where none is asked for.
            rows: that were predicted, explained or told of.
            jobs: that were sent.
            size: of the body, in bytes.
            predicts: whether there is a prediction to count, which then decides when to store.
        """
        now = self._clock()
        with self._lock:
            used = self._usage.get(key)
            if used is None:
                used = self._usage[key] = [0, 0, 0, 0]
            used[0] += 1
            used[1] += rows
            used[2] += jobs
            used[3] += size
            if self._used_since is None:
                self._used_since = now
            if predicts or self._is_storing or not (jobs or now - self._used_since >= EVERY):
                return
            if self._warned and self._stored_at <= now < self._due:
                return  # what failed a moment ago
            self._is_storing = True
        self._run(self._store_use)

    def unsaved_usage(self) -> Usage:
        """What keys used that is not in the store yet. To be asked for after the store was read."""
        with self._lock:
            found: Usage = {}
            add_usage(found, self._usage)
            add_usage(found, read_usage((self._part and self._part.written) or b""), -1)
        return {key: used for key, used in found.items() if any(used)}

    def unsaved(self, jobs: Iterable[str]) -> dict[str, VersionCounts]:
        """What was counted of these versions, by job, and is not in the store yet.

        To be asked for after the store was read: what is stored in between is then in neither, not in both.
        """
        found: dict[str, VersionCounts] = {}
        with self._lock:
            stored = (self._part and read_part(self._part.written or b"")) or {}
            for job in jobs:
                tally = self._versions.get(job)
                if tally is None:
                    continue
                self._count_columns([tally])
                counts = found[job] = VersionCounts()
                counts.add(tally.counts)
                if job in stored:
                    counts.add(stored[job].counts, -1)
        return found

    def _begin(self, seen: Observation) -> _VersionTally | None:
        """A tally for a version that has none; None where there are too many."""
        if len(self._versions) >= MOST_VERSIONS:
            return None
        tally = self._versions[seen.job] = _VersionTally(seen.served)
        return tally

    def _count(self, tally: _VersionTally, seen: Observation, now: float) -> None:
        """Count labels and probabilities, and have the rows wait for their columns' turn."""
        counts, rows = tally.counts, seen.rows
        counts.predictions += len(seen.labels) + seen.unlabelled
        labels = counts.labels
        for label in seen.labels:
            if label >= len(labels):
                labels += [0] * (label + 1 - len(labels))
            labels[label] += 1
        for top in seen.tops:
            place = probability_bin(top)
            if place is not None:
                counts.probability[place] += 1
                counts.probability_sum += top
        if not tally.has_columns or not isinstance(rows, Rows):
            return
        packed = self._sampled(rows, now)
        size = len(packed)
        if size:
            tally.waiting.append(packed)
            tally.waiting_bytes += size
            self._waiting += size
            if tally.waiting_bytes >= tally.batch_bytes:
                self._count_columns([tally])
            elif self._waiting >= _MOST_WAITING:
                self._count_columns(self._versions.values())

    def _sampled(self, rows: Rows, now: float) -> bytes:
        """The rows that are counted of a request's: all of them, or as many as the allowance has room for."""
        allowance = self._allowance + VALUES_A_SECOND * (now - self._allowed_at)
        if not self._allowance <= allowance <= VALUES_AT_ONCE:  # the clock was set back, or it was quiet
            allowance = self._allowance if allowance < self._allowance else VALUES_AT_ONCE
        self._allowed_at = now
        packed = rows.packed
        values = len(packed) // 8
        if values <= allowance:
            self._allowance = allowance - values
            return bytes(packed)  # a part of a request's body would keep all of it
        width, number = rows.n_features, len(rows)
        room = int(allowance) // width
        self._allowance = allowance - room * width
        view, step = memoryview(packed), 8 * width
        begins = (place * number // room * step for place in range(room))
        return b"".join([view[begin : begin + step] for begin in begins])

    def _count_columns(self, tallies: Iterable[_VersionTally]) -> None:
        """Count the rows that wait."""
        for tally in tallies:
            self._waiting -= tally.waiting_bytes
            self._numbers += tally.count_columns(MOST_NUMBERS - self._numbers)

    def _store(self) -> None:
        """Store the counts, or say why not, and set when the next time is."""
        pause = AFTER_FAILURE
        try:
            pause = EVERY * max(1, self._write())
            self._warned = False
        except ServerlessMLError as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001 - a prediction is answered all the same
            self._tell(type(error).__qualname__)
        finally:
            self._stored_at = self._clock()
            self._due = self._stored_at + pause
            self._is_storing = False

    def _store_use(self) -> None:
        """As `_store`, at the time of usage: when predictions are stored next stays as it is."""
        due = self._due
        self._store()
        if not self._warned:
            self._due = due

    def _tell(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"what was predicted cannot be counted in the store: {reason}")

    def _write(self) -> int:
        """Write what there is into this instance's part of the hour; how many writes were tried."""
        now = self._clock()
        part = self._part
        if part is None or not part.is_of(now) or self._is_full():
            held = None if part is None else part.holds(now)
            part = OwnPart(self._store_of_parts, now)
            with self._lock:
                self._part = part
                self._leave_out(held)
        with self._lock:
            self._count_columns(self._versions.values())
            versions = {job: tally.counted() for job, tally in self._versions.items()}
            data = part_bytes(versions, self._usage)
            self._used_since = None
        return part.write(data, now)

    def _is_full(self) -> bool:
        """Whether the next versions should come into another part."""
        return 2 * len(self._versions) > MOST_VERSIONS or 2 * self._numbers > MOST_NUMBERS

    def _leave_out(self, held: bytes | None) -> None:
        """Forget what a part holds that is left."""
        if held is not None:
            add_usage(self._usage, read_usage(held), -1)
            self._usage = {key: used for key, used in self._usage.items() if any(used)}
        for job, counted in ((held and read_part(held)) or {}).items():
            if job in self._versions:
                self._versions[job].counts.add(counted.counts, -1)
        for job, tally in [*self._versions.items()]:
            if tally.counts.requests == 0:
                self._waiting -= tally.waiting_bytes
                self._numbers -= tally.numbers
                del self._versions[job]


class _VersionTally:
    """What was counted of a version, and the rows whose columns wait to be counted."""

    __slots__ = (
        "batch_bytes", "counts", "has_columns", "model", "name", "numbers", "profiles", "version",
        "waiting", "waiting_bytes",
    )  # fmt: skip

    def __init__(self, served: Served) -> None:
        self.name = served.name
        self.version = served.version
        self.counts = VersionCounts()
        # Whether columns are counted; then the model, until its profile is taken out of it.
        self.has_columns = served.model.profile_bytes is not None
        self.model: Model | None = served.model if self.has_columns else None
        self.profiles: Sequence[ColumnProfile] = ()
        self.batch_bytes = min(_BATCH_BYTES, 8 * _BATCH_ROWS * len(served.model.features))
        self.waiting: list[bytes] = []
        self.waiting_bytes = 0
        self.numbers = 0

    def counted(self) -> Counted:
        """The counts, and which version's they are."""
        return Counted(self.name, self.version, self.counts)

    def count_columns(self, most: int) -> int:
        """Count the rows that wait; how many counts that made, where it may make `most` at all."""
        packed, self.waiting, self.waiting_bytes = b"".join(self.waiting), [], 0
        made = 0
        if packed and self.model is not None:
            made = self._begin(self.model, most)
            self.model, self.has_columns = None, made > 0
        if packed and self.has_columns:
            count_rows(packed, self.profiles, self.counts.columns)
            self.counts.counted += len(packed) // (8 * len(self.profiles))
        return made

    def _begin(self, model: Model, most: int) -> int:
        """Take the profile out of the model; how many counts its columns have, 0 where they are not counted.

        A damaged profile is none: explanations tell it to who asks for them.
        """
        try:
            profile = model.profile
        except ArtifactInvalid:
            profile = None
        if profile is None or len(profile.columns) != len(model.features):
            return 0
        columns = empty(profile.columns)
        self.numbers = sum(map(len, columns))
        if self.numbers > most:
            self.numbers = 0
            return 0
        self.profiles, self.counts.columns = profile.columns, columns
        return self.numbers


def _run_in_thread(work: Callable[[], None]) -> None:
    """Run it in a thread, and wait for it no longer than a caller should."""
    over = allocate_lock()
    over.acquire()

    def run() -> None:
        try:
            work()
        finally:
            over.release()

    start_new_thread(run, ())
    over.acquire(timeout=PATIENCE)
