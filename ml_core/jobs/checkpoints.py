"""What a long fit continues from: the file `checkpoint` in its folder, and the object `jobs/{id}/checkpoint`.

The fitting process writes the file: a line of JSON, what the fit has told so far and what it was computed
with, and after it the state that the fit saved. The trainer copies it to the store behind one more line,
which says what it belongs to: to one request, to the data that was read, and to the release that wrote it.
What is damaged, or of another request or release, is not continued.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ml_core.digests import sha256
from ml_core.training.history import Entry, History, Numerics

FILE = "checkpoint"
_LIBRARIES = ("numpy", "scikit-learn", "scipy")


class Binding(NamedTuple):
    """What a checkpoint belongs to: SHA-256 of request and data (None without a file), and the release."""

    request: str
    data: str | None
    release: str


class Saved(NamedTuple):
    """A fit's file: its history, the state, and what each kind of processor computed it with."""

    history: list[Entry]
    state: bytes
    numerics: Sequence[Numerics] = ()

    def to_bytes(self) -> bytes:
        """The file."""
        described = {"history": self.history, "numerics": list(self.numerics)}
        return json.dumps(described, allow_nan=False).encode() + b"\n" + self.state

    @classmethod
    def of(cls, data: bytes) -> "Saved | None":
        """What is in a file; None for one that is damaged."""
        described, state = _line_and_rest(data)
        history, numerics = described.get("history"), described.get("numerics", [])
        if not isinstance(history, list) or not all(map(_is_entry, history)):
            return None
        if not isinstance(numerics, list) or not all(isinstance(each, dict) for each in numerics):
            return None
        return cls(history, state, tuple(numerics))


class Kept(NamedTuple):
    """The stored object: what it belongs to, and the file."""

    binding: Binding
    file: bytes

    def to_bytes(self) -> bytes:
        """The object."""
        described = {**self.binding._asdict(), "sha256": sha256(self.file)}
        return json.dumps(described).encode() + b"\n" + self.file

    @classmethod
    def of(cls, data: bytes) -> "Kept | None":
        """What is in an object; None for one that is damaged."""
        described, file = _line_and_rest(data)
        if described.pop("sha256", None) != sha256(file) or described.keys() != set(Binding._fields):
            return None
        return cls(Binding(**described), file)


class FolderCheckpoints:
    """A fit's checkpoints, in its folder. A file is there whole or not at all.

    Args:
        folder: the fit's.
        history: kept with each state, for the fit that continues from it.
    """

    def __init__(self, folder: str, history: History) -> None:
        self._path = os.path.join(folder, FILE)
        self._history = history
        saved = self._read()
        for entry in saved.history if saved else ():
            history.add_entry(entry)
        for each in saved.numerics if saved else ():
            history.add_numerics(each)

    def latest(self) -> bytes | None:
        """The state that was saved last; None at a fit's beginning."""
        saved = self._read()
        return None if saved is None else saved.state

    def save(self, state: bytes) -> None:
        """Keep a state in the place of the one before."""
        unfinished = f"{self._path}~"
        with open(unfinished, "wb") as file:
            file.write(Saved(self._history.entries, state, self._history.numerics).to_bytes())
        os.replace(unfinished, self._path)

    def _read(self) -> Saved | None:
        data = read_file(self._path)
        return None if data is None else Saved.of(data)


def read_file(path: str) -> bytes | None:
    """What a file holds; None where there is none."""
    with suppress(FileNotFoundError), open(path, "rb") as file:
        return file.read()
    return None


def release_of(version: str) -> str:
    """What reads a checkpoint as it was written: this service's version, and those of what computes."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    found = [version, f"python {'.'.join(map(str, sys.version_info[:3]))}"]
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version_of(name)}")
    return ", ".join(filter(None, found))


def _line_and_rest(data: bytes) -> tuple[dict[str, Any], bytes]:
    line, _, rest = data.partition(b"\n")
    try:
        described = json.loads(line)
    except (ValueError, RecursionError):
        return {}, b""
    return (described, rest) if isinstance(described, dict) else ({}, b"")


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("done"), int)
