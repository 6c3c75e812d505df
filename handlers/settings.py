"""Every setting: its environment variable, default, unit and bounds. The only place that reads them.

    python -m handlers.settings     prints the reference table

Cold start counts here: this module is read before the first prediction.
"""

from __future__ import annotations

from ml_core.errors import ServerlessMLError
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1024 * 1024


class SettingInvalid(ServerlessMLError):
    """An environment variable holds what its setting cannot take; the message is one clear line."""

    code = "setting_invalid"


class Setting(Record):
    """One setting. `least` and `most` bound numbers; a text has an empty `unit`."""

    name: str
    variable: str
    default: float | str
    unit: str
    least: float
    most: float
    doc: str


class Settings(Record):
    """The values, in the order of `SETTINGS`."""

    max_body_bytes: int
    max_answer_bytes: int
    max_rows: int
    max_columns: int
    max_cells: int
    max_multiplications: int
    max_wait: float
    max_waiting: int
    max_jobs: int
    max_key_jobs: int
    max_page: int
    key_ttl: float
    alias_ttl: float
    model_cache_bytes: int
    retention: int
    job_retention: int
    monitoring_days: int
    audit_days: int
    old_states_days: int
    log_days: int
    root: str
    data_root: str
    data_buckets: str
    output_buckets: str
    train_seconds: float
    train_hours: float
    train_memory: int
    webhooks: str
    webhook_secret: str
    topic: str
    cors_origins: str
    base_path: str
    documentation: str
    engines: str
    onnx: str
    onnx_seconds: float
    traces: str


SETTINGS = (
    Setting(
        "max_body_bytes",
        "ML_MAX_BODY_BYTES",
        4 * MIB,
        "bytes",
        1024,
        32 * MIB,
        "The longest request body, before and after its Content-Encoding is undone. Lambda takes 6 MB, "
        "base64 included.",
    ),
    Setting(
        "max_answer_bytes", "ML_MAX_ANSWER_BYTES", 4 * MIB, "bytes", 1024, 32 * MIB, "The longest answer."
    ),
    Setting(
        "max_rows",
        "ML_MAX_ROWS",
        100_000,
        "rows",
        1,
        10_000_000,
        "The most rows in one request, to predict or to train.",
    ),
    Setting(
        "max_columns", "ML_MAX_COLUMNS", 10_000, "columns", 1, 1_000_000, "The most features of a model."
    ),
    Setting(
        "max_cells",
        "ML_MAX_CELLS",
        2_000_000,
        "numbers",
        1,
        100_000_000,
        "The most numbers in an answer (rows times outputs); more is refused before computing.",
    ),
    Setting(
        "max_multiplications",
        "ML_MAX_MULTIPLICATIONS",
        1 << 36,
        "multiplications",
        1,
        1 << 45,
        "The most that a network does for one request, about 20 seconds of a slow processor; more is refused "
        "before computing.",
    ),
    Setting(
        "max_wait", "ML_MAX_WAIT", 20, "seconds", 0, 600, "The longest `Prefer: wait=N` that is honoured."
    ),
    Setting(
        "max_waiting",
        "ML_MAX_WAITING",
        4,
        "requests",
        0,
        256,
        "How many requests of one process wait at once, on AWS of all instances together; `Prefer: wait=N` "
        "of the others is answered without waiting.",
    ),
    Setting(
        "max_jobs",
        "ML_MAX_JOBS",
        200,
        "jobs",
        1,
        10_000,
        "How many jobs may be queued or running at once, of all keys together; more are a 429.",
    ),
    Setting(
        "max_key_jobs",
        "ML_MAX_KEY_JOBS",
        20,
        "jobs",
        1,
        10_000,
        "How many of them may be of one key. Where no key is asked for, only the bound on all of them holds.",
    ),
    Setting("max_page", "ML_MAX_PAGE", 1000, "entries", 1, 1000, "The longest page of a list."),
    Setting(
        "key_ttl",
        "ML_KEY_TTL",
        60,
        "seconds",
        0,
        3600,
        "How long key records are kept before they are read again: a revoked key works no longer than this.",
    ),
    Setting(
        "alias_ttl",
        "ML_ALIAS_TTL",
        2,
        "seconds",
        0,
        3600,
        "How long an alias is trusted before it is looked up again: a rollback is everywhere within it.",
    ),
    Setting(
        "model_cache_bytes",
        "ML_MODEL_CACHE_BYTES",
        64 * MIB,
        "bytes",
        0,
        4096 * MIB,
        "The memory that a warm instance may keep loaded models in.",
    ),
    Setting(
        "retention",
        "ML_RETENTION",
        7,
        "days",
        0,
        3650,
        "How long a deleted version can be restored; after that the sweep removes its artifact and manifest.",
    ),
    Setting(
        "job_retention",
        "ML_JOB_RETENTION",
        30,
        "days",
        1,
        3650,
        "How long a job is shown after it ended; then the sweep removes it. Versions and their lineage stay.",
    ),
    Setting(
        "monitoring_days",
        "ML_MONITORING_DAYS",
        90,
        "days",
        0,
        3650,
        "How long the counts of a version's predictions are kept; then the sweep removes them. 0: nothing is "
        "counted.",
    ),
    Setting(
        "audit_days",
        "ML_AUDIT_DAYS",
        365,
        "days",
        0,
        3650,
        "How long it is kept who changed what; then the sweep removes it. 0: it is not written down.",
    ),
    Setting(
        "old_states_days",
        "ML_OLD_STATES_DAYS",
        0,
        "days",
        0,
        3650,
        "How long the storage keeps what was removed or replaced, as its lifecycle rules say. Reports of "
        "erasures tell it. 0: not at all.",
    ),
    Setting(
        "log_days",
        "ML_LOG_DAYS",
        0,
        "days",
        0,
        3650,
        "How long the platform keeps the functions' logs. Reports of erasures tell it. 0: it has none.",
    ),
    Setting(
        "root",
        "ML_ROOT",
        ".serverless-ml",
        "",
        0,
        0,
        "The folder that stands for the cloud on a laptop: the local server and `invoke local`.",
    ),
    Setting(
        "data_root",
        "ML_DATA_ROOT",
        "",
        "",
        0,
        0,
        "On a laptop, the folder whose files `data.uri` may name (`file:customers.csv`); empty is the folder "
        "`data` in `ML_ROOT`.",
    ),
    Setting(
        "data_buckets",
        "ML_DATA_BUCKETS",
        "",
        "",
        0,
        0,
        "On a cloud, the buckets that `data.uri` may name, or folders in them, separated by commas: "
        "`s3://lake/exports`. The train function's role has to be allowed to read them.",
    ),
    Setting(
        "output_buckets",
        "ML_OUTPUT_BUCKETS",
        "",
        "",
        0,
        0,
        "Buckets, or folders in them, that `to.uri` of `:score` may name, separated by commas: "
        "`s3://lake/scores`. The train function's role has to allow that. "
        "On a laptop, folders below the one for data: `file:scores`.",
    ),
    Setting(
        "train_seconds",
        "ML_TRAIN_SECONDS",
        900,
        "seconds",
        0,
        604_800,
        "How long a training may run on a laptop; 0 is no bound. On a cloud the platform bounds it, and "
        "deploying sets this.",
    ),
    Setting(
        "train_hours",
        "ML_TRAIN_HOURS",
        12,
        "hours",
        1,
        8_760,
        "For how long a training is continued in all, whose algorithm saves checkpoints and which one run of "
        "the trainer is too short for.",
    ),
    Setting(
        "train_memory",
        "ML_TRAIN_MEMORY",
        0,
        "MiB",
        0,
        1_048_576,
        "The train function's memory; deploying sets it. 0 is what the machine has.",
    ),
    Setting(
        "webhooks",
        "ML_WEBHOOKS",
        "",
        "",
        0,
        0,
        "Who is told of jobs that end and aliases that move, separated by commas: "
        "`https://hooks.example.com/ml`. Hosts by name, on the public internet.",
    ),
    Setting(
        "webhook_secret",
        "ML_WEBHOOK_SECRET",
        "",
        "",
        0,
        0,
        "What notices are signed with: `whsec_` and 24 to 64 random bytes in base64. Only `train` and "
        "`sweep` need it.",
    ),
    Setting(
        "topic",
        "ML_TOPIC",
        "",
        "",
        0,
        0,
        "On a cloud, a topic of its own that is told the same: the ARN of one of SNS, the path of one of "
        "Pub/Sub, the endpoint of one of Event Grid.",
    ),
    Setting(
        "cors_origins",
        "ML_CORS_ORIGINS",
        "",
        "",
        0,
        0,
        "The origins whose web pages may call the API, separated by commas: `https://app.example.com`; `*` "
        "is any. Empty: browsers keep other sites' pages out.",
    ),
    Setting(
        "base_path",
        "ML_BASE_PATH",
        "",
        "",
        0,
        0,
        "What a custom domain or a proxy has before every path: `/ml`. Paths without it work as well.",
    ),
    Setting(
        "documentation",
        "ML_DOCUMENTATION",
        "",
        "",
        0,
        0,
        "Where the documentation is served, for the links of `/docs` and OpenAPI: "
        "`https://docs.example.com`. Empty: on a laptop the site that was built beside the code; else "
        "nowhere.",
    ),
    Setting(
        "engines",
        "ML_ENGINES",
        "",
        "",
        0,
        0,
        "The engines that work on a large table's parts elsewhere, separated by commas: `lithops`, `dask`. "
        "What each needs: docs/engines.md.",
    ),
    Setting(
        "onnx",
        "ML_ONNX",
        "",
        "",
        0,
        0,
        "Who runs imported ONNX models: on a cloud the function that deploying makes for it, its name or "
        "address; on a laptop `here`. Empty: nobody does.",
    ),
    Setting(
        "onnx_seconds",
        "ML_ONNX_SECONDS",
        20,
        "seconds",
        0.1,
        600,
        "How long an imported model may take for one call; on a cloud a call ends after 27.5 in any case.",
    ),
    Setting(
        "traces",
        "ML_TRACES",
        "off",
        "",
        0,
        0,
        "Which share of requests and of jobs is recorded as spans, from 0 to 1; from 0 on, answers and the "
        "log say which trace a request belongs to. `off`: neither.",
    ),
)


_PLACES = frozenset({"data_buckets", "output_buckets"})


def places(settings: Settings) -> dict[str, str]:
    """What says which places may be read and written, as an environment that `read_settings` takes."""
    return {each.variable: getattr(settings, each.name) for each in SETTINGS if each.name in _PLACES}


def allowed_seconds(settings: Settings) -> float | None:
    """For how long a training may go on that is continued; None where nothing bounds it.

    It is looked at when a run of the trainer ends, so that one run may take longer.
    """
    return max(3600 * settings.train_hours, settings.train_seconds) if settings.train_seconds else None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings of `environment`, defaults where it says nothing.

    Raises:
        SettingInvalid: the first variable that holds something else than its setting takes.
    """
    return Settings._make(
        value_of(setting, environment.get(setting.variable, "").strip()) for setting in SETTINGS
    )


def value_of(setting: Setting, text: str) -> float | str:
    """What `text` means for `setting`; the default when it is empty.

    Raises:
        SettingInvalid: it is no number, out of bounds, no list of origins, no path, no address, no list of
            engines, or no share.
    """
    if not text:
        return setting.default
    if not setting.unit:
        return _checked(setting, text)
    whole = isinstance(setting.least, int) and setting.unit not in ("seconds", "hours")
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = float("nan")
    if not setting.least <= value <= setting.most:
        number = "a whole number" if whole else "a number"
        raise SettingInvalid(
            f"{setting.variable} is {text[:80]!r}: {number} of {setting.unit} "
            f"from {setting.least} to {setting.most} is expected"
        )
    return value


def _checked(setting: Setting, text: str) -> str:
    """A text as it is, where it can be what it has to be."""
    if setting.name in ("cors_origins", "base_path", "documentation"):
        from handlers.web import base_path_fault, documentation_fault, origins_fault

        faults = {
            "cors_origins": origins_fault,
            "base_path": base_path_fault,
            "documentation": documentation_fault,
        }
        if fault := faults[setting.name](text):
            raise SettingInvalid(f"{setting.variable}: {fault}")
    if setting.name == "engines":
        from handlers.engines import engines_fault

        if fault := engines_fault(text):
            raise SettingInvalid(f"{setting.variable}: {fault}")
    if setting.name == "traces" and text != setting.default:
        from handlers.tracing.context import share_of

        try:
            share_of(text)
        except ValueError as error:
            expected = "`off` or a number from 0 to 1 is expected"
            raise SettingInvalid(f"{setting.variable} is {text[:80]!r}: {expected}") from error
    return text


def reference() -> str:
    """The table of all settings, in Markdown."""
    lines = ["| variable | default | unit | from | to | meaning |", "|---|---|---|---|---|---|"]
    for setting in SETTINGS:
        bounds = f"{setting.least:,} | {setting.most:,}" if setting.unit else " | "
        default = f"{setting.default:,}" if setting.unit else f"`{setting.default}`"
        lines.append(f"| `{setting.variable}` | {default} | {setting.unit} | {bounds} | {setting.doc} |")
    return "\n".join(lines)


if __name__ == "__main__":
    import argparse

    argparse.ArgumentParser(
        prog="python -m handlers.settings", description="Print the table of all settings, in Markdown."
    ).parse_args()
    print(reference())
