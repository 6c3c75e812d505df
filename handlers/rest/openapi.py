"""The service described as OpenAPI 3.1, from the declarations that route and check.

python -m handlers.rest.openapi > handlers/rest/openapi.json    when packaging: see `description.py`
"""

import inspect
import json
import sys
from collections.abc import Callable
from http import HTTPStatus
from importlib import import_module
from typing import Any

import handlers.errors
import ml_core.conflicts
import ml_core.errors
from handlers.auth import KEY, OPEN, ROLES, VISITOR, roles_for
from handlers.rest.answers import ANSWERS
from handlers.rest.components import Components, pascal
from handlers.rest.http import CSV, NPY
from handlers.rest.network_examples import examples_of
from handlers.rest.operations import operation_id
from handlers.rest.problems import STATUSES, status_of
from handlers.rest.remedies import REMEDIES
from handlers.rest.routes import EVERYWHERE, HEADERS, PATH_PARAMETERS, QUERY, ROUTES, Route, query_of
from handlers.rest.schemas import Schema
from handlers.version import NAME, VERSION
from ml_core.algorithms import algorithms
from ml_core.datasets.looking import look_schema
from ml_core.errors import ServerlessMLError
from ml_core.training.request import body_schema

# Bodies whose rows come in any of the forms of `handlers/rest/forms.py`, CSV or NPY, and what each example
# of them has besides. The model of docs/walk.md has too few rows to be explained without a background.
_OF_ANY_FORM: dict[str, dict[str, Any]] = {
    "PREDICT_BODY": {},
    "EXPLAIN_BODY": {"background": {"instances": [[120, 0.9], [130, 0.8], [170, 0.2], [160, 0.1]]}},
}
# What is sent for example, of a path and of headers. With the bodies' examples it is one story, which the
# page tells from its top to its end: each works after those before it.
_EXAMPLES = {"model": "fruit", "version": "1", "alias": "production", "dataset": "churn", "prefer": "wait=20"}
# The story goes on with a dataset that has no budget.
_BUDGETED = "patients"
# The model of docs/walk.md, whose columns all examples of predictions have.
_FRUIT: dict[str, Any] = {
    "algorithm": "logistic_regression",
    "hyperparameters": {"C": 1.0},
    "feature_names": ["grams", "redness"],
    "instances": [
        *([120, 0.9], [130, 0.8], [125, 0.95], [118, 0.7]),
        *([170, 0.2], [160, 0.1], [155, 0.3], [175, 0.15]),
    ],
    "targets": [*["apple"] * 4, *["quince"] * 4],
    "test_fraction": 0.25,
}
# Bytes, as generators of clients know them: a file or a blob.
_BYTES: Schema = {"type": "string", "format": "binary"}
# Answers that are no JSON.
_NO_JSON: dict[str, dict[str, Any]] = {
    "Page": {"text/html": {"schema": {"type": "string"}}},
    "File": {"application/octet-stream": {"schema": _BYTES}},
}
_PROBLEMS_CONTENT = {
    kind: {"schema": {"$ref": "#/components/schemas/Problem"}}
    for kind in ("application/json", "application/problem+json")
}
_PROBLEM = {"$ref": "#/components/responses/Problem"}


def build() -> bytes:
    """The document as it is served, wherever it was built."""
    return json.dumps(document(), separators=(",", ":")).encode()


def document() -> dict[str, Any]:
    """The document."""
    components = Components()
    for name, schema in ANSWERS.items():
        components.named(schema, name)
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": NAME,
            "version": VERSION,
            "summary": "Machine learning as REST: train, register, predict.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components.schemas(),
            "responses": {
                "Problem": {
                    "description": "What is wrong, as RFC 9457 says it and as the string `error`.",
                    "content": _PROBLEMS_CONTENT,
                },
                "Bounded": {
                    "description": "As many as may be are there already; try again later.",
                    "headers": {
                        "Retry-After": {"description": "In so many seconds.", "schema": {"type": "integer"}}
                    },
                    "content": _PROBLEMS_CONTENT,
                },
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
        "x-errors": errors(),
    }


def training_body() -> Schema:
    """What `:train` takes: one alternative for each algorithm, with its hyperparameters."""
    return {
        "oneOf": [body_schema(info) for info in algorithms().values()],
        "examples": [_FRUIT, {**_FRUIT, "hyperparameters": {"C": 0.1}}],
    }


def look_body() -> Schema:
    """What `:describe` takes, and what may be said of the table of docs/walk.md."""
    example = {"types": {"customer": "ignore", "since": "date"}, "missing": ["", "team"], "decimal": "."}
    return {**look_schema(), "examples": [example]}


def schedule_body() -> Schema:
    """What a schedule takes: its `train` is the body of `:train`."""
    described: Schema = import_module("handlers.rest.endpoints.schedules").SCHEDULE_BODY
    train = {**training_body(), "title": request_name("TRAIN_BODY")}
    return {**described, "properties": {**described["properties"], "train": train}}


# Bodies that are described by what declares them elsewhere.
_ELSEWHERE: dict[str, Callable[[], Schema]] = {
    "TRAIN_BODY": training_body,
    "DESCRIBE_BODY": look_body,
    "SCHEDULE_BODY": schedule_body,
}


def request_name(body: str) -> str:
    """What the schema of a body is called that has no title: of `TRAIN_BODY`, `TrainRequest`."""
    return pascal(body.removesuffix("_BODY").lower()) + "Request"


def errors() -> list[dict[str, Any]]:
    """Every code that a problem can have, with its status, its meaning, and what to do about it."""
    told = {
        kind.code: (status_of(kind), _paragraphs(kind)[0])
        for kind in _kinds(ServerlessMLError)
        if not STATUSES.keys().isdisjoint(kind.__mro__)
    }
    told[ServerlessMLError.code] = (500, _UNFORESEEN)
    return [
        {"code": code, "status": status, "meaning": meaning, "remedy": REMEDIES[code]}
        for code, (status, meaning) in sorted(told.items(), key=lambda each: (each[1][0], each[0]))
    ]


_UNFORESEEN = "Something went wrong that nobody foresaw: the caller is told the request id alone."


_ERRORS = frozenset(module.__name__ for module in (ml_core.errors, ml_core.conflicts, handlers.errors))


def _kinds(kind: type[ServerlessMLError]) -> list[type[ServerlessMLError]]:
    """That kind and those under it, as the modules of errors name them, whatever else is loaded."""
    below = [found for child in kind.__subclasses__() for found in _kinds(child)]
    return [kind, *below] if kind.__module__ in _ERRORS else below


def _operation(route: Route, components: Components) -> dict[str, Any]:
    """A route as an operation."""
    module_name, _, function_name = route.target.partition(":")
    module = import_module(f"handlers.rest.endpoints.{module_name}")
    summary, *more = _paragraphs(getattr(module, function_name))
    open_to_all = route.access in (OPEN, VISITOR)
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "tags": [module_name],
        "summary": summary,
        "parameters": _parameters(route, components),
        "responses": {
            **{str(status): _answer(status, name) for status, name in route.answers},
            **({"429": {"$ref": "#/components/responses/Bounded"}} if route.bounded else {}),
            "4XX": _PROBLEM,
            "5XX": _PROBLEM,
        },
        "security": [] if open_to_all else [{"bearer": []}, {"key": []}],
    }
    needed = [] if open_to_all else [_needed(route)]
    operation["description"] = "\n\n".join([*more, *needed]) or summary
    operation["x-roles"] = [] if open_to_all else [role for role in ROLES if route.access in ROLES[role]]
    if route.body:
        operation["requestBody"] = {
            "required": not route.may_be_empty,
            "content": _content(
                route.body,
                components.named(_body(route.body, getattr(module, route.body)), request_name(route.body)),
                of_any_version="{version}" not in route.path and "{alias}" not in route.path,
            ),
        }
    return operation


def _needed(route: Route) -> str:
    """What key a route needs."""
    if route.access == KEY:
        return "Needs a key, of whatever role."
    least = " or ".join(f"`{role}`" for role in roles_for(route.access))
    return f"Needs a key with the right {least}."


def _parameters(route: Route, components: Components) -> list[dict[str, Any]]:
    """Path, query and header parameters."""
    named = [segment for segment in route.path.replace(":", "/").split("/") if segment.startswith("{")]
    of_budget = route.path.endswith("/budget")
    path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": declared.doc,
            "schema": components.placed(declared.schema, pascal(name)),
            **({"example": _BUDGETED} if name == "dataset" and of_budget else _example(name)),
        }
        for name, declared in ((segment[1:-1], PATH_PARAMETERS[segment[1:-1]]) for segment in named)
    ]
    everywhere = EVERYWHERE if any(name and name not in _NO_JSON for _, name in route.answers) else ()
    declared = {**query_of(route), **{name: QUERY[name] for name in everywhere}}
    query = [
        {
            "name": name,
            "in": "query",
            "description": schema["description"],
            "schema": components.placed(_undescribed(schema), pascal(name)),
        }
        for name, schema in declared.items()
    ]
    headers = [
        {
            "name": name,
            "in": "header",
            "description": HEADERS[name],
            "schema": {"type": "string"},
            **_example(name),
        }
        for name in route.headers
    ]
    return [*path, *query, *headers]


def _undescribed(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "description"}


def _example(name: str) -> dict[str, Any]:
    return {"example": _EXAMPLES[name]} if name in _EXAMPLES else {}


def _body(name: str, schema: Schema) -> Schema:
    """What a route takes, in full."""
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]()
    if name in _OF_ANY_FORM:
        from handlers.rest.forms import described

        return described(schema, _OF_ANY_FORM[name])
    return schema


def _content(name: str, shown: Schema, *, of_any_version: bool) -> dict[str, Any]:
    """What a route takes; of those of one version or alias, the examples are not told again."""
    more = examples_of(name) if of_any_version else {}
    content: dict[str, Any] = {"application/json": {"schema": shown, **({"examples": more} if more else {})}}
    if name == "INFER_BODY":
        content["application/octet-stream"] = {
            "schema": {**_BYTES, "description": "JSON, then the tensors' bytes."}
        }
        content[NPY] = {"schema": {**_BYTES, "description": "An only tensor of numbers."}}
    if name in _OF_ANY_FORM:
        content[CSV] = {"schema": {**_BYTES, "description": "A header, and a line for each row."}}
        content[NPY] = {
            "schema": {**_BYTES, "description": "Numbers `[rows, features]`, as NumPy saves them."}
        }
    if name == "PREDICT_BODY":
        content[CSV]["example"] = "grams,redness\n150,0.4\n121,0.9\n"
    return content


def _answer(status: int, name: str) -> dict[str, Any]:
    """One answer: its schema by name, or nothing to show."""
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if name in _NO_JSON:
        described["content"] = _NO_JSON[name]
    elif name:
        described["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    if name == "Inference":
        described["content"]["application/octet-stream"] = {"schema": _BYTES}
    if name == "Predictions":
        described["content"][CSV] = {"schema": {"type": "string"}}
        described["content"][NPY] = {"schema": _BYTES}
    return described


def _paragraphs(documented: object) -> list[str]:
    """A docstring's paragraphs, each in one line."""
    text = inspect.getdoc(documented) or ""
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


if __name__ == "__main__":
    import argparse

    argparse.ArgumentParser(
        prog="python -m handlers.rest.openapi", description="Print the service's description, OpenAPI 3.1."
    ).parse_args()
    sys.stdout.buffer.write(build())
