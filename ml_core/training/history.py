"""The history of a fit: what it told after each step, bounded in number, and what it was computed with."""

import math
from collections.abc import Callable, Iterable, Mapping

type Entry = dict[str, float | int | None]
type Numerics = Mapping[str, object]

MOST_KEPT = 1000
"""Entries of a version's history; of more, some between are left out. No network has more epochs."""
MOST_SHOWN = 200
"""Entries of a job's history: its document is written every few seconds."""
_DIGITS = 7  # of a metric; a float32 has no more


class History:
    """The entries, oldest first: `{"done", "of"}` and the metrics reached by then.

    A fit that continues another tells again what that one told after its last checkpoint, or all of it. So
    an entry takes the place of every one that is not before it.

    Args:
        entries: of the fits before, which this one continues.
        listen: called with each new entry.
    """

    def __init__(
        self, entries: Iterable[Entry] = (), listen: Callable[[Entry], object] | None = None
    ) -> None:
        self._entries = list(entries)
        self._listen = listen
        self.numerics: list[Numerics] = []
        """What was computed with, as JSON values: each kind once, in the order in which they came first."""

    @property
    def entries(self) -> list[Entry]:
        """At most `MOST_KEPT` of them, the newest among them."""
        return list(thinned(self._entries, MOST_KEPT))

    def add_numerics(self, numerics: Numerics) -> None:
        """Note what this fit, or one that it continues, computes with."""
        if numerics not in self.numerics:
            self.numerics.append(numerics)

    def add(self, done: int, of: int, reached: Mapping[str, float]) -> None:
        """Note what a step reached."""
        entry: Entry = {"done": done, "of": of, **{name: _number(value) for name, value in reached.items()}}
        self.add_entry(entry)
        if self._listen is not None:
            self._listen(entry)

    def add_entry(self, entry: Entry) -> None:
        """Note what another history of the same fit has noted."""
        while self._entries and _done(self._entries[-1]) >= _done(entry):
            self._entries.pop()
        self._entries.append(entry)
        if len(self._entries) >= 4 * MOST_KEPT:
            self._entries = thinned(self._entries, 2 * MOST_KEPT)


def thinned(entries: list[Entry], most: int) -> list[Entry]:
    """At most `most` of the entries, evenly spaced, the last one among them."""
    step = -(-len(entries) // most) if most else 1
    return entries if step <= 1 else entries[::-1][::step][::-1]


def still_falling(entries: list[Entry]) -> list[str]:
    """What is to be said where the validation loss was lowest at the last of all epochs."""
    losses = [loss for entry in entries if (loss := entry.get("validation_loss")) is not None]
    if len(losses) < 2 or entries[-1]["done"] != entries[-1]["of"]:
        return []
    if entries[-1]["validation_loss"] != losses[-1] or losses[-1] >= min(losses[:-1]):
        return []
    epochs = entries[-1]["of"]
    return [f"the validation loss was lowest at the last of {epochs} epochs: more epochs may help"]


def _done(entry: Entry) -> float:
    return entry["done"] or 0


def _number(value: float) -> float | None:
    """A metric as JSON has it; None for what is no number any more."""
    number = float(value)
    return float(f"{number:.{_DIGITS}g}") if math.isfinite(number) else None
