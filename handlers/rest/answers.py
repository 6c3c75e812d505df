"""What comes back, as JSON Schema: shown in `/openapi.json`, and held against real answers by the tests."""

from handlers.auth import ADMIN, KEY, ROLES
from handlers.rest.routes import NAME
from handlers.rest.schemas import Schema
from ml_core.algorithms.outputs import METHODS
from ml_core.inputs.kinds import IMAGE, KINDS, SEQUENCE, TEXT
from ml_core.scheduling.schedule import EVERY, METRICS, ON
from ml_core.scheduling.triggers import OUTCOMES

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_BYTES: Schema = {"type": "integer", "minimum": 0, "description": "Bytes."}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
_NUMBER: Schema = {"type": "integer", "minimum": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
_LABEL: Schema = {"title": "Label", "type": ["string", "integer", "boolean"]}
_LABELS: Schema = {"type": "array", "items": _LABEL}
_FLOATS: Schema = {"type": "array", "items": {"type": "number"}}
_OBJECT: Schema = {"type": "object"}
_OUTPUTS: Schema = {
    "label": _LABEL,
    "probability": _FLOATS,
    "decision": {"title": "Decision", "anyOf": [{"type": "number"}, _FLOATS]},
    "distance": _FLOATS,
}
_OUTPUTS |= {METHODS[name]: schema for name, schema in _OUTPUTS.items()}


def _object(
    properties: Schema, *, title: str = "", optional: tuple[str, ...] = (), closed: bool = True
) -> Schema:
    """An object; without a `title` it is called by where it stands (`components.py`)."""
    required = [name for name in properties if name not in optional]
    schema: Schema = {"type": "object", "required": required, "properties": properties}
    schema = {"title": title, **schema} if title else schema
    return {**schema, "additionalProperties": False} if closed else schema


def _one_of(title: str, *words: str | None) -> Schema:
    return {"title": title, "type": ["string", "null"] if None in words else "string", "enum": list(words)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _page(name: str, items: Schema) -> Schema:
    return _object({name: _list(items), "next_after": _TEXT_OR_NULL})


_MODEL_VERSION = _object({"name": NAME, "version": _NUMBER}, title="ModelVersion")
_MEASURED = _one_of("MeasuredKind", "number", "boolean", "date")
_COLUMN_KIND = _one_of("ColumnKind", "number", "boolean", "category", "date")
_FAULT = _object({"path": _TEXT, "message": _TEXT}, title="Fault")
_OMITTED: Schema = {
    "type": "integer",
    "minimum": 1,
    "description": "There are at least so many more faults; they were not looked for.",
}
_OUTCOMES = ["succeeded", "cancelled", "failed", "lost", "interrupted", "postponed", "continued", None]
_ATTEMPT = _object(
    {
        "started": _TIME,
        "ended": _TIME_OR_NULL,
        "outcome": {**_TEXT_OR_NULL, "enum": _OUTCOMES},
        "reason": _TEXT_OR_NULL,
        "times": {
            "type": "integer",
            "minimum": 2,
            "description": "How many attempts in a row, all continued, this one stands for.",
        },
    },
    optional=("times",),
    title="Attempt",
)
_PATTERNS: Schema = {"type": ["array", "null"], "items": _TEXT}
_HEADERS: Schema = {
    "title": "SignedHeaders",
    "type": "object",
    "additionalProperties": _TEXT,
    "description": "To be sent with it as they are.",
}
_HISTORY: Schema = {
    "type": "array",
    "items": {
        "title": "TrainingStep",
        "type": "object",
        "required": ["done", "of"],
        "properties": {
            "done": {"type": "integer", "minimum": 0},
            "of": {"type": "integer", "minimum": 0},
        },
        "additionalProperties": _NUMBER_OR_NULL,
        "description": "What was reached when so many steps of so many were done; null is no finite number.",
    },
    "description": "Of an algorithm that tells its steps: of a network, each epoch's `loss`, and of samples "
    "held out from its training `validation_loss` and `validation_accuracy`.",
}
_JOB_ERROR = _object(
    {
        "code": {
            "type": "string",
            "description": "A fault of the request or its data (`invalid_input`, `too_large`, …), "
            "`deadline_exceeded`, `data_changed`, `out_of_memory`, `disk_full`, `internal`, `trainer_died`, "
            "`attempts_spent` or `dead_lettered`.",
        },
        "message": {"type": "string", "description": "What happened and what to do."},
        "faults": _list(_FAULT),
    },
    optional=("faults",),
    closed=False,
    title="JobError",
)
_ENGINE: Schema = {
    "anyOf": [
        _object(
            title="Engine",
            properties={
                "name": {"type": "string", "description": "`memory`, `streamed`, or that of a mapper."},
                "passes": {"type": ["integer", "null"], "minimum": 0, "description": "Over the data."},
                "parts": {"type": ["integer", "null"], "minimum": 0, "description": "That it was cut into."},
                "reason": {**_TEXT_OR_NULL, "description": "Why it was this one."},
            },
        ),
        {"type": "null"},
    ],
    "description": "What did the work: one process with all rows in its `memory`, one that was `streamed` "
    "the rows part by part, or many functions by `lithops`. Null where that is not known.",
}
_SCORED: Schema = {
    "anyOf": [
        _object(
            title="ScoreResult",
            properties={
                "rows": {**_COUNT, "description": "That were predicted."},
                "rejected": {**_COUNT, "description": "That were not: a file of the job says where and why."},
                "files": {**_COUNT, "description": "That were written; `GET …/files` lists them."},
                "bytes": _BYTES,
                "uri": {
                    **_TEXT_OR_NULL,
                    "description": "Where they were written to; null for the deployment's own store.",
                },
            },
        ),
        {"type": "null"},
    ],
    "description": "What came of a job that scores a table, once it has succeeded; null for others.",
}
_FILE = _object(
    title="JobFile",
    properties={
        "name": _TEXT,
        "kind": _one_of("JobFileKind", "scores", "rejects"),
        "rows": _COUNT,
        "size": _BYTES,
        "method": {"const": "GET"},
        "url": {"type": "string", "description": "Signed: of this file alone."},
        "headers": _HEADERS,
        "expires": {**_TIME, "description": "When the address ends."},
        "uri": {
            "type": "string",
            "description": "In the place of a signed address: where it is in the bucket that was named.",
        },
    },
    optional=("method", "url", "headers", "expires", "uri"),
)
_JOB = _object(
    title="Job",
    properties={
        "id": _TEXT,
        "model": NAME,
        "state": {
            **_one_of("JobState", "queued", "running", "succeeded", "failed", "cancelled"),
            "description": "The last three are ends.",
        },
        "phase": {
            **_TEXT_OR_NULL,
            "description": "While it runs: `fetching`, `starting`, `reading`, `splitting`, `fitting`, "
            "`measuring`, `checking` (a file that was uploaded), `trying` (a graph is run once) or "
            "`registering`; `looking` (what the columns of a large table are), and of a table to score "
            "`planning` and `scoring`.",
        },
        "percentage": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 100,
            "description": "Of the phase, where something is counted; else null.",
        },
        "version": {
            "type": ["integer", "null"],
            "minimum": 1,
            "description": "The one that it made; null until then, and of a job that scored.",
        },
        "metrics": {
            "type": ["object", "null"],
            "properties": {"history": {**_HISTORY, "maxItems": 200}},
            "description": "Of a version; until there is one at most `history`, which no list of jobs has.",
        },
        "warnings": _list(_TEXT),
        "result": _SCORED,
        "engine": _ENGINE,
        "error": {"anyOf": [_JOB_ERROR, {"type": "null"}]},
        "attempts": _list(_ATTEMPT),
        "request": {
            "type": "object",
            "description": "What was asked for; its `kind` is `register` where an artifact is registered, "
            "`import` where a graph of ONNX is imported, and `score` where a table is scored.",
        },
        "created": _TIME,
        "started": _TIME_OR_NULL,
        "finished": _TIME_OR_NULL,
        "cancelling": {"type": "boolean"},
        "submitter": {
            **_TEXT_OR_NULL,
            "description": "The id of the key that sent it; null where no key was asked for.",
        },
    },
)
_LISTED_VERSION = _object(
    {
        "version": _NUMBER,
        "job": _TEXT,
        "created": _TIME,
        "sha256": _TEXT,
        "size": {"type": "integer", "minimum": 1, "description": "Bytes of the artifact."},
        "algorithm": _TEXT,
    },
    title="ListedVersion",
)
_CONTAINS_ROWS: Schema = {
    "type": ["boolean", "null"],
    "description": "Whether who has the artifact has rows that it was trained on: an SVM's support "
    "vectors, or a cluster of one row. Null where that is not known.",
}
_MADE_VERSION = _object(
    {
        "model": NAME,
        "version": _NUMBER,
        "job": _TEXT,
        "created": {**_TIME_OR_NULL, "description": "Null where the version was purged."},
        "algorithm": _TEXT_OR_NULL,
        "data": _object(
            {
                "uri": {"type": "string", "description": "The upload that it was made from."},
                "revision": {**_TEXT_OR_NULL, "description": "By which the storage knew those bytes."},
            },
            title="MadeFrom",
        ),
        "copy": {
            "type": "boolean",
            "description": "Whether it was registered from a download of another version's artifact.",
        },
        "aliases": {**_list(NAME), "description": "Those that point at it."},
        "deleted": {**_TIME_OR_NULL, "description": "When it was deleted; null while it is there."},
        "restorable_until": _TIME_OR_NULL,
        "contains_training_rows": _CONTAINS_ROWS,
        "private": {
            "type": ["boolean", "null"],
            "description": "Whether it was trained privately; null where nothing is left that tells.",
        },
    },
    title="MadeVersion",
)
_ERASURE_LINE = _object(
    {
        "what": {"type": "string", "description": "A word that programs may know the line by."},
        "detail": {"type": "string", "description": "The same as a sentence."},
        "number": {"type": ["integer", "null"], "minimum": 0, "description": "Of how many."},
        "days": {"type": ["integer", "null"], "minimum": 1, "description": "The most from now on."},
    },
    title="ErasureLine",
)
_SPLIT = _object(
    {"by": {"type": "string", "enum": ["random", "time", "group", "hash"]}, "column": _TEXT},
    optional=("column",),
    title="Split",
)
_LINEAGE = _object(
    {
        "job": _TEXT,
        "data": {
            "type": ["object", "null"],
            "description": "Where the rows came from, their SHA-256, and the store's revision of them.",
        },
        "seed": {"type": ["integer", "null"]},
        "test_fraction": {"type": ["number", "null"]},
        "split": {"anyOf": [_SPLIT, {"type": "null"}]},
        "library_versions": {"type": ["object", "null"]},
    },
    title="Lineage",
)
_REGISTERED_MEMBERS: Schema = {
    "sha256": {
        "type": "string",
        "description": "Of the file that was uploaded, which is the artifact unless it was imported.",
    },
    "size": {"type": "integer", "minimum": 1, "description": "Bytes of the file."},
    "by": {**_TEXT_OR_NULL, "description": "The id of the key that registered it; null for none."},
    "at": {**_TIME, "description": "When it was asked for."},
}
_NULL_OF_REGISTERED = "Null, as what follows, of a version that was made elsewhere: nobody here knows it."
_NOT_TRAINED_HERE = "Of a version that was made elsewhere and registered; null for one that was trained here."
_REGISTERED: Schema = {
    "anyOf": [_object(_REGISTERED_MEMBERS, title="ListedRegistration"), {"type": "null"}],
    "description": _NOT_TRAINED_HERE,
}
_REGISTERED_WHOLE: Schema = {
    "anyOf": [
        _object(
            title="Registration",
            properties={
                **_REGISTERED_MEMBERS,
                "origin": {
                    "type": "object",
                    "description": "What who registered it told of where it is from: claims, as they came.",
                },
            },
        ),
        {"type": "null"},
    ],
    "description": _NOT_TRAINED_HERE,
}
_DESCRIPTION: Schema = {
    **_TEXT_OR_NULL,
    "description": "What somebody wrote about it; null for nothing.",
}
_TAGS: Schema = {
    "title": "Tags",
    "type": "object",
    "additionalProperties": _TEXT,
    "description": "What somebody marked it with, by name.",
}
_PRIVACY = _object(
    {
        "epsilon": {"type": "number", "description": "With delta: how much any one row may have told."},
        "delta": {"type": "number"},
        "rho": {"type": "number", "description": "What the training cost, as zero-concentrated privacy."},
        "unit": {"const": "row"},
        "neighbours": {"const": "add or remove one row"},
        "mechanism": _TEXT,
        "rows_deviation": {
            "type": "number",
            "description": "The standard deviation of the noise in `rows`.",
        },
        "count_deviation": {
            "type": ["number", "null"],
            "description": "The same in each count that the metrics are made of; null where there are none.",
        },
    },
    title="PrivacyOfVersion",
)
_PRIVACY["description"] = "Of a version that was trained with differential privacy: what was proved of it."
_ABOUT: Schema = {
    "description": _DESCRIPTION,
    "tags": _TAGS,
    "about_etag": {
        "type": "string",
        "description": "Of description and tags: what a PATCH names in If-Match.",
    },
}
_COMPARED_VERSION = _object(
    {
        **_LISTED_VERSION["properties"],
        "aliases": _list(NAME),
        "hyperparameters": {"type": ["object", "null"]},
        "metrics": {
            "type": ["object", "null"],
            "description": "On the training rows, and held out: `test`. The `history` is in the version.",
        },
        "rows": {"type": ["integer", "null"]},
        "test_rows": {"type": ["integer", "null"]},
        "privacy": _PRIVACY,
        "registered": _REGISTERED,
        "lineage": _LINEAGE,
    },
    optional=("privacy",),
    title="ComparedVersion",
)
_RATES: Schema = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": 1},
    "maxItems": 101,
}
_THRESHOLDS: Schema = {
    "type": "array",
    "items": {"type": ["number", "null"]},
    "maxItems": 101,
    "description": "A row of this score or more is taken for the class; null where no row is.",
}
_CURVES_OF_A_CLASS = _object(
    {
        "class": {**_LABEL, "description": "The class that is told apart from all others."},
        "score": {
            "type": "string",
            "enum": ["decision", "probability"],
            "description": "The output that thresholds are compared with.",
        },
        "roc": _object({"fpr": _RATES, "tpr": _RATES, "thresholds": _THRESHOLDS}, title="RocCurve"),
        "precision_recall": _object(
            {"recall": _RATES, "precision": _RATES, "thresholds": _THRESHOLDS}, title="PrecisionRecallCurve"
        ),
        "calibration": {
            "anyOf": [
                _object(
                    title="CalibrationCurve",
                    properties={
                        "prob_true": {**_RATES, "description": "The share of the class in each bin."},
                        "prob_pred": {**_RATES, "description": "The mean probability in each bin."},
                        "count": {**_list({"type": "integer", "minimum": 1}), "description": "Its rows."},
                    },
                ),
                {"type": "null"},
            ],
            "description": "In ten bins of equal width, without those that hold no row; null where the model "
            "gives no probabilities.",
        },
    },
    title="ClassCurves",
)
_CURVES: Schema = {
    "anyOf": [
        _object(
            title="Curves",
            properties={"training": _list(_CURVES_OF_A_CLASS), "test": _list(_CURVES_OF_A_CLASS)},
            optional=("training", "test"),
        ),
        {"type": "null"},
    ],
    "description": "Of a classifier of up to ten classes, on the training rows and on those held out: of two "
    "classes for the second, of more for each one against the others, where rows of it and of others occur. "
    "At most 101 points of each curve, its ends among them. Null where there are none: of clusterings, and "
    "of versions that an earlier release trained.",
}
_SPREAD: Schema = {
    "mean": {"type": "number"},
    "std": {"type": "number", "minimum": 0, "description": "Of the repeats."},
}
_VERSION_COMPARISON: Schema = {
    "title": "VersionComparison",
    "description": "Of a schedule's run with `promote`: this version beside the one that the alias answered "
    "with when the run began, on the same held-out rows.",
    **_object(
        {
            "against": {"type": "integer", "minimum": 1, "description": "The other version."},
            "metric": {"type": "string", "enum": [*METRICS]},
            "confidence": {"type": "number"},
            "rows": {"type": ["integer", "null"], "minimum": 0},
            "new": {"type": ["number", "null"], "description": "The metric of this version."},
            "old": {"type": ["number", "null"], "description": "That of the other one."},
            "difference": {"type": ["number", "null"], "description": "`new` minus `old`."},
            "low": {"type": ["number", "null"], "description": "The interval of the difference."},
            "high": {"type": ["number", "null"]},
            "reason": {"type": ["string", "null"], "description": "Why they were not compared."},
        }
    ),
}
_GUARD: Schema = {
    "description": "How far the version is that a run trained last; null where none is guarded.",
    "anyOf": [
        _object(
            {
                "alias": {**_TEXT, "description": "Which one is moved."},
                "old": {
                    "type": ["integer", "null"],
                    "minimum": 1,
                    "description": "The version that answered before; null where there was no such alias.",
                },
                "new": {"type": "integer", "minimum": 1, "description": "The new version."},
                "at": {
                    **_one_of("GuardState", "waiting", "climbing", "watching", "ended"),
                    "description": "It has no traffic yet, some, or all and is watched; or it is over.",
                },
                "step": {**_COUNT, "description": "How many of `promote.steps` were made."},
                "reason": {**_TEXT_OR_NULL, "description": "Why it is where it is."},
                "begun": _TIME,
                "since": {**_TIME, "description": "When the last step was made."},
            },
            title="ScheduleGuard",
        ),
        {"type": "null"},
    ],
}
_IMPORTANCE: Schema = {
    "title": "Importance",
    **_object(
        {
            "metric": {
                "type": "string",
                "enum": ["accuracy", "cluster_changed"],
                "description": "What `mean` is of: how much less accurate, or what share of rows is in "
                "another cluster.",
            },
            "rows": {**_NUMBER, "description": "Held-out rows, evenly spaced among them, 2,000 at most."},
            "repeats": {**_NUMBER, "description": "How often each column was permuted: 5, or fewer of much."},
            "columns": _list(
                _object(
                    title="ColumnImportance",
                    properties={
                        "column": _TEXT,
                        **_SPREAD,
                        "log_loss": {
                            **_object(_SPREAD, title="LogLossImportance"),
                            "description": "How much the log loss is more.",
                        },
                    },
                    optional=("log_loss",),
                )
            ),
            "columns_omitted": {**_NUMBER, "description": "How many more there are, which matter less."},
        },
        optional=("columns_omitted",),
    ),
    "description": "Permutation importance on held-out rows of a table, where there are 20 or more: what "
    "happens when one column is permuted among the rows. The column that matters most is the first.",
}
_PORT: Schema = {
    "name": _TEXT,
    "datatype": {**_TEXT, "description": "As the Open Inference Protocol calls it."},
    "shape": {
        **_list({"type": ["integer", "null"], "minimum": 0}),
        "description": "Of an instance; null for any length.",
    },
}
_GRAPH: Schema = {
    **_object(
        {
            "form": {
                **_one_of("GraphForm", "matrix", "columns", "tensors"),
                "description": "How instances come: as rows that are one input, as rows of which each column "
                "is an input, or as tensors.",
            },
            "inputs": _list(_object(_PORT, title="GraphInput")),
            "outputs": _list(
                _object(
                    {
                        **_PORT,
                        "output": {
                            **_TEXT,
                            "description": "What the graph calls it; empty where it is ours.",
                        },
                        "kind": _one_of("GraphOutputKind", "label", "number"),
                    },
                    title="GraphOutput",
                )
            ),
            "features": _list(_TEXT),
            "classes": {"anyOf": [_LABELS, {"type": "null"}]},
            "labels": {
                "anyOf": [_LABELS, {"type": "null"}],
                "description": "The classes as the graph gives them.",
            },
            "derived": {
                **_TEXT_OR_NULL,
                "description": "The output of which the greatest value is the label; null where the graph "
                "gives labels, or there are none.",
            },
            "batch": {
                **_COUNT,
                "description": "How many instances the graph takes at a time; 0 for any number.",
            },
            "ir_version": _NUMBER,
            "opsets": _OBJECT,
            "producer": _TEXT,
            "nodes": _COUNT,
            "operators": {**_OBJECT, "description": "How many nodes there are of each."},
            "numbers": _COUNT,
        },
        title="Graph",
    ),
    "description": "Of a version that was imported: what its graph takes and gives.",
}
_VERSION = _object(
    {
        **_LISTED_VERSION["properties"],
        **_ABOUT,
        "name": NAME,
        "task": _TEXT,
        "hyperparameters": _OBJECT,
        "features": _list(_TEXT),
        "input": _object(
            title="ModelInput",
            properties={
                "kind": {"type": "string", "enum": [IMAGE, SEQUENCE, TEXT]},
                "shape": {**_list(_NUMBER), "description": "Of a picture: height, width and channels."},
                "numbers": {
                    "title": "PixelRange",
                    **_object({"bytes": {"type": "boolean"}, "range": _FLOATS}),
                    "description": "What numbers of pictures training has seen: whether all were whole and "
                    "from 0 to 255, and the least and the largest. PNG files are taken where they are bytes. "
                    "Versions of an earlier release do not say it, and take them.",
                },
                "pixels": {
                    "title": "PixelColumns",
                    **_object({"columns": {"type": "integer", "minimum": 1}, "first": _list(_TEXT)}),
                    "description": "Of pictures that were rows of a table: how many columns the pixels are, "
                    "and what the first of them are called.",
                },
                "max_length": {
                    "type": ["integer", "null"],
                    "minimum": 1,
                    "description": "How many steps of a sequence count, the last ones; of a text how many "
                    "words or characters, the first ones. Null for all.",
                },
                "tokens": {"type": "string", "enum": ["words", "characters"]},
                "lowercase": {"type": "boolean"},
                "vocabulary": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "How many words or characters of texts are known.",
                },
            },
            optional=("shape", "numbers", "pixels", "max_length", "tokens", "lowercase", "vocabulary"),
        ),
        "graph": _GRAPH,
        "classes": {"anyOf": [_LABELS, {"type": "null"}]},
        "metrics": {
            "type": "object",
            "properties": {"history": _HISTORY},
            "description": "Empty of a version that was made elsewhere: it was not measured here.",
        },
        "curves": _CURVES,
        "importance": _IMPORTANCE,
        "comparison": _VERSION_COMPARISON,
        "contains_training_rows": _CONTAINS_ROWS,
        "warnings": _list(_TEXT),
        "registered": _REGISTERED_WHOLE,
        "rows": {"type": ["integer", "null"], "minimum": 0, "description": _NULL_OF_REGISTERED},
        "test_rows": {"type": ["integer", "null"], "minimum": 0},
        "test_fraction": {"type": ["number", "null"]},
        "seed": {"type": ["integer", "null"]},
        "split": {"anyOf": [_SPLIT, {"type": "null"}]},
        "library_versions": {"type": ["object", "null"]},
        "numerics": {
            "type": "object",
            "description": "Of a network, what its last bits depend on besides the seed: the numeric kernel, "
            "and the processor's features that were used. `continued_from` has those of earlier deliveries "
            "of its job that computed with others; without it all computed with the same.",
        },
        "engine": _ENGINE,
        "privacy": _PRIVACY,
        "drawn_rows": {
            "title": "DrawnRows",
            "type": "object",
            "description": "Of a table that was read part by part: of how many rows, drawn at random, the "
            "`profile` and the `curves` are, where they are not of all.",
        },
        "lineage": _LINEAGE,
    },
    closed=False,
    optional=(
        *("split", "input", "graph", "numerics", "importance", "comparison", "engine", "privacy"),
        "drawn_rows",
    ),
)
_SIDE: Schema = {
    "class": {**_LABEL, "description": "What a decision above 0 is for."},
    "against": {
        "type": ["string", "integer", "boolean", "null"],
        "description": "The class that it is told apart from; null for all others.",
    },
    "intercept": {"type": "number"},
}
_PLACE: Schema = {
    "column": _TEXT,
    "category": {"type": "string", "description": "1 where the column has this word, else 0."},
    "missing": {"const": True, "description": "1 where the column's value is missing, else 0."},
}
_COEFFICIENT = _object(
    {
        **_PLACE,
        "coefficient": {
            "type": "number",
            "description": "For each unit of the column as it is sent: of a date for each day since "
            "1970-01-01, of a truth value for true.",
        },
    },
    optional=("category", "missing"),
    title="Coefficient",
)
_CENTRE_VALUE = _object(
    {
        **_PLACE,
        "value": {
            "type": ["number", "string"],
            "description": "The mean of the cluster's rows: of dates a date, for a word, for missing values "
            "and for true the share of them.",
        },
    },
    optional=("category", "missing"),
    title="CentreValue",
)
_MODEL_COLUMNS: Schema = {
    "columns": _list(
        _object(
            title="ModelColumn",
            properties={
                "column": _TEXT,
                "kind": _COLUMN_KIND,
                "imputed": {
                    "type": ["number", "string"],
                    "description": "What a missing value is taken for; of truth values the share of true.",
                },
            },
            optional=("imputed",),
        )
    )
}
_ROWS: Schema = {"type": "integer", "minimum": 0, "description": "Rows."}
_PROFILED: Schema = {
    "column": _TEXT,
    "missing": {**_ROWS, "description": "Rows without a value."},
}
_SENT: Schema = {"type": ["number", "string"]}
_SENT_OR_NULL: Schema = {"type": ["number", "string", "null"]}
_BIN = _object(
    {
        "from": {**_SENT_OR_NULL, "description": "The least value of the bin; null for any."},
        "to": {**_SENT_OR_NULL, "description": "What its values are less than; null for any."},
        "count": {"type": "integer", "minimum": 20, "description": "Rows."},
        "mean": {**_SENT, "description": "Of dates a date, of truth values the share of true."},
        "mean_days": {"type": "number", "description": "Of dates the mean as days since 1970-01-01."},
    },
    optional=("mean_days",),
    title="ProfileBin",
)
_PROFILED_COLUMN: Schema = {
    "title": "ProfileColumn",
    "oneOf": [
        _object(
            title="BinnedColumn",
            properties={
                **_PROFILED,
                "kind": _MEASURED,
                "bins": {**_list(_BIN), "minItems": 1, "maxItems": 20},
                "low": {**_SENT, "description": "What is less is far from every value trained on."},
                "high": {**_SENT, "description": "What is more is."},
            },
        ),
        _object(
            title="SparseColumn",
            properties={
                **_PROFILED,
                "kind": _MEASURED,
                "bins": {**_list(_BIN), "maxItems": 0},
                "too_few": {
                    **_ROWS,
                    "maximum": 19,
                    "description": "Rows with a value, which are too few to tell more of them.",
                },
            },
        ),
        _object(
            title="CategoryColumn",
            properties={
                **_PROFILED,
                "kind": {"const": "category"},
                "words": {
                    **_list(
                        _object(
                            {"word": _TEXT, "count": {"type": "integer", "minimum": 20}}, title="WordCount"
                        ),
                    ),
                    "maxItems": 20,
                },
                "other": {**_ROWS, "description": "Rows with another word that the model knows."},
                "other_words": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "How many these words are. The version's `encoding` lists all words.",
                },
                "once": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "How many words of the model a single row had.",
                },
            },
            optional=("once",),
        ),
    ],
}
_PROFILE = _object(
    {
        "model": _MODEL_VERSION,
        "rows": {**_ROWS, "minimum": 20, "description": "Rows trained on."},
        "columns": {
            **_list(_PROFILED_COLUMN),
            "description": "In the order of the model's features; none of pictures, sequences and texts.",
        },
        "predicted": {
            "anyOf": [
                _object(
                    title="PredictedProfile",
                    properties={
                        "rows": _ROWS,
                        "held_out": {
                            "type": "boolean",
                            "description": "Whether the rows were held out of training; else they are the "
                            "rows trained on.",
                        },
                        "labels": _list(_object({"label": _LABEL, "count": _ROWS}, title="LabelCount")),
                        "probability": {
                            "anyOf": [
                                _list(
                                    _object(
                                        title="ProbabilityCount",
                                        properties={
                                            "from": {"type": "number"},
                                            "to": {"type": "number"},
                                            "count": _ROWS,
                                        },
                                    )
                                ),
                                {"type": "null"},
                            ],
                            "description": "How probable the label was in the model's eyes; null where it "
                            "gives no probability.",
                        },
                    },
                ),
                {"type": "null"},
            ]
        },
    }
)
_CALIBRATION: Schema = {
    "anyOf": [
        _list(
            _object(
                {"class": _LABEL, "slope": {"type": "number"}, "offset": {"type": "number"}},
                title="ClassCalibration",
            )
        ),
        {"type": "null"},
    ],
    "description": "Of an SVM that gives probabilities: 1 / (1 + exp(slope · decision + offset)), with "
    "the decision that `:predict` answers for the class; of several classes divided by their sum.",
}
_WHOSE_PARAMETERS: Schema = {"model": _MODEL_VERSION, "algorithm": _TEXT}
_PARAMETERS: Schema = {
    "oneOf": [
        _object(
            title="LinearParameters",
            properties={
                **_WHOSE_PARAMETERS,
                "kind": {"const": "linear"},
                **_MODEL_COLUMNS,
                "decisions": _list(
                    _object({**_SIDE, "coefficients": _list(_COEFFICIENT)}, title="LinearDecision")
                ),
                "calibration": _CALIBRATION,
            },
        ),
        _object(
            title="KernelParameters",
            properties={
                **_WHOSE_PARAMETERS,
                "kind": {"const": "kernel"},
                "kernel": _TEXT,
                "gamma": _NUMBER_OR_NULL,
                "coef0": _NUMBER_OR_NULL,
                "degree": {"type": ["integer", "null"]},
                "support_vectors": _list(
                    _object(
                        {"class": _LABEL, "count": {"type": "integer", "minimum": 0}}, title="SupportVectors"
                    )
                ),
                "decisions": _list(_object(_SIDE, title="KernelDecision")),
                "calibration": _CALIBRATION,
            },
        ),
        _object(
            title="CentreParameters",
            properties={
                **_WHOSE_PARAMETERS,
                "kind": {"const": "centres"},
                **_MODEL_COLUMNS,
                "clusters": _list(
                    _object(
                        title="Cluster",
                        properties={
                            "cluster": {"type": "integer", "minimum": 0},
                            "size": {
                                "type": ["integer", "null"],
                                "minimum": 0,
                                "description": "Rows trained on; null for a version of an earlier release.",
                            },
                            "values": _list(_CENTRE_VALUE),
                        },
                    )
                ),
            },
        ),
    ]
}
_PARTS: Schema = {"title": "ColumnParts", "type": "object", "additionalProperties": {"type": "number"}}
_TOKEN = _object(
    {
        "text": {"type": "string", "description": "A word or character as it was sent."},
        "begin": {"type": "integer", "minimum": 0},
        "end": {"type": "integer", "minimum": 0},
        "known": {"type": "boolean", "description": "Whether it is in the vocabulary."},
        "value": {"type": "number", "description": "Its part."},
    },
    title="Token",
)
_CHANGED: Schema = {
    "column": _TEXT,
    "from": {"description": "The value that was sent; null where it is missing, or not one of the model's."},
    "to": {"description": "The value to send in its place."},
}
_COUNTERFACTUAL = _object(
    {
        "single": {
            **_list(_object({**_CHANGED, "label": _LABEL}, title="SingleChange")),
            "description": "Each `actionable` column whose change alone gives the row another label.",
        },
        "together": {
            "anyOf": [
                _object(
                    {"changes": _list(_object(_CHANGED, title="ColumnChange")), "label": _LABEL},
                    title="JointChange",
                ),
                {"type": "null"},
            ],
            "description": "The least change of all `actionable` numbers and dates; null for none.",
        },
    },
    title="Counterfactual",
)
_EXPLANATION: Schema = _object(
    {
        "label": {**_LABEL, "description": "The predicted label."},
        "against": {**_LABEL, "description": "The label that it is compared with."},
        "unit": {
            "type": "string",
            "enum": ["log-odds", "decision", "squared distance"],
            "description": "What `base`, `margin` and the parts are in.",
        },
        "base": {"type": "number", "description": "The margin that is expected where no column is known."},
        "margin": {
            "type": "number",
            "description": "How far the model is on the side of `label`; below 0 it would be `against`.",
        },
        "attributions": {
            "description": "Of a table each column's part, in the order of the model's features, or with "
            "`top` the largest first. Of pictures rows of pixels, of sequences steps with a number for each "
            "channel, of texts their words. They add up from `base` to `margin`.",
            "title": "Attributions",
            "anyOf": [_PARTS, _list(_FLOATS), _list(_TOKEN)],
        },
        "rest": {"type": "number", "description": "With `top`: the sum of the other parts."},
        "probability": {
            **_NUMBER_OR_NULL,
            "description": "The probability of `label`; null where the model gives none.",
        },
        "method": {"type": "string", "enum": ["exact", "permutations", "integrated_gradients"]},
        "exact": {"type": "boolean", "description": "Whether the parts are exact, but for rounding."},
        "game": {
            "type": "string",
            "enum": ["marginals", "rows", "baseline"],
            "description": "What stands for a column that is not known: its values in training, each column "
            "by itself; the rows of `background`; or a network's baseline.",
        },
        "additivity_error": {
            "type": "number",
            "minimum": 0,
            "description": "How far `base` and the parts together are from `margin`: rounding.",
        },
        "completeness_error": {
            "type": "number",
            "minimum": 0,
            "description": "In its place for integrated gradients, which are a sum in place of an integral.",
        },
        "standard_errors": {**_PARTS, "description": "Of `permutations`: of each column's part."},
        "counterfactual": {**_COUNTERFACTUAL, "description": "Where the request asks for it."},
    },
    optional=("rest", "additivity_error", "completeness_error", "standard_errors", "counterfactual"),
    title="Explanation",
)
_WEIGHTS: Schema = {"title": "AliasWeights", "type": "object", "additionalProperties": _NUMBER}
_ALIAS = _object(
    {
        "alias": NAME,
        "version": {**_NUMBER, "description": "Of several versions the one with the greatest weight."},
        "weights": {"anyOf": [_WEIGHTS, {"type": "null"}]},
        "etag": _TEXT,
        "updated": _TIME,
        "warnings": {**_list(_TEXT), "description": "What callers should know of versions that differ."},
    },
    optional=("warnings",),
    title="Alias",
)
_STATE: Schema = {
    "title": "AliasState",
    "anyOf": [
        _object({"version": _NUMBER}, title="AliasOfOne"),
        _object({"weights": _WEIGHTS}, title="AliasOfSeveral"),
        {"type": "null"},
    ],
    "description": "As a PUT takes it; null where there is no alias.",
}
_CHANGE = _object(
    {
        "number": _NUMBER,
        "time": _TIME,
        "by": {**_TEXT_OR_NULL, "description": "The id of the caller's key; null where none is asked for."},
        "kind": {"type": "string", "enum": ["set", "promote", "rollback", "delete"]},
        "from": _STATE,
        "to": _STATE,
        "restored": {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "The change whose result a roll-back brought back; 0 is before the first one.",
        },
        "reason": {**_TEXT, "description": "Why, where a schedule's guard made it."},
    },
    optional=("reason",),
    title="AliasChange",
)
_BUDGET: Schema = {
    "anyOf": [
        _object({"epsilon": {"type": "number"}, "delta": {"type": "number"}}, title="PrivacyBudget"),
        {"type": "null"},
    ],
    "description": "What all private trainings may cost together; null while no budget is set.",
}
_RHO: Schema = {
    "type": "string",
    "pattern": "^[0-9]+(/[0-9]+)?$",
    "description": "Of zero-concentrated differential privacy, as an exact fraction such as `3/8`.",
}
_BUDGET_PART = {"rho": _RHO, "epsilon": _NUMBER_OR_NULL}
_STATUS = _object(
    {
        "version": _TEXT,
        "state": _TEXT,
        "status": _object({"error_code": _TEXT, "error_message": _TEXT}, title="StatusMessage"),
    },
    title="VersionStatus",
)
_TENSOR_SHAPE: Schema = {"type": "array", "items": {"type": "integer", "minimum": -1}}
_TENSOR = _object(
    {
        "name": _TEXT,
        "datatype": _TEXT,
        "shape": _TENSOR_SHAPE,
        "parameters": _OBJECT,
        "data": {"type": "array", "items": {}},
    },
    optional=("parameters", "data"),
    title="Tensor",
)

_ONE_SHARE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_SENT_VALUE: Schema = {"type": ["number", "string", "null"]}
_COMPARISON: Schema = {
    "psi": {
        **_NUMBER_OR_NULL,
        "description": "How far now is from training: the population stability index.",
    },
    "psi_expected": {**_NUMBER_OR_NULL, "description": "What it is on average where nothing drifted."},
    "p_value": {
        **_ONE_SHARE,
        "description": "The chance that samples of one distribution are as far apart.",
    },
}
_DRIFT_STATE: Schema = {
    "title": "DriftState",
    "type": "string",
    "enum": ["too_few", "steady", "drifted", "no_reference"],
    "description": "`drifted` where the PSI is 0.05 or more beyond its expectation and the p-value times the "
    "number of tests below 0.01; `too_few` below 300 rows. `no_reference`: training held out no rows.",
}
_SHARES = _object({"training": _ONE_SHARE, "now": _ONE_SHARE}, title="Shares")
_BOTH_SHARES: Schema = _SHARES["properties"]
_MONITORED_FEATURE = _object(
    {
        "kind": _COLUMN_KIND,
        **_COMPARISON,
        "state": _DRIFT_STATE,
        "missing": _SHARES,
        "bins": {
            **_list(
                {
                    "title": "MonitoredBin",
                    "oneOf": [
                        _object(
                            {"from": _SENT_VALUE, "to": _SENT_VALUE, **_BOTH_SHARES}, title="RangeShares"
                        ),
                        _object({"value": {"type": "boolean"}, **_BOTH_SHARES}, title="BooleanShares"),
                        _object({"word": _TEXT, **_BOTH_SHARES}, title="WordShares"),
                    ],
                }
            ),
            "description": "Values `from` one, up to below another; null for any. Shares are of all rows.",
        },
        "low": {**_SENT_VALUE, "description": "What is less is far from every value trained on."},
        "high": {**_SENT_VALUE, "description": "What is more is."},
        "below": {**_ONE_SHARE, "description": "The share of rows below `low`, which a bin has too."},
        "above": {**_ONE_SHARE, "description": "The share of rows above `high`."},
        "other": {**_SHARES, "description": "Of words that training had and that are not listed."},
        "unseen": {**_ONE_SHARE, "description": "The share of rows whose word training never had."},
    },
    optional=("low", "high", "below", "above", "other", "unseen"),
    title="MonitoredFeature",
)
_PROBABILITY_BIN: Schema = {"from": {"type": "number"}, "to": {"type": "number"}}
_LATENCY: Schema = {
    "type": ["number", "null"],
    "description": "Milliseconds: the upper end of the bin that the quantile is in; null past the last bin, "
    "and where there was no request.",
}
_TRAFFIC: Schema = {
    "requests": {**_COUNT, "description": "That this version was found for."},
    "refused": {**_COUNT, "description": "Of them, those that were answered with 4xx."},
    "errors": {**_COUNT, "description": "Those that were answered with 5xx."},
    "latency": _object({"p50": _LATENCY, "p95": _LATENCY, "p99": _LATENCY}, title="Latency"),
    "predicted": {**_COUNT, "description": "Rows."},
    "counted": {**_COUNT, "description": "Of how many of them columns were counted."},
}
_FEEDBACK: Schema = _object(
    {
        "labelled": {
            **_COUNT,
            "description": "Of how many predictions it is known what they were really of.",
        },
        "accuracy": {
            "anyOf": [
                _object(dict.fromkeys(("value", "low", "high"), _ONE_SHARE), title="AccuracyInterval"),
                {"type": "null"},
            ],
            "description": "With Wilson's interval of 95 %.",
        },
        "confusion": _list(
            _object(
                title="ConfusionCount",
                properties={
                    "predicted": _LABEL,
                    "true": {"type": ["string", "integer", "boolean", "null"]},
                    "count": _NUMBER,
                },
            )
        ),
        "calibration": _list(
            _object({**_PROBABILITY_BIN, "count": _NUMBER, "accuracy": _ONE_SHARE}, title="CalibrationBin")
        ),
    },
    title="FeedbackReport",
)
_EXPECTED_ACCURACY: Schema = {
    **_ONE_SHARE,
    "description": "The mean of the top probability: an estimate of the accuracy as far as the model is "
    "calibrated and what it learnt still holds. Null where it gives no probability.",
}
_MONITORED: Schema = {
    "state": {
        "title": "MonitoringState",
        "type": "string",
        "enum": ["too_few", "steady", "drifted", "no_predictions", "no_profile", "no_reference"],
        "description": "`drifted` if anything is. `no_profile`: there is nothing to compare with.",
    },
    **_TRAFFIC,
    "drifted": {**_list(_TEXT), "description": "The columns that did."},
    "expected_accuracy": _EXPECTED_ACCURACY,
    "feedback": _FEEDBACK,
}


def _counted_when(what: str) -> Schema:
    """The members that say whether anything is counted, and of which days counts are told."""
    return {
        "monitoring": _object(
            title=f"{what}Setting",
            properties={
                "on": {"type": "boolean"},
                "setting": _TEXT,
                "days": {**_COUNT, "description": "How long kept."},
            },
        ),
        "window": {
            **_object({"from": _TIME, "to": _TIME}, title=f"{what}Window"),
            "description": "What is told of: whole days of UTC, until now.",
        },
    }


_MONITORED_WHEN = _counted_when("Monitoring")
_MONITORING: Schema = _object(
    {
        "model": _MODEL_VERSION,
        **_MONITORED_WHEN,
        **_MONITORED,
        "features": {"type": "object", "additionalProperties": _MONITORED_FEATURE},
        "predictions": _object(
            title="MonitoredPredictions",
            properties={
                **_COMPARISON,
                "state": _DRIFT_STATE,
                "reference": {
                    **_TEXT_OR_NULL,
                    "enum": ["held_out", "training", None],
                    "description": "Of which rows `training` is here: those held out, or those trained on.",
                },
                "labels": _list(_object({"label": _LABEL, **_BOTH_SHARES}, title="LabelShares")),
                "probability": {
                    "anyOf": [
                        _object(
                            title="MonitoredProbability",
                            properties={
                                **_COMPARISON,
                                "state": _DRIFT_STATE,
                                "bins": _list(
                                    _object({**_PROBABILITY_BIN, **_BOTH_SHARES}, title="ProbabilityShares")
                                ),
                            },
                        ),
                        {"type": "null"},
                    ],
                    "description": "Of the top probability; null where the model gives none.",
                },
            },
        ),
        "warnings": _list(_TEXT),
    }
)
_MIX: Schema = {
    "anyOf": [
        _object(
            title="LabelMix",
            properties={
                "against": _NUMBER,
                "days": {**_COUNT, "description": "On how many both predicted."},
                **_COMPARISON,
                "state": {"type": "string", "enum": ["too_few", "alike", "different"]},
            },
        ),
        {"type": "null"},
    ],
    "description": "The labels beside those of the version of the greatest weight; null for that one, and of "
    "clusters, whose numbers are not those of another version.",
}
_ALIAS_MONITORING: Schema = _object(
    {
        "model": _object({"name": NAME}, title="ModelName"),
        "alias": NAME,
        **_MONITORED_WHEN,
        "versions": _list(
            _object(
                title="MonitoredVersion",
                properties={
                    "version": _NUMBER,
                    "weight": _NUMBER,
                    "share": {**_ONE_SHARE, "description": "Of the requests that these versions got."},
                    **_MONITORED,
                    "labels": _list(_object({"label": _LABEL, "share": _ONE_SHARE}, title="LabelShare")),
                    "mix": _MIX,
                },
            )
        ),
        "warnings": _list(_TEXT),
    }
)

_HEADLINE: Schema = {
    "anyOf": [
        _object({"name": _TEXT, "value": {"type": "number"}}, title="HeadlineMetric"),
        {"type": "null"},
    ],
    "description": "What stands for all that it reached on rows held out, else on those trained on, to four "
    "digits: the accuracy; of clusters the silhouette, else the inertia. Null where nothing was measured, "
    "and of a version of an earlier release.",
}
_NEWEST_VERSION = _object(
    {"version": _NUMBER, "created": _TIME, "algorithm": _TEXT, "metric": _HEADLINE}, title="NewestVersion"
)
_MODEL_ENTRY = _object(
    {
        "name": NAME,
        "newest": {
            "anyOf": [_NEWEST_VERSION, {"type": "null"}],
            "description": "Null for a model without a version.",
        },
        "aliases": {**_list(NAME), "description": "In the order of their names."},
        "trend": {
            **_list(_object({"version": _NUMBER, "value": {"type": "number"}}, title="TrendPoint")),
            "maxItems": 12,
            "description": "The same metric of the newest versions that have it, oldest first: of twelve at "
            "most, and of at least eight where there are as many.",
        },
        "description": _DESCRIPTION,
        "tags": _TAGS,
    },
    title="ModelEntry",
)
_USED: Schema = {
    "key": {**_TEXT_OR_NULL, "description": "Its id; null where no key was needed."},
    "requests": _COUNT,
    "rows": {**_COUNT, "description": "That were predicted, explained or told of."},
    "jobs": {**_COUNT, "description": "That were sent: trained, registered or scored."},
    "bytes": {**_COUNT, "description": "Of bodies that came."},
}
_AUDIT_ENTRY = _object(
    title="AuditEntry",
    properties={
        "id": _TEXT,
        "time": {**_TIME, "description": "When it was asked for."},
        "by": {
            **_TEXT_OR_NULL,
            "description": "The key's id, or `schedule`; null: none was needed.",
        },
        "method": _TEXT_OR_NULL,
        "route": {**_TEXT_OR_NULL, "description": "The path, with names in braces."},
        "request_id": {**_TEXT_OR_NULL, "description": "By which the log knows the request."},
        "status": {
            "type": ["integer", "null"],
            "minimum": 100,
            "description": "Of the answer; null where it is not known: the change may have been made.",
        },
        "model": _TEXT_OR_NULL,
        "dataset": _TEXT_OR_NULL,
        "version": {"type": ["integer", "null"], "minimum": 1},
        "alias": _TEXT_OR_NULL,
        "job": _TEXT_OR_NULL,
    },
)

ANSWERS: dict[str, Schema] = {
    "Alive": _object({"status": {"const": "alive"}}),
    "Live": _object({"live": {"const": True}}),
    "Ready": _object({"ready": {"const": True}}),
    "OpenAPI": {"type": "object", "description": "This document."},
    "Caller": _object(
        {
            "key": {**_TEXT_OR_NULL, "description": "The key's id; null where none is asked for."},
            "roles": _list(_one_of("Role", *ROLES)),
            "rights": {
                **_list(_one_of("Right", *sorted({*ROLES[ADMIN]} - {KEY}))),
                "description": "What the roles give: `schema` is to know what a model takes, `read` its "
                "versions, metrics and aliases, `inspect` what it learnt and what becomes of it.",
            },
            "models": {**_PATTERNS, "description": "The models that the key is for; null for all."},
            "datasets": {**_PATTERNS, "description": "The datasets that the key is for; null for all."},
            "expires": {**_TIME_OR_NULL, "description": "When the key ends; null for never."},
        }
    ),
    "Algorithms": _object(
        {
            "algorithms": _list(
                _object(
                    title="Algorithm",
                    properties={
                        "name": _TEXT,
                        "title": _TEXT,
                        "task": _TEXT,
                        "summary": {**_TEXT, "description": "What it is good for; empty where it says none."},
                        "takes": {
                            **_list(_one_of("InstanceKind", *KINDS)),
                            "description": "What it is trained on: rows of a `table`, pictures (`image`), a "
                            "`sequence` of steps, or a `text`.",
                        },
                        "hyperparameters": _OBJECT,
                        "private_hyperparameters": {
                            "type": ["array", "null"],
                            "items": _TEXT,
                            "description": "Those that count in a private training; null without one.",
                        },
                        "available": {
                            "type": "boolean",
                            "description": "Whether the libraries are installed that it is trained with.",
                        },
                    },
                )
            )
        }
    ),
    "Job": _JOB,
    "Usage": _object(
        {
            **_counted_when("Usage"),
            "days": _list(_object({"date": {"type": "string", "format": "date"}, **_USED}, title="DayOfKey")),
            "keys": _list(_object(_USED, title="UsageOfKey")),
            "total": _object({name: _COUNT for name in _USED if name != "key"}, title="UsageTotal"),
            "warnings": _list(_TEXT),
        }
    ),
    "Audit": _object(
        {
            "audit": _object(
                title="AuditSetting",
                properties={
                    "on": {"type": "boolean"},
                    "setting": _TEXT,
                    "days": {**_COUNT, "description": "How long kept."},
                },
            ),
            "entries": _list(_AUDIT_ENTRY),
            "next_after": _TEXT_OR_NULL,
        }
    ),
    "Jobs": _page("jobs", _JOB),
    "JobFiles": _page("files", _FILE),
    "Models": _object(
        {"models": _list(NAME), "entries": _list(_MODEL_ENTRY), "next_after": _TEXT_OR_NULL},
    ),
    "Datasets": _page(
        "datasets",
        _object(
            {
                "name": NAME,
                "uri": _TEXT,
                "size": {
                    "type": ["integer", "null"],
                    "minimum": 0,
                    "description": "Bytes; null while the dataset has a privacy budget.",
                },
                "uploaded": _TIME,
            },
            title="ListedDataset",
        ),
    ),
    "MadeVersions": _object(
        {
            "versions": _list(_MADE_VERSION),
            "next_after": _TEXT_OR_NULL,
            "complete": {
                "type": "boolean",
                "description": "False while versions that an earlier release registered are still looked "
                "up: ask again.",
            },
        }
    ),
    "Erasure": _object(
        {
            "dataset": NAME,
            "complete": {
                "type": "boolean",
                "description": "False while something is left for the same request to do: ask again.",
            },
            "waiting_for": {
                **_list(_TEXT),
                "description": "Ids of jobs that are cancelled, and not over yet.",
            },
            "versions": {
                **_list(
                    _object({"model": NAME, "version": _NUMBER, "deleted": _TIME}, title="ErasedVersion")
                ),
                "description": "Every version that was made from it: purged.",
            },
            "gone": {**_list(_ERASURE_LINE), "description": "What is removed."},
            "going": {**_list(_ERASURE_LINE), "description": "What the next sweeps remove, within minutes."},
            "expires": {
                **_list(_ERASURE_LINE),
                "description": "What is removed by itself, and when at last.",
            },
            "stays": {**_list(_ERASURE_LINE), "description": "What deletion cannot remove."},
        }
    ),
    "Upload": _object(
        {
            "dataset": NAME,
            "uri": {"type": "string", "description": "What `data.uri` names once the file is there."},
            "method": {"const": "PUT"},
            "url": _TEXT,
            "headers": _HEADERS,
            "expires": _TIME,
        }
    ),
    "Dataset": _object(
        {
            "name": NAME,
            "uri": _TEXT,
            "size": _BYTES,
            "uploaded": _TIME,
            "revision": {"type": "string", "description": "By which the storage knows these bytes."},
            "sha256": {**_TEXT_OR_NULL, "description": "Of the bytes; null until they are read."},
            "options": {"type": "object", "description": "What was said of the table; empty for a GET."},
            "state": {
                "type": "string",
                "enum": ["describing", "described", "options_refused", "unreadable"],
                "description": "`options_refused`: the table is not as the options say; `faults` say where.",
            },
            "description": {"type": ["object", "null"]},
            "error": _TEXT_OR_NULL,
            "faults": {**_list(_FAULT), "description": "What the content has against the options."},
            "faults_omitted": _OMITTED,
        },
        optional=("faults_omitted",),
    ),
    "Budget": _object(
        {
            "dataset": NAME,
            "etag": _TEXT,
            "budget": _BUDGET,
            "spent": {
                **_object(_BUDGET_PART, title="PrivacySpent"),
                "description": "By all private trainings, whether a budget was set then or not; `epsilon` at "
                "the budget's `delta`, null while none is set.",
            },
            "left": {
                "anyOf": [_object(_BUDGET_PART, title="PrivacyLeft"), {"type": "null"}],
                "description": "What may still be spent: `epsilon` is what one training may ask for at the "
                "budget's `delta`. Null while no budget is set.",
            },
            "entries": {
                **_list(
                    _object(
                        {
                            "job": _TEXT_OR_NULL,
                            "model": _TEXT_OR_NULL,
                            "attempt": _COUNT,
                            "rho": _RHO,
                            "time": _TIME,
                        },
                        title="BudgetEntry",
                    )
                ),
                "description": "What each attempt at a job has spent, newest first; `job` and `model` are "
                "null where the key is not for the model.",
            },
            "entries_omitted": _COUNT,
            "changes": {
                **_list(
                    _object(
                        {
                            "number": _COUNT,
                            "time": _TIME,
                            "by": {
                                **_TEXT_OR_NULL,
                                "description": "The id of the caller's key; null where none is asked for.",
                            },
                            "from": _BUDGET,
                            "to": _BUDGET,
                        },
                        title="BudgetChange",
                    )
                ),
                "description": "Of the budget, newest first.",
            },
            "changes_omitted": _COUNT,
            "descriptions": {
                **_list(
                    _object(
                        {
                            "uri": _TEXT,
                            "options": {"type": "boolean", "description": "Whether it was asked under any."},
                            "written": _TIME,
                        },
                        title="StoredDescription",
                    )
                ),
                "description": "What is kept of looks at the dataset; not shown while a budget is set.",
            },
        }
    ),
    "Schema": {
        "type": "object",
        "description": "JSON Schema of one row, as a list or as an object, and how to send it. "
        "`x-version` is the version that it is of.",
    },
    "Model": _object(
        {
            "name": NAME,
            **_ABOUT,
            "ready": {"type": "boolean"},
            "versions": _list(_LISTED_VERSION),
            "aliases": {"title": "AliasesByName", "type": "object", "additionalProperties": _ALIAS},
            "deleted": _list(
                _object(
                    {"version": _NUMBER, "deleted": _TIME, "restorable_until": _TIME_OR_NULL},
                    title="DeletedVersion",
                )
            ),
            "model_version_status": _list(_STATUS),
            "next_before": {"type": ["integer", "null"], "minimum": 1},
        }
    ),
    "Version": _VERSION,
    "About": _object(_ABOUT),
    "ArtifactUpload": _object(
        {
            "model": NAME,
            "uri": {"type": "string", "description": "What `:register` takes once the file is there."},
            "method": {"const": "PUT"},
            "url": _TEXT,
            "headers": _HEADERS,
            "expires": _TIME,
        }
    ),
    "Download": _object(
        {
            "method": {"const": "GET"},
            "url": _TEXT,
            "headers": _HEADERS,
            "expires": _TIME,
            "sha256": {"type": "string", "description": "Of the file, in hexadecimal digits."},
            "size": {"type": "integer", "minimum": 1, "description": "Bytes of the file."},
        }
    ),
    "Parameters": _PARAMETERS,
    "Profile": _PROFILE,
    "Monitoring": _MONITORING,
    "AliasMonitoring": _ALIAS_MONITORING,
    "Versions": _object(
        {"versions": _list(_COMPARED_VERSION), "next_before": {"type": ["integer", "null"], "minimum": 1}}
    ),
    "Alias": _ALIAS,
    "Schedule": _object(
        {
            "model": NAME,
            "etag": _TEXT,
            "train": {"type": "object", "description": "What each run asks for: a body of `:train`."},
            "every": _TEXT_OR_NULL,
            "on": _list(_one_of("ScheduleTrigger", *ON)),
            "at_most_every": _TEXT_OR_NULL,
            "most_a_day": _NUMBER,
            "alias": NAME,
            "promote": {
                **_object(
                    {
                        "when": _object(
                            {
                                "metric": _TEXT,
                                "not_worse_by": {"type": "number"},
                                "confidence": {"type": "number"},
                            },
                            title="ScheduleComparisonTold",
                        ),
                        "steps": _list(_NUMBER),
                        "step": _TEXT,
                        "least": _NUMBER,
                    },
                    title="SchedulePromotionTold",
                ),
                "type": ["object", "null"],
            },
            "rollback": {
                **_object(
                    {
                        "errors": _NUMBER_OR_NULL,
                        "p95_ms": _NUMBER_OR_NULL,
                        "feedback_accuracy_drop": _NUMBER_OR_NULL,
                        "for": _TEXT,
                    },
                    title="ScheduleRollbackTold",
                ),
                "type": ["object", "null"],
            },
            "paused": {"type": "boolean"},
            "writer": {
                **_TEXT_OR_NULL,
                "description": "The id of the key by which it was written; null where none is asked for. "
                "A run may do what this key may.",
            },
            "updated": _TIME,
            "next": {
                **_TIME_OR_NULL,
                "description": "When the next slot of `every` begins; null where there is none.",
            },
            "runs": {
                **_list(
                    _object(
                        {
                            "trigger": _one_of("RunTrigger", EVERY, *ON),
                            "slot": _TEXT,
                            "at": _TIME,
                            "outcome": _one_of("RunOutcome", *OUTCOMES),
                            "job": _TEXT_OR_NULL,
                            "reason": _TEXT_OR_NULL,
                            "ended": {
                                **_one_of("RunEnd", "succeeded", "failed", "cancelled", None),
                                "description": "The state in which the job ended; null until it has.",
                            },
                            "version": {"type": ["integer", "null"], "minimum": 1},
                        },
                        title="ScheduledRun",
                    )
                ),
                "description": "What became of the last slots, newest first. A run that waits (`too_many`, "
                "`too_soon`, `most_a_day`) is told once, until something else becomes of its slot.",
            },
            "guard": _GUARD,
        }
    ),
    "History": _object(
        {"changes": _list(_CHANGE), "next_before": {"type": ["integer", "null"], "minimum": 1}}
    ),
    "Predictions": _object(
        {
            "predictions": {
                "type": "array",
                "description": "A label for each row, or an object with the outputs that were asked for.",
                "items": {
                    "title": "Prediction",
                    "anyOf": [_LABEL, _object(_OUTPUTS, optional=tuple(_OUTPUTS), title="RowOutputs")],
                },
            },
            "outputs": {
                "description": "In place of `predictions`, where the rows came as `inputs`: the labels, or a "
                "list of each output that was asked for.",
                "title": "PredictedColumns",
                "anyOf": [
                    _LABELS,
                    _object(
                        {name: _list(schema) for name, schema in _OUTPUTS.items()},
                        title="ColumnOutputs",
                        optional=tuple(_OUTPUTS),
                    ),
                ],
            },
            "classes": _LABELS,
            "model": _MODEL_VERSION,
            "receipts": {
                **_list({"type": "string", "minLength": 40, "maxLength": 40}),
                "description": "One for each row, in the same order, where the request asks for them.",
            },
            "notes": {**_list(_FAULT), "description": "What reading did, where the request asks for it."},
            "notes_omitted": {
                "type": "integer",
                "minimum": 1,
                "description": "How many more notes there are.",
            },
        },
        optional=("predictions", "outputs", "classes", "receipts", "notes", "notes_omitted"),
    ),
    "Feedback": _object(
        {
            "counted": {**_COUNT, "description": "How many of the receipts are counted now."},
            "repeated": {**_COUNT, "description": "How many had been, by this request or an earlier one."},
        }
    ),
    "Explanations": _object(
        {
            "predictions": _LABELS,
            "model": _MODEL_VERSION,
            "explanations": {**_list(_EXPLANATION), "description": "One for each row."},
            "notes": {**_list(_FAULT), "description": "What reading did, where the request asks for it."},
            "notes_omitted": {
                "type": "integer",
                "minimum": 1,
                "description": "How many more notes there are.",
            },
        },
        optional=("notes", "notes_omitted"),
    ),
    "Server": _object({"name": _TEXT, "version": _TEXT, "extensions": _list(_TEXT)}),
    "Metadata": _object(
        {
            "name": NAME,
            "versions": _list(_TEXT),
            "platform": _TEXT,
            "inputs": _list(_TENSOR),
            "outputs": _list(_TENSOR),
            "parameters": _OBJECT,
        }
    ),
    "ModelReady": _object({"name": NAME, "ready": {"const": True}}),
    "Inference": _object(
        {
            "model_name": NAME,
            "model_version": _TEXT,
            "id": _TEXT,
            "parameters": _OBJECT,
            "outputs": _list(_TENSOR),
        },
        optional=("id", "parameters"),
    ),
    "Problem": _object(
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": _TEXT,
            "code": _TEXT,
            "request_id": _TEXT,
            "error": _TEXT,
            "faults": _list(_FAULT),
            "faults_omitted": _OMITTED,
        },
        optional=("faults", "faults_omitted"),
    ),
}
