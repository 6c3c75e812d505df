"""The words of a column that tells which rows belong together."""

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from ml_core.tables.columns import CATEGORY, Column
from ml_core.tables.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# What Python takes for a string beside its characters, and for its place.
_BYTES_A_WORD = 64
_LONGEST_WHOLE = 400


class KeyCells:
    """The words of a column that tells which rows belong together, as batches of them arrive.

    They are what is written, whatever they look like: `007` is not `7`, and `NA` is a key. Only space around
    them does not count. An empty cell is none, and so are the words of `missing`. Any number of them is told
    apart; `check` is told of the bytes that are held.
    """

    def __init__(self, name: str, missing: Sequence[str], check: "Callable[[int], None]") -> None:
        self.name = name
        self._missing = frozenset(("", *map(str.strip, missing)))
        self._missing_words: dict[str, int] = {}
        self._check = check
        self._bytes = 0
        self._vocabulary = Vocabulary(inf)

    def add(self, codes: "NDArray[np.int32]", words: Sequence[str | None]) -> None:
        """The next batch: indices into its own words, -1 where there is none."""
        stripped = [None if word is None else word.strip() for word in words]
        meant = [None if word in self._missing else word for word in stripped]
        if meant != stripped:
            times = np.bincount(codes + 1, minlength=len(words) + 1)[1:].tolist()
            for word, rows in zip(stripped, times, strict=True):
                if word and word in self._missing:
                    self._missing_words[word] = self._missing_words.get(word, 0) + rows
        self._bytes += sum(
            _BYTES_A_WORD + len(word) for word in meant if word and word not in self._vocabulary
        )
        self._check(self._bytes)
        self._vocabulary.add(codes, meant)

    def column(self) -> Column:
        """The column: categories, sorted, whole numbers by their size. What was read is given up for it."""
        words = self._vocabulary.words
        whole = all(word.isascii() and word.isdecimal() and len(word) <= _LONGEST_WHOLE for word in words)
        kept = sorted(words, key=lambda word: (int(word), word)) if whole else sorted(words)
        places = {word: place for place, word in enumerate(kept)}
        values = np.array([*map(places.__getitem__, words), -1], np.int32)[self._vocabulary.take_codes()]
        return Column(self.name, CATEGORY, values, tuple(kept), missing_words=self._missing_words)
