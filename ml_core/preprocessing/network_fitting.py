"""What is fitted before a network, to the samples that it is trained on: how instances are read."""

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.errors import quoted
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.inputs.samples import (
    PictureSamples,
    SequenceSamples,
    TextSamples,
    offsets_of,
    packed_pictures,
    packed_sequences,
)
from ml_core.preprocessing.picture_input import PictureInput
from ml_core.preprocessing.pixel_numbers import PixelNumbers
from ml_core.preprocessing.sequence_input import SequenceInput
from ml_core.preprocessing.text_input import TextInput
from ml_core.preprocessing.tokens import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_core.inputs.samples import Samples
    from ml_core.preprocessing.instance_input import InstanceInput
    from ml_core.preprocessing.pixel_columns import PixelColumns


def fitted_input(
    features: tuple[str, ...],
    chosen: "Mapping[str, Any]",
    samples: "Samples",
    pixels: "PixelColumns | None" = None,
) -> "InstanceInput | None":
    """How a model reads instances like these; None for rows of a table, which an encoding reads.

    `pixels` are the columns that pictures were read from.
    """
    if isinstance(samples, PictureSamples):
        _, height, width, channels = samples.array.shape
        numbers = PixelNumbers.of(samples.array)
        return PictureInput((height, width, channels), pixels=pixels, numbers=numbers)
    if isinstance(samples, SequenceSamples):
        return SequenceInput(features, chosen["max_length"])
    if isinstance(samples, TextSamples):
        tokenizer = Tokenizer.fit(
            samples.texts,
            tokens=chosen["tokens"],
            lowercase=chosen["lowercase"],
            max_vocabulary=chosen["max_vocabulary"],
            max_length=chosen["max_length"],
        )
        return TextInput(features[0], tokenizer)
    return None


def read_samples(samples: "Samples", reader: "InstanceInput") -> "Samples":
    """The samples as the reader would have read them: cut where they are too long, texts as word numbers."""
    if isinstance(samples, TextSamples) and isinstance(reader, TextInput):
        encoded = reader.encoded(samples.texts, "$.data", most=inf)
        steps = np.frombuffer(encoded.packed, "<i8").reshape(-1, 1)
        return SequenceSamples(steps, offsets_of(np.asarray(encoded.lengths)))
    if isinstance(samples, SequenceSamples) and isinstance(reader, SequenceInput):
        return samples if reader.max_length is None else samples.last_steps(reader.max_length)
    return samples


def packed_samples(samples: "Samples") -> Pictures | Sequences:
    """Read samples as predictions take them."""
    if isinstance(samples, PictureSamples):
        return packed_pictures(samples)
    assert isinstance(samples, SequenceSamples), "texts are read before they are packed"  # noqa: S101
    return packed_sequences(samples)


def cut_warnings(samples: "Samples", reader: "InstanceInput") -> list[str]:
    """What is to be said of samples of which not every step counts."""
    most = reader.max_length if isinstance(reader, SequenceInput) else None
    if most is None or not isinstance(samples, SequenceSamples):
        return []
    longer = int((samples.lengths > most).sum())
    if not longer:
        return []
    return [f"{longer} sequences are longer than max_length: of these the last {most} steps count"]


def number_warnings(samples: "Samples", reader: "InstanceInput") -> list[str]:
    """What is to be said of texts that are nothing but numbers: a column of those was named, perhaps."""
    if not isinstance(samples, TextSamples):
        return []
    written = [text for text in samples.texts if text.strip()]
    if not written or not all(map(_is_number, written)):
        return []
    told = f"every text of {quoted(reader.features[0])} is a number, and is read as words"
    return [f"{told}, whatever its size: name the column of texts, or train another algorithm on the numbers"]


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
