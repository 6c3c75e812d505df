"""Cells that are no values of a table: texts as they are written, and lists of numbers.

They are read where it is asked for, as what a network is trained on; else nobody needs them.
"""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from ml_core.errors import InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# What Python takes for a string beside its characters, and numpy for a list's length.
_BYTES_A_TEXT, _BYTES_A_LENGTH = 64, 8
_BYTES_A_NUMBER = 8
_WHERE = "$.data.features"


class NumberLists(NamedTuple):
    """A list of steps in each row; a step is one number, or several.

    Args:
        numbers: the numbers of all steps of all rows, one after another; NaN where one is missing.
        lengths: how many steps each row's list has; 0 where there is none.
        width: how many numbers a step has; 0 where it is no list but the number itself.
        names: what a step's numbers are called, where the file says it.
    """

    numbers: "NDArray[np.float64]"
    lengths: "NDArray[np.int64]"
    width: int = 0
    names: tuple[str, ...] = ()

    def steps(self) -> "NDArray[np.float64]":
        """All steps of all rows, each a row of its numbers."""
        return self.numbers.reshape(-1, max(1, self.width))

    def taken(self, kept: "NDArray[np.bool_]") -> "NumberLists":
        """Those of the rows that are kept."""
        steps = self.steps()[np.repeat(kept, self.lengths)]
        return self._replace(numbers=steps.reshape(-1), lengths=self.lengths[kept])


class TextCells:
    """The texts of a column, exactly as they are written, as batches of them arrive.

    `missing` are words that stand for no text, with or without space around them; `check` is told of the
    bytes that are held, before more come.
    """

    def __init__(self, name: str, missing: Sequence[str], check: "Callable[[int], None]") -> None:
        self.name = name
        self.missing_words: dict[str, int] = {}
        self._missing = frozenset(map(str.strip, missing))
        self._check = check
        self._bytes = 0
        self._texts: list[str | None] = []

    def add(self, texts: Sequence[str | None]) -> None:
        """The next batch; None where there is no text."""
        present = [text for text in texts if text is not None]
        self._bytes += len(texts) * _BYTES_A_TEXT + sum(map(len, present))
        self._check(self._bytes)
        self._texts += texts if self._missing.isdisjoint(map(str.strip, present)) else map(self._meant, texts)

    def _meant(self, text: str | None) -> str | None:
        if text is None or text.strip() not in self._missing:
            return text
        if word := text.strip():
            self.missing_words[word] = self.missing_words.get(word, 0) + 1
        return None

    def take(self) -> list[str | None]:
        """All texts, which are given up for it."""
        texts, self._texts = self._texts, []
        return texts


class ListCells:
    """The lists of a column, as batches of them arrive. `check` is told of the bytes that are held."""

    def __init__(self, name: str, check: "Callable[[int], None]") -> None:
        self.name = name
        self._check = check
        self._rows = 0
        self._bytes = 0
        self._form: tuple[int, tuple[str, ...]] | None = None
        self._numbers: list[NDArray[np.float64]] = []
        self._lengths: list[NDArray[np.int64]] = []

    def add(
        self,
        numbers: "NDArray[np.float64]",
        lengths: "NDArray[np.int64]",
        width: int = 0,
        names: tuple[str, ...] = (),
    ) -> None:
        """The next batch, as `NumberLists` has it. Raises `InvalidInput` for other steps than before."""
        self._bytes += len(numbers) * _BYTES_A_NUMBER + len(lengths) * _BYTES_A_LENGTH
        self._check(self._bytes)
        if lengths.any():
            form = (width, names)
            if self._form is not None and self._form != form:
                row = self._rows + int(np.flatnonzero(lengths)[0])
                self.refuse(row, 0, f"{_spoken(*form)}, and {_spoken(*self._form)} before")
            self._form = form
        self._numbers.append(numbers)
        self._lengths.append(lengths)
        self._rows += len(lengths)

    def add_values(self, values: Sequence[Any]) -> None:
        """The next batch as JSON has it. Raises `InvalidInput` for what is no list of steps."""
        for place, value in enumerate(values):
            if value is not None and type(value) is not list:
                self.refuse(self._rows + place, None, shown(value))
        lengths = np.array([len(value) if value else 0 for value in values], np.int64)
        steps = list(chain.from_iterable(value for value in values if value))
        width, names, numbers = self._flat(steps, lengths)
        if not set(map(type, numbers)) <= {int, float, type(None)}:
            wrong = next(
                place for place, each in enumerate(numbers) if type(each) not in (int, float, type(None))
            )
            self._refuse_step(lengths, wrong // max(1, width), shown(numbers[wrong]))
        try:
            floats = np.array([np.nan if number is None else number for number in numbers], np.float64)
        except OverflowError:
            self.refuse(self._rows, None, "a number too large for double precision")
        self.add(floats, lengths, width, names)

    def _flat(self, steps: list[Any], lengths: "NDArray[np.int64]") -> tuple[int, tuple[str, ...], list[Any]]:
        """How many numbers the steps have, what they are called, and all of them."""
        kinds = set(map(type, steps))
        if kinds == {list}:
            width = len(steps[0])
            for place, step in enumerate(steps):
                if len(step) != width:
                    self._refuse_step(lengths, place, f"{len(step)} numbers, and {width} before")
            if not width:
                self._refuse_step(lengths, 0, "a step without a number")
            return width, (), list(chain.from_iterable(steps))
        if kinds == {dict}:
            names = tuple(steps[0])
            for place, step in enumerate(steps):
                if step.keys() != steps[0].keys():
                    there = f"a step with {', '.join(map(shown, step))}"
                    self._refuse_step(lengths, place, f"{there}, and {', '.join(map(shown, names))} before")
            if not names:
                self._refuse_step(lengths, 0, "a step without a number")
            return len(names), names, [step[name] for step in steps for name in names]
        if kinds & {list, dict}:
            odd = next(place for place, step in enumerate(steps) if type(step) is not type(steps[0]))
            self._refuse_step(lengths, odd, shown(steps[odd]))
        return 0, (), steps

    def _refuse_step(self, lengths: "NDArray[np.int64]", step: int, got: str) -> NoReturn:
        ends = np.cumsum(lengths)
        row = int(np.searchsorted(ends, step, side="right"))
        self.refuse(self._rows + row, step - int(ends[row] - lengths[row]), got)

    def refuse(self, row: int, step: int | None, got: str) -> NoReturn:
        """Raise `InvalidInput` for a cell that is no list of steps; `row` and `step` from 0."""
        place = f"row {row + 1}" if step is None else f"step {step + 1} of row {row + 1}"
        raise InvalidInput.at(
            _WHERE, f"column {shown(self.name)}: expected lists of numbers, got {got} in {place}"
        )

    def take(self) -> NumberLists:
        """All lists, which are given up for it."""
        numbers = np.concatenate([np.empty(0), *self._numbers])
        lengths = np.concatenate([np.empty(0, np.int64), *self._lengths])
        self._numbers.clear()
        self._lengths.clear()
        return NumberLists(numbers, lengths, *(self._form or (0, ())))


def _spoken(width: int, names: tuple[str, ...]) -> str:
    """What a step is."""
    if names:
        return f"an object of {', '.join(map(shown, names))}"
    return f"a list of {width} numbers" if width else "a number"
