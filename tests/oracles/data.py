"""The data that networks are measured on: what packages ship, split five times.

Digits are scikit-learn's. JapaneseVowels (sequences of unequal length, 9 speakers, split as by its authors)
is in sktime's package, territory names in many languages in babel's, first names in that of `names`.
"""

import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml_core.inputs.samples import SequenceSamples
from ml_core.preprocessing.tokens import CHARACTERS, Tokenizer
from tests.unit.ml_core.networks.reference import encoded

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(5)
TEST_FRACTION = 0.25
# Ten languages of one script, which are hard to tell apart, and ten of six scripts.
LANGUAGES = {
    "territories-latin": ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "pl", "fi"),
    "territories-scripts": ("en", "de", "fr", "es", "ru", "ar", "hi", "ja", "th", "ko"),
}
TEXTS = (*LANGUAGES, "first-names")
# What PyTorch is trained on too: a kind of data each, since it takes minutes for more.
COMPARED = ("digits", "vowels", "territories-scripts")


class Split(NamedTuple):
    """The places of the samples to learn from, and of those held out."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]


@cache
def _packages() -> Path:
    """Where the packages lie whose data is read; on the path for those that are programs too."""
    (found,) = (ROOT / ".tools" / "oracles").glob("lib/python*/site-packages")
    if str(found) not in sys.path:
        sys.path.append(str(found))
    return found


@cache
def texts(name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Texts, and the class of each: the language of a territory's name, or whether a first name is male."""
    _packages()
    rows: list[tuple[str, int]] = []
    if name in LANGUAGES:
        from babel import Locale

        for number, language in enumerate(LANGUAGES[name]):
            rows += [(text, number) for _, text in sorted(Locale(language).territories.items())]
    else:
        for number, kind in enumerate(("female", "male")):
            lines = (files("names") / f"dist.{kind}.first").read_text().splitlines()
            rows += [(line.split()[0].title(), number) for line in lines]
    return [text for text, _ in rows], np.array([number for _, number in rows])


@cache
def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures of 8 × 8 × 1, and which digit each is."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8, 1).astype(np.uint8), y.astype(np.int64)


@cache
def vowels() -> tuple[SequenceSamples, NDArray[np.int64], Split]:
    """Utterances of 7 to 29 steps of 12 numbers, and which speaker each is from; the authors' split."""
    sequences: list[NDArray[np.float32]] = []
    y: list[int] = []
    ends = []
    for part in ("TRAIN", "TEST"):
        (path,) = _packages().rglob(f"JapaneseVowels_{part}.ts")
        _, _, body = path.read_text().lower().partition("@data")
        for line in body.split():
            *channels, speaker = line.split(":")
            sequences.append(np.array([each.split(",") for each in channels], np.float32).T)
            y.append(int(speaker) - 1)
        ends.append(len(y))
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in sequences])])
    split = Split(np.arange(ends[0]), np.arange(ends[0], ends[1]))
    return SequenceSamples(np.concatenate(sequences), offsets), np.array(y), split


def split_of(y: NDArray[np.int64], seed: int) -> Split:
    """A quarter held out, each class in its share."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(np.arange(len(y)), test_size=TEST_FRACTION, random_state=seed, stratify=y)
    return Split(np.sort(train), np.sort(test))


def tokenizer_of(name: str, split: Split, **chosen: Any) -> Tokenizer:
    """A tokenizer of the rows to learn from."""
    known, _ = texts(name)
    return Tokenizer.fit([known[place] for place in split.train.tolist()], **chosen)


def save(path: Path) -> None:
    """Write what PyTorch is to be trained on: `name/x`, `/offsets`, `/y`, `/train`, `/test`, or by seed."""
    kept: dict[str, Any] = {}
    for name in COMPARED:
        for seed in SEEDS:
            if name == "digits":
                x, y = digits()
                split = split_of(y, seed)
                found: dict[str, Any] = {"x": x}
            elif name == "vowels":
                samples, y, split = vowels()
                found = {"x": samples.steps, "offsets": samples.offsets}
            else:
                known, y = texts(name)
                split = split_of(y, seed)
                samples = encoded(known, tokenizer_of(name, split, tokens=CHARACTERS))
                found = {"x": samples.steps, "offsets": samples.offsets}
            found |= {"y": y, "train": split.train, "test": split.test}
            kept |= {f"{name}/{seed}/{key}": array for key, array in found.items()}
    np.savez_compressed(path, **kept)
