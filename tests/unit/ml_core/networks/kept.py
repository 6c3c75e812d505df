"""What stands for the store of checkpoints, and how weights are compared."""

from ml_core.digests import sha256
from ml_core.networks.network import Layers, parameters_of


class Killed(BaseException):
    """The process ends here."""


class KeptCheckpoints:
    """Keeps the newest checkpoint; kills after the `kill_after`th save of this process."""

    def __init__(self, state: bytes | None = None, kill_after: int | None = None) -> None:
        self.state = state
        self.saves = 0
        self._kill_after = kill_after

    def latest(self) -> bytes | None:
        return self.state

    def save(self, state: bytes) -> None:
        assert state != self.state, "a checkpoint that says nothing new"
        self.state = state
        self.saves += 1
        if self.saves == self._kill_after:
            raise Killed


class Clock:
    """Goes on by some seconds whenever it is asked."""

    def __init__(self, step: float) -> None:
        self.now = 1_000.0
        self._step = step

    def __call__(self) -> float:
        self.now += self._step
        return self.now


def digest(layers: Layers) -> str:
    """The SHA-256 of every weight."""
    return sha256(*(array.tobytes() for array in parameters_of(layers).values()))
