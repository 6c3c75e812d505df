"""The version that a training is compared with: what its job says of it, and how the child is told."""

import json
import os
from typing import Any, NamedTuple

LOSSES = frozenset({"log_loss", "hinge_loss"})  # metrics that are better when they are less
LARGEST = 32 << 20  # bytes of an artifact that is loaded beside the one that was trained
_SAID, _ARTIFACT = "against.json", "against"


class Against(NamedTuple):
    """The version that the alias answered with when the run was submitted, and what both are compared by."""

    version: int
    job: str
    metric: str
    confidence: float

    @classmethod
    def of(cls, request: dict[str, Any]) -> "Against | None":
        """What a job's request says; None where nothing is compared."""
        said = (request.get("schedule") or {}).get("against")
        return cls(**said) if said else None

    def write(self, folder: str, artifact: bytes | None) -> None:
        """Write it down in a child's folder, with the artifact; None of one that is not to be had."""
        with open(os.path.join(folder, _SAID), "w", encoding="utf-8") as file:
            json.dump(self._asdict(), file)
        if artifact is not None:
            with open(os.path.join(folder, _ARTIFACT), "wb") as written:
                written.write(artifact)

    @classmethod
    def read(cls, folder: str) -> "Against | None":
        """What was written down in a folder, if anything was."""
        try:
            with open(os.path.join(folder, _SAID), encoding="utf-8") as file:
                return cls(**json.load(file))
        except FileNotFoundError:
            return None

    def artifact(self, folder: str) -> bytes | None:
        """The artifact that was written down in a folder, if it was."""
        try:
            with open(os.path.join(folder, _ARTIFACT), "rb") as written:
                return written.read()
        except FileNotFoundError:
            return None

    def told(self, reason: str | None = None) -> dict[str, Any]:
        """What is told of both where they are not compared, as JSON values."""
        unknown = dict.fromkeys(("rows", "new", "old", "difference", "low", "high"))
        own = {"against": self.version, "metric": self.metric, "confidence": self.confidence}
        return {**own, **unknown, "reason": reason}
