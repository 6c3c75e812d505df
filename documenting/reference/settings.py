"""The variables that the functions and the local server read."""

from documenting.markdown import code, heading, prose, table
from documenting.markdown import page as whole
from handlers.settings import SETTINGS, Setting

# Which setting is under which heading, by their names in `handlers.settings`.
GROUPS = {
    "Requests and answers": (
        *("max_body_bytes", "max_answer_bytes", "max_rows", "max_columns", "max_cells"),
        *("max_multiplications", "max_page"),
    ),
    "Waiting and jobs": (
        *("max_wait", "max_waiting", "max_jobs", "max_key_jobs"),
        *("train_seconds", "train_hours", "train_memory", "engines"),
    ),
    "What an instance remembers": ("key_ttl", "alias_ttl", "model_cache_bytes"),
    "What is kept, and for how long": (
        *("retention", "job_retention", "monitoring_days", "audit_days"),
        *("old_states_days", "log_days"),
    ),
    "Places": ("root", "data_root", "data_buckets", "output_buckets"),
    "Who is told": ("webhooks", "webhook_secret", "topic"),
    "Web pages and domains": ("cors_origins", "base_path", "documentation"),
    "Imported models": ("onnx", "onnx_seconds"),
    "Traces": ("traces",),
}
_GUIDES = {
    "Waiting and jobs": ("jobs", "engines"),
    "What is kept, and for how long": ("versions", "jobs", "monitoring", "audit"),
    "Places": ("datasets", "scoring", "laptop"),
    "Who is told": ("notifications",),
    "Web pages and domains": ("web",),
    "Imported models": ("onnx",),
    "Traces": ("traces",),
}


def page() -> str:
    """The page: the table that `python -m handlers.settings` prints, in groups."""
    named = {each.name: each for each in SETTINGS}
    return whole(
        "Settings",
        "The environment variables of the functions and of the local server; `python -m handlers.settings` "
        "prints them in one table.",
        "A variable that holds what its setting cannot take ends the server with one line, and of a function "
        "each request. On a cloud many are set by [parameters](parameters.md) of the deployment.",
        *(
            text
            for title, members in GROUPS.items()
            for text in _group(title, [named[each] for each in members])
        ),
    )


def _group(title: str, members: list[Setting]) -> list[str]:
    guides = [f"[{each}.md](../{each}.md)" for each in _GUIDES.get(title, ())]
    return [
        heading(2, title),
        f"More: {', '.join(guides)}." if guides else "",
        table(["variable", "default", "unit", "from", "to", "meaning"], map(_row, members)),
    ]


def _row(setting: Setting) -> list[str]:
    if not setting.unit:
        default = code(setting.default) if setting.default else "empty"
        return [code(setting.variable), default, "", "", "", prose(setting.doc)]
    bounds = [f"{setting.default:,}", setting.unit, f"{setting.least:,}", f"{setting.most:,}"]
    return [code(setting.variable), *bounds, prose(setting.doc)]
