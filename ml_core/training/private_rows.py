"""The rows of a private training: read, held out by coins, and made whole numbers of a bounded length.

What becomes of a row depends on nothing but the request and the row itself. One that `:predict` would refuse
is left out, and nobody is told which.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.arithmetic import vectorised
from ml_core.arithmetic.layout import Layout
from ml_core.inputs.columns import CATEGORY, Feature
from ml_core.preprocessing.encoding import Encoding
from ml_core.preprocessing.scaling import Scaling
from ml_core.privacy.rows import UNIT, whole_rows
from ml_core.safetensors import Tensor
from ml_core.training.privacy import Privacy, bounds_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    # Gives, again and again, the rows as features have them and their classes, -1 for none of the classes.
    type RawBlocks = Callable[[], Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]]

# Rows at a time, and coins that are thrown together.
_ROWS, _COINS = 1 << 12, 1 << 12


class PrivateForm(NamedTuple):
    """How a row of features becomes a row of numbers from -1 to 1, as the request says it.

    Args:
        encoding: the columns; the middle of its bounds stands for a missing number, which has a flag.
        scaling: brings the bounds of each number to -1 and 1.
    """

    encoding: Encoding
    scaling: Scaling

    @classmethod
    def of(cls, privacy: Privacy, features: Sequence[Feature]) -> "PrivateForm":
        """The form of these features."""
        bounds = bounds_of(privacy)
        numbers = [place for place, feature in enumerate(features) if feature.kind != CATEGORY]
        middles = [sum(bounds[features[place].name]) / 2 for place in numbers]
        halves = [
            (bounds[features[place].name][1] - bounds[features[place].name][0]) / 2 for place in numbers
        ]
        words = tuple(
            (place, len(feature.words), True)
            for place, feature in enumerate(features)
            if feature.kind == CATEGORY
        )
        layout = Layout(tuple(zip(numbers, middles, strict=True)), tuple(numbers), words)
        rest = layout.width - len(numbers)
        scaling = Scaling(Tensor.of([*middles, *[0.0] * rest]), Tensor.of([*halves, *[1.0] * rest]))
        return cls(Encoding(tuple(features), layout), scaling)

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return self.encoding.layout.width

    def longest(self, *, constant: bool = False) -> int:
        """The longest that a row may be: 1 for each feature, since a flag is 1 only where its number is 0.

        One that begins with a `constant` has one number of 1 more.
        """
        return isqrt((len(self.encoding.features) + constant) * UNIT * UNIT - 1) + 1

    def numbers(self, X: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """The rows, scaled but not yet bounded."""
        made = vectorised.dense(vectorised.encoded(X, self.encoding.layout))
        mean, scale = np.array(self.scaling.mean.values), np.array(self.scaling.scale.values)
        with np.errstate(all="ignore"):
            found: NDArray[np.float64] = (made - mean) / scale
        return found

    def candidates(self, count: int) -> "NDArray[np.float64]":
        """So many rows that might be: any numbers within bounds, none missing, and any word of a category."""
        draw = np.random.default_rng(secrets.randbits(128))
        layout = self.encoding.layout
        found = np.zeros((count, layout.width))
        found[:, : len(layout.numbers)] = draw.uniform(-1, 1, (count, len(layout.numbers)))
        begin = len(layout.numbers) + len(layout.missing_indicator)
        for _, words, missing in layout.categories:
            found[np.arange(count), begin + draw.integers(0, words, count)] = 1.0
            begin += words + missing
        return found


class Coins:
    """Whether each row is held out, by a coin of its own; the same each time that they are looked at.

    They come from a key that nobody keeps. A row's coin depends on its place alone: every row has one that is
    as likely to be held out as any other's.
    """

    def __init__(self, fraction: float) -> None:
        self._below = round(fraction * 2**32)
        self._key = secrets.token_bytes(32)

    def held_out(self, first: int, count: int) -> "NDArray[np.bool_]":
        """Of so many rows from a place on."""
        groups = range(first // _COINS, (first + count - 1) // _COINS + 1)
        thrown = np.concatenate([np.empty(0, "<u4"), *map(self._group, groups)])
        begin = first % _COINS
        return np.asarray(thrown[begin : begin + count] < self._below)

    def _group(self, number: int) -> "NDArray[np.uint32]":
        drawn = hashlib.shake_256(self._key + number.to_bytes(8, "little")).digest(4 * _COINS)
        return np.frombuffer(drawn, "<u4")


class _Held(NamedTuple):
    """Whole rows in two bytes a number, their classes, and which are held out."""

    rows: "NDArray[np.int16]"
    classes: "NDArray[np.int64]"
    held_out: "NDArray[np.bool_]"


class PrivateRows:
    """All rows of a private training, to be looked at again and again.

    Args:
        raw: the rows as features have them.
        form: what becomes of them.
        coins: which are held out.
        constant: whether each begins with 1.
        labelled: whether rows without a class are left out.
        room: how many bytes may be held, so that rows are not read anew for each look; None for any number.
    """

    def __init__(
        self,
        raw: "RawBlocks",
        form: PrivateForm,
        coins: Coins,
        *,
        constant: bool,
        labelled: bool,
        room: int | None = None,
    ) -> None:
        self._raw = raw
        self._form = form
        self._coins = coins
        self._constant = constant
        self._labelled = labelled
        self._room = room
        self._held: list[_Held] | None = None
        self.width = form.width + constant
        self.longest = form.longest(constant=constant)

    def training(self) -> "Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]":
        """The rows that are trained on, in blocks, and their classes."""
        return self._part(held_out=False)

    def testing(self) -> "Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]":
        """The rows that are held out."""
        return self._part(held_out=True)

    def _part(self, *, held_out: bool) -> "Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]":
        for block in self._blocks():
            chosen = block.held_out == held_out
            yield block.rows[chosen].astype(np.float64), block.classes[chosen]

    def _blocks(self) -> Iterator[_Held]:
        """All rows; those of the first look are held, where there is room."""
        if self._held is not None:
            yield from self._held
            return
        held: list[_Held] | None = []
        size = 0
        for block in self._read():
            size += block.rows.nbytes + block.classes.nbytes + block.held_out.nbytes
            if self._room is not None and size > self._room:
                held = None
            if held is not None:
                held.append(block)
            yield block
        self._held = held

    def _read(self) -> Iterator[_Held]:
        place = 0
        for X, classes in self._raw():
            for begin in range(0, len(X), _ROWS):
                some, y = X[begin : begin + _ROWS], classes[begin : begin + _ROWS]
                held_out = self._coins.held_out(place, len(some)) if len(some) else np.empty(0, bool)
                place += len(some)
                whole = whole_rows(self._form.numbers(some), self._form.longest())
                if self._constant:
                    whole = np.concatenate([np.full((len(whole), 1), UNIT), whole], axis=1)
                kept = y >= 0 if self._labelled else np.ones(len(some), bool)
                yield _Held(whole[kept].astype(np.int16), y[kept], held_out[kept])
