"""What a job's child process learns beside the request: whose job it is, and how it opens the stores.

It stands in `job.json` in the child's folder.
"""

import json
import os
from typing import NamedTuple

from ml_core.datasets.reopening import Reopening

_FILE = "job.json"


class Surroundings(NamedTuple):
    """A job's id, and how its stores are opened; None where nobody said that."""

    job: str
    stores: Reopening | None

    def write(self, folder: str) -> None:
        """Write it down in a child's folder."""
        with open(os.path.join(folder, _FILE), "w", encoding="utf-8") as file:
            json.dump({"job": self.job, "stores": self.stores and self.stores._asdict()}, file)

    @classmethod
    def read(cls, folder: str) -> "Surroundings":
        """What was written down in a folder."""
        with open(os.path.join(folder, _FILE), encoding="utf-8") as file:
            said = json.load(file)
        return cls(said["job"], said["stores"] and Reopening(**said["stores"]))
