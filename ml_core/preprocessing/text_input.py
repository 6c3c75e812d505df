"""Texts as callers send them, which become the numbers of their words."""

from __future__ import annotations

import sys
from array import array

from ml_core.errors import Fault, InvalidInput, TooLarge, quoted, raise_faults, shown
from ml_core.inputs.arrays import Sequences
from ml_core.inputs.instances import listed_instances
from ml_core.inputs.kinds import TEXT
from ml_core.inputs.specs import TEXT as BYTES
from ml_core.inputs.specs import InputSpec
from ml_core.preprocessing.sequence_input import MOST_STEPS

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ml_core.inputs.rows import Limits
    from ml_core.preprocessing.tokens import Tokenizer


class TextInput:
    """Texts: strings, or objects that have one under the column's name."""

    kind = TEXT

    def __init__(self, name: str, tokenizer: Tokenizer) -> None:
        self.name = name
        self.tokenizer = tokenizer
        self.spec = InputSpec("input-0", BYTES, (1,))

    @property
    def features(self) -> tuple[str, ...]:
        """The column that the text is called by."""
        return (self.name,)

    def description(self) -> dict[str, object]:
        """What `restored_input` makes it of again, beside the features."""
        return {"kind": TEXT, **self.tokenizer.description()}

    def summary(self) -> dict[str, object]:
        """What a version tells of it: of the vocabulary its size."""
        return {**self.description(), "vocabulary": len(self.tokenizer.vocabulary)}

    def instance_schema(self) -> dict[str, object]:
        """An instance as JSON Schema."""
        return text_schema(self.name)

    def read(
        self, instances: object, *, limits: Limits, where: str = "$.instances", expecting: str = "the model"
    ) -> Sequences:
        """The words' numbers of checked texts. Raises `InvalidInput`, `TooLarge`."""
        return self.encoded(read_texts(instances, self.name, limits, where, expecting), where)

    def encoded(self, texts: Sequence[str], where: str = "$.instances") -> Sequences:
        """The words' numbers of texts. Raises `TooLarge`."""
        numbers, lengths = array("q"), []
        for text in texts:
            words = self.tokenizer.encode(text)
            numbers.extend(words)
            lengths.append(len(words))
            if len(numbers) > MOST_STEPS:
                raise TooLarge(f"{where} has more than {MOST_STEPS:,} words; send fewer texts at a time")
        if sys.byteorder == "big":
            numbers.byteswap()
        return Sequences(numbers.tobytes(), 1, lengths, "I64", where)


def text_schema(name: str) -> dict[str, object]:
    """A text as JSON Schema: a string, or an object that has it under the name."""
    named = {
        "type": "object",
        "required": [name],
        "additionalProperties": False,
        "properties": {name: {"type": "string"}},
    }
    return {"anyOf": [{"type": "string"}, named]}


def read_texts(
    instances: object, name: str, limits: Limits, where: str = "$.instances", expecting: str = "the model"
) -> list[str]:
    """Checked texts. Raises `InvalidInput`, `TooLarge`."""
    listed = listed_instances(instances, limits, where)
    texts: list[Any] = [
        each[name] if isinstance(each, dict) and each.keys() == {name} else each for each in listed
    ]
    if set(map(type, texts)) != {str} or not all(map(_is_text, texts)):
        raise_faults(_faults(texts, name, where, expecting))
    return texts


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _faults(texts: list[object], name: str, where: str, expecting: str) -> Iterator[Fault]:
    for index, text in enumerate(texts):
        path = f"{where}[{index}]"
        if not isinstance(text, str):
            yield Fault(
                path, f'{expecting} expects a text, or an object {{{quoted(name)}: "…"}}, got {shown(text)}'
            )
        elif not _is_text(text):
            yield Fault(path, "expected text, got half of a surrogate pair")


def check_text_name(name: object) -> None:
    """Raise `InvalidInput` for a name that no column has."""
    if not isinstance(name, str) or not name:
        raise InvalidInput.at("$.feature_names", f"expected one name, got {shown(name)}")
