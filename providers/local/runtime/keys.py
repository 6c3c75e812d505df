"""The records of the laptop's keys: a JSON file beside the models."""

from __future__ import annotations

import os

from ml_core import json_text
from ml_core.errors import Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


FILE = "keys.json"


class FileKeyStore:
    """The records in one file, which only its owner may read."""

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def place(self) -> str:
        """The file."""
        return f"file {self.path}"

    @property
    def warning(self) -> str | None:
        """None: whatever `make serve` is started later reads the file."""
        return None

    def exists(self) -> bool:
        """Whether there is such a file: one without a record admits nobody."""
        return os.path.exists(self.path)

    def read(self) -> list[dict[str, Any]]:
        """The records, none without the file. Raises `Unavailable` when it cannot be read."""
        try:
            with open(self.path, encoding="utf-8") as file:
                records = json_text.loads(file.read())
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise Unavailable(f"the keys in {self.path} cannot be read") from error
        if not isinstance(records, list):
            raise Unavailable(f"expected a JSON list of key records in {self.path}, got other JSON")
        return records

    def write(self, records: list[dict[str, Any]]) -> None:
        """Replace the file at once: a reader sees the old records or the new ones."""
        import json

        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        draft = f"{self.path}.{os.getpid()}"
        try:
            with open(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
            ) as file:
                json.dump(records, file, indent=1)
            os.replace(draft, self.path)
        except OSError as error:
            raise Unavailable(f"the keys cannot be written to {self.path}") from error
