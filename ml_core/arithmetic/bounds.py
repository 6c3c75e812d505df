"""The numbers that decide how a prediction is computed, and what is raised when it overflows."""

# Plain Python meets 65,536 numbers in about two milliseconds, a fortieth of the time that numpy takes to be
# imported.
PLAIN_NUMBERS = 1 << 16
# What a row costs in plain Python besides its numbers, as a count of numbers: calls, tuples, lists.
ROW_NUMBERS = 100
# A block of rows has at most this many numbers in any one matrix (32 MiB): memory stays bounded whatever is
# asked.
BLOCK_NUMBERS = 1 << 22
# Results that are this close, relative to their terms, are compared by a longer computation that tells a tie.
CLOSE = 1e-12


class NotFinite(ArithmeticError):
    """A row's result overflowed; `row` counts within the matrix at hand."""

    def __init__(self, row: int) -> None:
        super().__init__(f"the result of row {row} is not a finite number")
        self.row = row


def is_few(rows: int, numbers: int) -> bool:
    """Whether plain Python is to predict `rows` rows with a model of `numbers` numbers.

    Only these two decide, never what happens to be loaded: equal requests are answered by equal arithmetic.
    """
    return rows * (ROW_NUMBERS + numbers) <= PLAIN_NUMBERS
