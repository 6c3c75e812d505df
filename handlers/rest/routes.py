"""Every endpoint, declared once: what the router finds, what is checked, and what `/openapi.json` shows.

A target is `module:function` below `handlers.rest.endpoints`, imported when it is first called: a
prediction must not pay for the rest. `body` names the schema in that module which the request's body has
to meet, and `answers` the schemas in `handlers/rest/answers.py` of what comes back.
"""

from __future__ import annotations

from handlers.auth import ADMIN, FEEDBACK, INSPECT, KEY, OPEN, PREDICT, READ, SCHEMA, TRAIN, VISITOR
from ml_core.errors import (
    AliasNotFound,
    DatasetNotFound,
    JobNotFound,
    ModelNotFound,
    NotFound,
    VersionNotFound,
)
from ml_core.names import PATTERN, VERSION_PATTERN
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from handlers.rest.schemas import Schema

NAME: Schema = {"type": "string", "pattern": PATTERN}
_CASE = "Upper and lower case matter; a name that differs from another in case alone is refused."


class Route(Record):
    """One method of one path.

    Args:
        method: GET, POST, PUT, PATCH or DELETE; HEAD and OPTIONS come by themselves.
        path: segments; `{name}` stands for a parameter, `:verb` may end the last one.
        target: `module:function` below `handlers.rest.endpoints`.
        access: who may call: what `handlers.auth` calls a right, or OPEN, VISITOR, KEY.
        answers: status and name of the answer's schema.
        body: name of the request's schema in the target's module, empty for none.
        query: names in `QUERY`.
        headers: request headers that matter to it, names in `HEADERS`.
        creates: path parameters that need not exist yet; a malformed one is invalid, not merely unknown.
        invalid: the status of invalid input.
        may_be_empty: whether the body may be left out.
        bounded: whether there may be too many at once: a 429 with `Retry-After`.
    """

    method: str
    path: str
    target: str
    access: str
    answers: tuple[tuple[int, str], ...]
    body: str = ""
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    invalid: int = 422
    may_be_empty: bool = False
    bounded: bool = False


class PathParameter(Record):
    """What `{name}` in a path may be, and what is missing when it cannot be that."""

    schema: Schema
    missing: type[NotFound]
    doc: str


PATH_PARAMETERS = {
    "model": PathParameter(NAME, ModelNotFound, f"The model's name. {_CASE}"),
    "version": PathParameter(
        {"type": "string", "pattern": VERSION_PATTERN}, VersionNotFound, "The version's number."
    ),
    "alias": PathParameter(NAME, AliasNotFound, f"The alias's name. {_CASE}"),
    "dataset": PathParameter(NAME, DatasetNotFound, f"The dataset's name. {_CASE}"),
    "job": PathParameter({"type": "string", "pattern": "^[0-9a-f]{28}$"}, JobNotFound, "The job's id."),
}

_AFTER = "`next_after` of the page before: continues the list."
# What stands after a colon tells parameters of one name apart.
QUERY: dict[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "The most entries to list."},
    "after": {**NAME, "description": _AFTER},
    "prefix": {
        "type": "string",
        "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        "description": "Only those whose names begin so, in upper or lower case.",
    },
    "after:job": {"type": "string", "pattern": "^[0-9a-f]{28}$", "description": _AFTER},
    "after:file": {"type": "string", "pattern": "^[a-z]+-[0-9]{5,9}\\.[a-z]+$", "description": _AFTER},
    "state": {
        "title": "JobState",
        "type": "string",
        "enum": ["queued", "running", "succeeded", "failed", "cancelled"],
        "description": "Only jobs in this state.",
    },
    "model": {**NAME, "description": "Only jobs of this model."},
    "model:audit": {**NAME, "description": "Only changes that were about this model."},
    "key": {
        "type": "string",
        "pattern": "^[A-Za-z0-9_-]{1,64}$",
        "description": "Only what the key with this id used.",
    },
    "purge": {
        "type": "string",
        "title": "Flag",
        "enum": ["true", "false"],
        "description": "`true`: for good, so that it cannot be restored. Also of what was deleted before.",
    },
    "with_versions": {
        "type": "string",
        "title": "Flag",
        "enum": ["true", "false"],
        "description": "`true`: every version that was made from it goes too, for good.",
    },
    "outputs": {
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_.-]{0,63}(,[A-Za-z_][A-Za-z0-9_.-]{0,63}){0,15}$",
        "description": "Of a body of CSV or NPY: what to answer for each row, separated by commas.",
    },
    "unknown_columns": {
        "type": "string",
        "enum": ["refuse", "ignore"],
        "description": "Of a body of CSV or NPY: what becomes of columns that the model does not know.",
    },
    "notes": {
        "type": "string",
        "title": "Flag",
        "enum": ["true", "false"],
        "description": "Of a body of CSV or NPY: whether an answer of JSON says what reading did.",
    },
    "receipt": {
        "type": "string",
        "title": "Flag",
        "enum": ["true", "false"],
        "description": "Of a body of CSV or NPY: whether an answer of JSON has a receipt for each row.",
    },
    "against": {
        "type": "string",
        "minLength": 1,
        "maxLength": 1000,
        "description": "Of a body of CSV or NPY: the label that rows are compared with; of numbers and truth "
        "values as JSON writes them.",
    },
    "top": {
        "type": "integer",
        "minimum": 1,
        "description": "Of a body of CSV or NPY: only so many columns, those with the largest parts.",
    },
    "pretty": {
        "type": "string",
        "enum": ["", "true", "false"],
        "description": "An answer of JSON is indented, for people to read: `?pretty` or `?pretty=true`.",
    },
    "from": {
        "type": "string",
        "description": "The first day of UTC to tell of, such as `2026-11-26`, or a time (RFC 3339) on it. "
        "Without it the seven days that end with `to`.",
    },
    "to": {
        "type": "string",
        "description": "The last day, or a time: the last day is that before it. Without it today.",
    },
    "before": {
        "type": "integer",
        "minimum": 1,
        "maximum": 999_999_999,
        "description": "`next_before` of the page before: continues the list with what is older.",
    },
}

# What every route takes beside its own.
EVERYWHERE = ("pretty",)

HEADERS = {
    "if-match": "Only if the alias, the budget or the schedule still has this ETag; of a PATCH, if it is "
    "still the `about_etag`. A lost race is 412.",
    "if-none-match": "304 when the ETag is still this one; for a PUT, `*`: only if there is no alias or "
    "schedule, or no budget is set, yet.",
    "range": "Only these bytes, such as `bytes=0-4194303`; at most so many come at once.",
    "if-range": "The ETag of the other parts: of another file all comes, and no part.",
    "cache-control": "`no-cache`: what the model's names point at is looked up anew, and not as it was up to "
    "`ML_ALIAS_TTL` seconds ago.",
    "x-routing-key": "Whom the request is about, such as a user's id: of the versions that share an alias's "
    "traffic, the same key is always answered by the same one. Without it the request's id decides.",
    "prefer": "`wait=N` waits up to N seconds (at most 20) for the job or the description (RFC 7240). "
    "Where too many wait already, the answer comes at once.",
    "idempotency-key": "Makes a retry safe: the same key and body give the same job; another body is 422.",
    "inference-header-content-length": "The length of the JSON part when binary tensors follow it.",
}


ROUTES = (
    Route("GET", "/", "health:alive", OPEN, ((200, "Alive"),)),
    Route("GET", "/v2/health/live", "health:live", OPEN, ((200, "Live"),)),
    Route("GET", "/v2/health/ready", "health:ready", OPEN, ((200, "Ready"),)),
    Route("GET", "/docs", "documentation:page", VISITOR, ((200, "Page"),)),
    Route("GET", "/openapi.json", "documentation:openapi", KEY, ((200, "OpenAPI"),)),
    Route("GET", "/v1/whoami", "whoami:whoami", KEY, ((200, "Caller"),)),
    Route(
        "GET",
        "/v1/audit",
        "audit:audit",
        ADMIN,
        ((200, "Audit"),),
        query=("from", "to", "limit", "after:job", "model:audit"),
    ),
    Route("GET", "/v1/usage", "usage:usage", ADMIN, ((200, "Usage"),), query=("from", "to", "key")),
    Route("GET", "/v1/algorithms", "algorithms:algorithms", KEY, ((200, "Algorithms"),)),
    Route(
        "POST",
        "/v1/models/{model}:train",
        "training:train",
        TRAIN,
        ((202, "Job"), (200, "Job")),
        body="TRAIN_BODY",
        headers=("prefer", "idempotency-key"),
        creates=("model",),
        bounded=True,
    ),
    Route(
        "GET",
        "/v1/jobs",
        "jobs:jobs",
        TRAIN,
        ((200, "Jobs"), (304, "")),
        query=("limit", "after:job", "state", "model"),
        headers=("if-none-match",),
    ),
    Route(
        "GET",
        "/v1/jobs/{job}",
        "jobs:job",
        TRAIN,
        ((200, "Job"), (304, "")),
        headers=("if-none-match",),
    ),
    Route(
        "GET",
        "/v1/jobs/{job}/files",
        "jobs:files",
        TRAIN,
        ((200, "JobFiles"),),
        query=("limit", "after:file"),
    ),
    Route("DELETE", "/v1/jobs/{job}", "jobs:cancel", TRAIN, ((200, "Job"), (202, "Job"))),
    Route(
        "POST",
        "/v1/datasets/{dataset}:upload",
        "datasets:upload",
        TRAIN,
        ((201, "Upload"),),
        creates=("dataset",),
    ),
    Route(
        "GET",
        "/v1/datasets",
        "datasets:datasets",
        TRAIN,
        ((200, "Datasets"), (304, "")),
        query=("limit", "after", "prefix"),
        headers=("if-none-match",),
    ),
    Route(
        "GET",
        "/v1/datasets/{dataset}",
        "datasets:dataset",
        TRAIN,
        ((200, "Dataset"), (304, "")),
        headers=("prefer", "if-none-match"),
    ),
    Route(
        "POST",
        "/v1/datasets/{dataset}:describe",
        "datasets:describe",
        TRAIN,
        ((200, "Dataset"),),
        body="DESCRIBE_BODY",
        headers=("prefer",),
        may_be_empty=True,
    ),
    Route(
        "DELETE",
        "/v1/datasets/{dataset}",
        "erasing:delete_dataset",
        ADMIN,
        ((204, ""), (200, "Erasure"), (202, "Erasure")),
        query=("with_versions",),
    ),
    Route(
        "GET",
        "/v1/datasets/{dataset}/versions",
        "erasing:versions",
        TRAIN,
        ((200, "MadeVersions"), (304, "")),
        query=("limit", "after:job"),
        headers=("if-none-match",),
    ),
    Route(
        "PUT",
        "/v1/datasets/{dataset}/budget",
        "budgets:put_budget",
        ADMIN,
        ((200, "Budget"),),
        body="BUDGET_BODY",
        headers=("if-match", "if-none-match"),
        creates=("dataset",),
    ),
    Route("GET", "/v1/datasets/{dataset}/budget", "budgets:budget", TRAIN, ((200, "Budget"),)),
    Route(
        "GET",
        "/v1/models",
        "models:models",
        READ,
        ((200, "Models"), (304, "")),
        query=("limit", "after", "prefix"),
        headers=("if-none-match",),
    ),
    Route(
        "GET",
        "/v1/models/{model}",
        "models:model",
        READ,
        ((200, "Model"), (304, "")),
        query=("limit", "before"),
        headers=("if-none-match",),
    ),
    Route(
        "PATCH",
        "/v1/models/{model}",
        "models:change_model",
        TRAIN,
        ((200, "About"),),
        body="ABOUT_BODY",
        headers=("if-match",),
    ),
    Route("DELETE", "/v1/models/{model}", "models:delete_model", ADMIN, ((204, ""),), query=("purge",)),
    Route(
        "GET",
        "/v1/models/{model}/versions",
        "models:versions",
        READ,
        ((200, "Versions"), (304, "")),
        query=("limit", "before"),
        headers=("if-none-match",),
    ),
    Route(
        "GET",
        "/v1/models/{model}/versions/{version}",
        "models:version",
        READ,
        ((200, "Version"), (304, "")),
        headers=("if-none-match",),
    ),
    Route(
        "PATCH",
        "/v1/models/{model}/versions/{version}",
        "models:change_version",
        TRAIN,
        ((200, "About"),),
        body="ABOUT_BODY",
        headers=("if-match",),
    ),
    Route(
        "GET",
        "/v1/models/{model}/versions/{version}/artifact",
        "artifacts:artifact",
        TRAIN,
        ((200, "Download"),),
    ),
    Route(
        "POST",
        "/v1/models/{model}:upload",
        "registering:upload",
        TRAIN,
        ((201, "ArtifactUpload"),),
        creates=("model",),
    ),
    Route(
        "POST",
        "/v1/models/{model}:register",
        "registering:register",
        TRAIN,
        ((202, "Job"), (200, "Job")),
        body="REGISTER_BODY",
        headers=("prefer", "idempotency-key"),
        creates=("model",),
        bounded=True,
    ),
    Route(
        "POST",
        "/v1/models/{model}:import",
        "importing:import_model",
        TRAIN,
        ((202, "Job"), (200, "Job")),
        body="IMPORT_BODY",
        headers=("prefer", "idempotency-key"),
        creates=("model",),
        bounded=True,
    ),
    Route(
        "GET",
        "/v1/models/{model}/versions/{version}/parameters",
        "parameters:parameters",
        INSPECT,
        ((200, "Parameters"),),
    ),
    Route(
        "GET",
        "/v1/models/{model}/versions/{version}/profile",
        "profiles:profile",
        INSPECT,
        ((200, "Profile"),),
    ),
    Route(
        "GET",
        "/v1/models/{model}/versions/{version}/onnx",
        "onnx:onnx",
        TRAIN,
        ((200, "File"), (206, "File"), (304, "")),
        headers=("if-none-match", "range", "if-range"),
    ),
    Route(
        "DELETE",
        "/v1/models/{model}/versions/{version}",
        "models:delete_version",
        ADMIN,
        ((204, ""),),
        query=("purge",),
    ),
    Route(
        "POST",
        "/v1/models/{model}/versions/{version}:restore",
        "models:restore_version",
        ADMIN,
        ((200, "Version"),),
    ),
    Route(
        "PUT",
        "/v1/models/{model}/aliases/{alias}",
        "aliases:put_alias",
        ADMIN,
        ((200, "Alias"),),
        body="ALIAS_BODY",
        headers=("if-match", "if-none-match"),
        creates=("alias",),
    ),
    Route(
        "GET",
        "/v1/models/{model}/aliases/{alias}",
        "aliases:alias",
        READ,
        ((200, "Alias"), (304, "")),
        headers=("if-none-match",),
    ),
    Route(
        "POST",
        "/v1/models/{model}/aliases/{alias}:promote",
        "aliases:promote",
        ADMIN,
        ((200, "Alias"),),
        body="PROMOTE_BODY",
        headers=("if-match",),
        creates=("alias",),
        may_be_empty=True,
    ),
    Route(
        "POST",
        "/v1/models/{model}/aliases/{alias}:rollback",
        "aliases:rollback",
        ADMIN,
        ((200, "Alias"),),
        body="ROLLBACK_BODY",
        headers=("if-match",),
        may_be_empty=True,
    ),
    Route(
        "GET",
        "/v1/models/{model}/aliases/{alias}/history",
        "aliases:history",
        READ,
        ((200, "History"),),
        query=("limit", "before"),
    ),
    *(
        Route("GET", path, "schemas:schema", SCHEMA, ((200, "Schema"),), headers=("cache-control",))
        for path in (
            "/v1/models/{model}/schema",
            "/v1/models/{model}/versions/{version}/schema",
            "/v1/models/{model}/aliases/{alias}/schema",
        )
    ),
    Route(
        "GET",
        "/v1/models/{model}/versions/{version}/monitoring",
        "monitoring:version",
        INSPECT,
        ((200, "Monitoring"), (304, "")),
        query=("from", "to"),
        headers=("if-none-match",),
    ),
    Route(
        "GET",
        "/v1/models/{model}/aliases/{alias}/monitoring",
        "monitoring:alias",
        INSPECT,
        ((200, "AliasMonitoring"), (304, "")),
        query=("from", "to"),
        headers=("if-none-match",),
    ),
    Route(
        "PUT",
        "/v1/models/{model}/schedule",
        "schedules:put_schedule",
        ADMIN,
        ((200, "Schedule"),),
        body="SCHEDULE_BODY",
        headers=("if-match", "if-none-match"),
        creates=("model",),
    ),
    Route("GET", "/v1/models/{model}/schedule", "schedules:schedule", INSPECT, ((200, "Schedule"),)),
    Route(
        "DELETE",
        "/v1/models/{model}/schedule",
        "schedules:delete_schedule",
        ADMIN,
        ((204, ""),),
        headers=("if-match",),
    ),
    Route(
        "DELETE",
        "/v1/models/{model}/aliases/{alias}",
        "aliases:delete_alias",
        ADMIN,
        ((204, ""),),
        headers=("if-match",),
    ),
    *(
        Route(
            "POST",
            path,
            "prediction:predict",
            PREDICT,
            ((200, "Predictions"),),
            body="PREDICT_BODY",
            query=("outputs", "unknown_columns", "notes", "receipt"),
            headers=("x-routing-key", "cache-control"),
        )
        for path in (
            "/v1/models/{model}:predict",
            "/v1/models/{model}/versions/{version}:predict",
            "/v1/models/{model}/aliases/{alias}:predict",
            "/v1/models/{model}/labels/{alias}:predict",
        )
    ),
    *(
        Route(
            "POST",
            path,
            "scoring:score",
            TRAIN,
            ((202, "Job"), (200, "Job")),
            body="SCORE_BODY",
            headers=("prefer", "idempotency-key"),
            bounded=True,
        )
        for path in (
            "/v1/models/{model}:score",
            "/v1/models/{model}/versions/{version}:score",
            "/v1/models/{model}/aliases/{alias}:score",
            "/v1/models/{model}/labels/{alias}:score",
        )
    ),
    Route(
        "POST",
        "/v1/models/{model}:feedback",
        "feedback:feedback",
        FEEDBACK,
        ((200, "Feedback"),),
        body="FEEDBACK_BODY",
    ),
    *(
        Route(
            "POST",
            path,
            "explanation:explain",
            INSPECT,
            ((200, "Explanations"),),
            body="EXPLAIN_BODY",
            query=("against", "top", "unknown_columns", "notes"),
            headers=("x-routing-key", "cache-control"),
        )
        for path in (
            "/v1/models/{model}:explain",
            "/v1/models/{model}/versions/{version}:explain",
            "/v1/models/{model}/aliases/{alias}:explain",
            "/v1/models/{model}/labels/{alias}:explain",
        )
    ),
    Route("GET", "/v2", "inference:server", KEY, ((200, "Server"),)),
    *(
        route
        for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
        for route in (
            Route("GET", model, "inference:metadata", SCHEMA, ((200, "Metadata"),)),
            Route("GET", f"{model}/ready", "inference:ready", PREDICT, ((200, "ModelReady"),)),
            Route(
                "POST",
                f"{model}/infer",
                "inference:infer",
                PREDICT,
                ((200, "Inference"),),
                body="INFER_BODY",
                query=("outputs",),
                headers=("inference-header-content-length", "x-routing-key", "cache-control"),
                invalid=400,
            ),
        )
    ),
)


def query_of(route: Route) -> dict[str, Schema]:
    """What a route's query may hold, by the parameters' names."""
    return {name.partition(":")[0]: QUERY[name] for name in route.query}
