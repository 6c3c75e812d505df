"""A document in one line: what a log and a bare Python show."""

from collections.abc import Callable
from typing import Any

from serverless_ml.display import reading, text
from serverless_ml.display.pictures import (
    audit,
    callers,
    datasets,
    erasures,
    explanations,
    jobs,
    models,
    monitoring,
    schedules,
    usage,
    versions,
)

_LINES: dict[str, Callable[[Any], str]] = {
    "version": versions.line,
    "model": models.model_line,
    "alias": models.alias_line,
    "change": models.change_line,
    "model_entry": models.entry_line,
    "job": jobs.line,
    "caller": callers.line,
    "usage": usage.line,
    "schedule": schedules.line,
    "audit_entry": audit.line,
    "dataset": datasets.dataset_line,
    "made_version": erasures.made_version_line,
    "erasure": erasures.erasure_line,
    "explanation": explanations.explanation_line,
    "explanations": explanations.line,
    "monitoring": monitoring.line,
    "alias_monitoring": monitoring.line,
    "feedback": monitoring.line_of_feedback,
}


_LISTS = {
    "versions": ("versions", "version"),
    "models": ("models", "model"),
    "aliases": ("aliases", "alias"),
    "history": ("changes", "change"),
    "audit": ("entries", "change"),
    "jobs": ("jobs", "job"),
    "job_files": ("files", "file"),
    "datasets": ("datasets", "dataset"),
    "made_versions": ("versions", "version"),
    "algorithms": ("algorithms", "algorithm"),
    "explanations": ("explanations", "row"),
}


def of(kind: str, raw: object) -> str:
    """Return a document of a kind in one line, of any length up to some hundred characters."""
    if kind in _LISTS and (isinstance(raw, list) or kind not in _LINES):
        member, one = _LISTS[kind]
        listed = raw if isinstance(raw, list) else reading.items(raw, member)
        return text.count_of(len(listed), one, "aliases" if one == "alias" else "")
    if not isinstance(raw, dict):
        return "nothing"
    draw = _LINES.get(kind)
    if draw:
        return draw(raw)
    model = reading.members(raw, "model")
    if model:
        return f"{text.shown(reading.text(model, 'name'), 64)}@{text.plain(model.get('version'))}"
    told = [
        f"{text.shown(name, 24)} {text.shown(value, 64)}"
        for name, value in raw.items()
        if isinstance(value, (str, int, float))
    ]
    return text.shown(reading.text(raw, "name"), 64) or ", ".join(told) or "nothing"
