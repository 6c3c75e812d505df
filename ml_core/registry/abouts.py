"""What was written about a registry's models and versions: found by their names, and changed."""

from __future__ import annotations

from ml_core.registry.about import (
    about_model_key,
    about_version_key,
    change_about,
    read_about,
    read_abouts,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ml_core.registry.about import About
    from ml_core.registry.registry import Registry


class Abouts:
    """What was written about a registry's models and versions; changes are as `change_about` does them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def of_model(self, name: str) -> About:
        """What was written about a model that exists. Raises `Unavailable`."""
        return read_about(self._registry.store, about_model_key(name))

    def of_models(self, names: Iterable[str]) -> list[About]:
        """The same of several, read together. Raises `Unavailable`."""
        return read_abouts(self._registry.store, map(about_model_key, names))

    def of_version(self, job_id: str) -> About:
        """What was written about the version that the job registered. Raises `Unavailable`."""
        return read_about(self._registry.store, about_version_key(job_id))

    def change_model(self, name: str, patch: Mapping[str, Any], etags: frozenset[str] | None = None) -> About:
        """Change what is written about a model.

        Raises `ModelNotFound`, `InvalidInput`, `RevisionMismatch`, `Unavailable`.
        """
        self._registry.model(name)
        return change_about(self._registry.store, about_model_key(name), patch, etags)

    def change_version(
        self, name: str, version: int, patch: Mapping[str, Any], etags: frozenset[str] | None = None
    ) -> About:
        """Change what is written about a version.

        Raises `ModelNotFound`, `VersionNotFound`, `InvalidInput`, `RevisionMismatch`, `Unavailable`.
        """
        job: str = self._registry.model(name).live_entry(version)["job"]
        return change_about(self._registry.store, about_version_key(job), patch, etags)
