"""The numbers that decide how a prediction is computed, and what is raised when it overflows."""

from __future__ import annotations

from ml_core.errors import InvalidInput

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Plain Python meets 65,536 numbers in about two milliseconds, a fortieth of the time that numpy takes to be
# imported.
PLAIN_NUMBERS = 1 << 16
# What a row costs in plain Python besides its numbers, as a count of numbers: calls, tuples, lists.
ROW_NUMBERS = 100
# Plain Python multiplies so often in three to four milliseconds. Networks are counted by their work: a weight
# of a convolution is multiplied at every place of a picture, one of a recurrent layer at every step.
PLAIN_MULTIPLICATIONS = 1 << 18
# What a picture or a step costs in plain Python besides its multiplications, as a count of them.
INSTANCE_MULTIPLICATIONS = 250
# A block of rows has at most this many numbers in any one matrix (32 MiB): memory stays bounded whatever is
# asked.
BLOCK_NUMBERS = 1 << 22
# So many multiplications are done in the time of one step of a recurrent layer that few sequences take.
STEP_MULTIPLICATIONS = 1 << 16
# Results that are this close, relative to their terms, are compared by a longer computation that tells a tie.
CLOSE = 1e-12


class NotFinite(ArithmeticError):
    """A row's result overflowed; `row` counts within the matrix at hand."""

    def __init__(self, row: int) -> None:
        super().__init__(f"the result of row {row} is not a finite number")
        self.row = row


def overflowing(where: str, row: int) -> InvalidInput:
    """What a caller is told of the row that overflowed, in the list at `where`."""
    return InvalidInput.at(f"{where}[{row}]", "these values are so large that the model's result overflows")


def is_few(rows: int, numbers: int) -> bool:
    """Whether plain Python is to predict `rows` rows with a model of `numbers` numbers.

    Only these two decide, never what happens to be loaded: equal requests are answered by equal arithmetic.
    """
    return rows * (ROW_NUMBERS + numbers) <= PLAIN_NUMBERS


def is_little(size: int, work: int) -> bool:
    """Whether plain Python is to predict `size` pictures or steps that take `work` multiplications each.

    As in `is_few`, nothing else decides.
    """
    return size * (INSTANCE_MULTIPLICATIONS + work) <= PLAIN_MULTIPLICATIONS


def sequence_blocks(lengths: Sequence[int], width: int) -> Iterator[slice]:
    """Sequences of falling length that are computed together: as many as a block has numbers for.

    `width` is how many numbers a step takes.
    """
    begin = steps = 0
    for end, length in enumerate(lengths):
        if end > begin and (steps + length) * width > BLOCK_NUMBERS:
            yield slice(begin, end)
            begin, steps = end, 0
        steps += length
    if steps:
        yield slice(begin, len(lengths))
