"""How a model reads pictures, sequences or texts: the readers, and one out of an artifact's description."""

from __future__ import annotations

from ml_core.errors import ArtifactInvalid
from ml_core.inputs.arrays import LONGEST_LENGTH
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TEXT

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ml_core.preprocessing.picture_input import PictureInput
    from ml_core.preprocessing.sequence_input import SequenceInput
    from ml_core.preprocessing.text_input import TextInput

    # How a model reads instances that are no rows of a table.
    type InstanceInput = PictureInput | SequenceInput | TextInput


def restored_input(
    described: Mapping[str, Any], features: tuple[str, ...], shape: tuple[int, ...], n_tokens: int | None
) -> InstanceInput:
    """The reader that described itself so, for an estimator of instances of the shape.

    `n_tokens` is how many tokens the estimator knows, None for one of numbers. Raises `ArtifactInvalid` where
    the two do not fit, and what `restoring.parts_of` takes for the same.
    """
    kind = described["kind"]
    if kind == IMAGE:
        from ml_core.preprocessing.picture_input import PictureInput

        (name,) = features
        height, width, channels = described["shape"]
        reader = _fitting(PictureInput((height, width, channels), name), shape)
        if "pixels" in described:
            from ml_core.preprocessing.pixel_columns import PixelColumns

            reader.pixels = PixelColumns.restored(described["pixels"], reader.shape)
        if "numbers" in described:
            from ml_core.preprocessing.pixel_numbers import PixelNumbers

            reader.numbers = PixelNumbers.restored(described["numbers"])
        return reader
    if kind == SEQUENCE:
        from ml_core.preprocessing.sequence_input import SequenceInput

        most = described["max_length"]
        if most is not None and (type(most) is not int or not 1 <= most <= LONGEST_LENGTH):
            raise ArtifactInvalid("max_length is no length")
        return _fitting(SequenceInput(features, most), shape)
    if kind == TEXT:
        from ml_core.preprocessing.text_input import TextInput
        from ml_core.preprocessing.tokens import Tokenizer

        (name,) = features
        members = {name: value for name, value in described.items() if name != "kind"}
        texts = TextInput(name, Tokenizer.restored(members))
        if n_tokens != 1 + len(texts.tokenizer.vocabulary):
            raise ArtifactInvalid("the vocabulary does not fit the tensors")
        return texts
    raise ArtifactInvalid(f"nothing is known of an input of the kind {kind!r}")


def _fitting[R: (PictureInput, SequenceInput)](reader: R, shape: tuple[int, ...]) -> R:
    if shape != reader.spec.shape:
        raise ArtifactInvalid("the input does not fit the tensors")
    return reader
