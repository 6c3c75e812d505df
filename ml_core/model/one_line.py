"""A model in one line, as a notebook shows it."""

from collections.abc import Sequence

from ml_core.errors import shown

_MOST = 5  # names of features and classes that are shown


def one_line(algorithm: str, features: Sequence[str], classes: Sequence[object] | None, nbytes: int) -> str:
    """Algorithm, features, classes and size, however many there are and whatever they are called."""
    parts = [f"{len(features)} feature{'s' * (len(features) != 1)} ({_some(features)})"]
    if classes is not None:
        parts.append(f"{len(classes)} classes ({_some(classes)})")
    return f"<Model {algorithm}: {', '.join(parts)}, {nbytes:,} bytes>"


def _some(values: Sequence[object]) -> str:
    few = [shown(value) for value in values[:_MOST]]
    return ", ".join([*few, "…"] if len(values) > _MOST else few)
