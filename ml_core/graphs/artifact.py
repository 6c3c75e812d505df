"""Which artifact holds a graph."""

from __future__ import annotations

from ml_core.records import Record


class GraphArtifact(Record):
    """The artifact of an imported model: which job stored it, its SHA-256 and its size in bytes."""

    job: str
    sha256: str
    size: int
