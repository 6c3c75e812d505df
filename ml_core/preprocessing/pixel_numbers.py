"""What numbers a model of pictures was trained on: bytes from 0 to 255, or others.

A PNG file holds bytes alone. To a network that was trained on numbers from 0 to 1 they are another picture,
which it would answer without a doubt.
"""

from __future__ import annotations

from ml_core.errors import ArtifactInvalid, InvalidInput
from ml_core.inputs.float32 import unpack32
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from ml_core.inputs.arrays import Pictures
    from ml_core.inputs.notes import Notes

_MOST_BYTE = 255


class PixelNumbers(Record):
    """Whether all numbers were whole and from 0 to 255, as bytes are, and from where to where they went."""

    are_bytes: bool
    least: float
    most: float

    @classmethod
    def of(cls, array: NDArray[Any]) -> PixelNumbers:
        """Those of pictures × height × width × channels, uint8 or float32.

        Whole numbers in float32 are bytes too, but for those of 0 and 1 alone, which may be a scale.
        """
        import numpy as np

        least, most = array.min().item(), array.max().item()
        are_bytes = array.dtype == np.uint8 or (
            least >= 0 and 1 < most <= _MOST_BYTE and all((each == np.floor(each)).all() for each in array)
        )
        return cls(are_bytes, least, most)

    @classmethod
    def restored(cls, described: Any) -> PixelNumbers:  # noqa: ANN401 - whatever stands there
        """Those that described themselves so. Raises what `restored_input` takes for unfit."""
        are_bytes, (least, most) = described["bytes"], described["range"]
        if type(are_bytes) is not bool or not {type(least), type(most)} <= {int, float} or not least <= most:
            raise ArtifactInvalid("the pictures' numbers are not described by a range")
        return cls(are_bytes, least, most)

    def description(self) -> dict[str, object]:
        """What `restored` makes it of again."""
        return {"bytes": self.are_bytes, "range": [self.least, self.most]}

    def words(self) -> str:
        """The range, for messages."""
        return f"numbers from {_number(self.least)} to {_number(self.most)}"

    def check_file(self, where: str, expecting: str) -> None:
        """Raise `InvalidInput` for a PNG file where training has not seen bytes."""
        if not self.are_bytes:
            raise InvalidInput.at(
                where,
                f"{expecting} takes no PNG files: it was trained on {self.words()}, and a file holds bytes "
                "from 0 to 255; send the numbers as training had them, in lists or as float32",
            )

    def note(self, pictures: Pictures, notes: Notes, path: Callable[[int], str]) -> None:
        """Note pictures of other numbers than training has seen."""
        for row in range(len(pictures)):
            packed = pictures.taken(row, row + 1).packed
            numbers = bytes(packed) if pictures.dtype == "U8" else unpack32(packed)
            least, most = min(numbers), max(numbers)
            # A picture of bytes that was divided by 255 is within their range.
            is_scaled = self.most > 1 >= most and any(number % 1 for number in numbers)
            if least < self.least or most > self.most or (self.are_bytes and is_scaled):
                sent = PixelNumbers(False, least, most).words()
                notes.add(path(row), f"it has {sent}; training has seen {self.words()}")


def _number(number: float) -> str:
    return f"{number:.6g}"
