"""Passes over the parts of a table that can be broken off anywhere and continued to the same bits.

What the parts say is added up in their order, whatever order it comes in. After a pass, and in a long one
between two parts, everything that was found is saved; before the deadline a pass stops by itself.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ml_core.errors import ArtifactInvalid, Unfinished
from ml_core.mapping import Mapper, in_order
from ml_core.streaming.codec import packed, unpacked

if TYPE_CHECKING:
    from ml_core.algorithms.contract import Checkpoints

# Between two states that are saved there are at least so many seconds, but for the end of a pass.
CHECKPOINT_SECONDS = 20.0
# What is left before a deadline when a pass stops: to save what there is and to end.
SPARE_SECONDS = 2.0


class Passes:
    """All passes of one training, and what those have found that are done.

    Args:
        mapper: maps a task over parts.
        about: what a state must be of, to be continued.
        progress: told the phase, and how many percent of it are done.
        deadline: when to have stopped, in seconds since the epoch; None where nothing ends it.
        checkpoints: where states are saved; None where it cannot be continued.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        mapper: Mapper,
        about: str,
        progress: Callable[[str, float | None], None],
        *,
        deadline: float | None = None,
        checkpoints: "Checkpoints | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.passed = 0
        """How many passes have been begun, in all deliveries."""
        self._mapper = mapper
        self._about = about
        self._progress = progress
        self._checkpoints = checkpoints
        self._deadline = None if checkpoints is None else deadline
        self._clock = clock
        self._found: dict[str, Any] = {}
        self._under_way: tuple[str, int, Any] | None = None
        self._saved = clock()
        self._longest = 0.0
        self._restore()

    def kept(self, name: str) -> Any:  # noqa: ANN401 - what was kept
        """What was kept under a name; None where nothing was."""
        return self._found.get(name)

    def keep(self, name: str, value: object) -> None:
        """Keep what is found, and save it with all else."""
        self._found[name] = value
        self._under_way = None
        self._save()

    def forget(self, name: str) -> None:
        """Keep something no longer."""
        self._found.pop(name, None)

    def over[Item, Result, Total](
        self,
        name: str,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        add: Callable[[Total | None, Result], Total],
        *,
        phase: str,
        keep: bool = True,
    ) -> Total:
        """What the task gives of all items, added up in their order; a pass that was done is not repeated.

        Args:
            name: of this pass among all.
            task: what is done with an item.
            items: at least one.
            add: adds a result to the sum of those before; None before the first.
            phase: what the job tells meanwhile.
            keep: whether the sum is kept, for a training that is continued after it.

        Raises:
            Unfinished: the deadline is near, and everything that was found is saved.
        """
        if keep and name in self._found:
            found: Total = self._found[name]
            return found
        done = 0
        total: Total | None = None
        if self._under_way is not None and self._under_way[0] == name:
            _, done, total = self._under_way
        else:
            self.passed += 1
        self._progress(phase, 100 * done / len(items))
        self._check_time(name)
        begun = self._clock()
        for result in in_order(self._mapper.map(task, items[done:])):
            total = add(total, result)
            done += 1
            self._under_way = (name, done, total)
            now = self._clock()
            self._longest, begun = max(self._longest, now - begun), now
            self._progress(phase, 100 * done / len(items))
            if done < len(items):
                if now - self._saved >= CHECKPOINT_SECONDS:
                    self._save()
                self._check_time(name)
        assert total is not None  # noqa: S101 - there is at least one item
        self._under_way = None
        if keep:
            self.keep(name, total)
        summed: Total = total
        return summed

    def _check_time(self, name: str) -> None:
        """Raise `Unfinished`, with everything saved, where another part may pass the deadline."""
        if self._deadline is not None and self._clock() + self._longest + SPARE_SECONDS > self._deadline:
            self._save()
            done = 0 if self._under_way is None else self._under_way[1]
            raise Unfinished(f"continues with {name}, of which {done} parts are done")

    def _save(self) -> None:
        if self._checkpoints is not None:
            state = (self._about, self.passed, self._found, self._under_way)
            self._checkpoints.save(packed(state))
            self._saved = self._clock()

    def _restore(self) -> None:
        state = None if self._checkpoints is None else self._checkpoints.latest()
        if state is None:
            return
        try:
            about, passed, found, under_way = unpacked(state)
        except (ArtifactInvalid, ValueError, TypeError):
            return
        if about == self._about:
            self.passed, self._found, self._under_way = passed, found, under_way
