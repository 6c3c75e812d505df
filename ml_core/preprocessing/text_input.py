"""Texts as callers send them, which become the numbers of their words."""

from __future__ import annotations

import sys
from array import array

from ml_core.errors import Fault, TooLarge, member, quoted, raise_faults, shown
from ml_core.inputs.arrays import MOST_STEPS, Sequences
from ml_core.inputs.instance_cells import wrong_cells
from ml_core.inputs.instances import IGNORED, LEAVE_OUT, listed_instances
from ml_core.inputs.kinds import TEXT
from ml_core.inputs.specs import TEXT as BYTES
from ml_core.inputs.specs import InputSpec
from ml_core.preprocessing.tokens import UNKNOWN

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ml_core.inputs.notes import Notes
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
        self,
        instances: object,
        *,
        limits: Limits,
        where: str = "$.instances",
        expecting: str = "the model",
        unknown: str = LEAVE_OUT,
        notes: Notes | None = None,
    ) -> Sequences:
        """The words' numbers of checked texts. `unknown` as in `Model.rows`.

        `notes` take where words are unknown. Raises `InvalidInput`, `TooLarge`.
        """
        texts = read_texts(instances, self.name, limits, where=where, expecting=expecting, unknown=unknown)
        found = self.encoded(texts, where)
        if notes is not None:
            self._note(texts, found, notes, lambda row: f"{where}[{row}]")
        return found

    def of_columns(
        self,
        columns: Sequence[Sequence[object]],
        path: Callable[[int, int], str],
        where: str,
        *,
        expecting: str = "the model",
        notes: Notes | None = None,
    ) -> Sequences:
        """The texts of the one column; `path` as in `packed_columns`. Raises `InvalidInput`, `TooLarge`."""
        (cells,) = columns
        raise_faults(_wrong_texts(cells, lambda row: path(0, row), expecting))
        found = self.encoded(cells, where)  # type: ignore[arg-type]  # they are: it was looked
        if notes is not None:
            self._note(cells, found, notes, lambda row: path(0, row))  # type: ignore[arg-type]
        return found

    def _note(self, texts: Sequence[str], found: Sequences, notes: Notes, path: Callable[[int], str]) -> None:
        """Note the texts without words, and those with words that training has not seen, or did not count."""
        numbers, begin = memoryview(found.packed).cast("B").cast("q"), 0
        for row, length in enumerate(found.lengths):
            unknown = numbers[begin : begin + length].tolist().count(UNKNOWN)
            begin += length
            if unknown:
                notes.add(path(row), self._told_of(texts[row], unknown, length))

    def _told_of(self, text: str, unknown: int, length: int) -> str:
        """What is to be said of a text that has so many unknown words, or none at all."""
        of = self.tokenizer.tokens
        if any(True for _ in self.tokenizer.split(text)):
            return f"{unknown} of the text's {length} {of} are not in the vocabulary"
        return "the text is empty" if not text.strip() else f"the text has no {of}"

    def encoded(
        self, texts: Sequence[str], where: str = "$.instances", *, most: float = MOST_STEPS
    ) -> Sequences:
        """The words' numbers of texts, at most so many of them. Raises `TooLarge`."""
        numbers, lengths = array("q"), []
        for text in texts:
            words = self.tokenizer.encode(text)
            numbers.extend(words)
            lengths.append(len(words))
            if len(numbers) > most:
                raise TooLarge(f"{where} has more than {most:,} words; send fewer texts at a time")
        if sys.byteorder == "big":
            numbers.byteswap()
        return Sequences(numbers.tobytes(), 1, lengths, "I64", where, texts=texts)


def text_schema(name: str) -> dict[str, object]:
    """A text as JSON Schema: a string, or an object that has it under the name."""
    named = {
        "title": "Text by name",
        "type": "object",
        "required": [name],
        "additionalProperties": False,
        "properties": {name: {"type": "string"}},
    }
    return {"anyOf": [{"type": "string"}, named]}


def read_texts(
    instances: object,
    name: str,
    limits: Limits,
    *,
    where: str = "$.instances",
    expecting: str = "the model",
    unknown: str = LEAVE_OUT,
) -> list[str]:
    """Checked texts, each a string or an object that has it. `unknown` as in `Model.rows`.

    Raises `InvalidInput`, `TooLarge`.
    """
    listed = listed_instances(instances, limits, where)
    texts: list[Any] = [
        each[name]
        if isinstance(each, dict) and name in each and (len(each) == 1 or unknown is IGNORED)
        else each
        for each in listed
    ]
    if set(map(type, texts)) != {str} or not all(map(_is_text, texts)):
        raise_faults(_faults(listed, name, where, expecting, unknown))
    return texts


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _faults(listed: list[object], name: str, where: str, expecting: str, unknown: str) -> Iterator[Fault]:
    for index, each in enumerate(listed):
        path = f"{where}[{index}]"
        if isinstance(each, dict):
            yield from wrong_cells(each, (name,), path, expecting, unknown)
            if name in each:
                cells = [each[name]]
                yield from _wrong_texts(cells, lambda _, path=path: member(path, name), expecting)  # type: ignore[misc]
        elif isinstance(each, str):
            yield from _wrong_texts([each], lambda _, path=path: path, expecting)  # type: ignore[misc]
        else:
            named = f'an object {{{quoted(name)}: "…"}}'
            yield Fault(path, f"{expecting} expects a text, or {named}, got {shown(each)}")


def _wrong_texts(cells: Sequence[object], path: Callable[[int], str], expecting: str) -> Iterator[Fault]:
    """What is wrong with values that are to be texts."""
    for row, text in enumerate(cells):
        if not isinstance(text, str):
            yield Fault(path(row), f"{expecting} expects a text, got {shown(text)}")
        elif not _is_text(text):
            yield Fault(path(row), "expected text, got half of a surrogate pair")
