"""What a list of models tells of each: of all that its document holds, what a person looks at first."""

from typing import Any, NamedTuple

from ml_core.documents import Body
from ml_core.registry.registry import ModelDocument

MOST_TREND = 12  # versions


class ModelEntry(NamedTuple):
    """One model of the list, from its document alone, however many versions it has.

    `newest` is None without a version. `trend` has those of the newest versions that the document holds whose
    metric is the newest one's, oldest first: a version of an earlier release has none there.
    """

    name: str
    newest: dict[str, Any] | None
    aliases: list[str]
    trend: list[dict[str, Any]]


def overview(model: ModelDocument) -> ModelEntry:
    """What the list tells of a model. Raises `Unavailable`."""
    versions = _newest(model)
    aliases = [alias.alias for alias in model.aliases]
    if not versions:
        return ModelEntry(model.name, None, aliases, [])
    last = versions[-1]
    name = last.get("metric", (None,))[0]
    measured = [(each["version"], *each["metric"]) for each in versions if "metric" in each]
    trend = [{"version": version, "value": value} for version, metric, value in measured if metric == name]
    newest = {
        **{member: last[member] for member in ("version", "created", "algorithm")},
        "metric": {"name": name, "value": last["metric"][1]} if name else None,
    }
    return ModelEntry(model.name, newest, aliases, trend if name else [])


def _newest(model: ModelDocument) -> list[Body]:
    """The newest versions, oldest first, as far as the document holds all: others may be elsewhere.

    Where an earlier release deleted those that it held, the newest one that is elsewhere.
    """
    if not model.ready:
        return []
    elsewhere = model.elsewhere["newest"] if model.elsewhere["live"] > 0 else 0
    held = [each for each in model.held() if "deleted" not in each and each["version"] > elsewhere]
    found = sorted(held, key=lambda entry: entry["version"])
    return found[-MOST_TREND:] or [model.live_entry(model.newest())]
