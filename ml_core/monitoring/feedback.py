"""What predictions turned out to be: counts by version and day, into which each receipt goes once.

    monitoring/feedback/{job id of the version}/{day of the predictions, YYYY-MM-DD}.json
        ids          the receipts that were counted: their ids in ascending order, in base64
        confusion    [predicted, true, n], by the classes' numbers; `true` is null for none of the classes
        calibration  [n, correct] of each bin of the top probability, and of predictions without one
        hours        [n, correct] of each hour of the day (UTC), `00` to `23`, that has any

One document changes by compare-and-swap, so a receipt is counted exactly once whoever sends it how often.
What is about several documents is not written at once: of a call that failed some may be counted. To send
everything again is right then; what was counted is repeated, and the rest is counted.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from itertools import batched
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from ml_core.conflicts import FeedbackFull
from ml_core.documents import read_many, update
from ml_core.errors import DocumentDamaged
from ml_core.monitoring.parts import date_of, hour_of
from ml_core.ports import every_object
from ml_core.profiles.profile import PROBABILITY_BINS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ml_core.documents import Body
    from ml_core.ports import ObjectStore

FOLDER = "monitoring/feedback/"
ID_LENGTH = 6  # bytes: of a full day's receipts, one in 1.4 thousand million is taken for another one
MOST_A_DAY = 200_000  # receipts of one version and day: 1.6 MB of ids, which each write rewrites
_ENDING = ".json"
_WRITERS = 8  # documents written at a time
_READ_TOGETHER = 8  # documents: full ones take some megabytes each


class Truth(NamedTuple):
    """What one prediction turned out to be.

    Args:
        id: of its receipt, `ID_LENGTH` bytes.
        minute: when it was predicted, in minutes since 1970 (UTC).
        predicted: the number of the predicted class.
        bin: of the top probability; None where the model gave none.
        true: the number of the class that it is; None where it is none of the model's.
    """

    id: bytes
    minute: int
    predicted: int
    bin: int | None
    true: int | None


class Taken(NamedTuple):
    """How many receipts were counted, and how many had been before."""

    counted: int
    repeated: int


class FeedbackCounts:
    """What is known of a version's predictions of some days; two of the same version can be added.

    Args:
        confusion: how many predictions of a class, by its number, were of which; None is no class of the
            model's.
        calibration: [n, correct] for each of the `PROBABILITY_BINS`, and for predictions without one.
        hours: [n, correct] by hour, `YYYY-MM-DDTHH` (UTC), ascending; only hours with a prediction.
    """

    def __init__(self) -> None:
        self.confusion: dict[tuple[int, int | None], int] = {}
        self.calibration: list[list[int]] = [[0, 0] for _ in range(PROBABILITY_BINS + 1)]
        self.hours: dict[str, list[int]] = {}

    @property
    def labelled(self) -> int:
        """How many predictions it is known of what they were of."""
        return sum(self.confusion.values())

    @property
    def correct(self) -> int:
        """How many of them were right."""
        return sum(n for (predicted, true), n in self.confusion.items() if predicted == true)

    def count(self, truth: Truth) -> None:
        """Add one truth."""
        pair = (truth.predicted, truth.true)
        right = int(truth.predicted == truth.true)
        self.confusion[pair] = self.confusion.get(pair, 0) + 1
        place = PROBABILITY_BINS if truth.bin is None else truth.bin
        _add_pair(self.calibration[place], (1, right))
        _add_pair(self.hours.setdefault(hour_of(60 * truth.minute), [0, 0]), (1, right))

    def add(self, other: FeedbackCounts) -> None:
        """Add another one's counts to these."""
        for pair, n in other.confusion.items():
            self.confusion[pair] = self.confusion.get(pair, 0) + n
        for mine, theirs in zip(self.calibration, other.calibration, strict=True):
            _add_pair(mine, theirs)
        for hour, theirs in other.hours.items():
            _add_pair(self.hours.setdefault(hour, [0, 0]), theirs)
        self.hours = dict(sorted(self.hours.items()))


def feedback_of(store: ObjectStore, job: str, begin: str, end: str) -> FeedbackCounts:
    """What is known of a version's predictions from the day `begin` to the day `end`, both included.

    `job` is the id of the version's training job; days are `YYYY-MM-DD` (UTC). Raises `Unavailable`.
    """
    folder = f"{FOLDER}{job}/"
    days = [found.key for found in every_object(store, folder) if begin <= _day_in(found.key) <= end]
    counts = FeedbackCounts()
    for some in batched(days, _READ_TOGETHER):
        for key, document in zip(some, read_many(store, some), strict=True):
            if document is not None:  # else it was removed in the meantime
                counts.add(_counts_of(key, document.body))
    return counts


def count(store: ObjectStore, truths: Iterable[tuple[str, Truth]]) -> Taken:
    """Count truths, each with the job of the version that predicted it, unless they were counted before.

    Raises:
        FeedbackFull: a version's predictions of a day have as many truths as are taken. What is of other
            versions and days was counted.
        Unavailable: some may have been counted and some not; to send all of them again counts the rest.
    """
    days: dict[str, list[Truth]] = {}
    for job, truth in truths:
        days.setdefault(feedback_key(job, date_of(60 * truth.minute)), []).append(truth)
    if len(days) == 1:
        ((key, of_day),) = days.items()
        return _count_day(store, key, of_day)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_WRITERS) as writers:
        writing = [writers.submit(_count_day, store, key, of_day) for key, of_day in days.items()]
    each = [done.result() for done in writing]
    return Taken(sum(day.counted for day in each), sum(day.repeated for day in each))


def feedback_key(job: str, day: str) -> str:
    """Where the truths of a version's predictions of a day are kept."""
    return f"{FOLDER}{job}/{day}{_ENDING}"


def wilson(correct: int, n: int) -> tuple[float, float] | None:
    """Wilson's interval of 95 % for the share `correct / n`; None of none."""
    if not n:
        return None
    z = 1.959963984540054
    share, square = correct / n, z * z
    middle = share + square / (2 * n)
    half = z * sqrt(share * (1 - share) / n + square / (4 * n * n))
    low, high = (middle - half) / (1 + square / n), (middle + half) / (1 + square / n)
    # The ends are 0 and 1 exactly where no or every one is correct, which rounding misses.
    return (0.0 if correct == 0 else max(0.0, low), 1.0 if correct == n else min(1.0, high))


def _count_day(store: ObjectStore, key: str, truths: Sequence[Truth]) -> Taken:
    """Count truths of one version and day."""
    counted = 0

    def add(body: Body | None) -> Body | None:
        nonlocal counted
        counts = FeedbackCounts() if body is None else _counts_of(key, body)
        ids = [] if body is None else _ids_in(key, body)
        known = set(ids)
        new = {truth.id: truth for truth in truths if truth.id not in known}
        counted = len(new)
        if not new:
            return None
        if len(ids) + len(new) > MOST_A_DAY:
            raise FeedbackFull(
                f"{len(ids):,} predictions of {_day_in(key)} have a label already; of one version and day "
                f"at most {MOST_A_DAY:,} are counted"
            )
        for truth in new.values():
            counts.count(truth)
        return {**(body or {}), "ids": _text(sorted([*ids, *new])), **_described(counts)}

    update(store, key, add)
    return Taken(counted, len(truths) - counted)


def _day_in(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(_ENDING)


def _add_pair(pair: list[int], other: Sequence[int]) -> None:
    pair[0] += other[0]
    pair[1] += other[1]


def _described(counts: FeedbackCounts) -> Body:
    """The counts of one day as its document has them."""
    confusion = [[predicted, true, n] for (predicted, true), n in counts.confusion.items()]
    hours = {hour[-2:]: pair for hour, pair in sorted(counts.hours.items())}
    return {"confusion": confusion, "calibration": counts.calibration, "hours": hours}


def _counts_of(key: str, body: Body) -> FeedbackCounts:
    """The counts in a day's document. Raises `DocumentDamaged`."""
    counts = FeedbackCounts()
    try:
        counts.confusion = {(predicted, true): n for predicted, true, n in body["confusion"]}
        for mine, (n, correct) in zip(counts.calibration, body["calibration"], strict=True):
            _add_pair(mine, (n, correct))
        counts.hours = {
            f"{_day_in(key)}T{hour}": [n, correct] for hour, (n, correct) in body["hours"].items()
        }
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DocumentDamaged(f"the document '{key}' is damaged") from error
    return counts


def _ids_in(key: str, body: Body) -> list[bytes]:
    """The ids of the receipts that a document has counted. Raises `DocumentDamaged`."""
    try:
        ids = a2b_base64(body["ids"], strict_mode=True)
    except (LookupError, TypeError, ValueError) as error:
        raise DocumentDamaged(f"the document '{key}' is damaged") from error
    return [ids[at : at + ID_LENGTH] for at in range(0, len(ids), ID_LENGTH)]


def _text(ids: Sequence[bytes]) -> str:
    return b2a_base64(b"".join(ids), newline=False).decode()
