"""From what the service answers, as JSON, to what is seen.

Pure. Each takes a document that may lack anything.
"""

from collections.abc import Callable
from typing import Any

from serverless_ml.display.blocks import Notes, Picture
from serverless_ml.display.pictures import (
    algorithms,
    audit,
    callers,
    datasets,
    erasures,
    explanations,
    jobs,
    learnt,
    models,
    monitoring,
    schedules,
    usage,
    versions,
)

_PICTURES: dict[str, Callable[[Any], Picture]] = {
    "version": versions.version,
    "versions": versions.versions,
    "model": models.model,
    "models": models.models,
    "model_entry": lambda raw: models.models([raw]),
    "about": models.about,
    "alias": models.alias,
    "aliases": models.aliases,
    "history": models.history,
    "change": lambda raw: models.history([raw]),
    "job": jobs.job,
    "jobs": jobs.jobs,
    "job_file": lambda raw: jobs.files([raw]),
    "job_files": jobs.files,
    "dataset": datasets.dataset,
    "datasets": datasets.datasets,
    "made_version": lambda raw: erasures.made_versions([raw]),
    "made_versions": erasures.made_versions,
    "erasure": erasures.erasure,
    "algorithm": algorithms.algorithm,
    "algorithms": algorithms.algorithms,
    "caller": callers.caller,
    "usage": usage.usage,
    "schedule": schedules.schedule,
    "audit": audit.entries,
    "audit_entry": lambda raw: audit.entries([raw]),
    "explanation": lambda raw: tuple(explanations.explanation(raw)),
    "explanations": explanations.explanations,
    "parameters": learnt.parameters,
    "profile": learnt.profile,
    "monitoring": monitoring.monitoring,
    "alias_monitoring": monitoring.alias_monitoring,
    "feedback": monitoring.feedback,
}
KINDS = tuple(_PICTURES)
_LISTS = frozenset(
    (
        "audit",
        "versions",
        "models",
        "aliases",
        "history",
        "jobs",
        "job_files",
        "datasets",
        "made_versions",
        "algorithms",
        "explanations",
    )
)


def of(kind: str, raw: object) -> Picture:
    """Return the picture of a document of a kind. Raises KeyError for a kind that has no picture."""
    draw = _PICTURES[kind]
    if isinstance(raw, dict) or (isinstance(raw, list) and kind in _LISTS):
        return draw(raw)
    return (Notes(("There is nothing to show.",), "quiet"),)
