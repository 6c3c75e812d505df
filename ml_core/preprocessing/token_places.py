"""Where the tokens of a text stand in it, as it was sent.

A token is found in a text whose letters are small, without what is not seen, and composed (NFC). Each
character there comes from one or several of the text as it was sent: that is followed here, step by step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import combining, normalize

from ml_core.preprocessing.tokens import broken_up, classes_of, normalised, seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ml_core.preprocessing.tokens import Tokenizer

    # A character, and where it comes from: begin and end in the text as it was sent.
    type Origin = tuple[str, int, int]


def token_places(tokenizer: Tokenizer, text: str) -> list[tuple[int, int]]:
    """Where each token of `tokenizer.split(text)` begins and ends in the text, in characters of Unicode."""
    if text.isascii():
        return [*tokenizer.places(classes_of(text))]
    origins = _composed(_seen(_lowered(text) if tokenizer.lowercase else _as_sent(text)))
    written, classes = normalised(text.lower() if tokenizer.lowercase else text)
    assert written == "".join(character for character, _, _ in origins)  # noqa: S101 - of all of Unicode
    return [(origins[begin][1], origins[end - 1][2]) for begin, end in tokenizer.places(classes)]


def _as_sent(text: str) -> list[Origin]:
    return [(character, place, place + 1) for place, character in enumerate(text)]


def _lowered(text: str) -> list[Origin]:
    """Which small letter a Σ becomes depends on what follows; how many a letter becomes does not."""
    sources = [place for place, character in enumerate(text) for _ in character.lower()]
    return [(letter, place, place + 1) for letter, place in zip(text.lower(), sources, strict=True)]


def _seen(origins: Sequence[Origin]) -> list[Origin]:
    """Without what is not seen, and with breaks where too many marks follow one another."""
    kept = [origin for origin in origins if seen(origin[0])]
    text = "".join(character for character, _, _ in kept)
    found: list[Origin] = []
    place = 0
    for character in broken_up(text, classes_of(text)):
        if place < len(kept) and kept[place][0] == character:
            found.append(kept[place])
            place += 1
        else:
            end = kept[place - 1][2]
            found.append((character, end, end))
    return found


def _composed(origins: Sequence[Origin]) -> list[Origin]:
    """Each run of characters that compose with one another, or change places, in the form NFC."""
    found: list[Origin] = []
    for run in _runs(origins):
        before = "".join(character for character, _, _ in run)
        after = normalize("NFC", before)
        if after == before:
            found += run
        else:
            begin, end = min(each[1] for each in run), max(each[2] for each in run)
            found += [(character, begin, end) for character in after]
    return found


def _runs(origins: Sequence[Origin]) -> Iterator[list[Origin]]:
    run: list[Origin] = []
    for origin in origins:
        if run and _begins_anew("".join(character for character, _, _ in run), origin[0]):
            yield run
            run = []
        run.append(origin)
    if run:
        yield run


def _begins_anew(before: str, character: str) -> bool:
    """Whether a character neither composes with what is before it nor changes places with it."""
    if character.isascii():
        return True
    if combining(normalize("NFD", character)[0]):
        return False
    return normalize("NFC", before + character) == normalize("NFC", before) + normalize("NFC", character)
