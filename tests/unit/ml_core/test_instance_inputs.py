"""Pictures, sequences and texts as callers send them: what is read, and the place of each fault."""

import base64
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ml_core.errors import InvalidInput, TooLarge
from ml_core.inputs.float32 import unpack32
from ml_core.inputs.instances import IGNORED
from ml_core.inputs.notes import Notes
from ml_core.inputs.rows import Limits
from ml_core.preprocessing.picture_input import PictureInput, training_pictures
from ml_core.preprocessing.sequence_input import SequenceInput, channel_names
from ml_core.preprocessing.text_input import TextInput
from ml_core.preprocessing.tokens import Tokenizer

LIMITS = Limits()
GREY, COLOUR = PictureInput((2, 3, 1)), PictureInput((2, 2, 3))
TWO, ONE = SequenceInput(("x", "y")), SequenceInput(("x",))
TEXTS = TextInput("review", Tokenizer("words", ("good", "bad")))


def faults(read: Callable[[], object]) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        read()
    return [f"{fault.path}: {fault.message}" for fault in refused.value.faults]


def raw(numbers: Sequence[float], code: str = "f") -> dict[str, str]:
    packed = struct.pack(f"<{len(numbers)}{code}", *numbers)
    return {"b64": base64.b64encode(packed).decode(), "dtype": {"f": "float32", "B": "uint8"}[code]}


def test_each_form_of_a_picture_is_the_same_picture() -> None:
    flat, nested = [[1, 2, 3], [4, 5, 6]], [[[1], [2], [3]], [[4], [5], [6]]]
    in_a_row = [1, 2, 3, 4, 5, 6]
    forms: list[Any] = [flat, nested, in_a_row, raw(in_a_row), raw(in_a_row, "B")]
    together = GREY.read(forms, limits=LIMITS)
    assert (len(together), together.dtype) == (5, "F32")
    assert unpack32(together.packed) == (1, 2, 3, 4, 5, 6) * 5
    for form in forms:
        alone = GREY.read([form], limits=LIMITS)
        numbers = list(bytes(alone.packed)) if alone.dtype == "U8" else list(unpack32(alone.packed))
        assert numbers == [1, 2, 3, 4, 5, 6]


def test_a_number_is_rounded_to_float32_in_every_form() -> None:
    (picture,) = [GREY.read([[[0.1, 0.2, 0.3], [0, 0, 0]]], limits=LIMITS)]
    sent = GREY.read([raw([0.1, 0.2, 0.3, 0, 0, 0])], limits=LIMITS)
    assert bytes(picture.packed) == bytes(sent.packed)


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        (7, "$.instances[1]: the model expects pictures of 2 × 3 × 1 as nested lists"),
        ([[1, 2, 3]], "$.instances[1]: the model expects pictures of 2 × 3 × 1; this has 1 rows of pixels"),
        ([1, 2, 3], "$.instances[1]: the model expects pictures of 2 × 3 × 1, 6 numbers where they are flat"),
        ([1, 2, 3, 4, None, 6], "$.instances[1][4]: expected a number, got null"),
        ([], "$.instances[1]: the model expects pictures of 2 × 3 × 1, 6 numbers where they are flat; got 0"),
        (
            [[1, 2, 3], [4, 5]],
            "$.instances[1][1]: the model expects pictures of 2 × 3 × 1; this row",
        ),
        ([[1, 2, 3], [4, "5", 6]], "$.instances[1][1][1]: expected a number, got '5'"),
        ([[1, 2, 3], [4, True, 6]], "$.instances[1][1][1]: expected a number, got true"),
        ([[1, 2, 3], [4, 1e39, 6]], "$.instances[1][1][1]: expected a number of single precision"),
        ([[1, 2, 3], [4, [5, 5], 6]], "$.instances[1][1][1]: expected a list of 1 numbers, got 2 numbers"),
        ({"b64": "AAA"}, "$.instances[1].b64: expected bytes in base64"),
        ({"b64": "AAAA"}, "$.instances[1].b64: expected a PNG file; say the dtype of raw numbers"),
        (
            {"b64": "AAAA", "dtype": "int8"},
            '$.instances[1].dtype: expected "uint8" or "float32"',
        ),
        ({"b64": "AAAA", "dtype": "uint8"}, "$.instances[1].b64: the model expects pictures of 2 × 3 × 1, 6"),
        ({"b64": "AADAfw==", "dtype": "float32"}, "$.instances[1].b64: it holds a number that is not finite"),
        ({"dtype": "uint8"}, "$.instances[1].b64: expected bytes in base64, got null"),
        ({"b64": "AAAA", "png": 1}, "$.instances[1]: expected an object with b64 and dtype, it has 'png'"),
        ({}, "$.instances[1]: feature 'image' is missing"),
        ({"image": [[1, 2, 3], [4, 5, 6]], "x": 1}, "$.instances[1].x: the model has no feature 'x'; leave"),
        ({"image": [[1, 2, 3], [4, "5", 6]]}, "$.instances[1].image[1][1]: expected a number, got '5'"),
        ({"image": {"b64": "AAA"}}, "$.instances[1].image.b64: expected bytes in base64"),
    ],
)
def test_a_fault_of_a_picture_has_its_place(instance: object, told: str) -> None:
    (fault,) = faults(lambda: GREY.read([[[1, 2, 3], [4, 5, 6]], instance], limits=LIMITS))
    assert fault.startswith(told)


def test_every_pixel_with_a_fault_is_told() -> None:
    picture = [[[1, 2, None], [1, 2, 3]], [[1, 2, 3], [1, 2]]]
    assert faults(lambda: COLOUR.read([picture], limits=LIMITS)) == [
        "$.instances[0][0][0][2]: expected a number, got null",
        "$.instances[0][1][1]: expected a list of 3 numbers, got 2 numbers",
    ]


def test_whole_numbers_of_a_byte_stay_bytes_in_training() -> None:
    assert training_pictures([[[0, 255]]], None, LIMITS).dtype == "U8"
    assert training_pictures([[[0, 256]]], None, LIMITS).dtype == "F32"
    assert training_pictures([[[0.0, 1.0]]], None, LIMITS).dtype == "F32"
    assert training_pictures([[[[1, 2, 3], [4, 5, 6]]]], None, LIMITS).shape == (1, 2, 3)


def test_raw_pictures_need_their_shape_said() -> None:
    assert faults(lambda: training_pictures([raw([1, 2])], None, LIMITS)) == [
        "$.input.shape: raw numbers do not tell their shape: send [height, width, channels]"
    ]
    assert training_pictures([raw([1, 2])], (1, 2, 1), LIMITS).shape == (1, 2, 1)


def test_each_form_of_a_sequence_is_the_same_sequence() -> None:
    lists, objects = [[1, 2], [3, 4], [5, 6]], [{"x": 1, "y": 2}, {"y": 4, "x": 3}, {"x": 5, "y": 6}]
    forms: list[Any] = [lists, objects, raw([1, 2, 3, 4, 5, 6]), lists[:1]]
    found = TWO.read(forms, limits=LIMITS)
    assert found.lengths == [3, 3, 3, 1]
    assert unpack32(found.packed) == (*(1, 2, 3, 4, 5, 6) * 3, 1, 2)
    assert unpack32(ONE.read([[1, 2], [3]], limits=LIMITS).packed) == (1, 2, 3)
    assert unpack32(ONE.read([[[1], [2]], [3]], limits=LIMITS).packed) == (1, 2, 3)


def test_of_a_longer_sequence_the_last_steps_count() -> None:
    short = SequenceInput(("x",), max_length=2)
    found = short.read([[1, 2, 3], [4], [5, 6]], limits=LIMITS)
    assert (found.lengths, unpack32(found.packed)) == ([2, 1, 2], (2, 3, 4, 5, 6))


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        ([], "$.instances[1]: the model expects at least one step, got none"),
        ("abc", "$.instances[1]: the model expects a list of steps, got 'abc'"),
        ([[1, 2], [3]], "$.instances[1][1]: the model expects 2 numbers in a step, got 1"),
        ([[1, 2], [3, None]], "$.instances[1][1][1]: expected a number, got null: fill gaps first"),
        (
            [[1, 2], {"x": 1, "y": 2}],
            "$.instances[1][1]: expected a list of 2 numbers, as the first step is",
        ),
        ([{"x": 1}], "$.instances[1][0]: channel 'y' is missing"),
        ([{"x": 1, "y": 2, "z": 3}], "$.instances[1][0].z: the model has no channel 'z'"),
        ([1], "$.instances[1][0]: expected a list of 2 numbers or an object by channel, got 1"),
        ([[1, True]], "$.instances[1][0][1]: expected a number, got true: truth values are 1 and 0, send 1"),
        (raw([1, 2, 3]), "$.instances[1].b64: the model expects steps of 2 numbers, at least one; got 3"),
        (raw([1, 2], "B"), '$.instances[1].dtype: expected "float32", got uint8'),
        ({"b64": "", "dtype": "float32"}, "$.instances[1].b64: the model expects steps of 2 numbers"),
        ({"x": [1, 2]}, "$.instances[1]: feature 'y' is missing"),
        ({"x": [1], "y": [2], "id": 1}, "$.instances[1].id: the model has no feature 'id'; leave it out"),
        ({"x": [1, 2], "y": [3]}, "$.instances[1].y: has 1 numbers, and $.instances[1].x has 2"),
        ({"x": [1, 2], "y": 3}, "$.instances[1].y: the model expects a list of numbers, one for each step"),
        ({"x": [1, 2], "y": [3, None]}, "$.instances[1].y[1]: expected a number, got null: fill gaps first"),
    ],
)
def test_a_fault_of_a_sequence_has_its_place(instance: object, told: str) -> None:
    (fault,) = faults(lambda: TWO.read([[[1, 2]], instance], limits=LIMITS))
    assert fault.startswith(told)


def test_too_many_steps_are_refused_before_they_are_packed() -> None:
    with pytest.raises(TooLarge, match="1,000,001 steps"):
        ONE.read([[0] * 1_000_001], limits=LIMITS)


def test_texts_become_the_numbers_of_their_words() -> None:
    found = TEXTS.read(["good, bad", {"review": "Better"}, ""], limits=LIMITS)
    assert struct.unpack("<5q", found.packed) == (1, 0, 2, 0, 0)
    assert (found.lengths, found.dtype) == ([3, 1, 1], "I64")


def test_a_fault_of_a_text_has_its_place() -> None:
    assert faults(lambda: TEXTS.read(["a", 7, {"text": "b"}, "\ud800"], limits=LIMITS)) == [
        '$.instances[1]: the model expects a text, or an object {"review": "…"}, got 7',
        "$.instances[2]: feature 'review' is missing",
        "$.instances[2].text: the model has no feature 'text'; leave it out",
        "$.instances[3]: expected text, got half of a surrogate pair",
    ]
    assert faults(lambda: TEXTS.read([{"review": None}, {"review": "a", "id": 1}], limits=LIMITS)) == [
        "$.instances[0].review: the model expects a text, got null",
        "$.instances[1].id: the model has no feature 'id'; leave it out",
    ]


@pytest.mark.parametrize("reader", [GREY, TWO, TEXTS])
def test_no_list_of_instances_is_refused(reader: PictureInput | SequenceInput | TextInput) -> None:
    assert faults(lambda: reader.read({}, limits=LIMITS))[0].startswith("$.instances: expected a list")
    assert faults(lambda: reader.read([], limits=LIMITS))[0].startswith("$.instances: expected at least one")
    with pytest.raises(TooLarge):
        reader.read([0] * 3, limits=Limits(max_rows=2))


def test_rows_of_a_data_frame_are_instances_too() -> None:
    assert unpack32(TWO.read([{"x": [1, 2], "y": [3, 4]}], limits=LIMITS).packed) == (1, 3, 2, 4)
    assert GREY.read([{"image": raw([1, 2, 3, 4, 5, 6], "B")}], limits=LIMITS).dtype == "U8"
    rows: dict[Any, list[Any]] = {
        GREY: [{"image": [[1, 2, 3], [4, 5, 6]], "label": 1}, {**raw([1, 2, 3, 4, 5, 6]), "label": 1}],
        TWO: [{"x": [1], "y": [2], "id": 1}, [{"x": 1, "y": 2, "time": 7}]],
        TEXTS: [{"review": "good", "stars": 5}, "good"],
    }
    for reader, sent in rows.items():
        one, other = (bytes(reader.read([row], limits=LIMITS, unknown=IGNORED).packed) for row in sent)
        assert one == other


def test_all_instances_with_a_fault_are_told_up_to_a_bound() -> None:
    assert faults(lambda: TWO.read([[[1, 2]], [], [[1]], [[1, 2]], 7], limits=LIMITS)) == [
        "$.instances[1]: the model expects at least one step, got none",
        "$.instances[2][0]: the model expects 2 numbers in a step, got 1",
        "$.instances[4]: the model expects a list of steps, got 7",
    ]
    with pytest.raises(InvalidInput) as refused:
        GREY.read([[]] * 1000, limits=LIMITS)
    assert (len(refused.value.faults), refused.value.omitted) == (20, 1)


def test_notes_tell_what_did_not_count() -> None:
    notes = Notes()
    SequenceInput(("x",), max_length=2).read([[1, 2, 3], [4]], limits=LIMITS, notes=notes)
    TEXTS.read(["good", "good film, bad"], limits=LIMITS, notes=notes)
    assert notes.told == [
        {"path": "$.instances[0]", "message": "of 3 steps the last 2 count"},
        {"path": "$.instances[1]", "message": "2 of the text's 4 words are not in the vocabulary"},
    ]


@pytest.mark.parametrize("tokens", ["words", "characters"])
def test_notes_tell_of_texts_without_words(tokens: str) -> None:
    """They are one unknown word to the network, of which nobody wrote anything."""
    reader = TextInput("review", Tokenizer(tokens, ("good",)))
    sent = ["", " \n\t", "\u200e", "?"]
    told = ["the text is empty", "the text is empty", f"the text has no {tokens}"]
    told.append(f"1 of the text's 1 {tokens} are not in the vocabulary")
    notes = Notes()
    assert reader.read(sent, limits=LIMITS, notes=notes).lengths == [1] * 4
    assert [each["message"] for each in notes.told] == told
    notes = Notes()
    reader.of_columns([sent], lambda _, row: f"line {row}", "$.instances", notes=notes)
    assert notes.told == [{"path": f"line {row}", "message": message} for row, message in enumerate(told)]


@pytest.mark.parametrize(("step", "shown"), [(True, "true: truth values are 1 and 0, send 1"), ("1", "'1'")])
def test_a_first_step_that_is_none_is_told_what_one_is(step: object, shown: str) -> None:
    reader = SequenceInput(("x",))
    (fault,) = faults(lambda: reader.read([[step]], limits=LIMITS))
    expected = "a list of a number or an object by channel or a number"
    assert fault == f"$.instances[0][0]: expected {expected}, got {shown}"


def test_channels_are_named_by_a_row_of_lists() -> None:
    assert channel_names([{"volt": [1, 2], "amp": [3, 4]}], None) == ["volt", "amp"]
    (fault,) = faults(lambda: channel_names([{"t": "a", "id": 3}], None))
    assert fault.startswith("$.instances[0].t: expected a list of numbers, one for each step")
    (fault,) = faults(lambda: channel_names([raw([1, 2])], None))
    assert fault.startswith("$.feature_names: raw numbers do not tell")
