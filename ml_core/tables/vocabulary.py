"""The different words of a column and which row holds which, as batches of them arrive."""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ml_core.tables.columns import MOST_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

_SMALL = 8


def add_batch(batches: "list[NDArray]", batch: "NDArray") -> None:  # type: ignore[type-arg]
    """Keep a batch; many small ones become a large one, whose memory goes back to the system at its end."""
    batches.append(batch)
    if len(batches) >= _SMALL and len(batches[-_SMALL]) == len(batch):
        batches[-_SMALL:] = [np.concatenate(batches[-_SMALL:])]


class Vocabulary:
    """Words as they stand in the file and their codes, as batches of them arrive; `most` are told apart."""

    def __init__(self, most: float = MOST_WORDS) -> None:
        self._most = most
        self._codes: dict[str, int] = {}
        self._batches: list[NDArray[np.int32]] = []
        self.overflowed = False

    def __contains__(self, word: object) -> bool:
        return word in self._codes

    def add(self, codes: "NDArray[np.int32]", words: "Sequence[str | None]") -> None:
        """A batch: indices into its own words, -1 for null."""
        known = [-1 if word is None else self._code(word) for word in words]
        # The index -1 finds the last, which is -1.
        add_batch(self._batches, np.array([*known, -1], np.int32)[codes])

    def _code(self, word: str) -> int:
        """A word's number; 0 where there are too many words to tell them apart."""
        if self.overflowed:
            return 0
        code = self._codes.setdefault(word, len(self._codes))
        self.overflowed = len(self._codes) > self._most
        return code

    @property
    def words(self) -> "list[str]":
        """The words in the order of their codes."""
        return list(self._codes)

    def drop_words(self) -> None:
        """Give up the words when there are too many."""
        self._codes.clear()

    def take_codes(self) -> "NDArray[np.int32]":
        """Each row's code, -1 for null; the batches are given up for it."""
        codes = np.concatenate([np.empty(0, np.int32), *self._batches])
        self._batches.clear()
        return codes


class DistinctWords:
    """The different words of a column, and each row's code among them, -1 for null."""

    def __init__(self, words: list[str], codes: "NDArray[np.int32]") -> None:
        self.words = words
        self.codes = codes
        self.times: list[int] = np.bincount(codes + 1, minlength=len(words) + 1)[1:].tolist()
        self._places = {word: place for place, word in enumerate(words)}

    def without(self, missing: "Iterable[str]") -> list[str]:
        """The words that do not stand for a missing value."""
        gaps = frozenset(missing)
        return [word for word in self.words if word.strip() not in gaps]

    def values(
        self, missing: "Iterable[str]", read: "Callable[[str], float | None]"
    ) -> "tuple[NDArray[np.float64], dict[str, int]]":
        """Each row's value, and how often each word stood for a missing one."""
        gaps = frozenset(missing)
        found: list[float] = []
        missing_words: Counter[str] = Counter()
        for word, times in zip(self.words, self.times, strict=True):
            stripped = word.strip()
            value = None if stripped in gaps else read(word)
            if stripped in gaps and stripped:
                missing_words[stripped] += times
            found.append(np.nan if value is None else value)
        return np.array([*found, np.nan])[self.codes], dict(missing_words)

    def count(self, words: "Iterable[str]") -> int:
        """How many rows hold one of these."""
        return sum(self.times[self._places[word]] for word in words)

    def row_of(self, word: str) -> int:
        """The first row, from 1, that holds a word."""
        return int(np.argmax(self.codes == self._places[word])) + 1
