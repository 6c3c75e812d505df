"""What generators of clients need of `/openapi.json`: a name for all that becomes a class or a function.

The names are in other people's programs, so they stay: `openapi-names.txt` lists them. Change it on purpose.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.rest import openapi
from handlers.rest.components import PREFIX, Components, pascal
from handlers.rest.routes import ROUTES

NAMES = Path(__file__).with_name("openapi-names.txt")
DOCUMENT: dict[str, Any] = json.loads(openapi.build())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
UNIONS = ("anyOf", "oneOf", "allOf")
# Of the rule's two exceptions see `handlers/rest/operations.py`.
FIRST_WORDS = {"GET": ("get", "list"), "PUT": ("put",), "PATCH": ("patch",), "DELETE": ("delete", "cancel")}


def test_names_change_on_purpose_only() -> None:
    there = [f"operation {each['operationId']}" for each in OPERATIONS.values()]
    there += [f"schema {name}" for name in SCHEMAS]
    listed = NAMES.read_text().splitlines()
    gone, new = sorted({*listed} - {*there}), sorted({*there} - {*listed})
    assert (gone, new) == ([], []), f"{NAMES.name} lists the names: clients break by what goes"
    assert listed == sorted(listed)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_operations_are_named_by_one_rule(method: str, path: str) -> None:
    name = OPERATIONS[method, path]["operationId"]
    assert re.fullmatch(r"[a-z]+([A-Z][a-z0-9]*)*", name)
    verb = re.split(r"[:/]", path)[-1]
    assert name.startswith(FIRST_WORDS.get(method, verb))
    if "{version}" in path:
        assert "Version" in name


def test_no_two_operations_share_a_name() -> None:
    named = [each["operationId"].lower() for each in OPERATIONS.values()]
    assert len({*named}) == len(named) == len(ROUTES)


def test_no_two_schemas_differ_in_case_alone() -> None:
    assert len({name.lower() for name in SCHEMAS}) == len(SCHEMAS)
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) for name in SCHEMAS)


def placed(where: str, schema: Any) -> Iterator[tuple[str, Any]]:
    """What stands in a schema, at any depth, with its place."""
    inside = {
        **{f".{name}": each for name, each in schema.get("properties", {}).items()},
        **{f"|{i}": each for union in UNIONS for i, each in enumerate(schema.get(union, ()))},
        **({"[]": schema["items"]} if "items" in schema else {}),
        **({"{}": each} if isinstance(each := schema.get("additionalProperties"), dict) else {}),
    }
    for step, each in inside.items():
        yield where + step, each
        yield from placed(where + step, each)


def outside() -> Iterator[tuple[str, Any]]:
    """The schemas of parameters, bodies and answers, and what stands in them."""
    for operation in OPERATIONS.values():
        name = operation["operationId"]
        found = [(f"{name}({each['name']})", each["schema"]) for each in operation["parameters"]]
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        found += [
            (f"{name} {kind}", media["schema"])
            for each in contents
            for kind, media in each.get("content", {}).items()
        ]
        for where, schema in found:
            yield where, schema
            yield from placed(where, schema)


@cache
def everything() -> list[tuple[str, Any]]:
    """Every schema in the document that is not one of the components themselves."""
    return [*outside(), *(each for name, schema in SCHEMAS.items() for each in placed(name, schema))]


def needs_a_name(schema: Any) -> bool:
    """Whether a generator would invent a class for it."""
    if schema.get("type") == "object" or {"enum", "properties", "additionalProperties", "allOf"} & {*schema}:
        return True
    forms = [form for union in UNIONS for form in schema.get(union, ()) if form != {"type": "null"}]
    simple = [form for form in forms if "const" in form or form.get("type") not in (None, "array")]
    return len(forms) > 1 and len(simple) < len(forms)


def test_whatever_needs_a_name_has_one() -> None:
    assert [where for where, schema in everything() if needs_a_name(schema)] == []


def test_every_list_says_what_is_in_it() -> None:
    lists = [(where, schema) for where, schema in everything() if "array" in schema.get("type", ())]
    assert len(lists) > 50
    assert [where for where, schema in lists if "items" not in schema] == []


def test_no_default_makes_a_member_look_like_one_that_is_always_there() -> None:
    assert [where for where, schema in everything() if "default" in schema] == []
    described = SCHEMAS["LogisticRegressionHyperparameters"]["properties"]["C"]["description"]
    assert described == "inverse strength of the regularisation. Without it `1.0`."


def test_no_object_or_list_is_null_by_its_own_type() -> None:
    for where, schema in [*everything(), *SCHEMAS.items()]:
        kinds = schema.get("type")
        assert not isinstance(kinds, list) or not {"array", "object"} & {*kinds}, where
        assert None not in schema.get("enum", ()), where


def test_no_form_stands_beside_members() -> None:
    """Generators take one of them and drop the others."""
    for name, schema in SCHEMAS.items():
        assert not ("properties" in schema and {*UNIONS} & {*schema}), name


def test_every_reference_leads_somewhere_and_every_schema_is_referred_to() -> None:
    referred = {*re.findall(rf'"\$ref": ?"{PREFIX}(\w+)"', json.dumps(DOCUMENT))}
    assert referred == {*SCHEMAS}


@cache
def bodies() -> dict[str, tuple[Any, Any]]:
    """What routes take, as it is declared and as it is shown."""
    found = {}
    for route in ROUTES:
        if route.body:
            module = import_module(f"handlers.rest.endpoints.{route.target.partition(':')[0]}")
            declared = openapi._body(route.body, getattr(module, route.body))
            name = pascal(declared.get("title", openapi.request_name(route.body)))
            found[name] = (declared, {"$ref": f"{PREFIX}{name}", "components": DOCUMENT["components"]})
    return found


ODD: list[Any] = [None, True, "", "x", -1, 1.5, [], {}, ["x"], {"x": 1}]


def changed(value: Any) -> Iterator[Any]:
    """`value` with one thing in it left out, added, or of another kind."""
    if isinstance(value, dict):
        for name in value:
            yield {other: each for other, each in value.items() if other != name}
            for each in changed(value[name]):
                yield {**value, name: each}
        yield {**value, "x": 1}
    if isinstance(value, list) and value:
        yield value[1:]
        for each in changed(value[0]):
            yield [each, *value[1:]]
    yield from ODD


@pytest.mark.parametrize("name", bodies())
def test_what_is_shown_takes_what_is_declared_and_nothing_else(name: str) -> None:
    declared, shown = (jsonschema.Draft202012Validator(each) for each in bodies()[name])
    verdicts = set()
    for example in bodies()[name][0]["examples"]:
        for body in (example, *changed(example)):
            verdict = declared.is_valid(body)
            assert shown.is_valid(body) == verdict, body
            verdicts.add(verdict)
    assert verdicts == {True, False}


PLAIN: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}}
X: dict[str, Any] = {"$ref": f"{PREFIX}X"}
NULL = {"type": "null"}
WHOLE = {"type": "integer"}
ANYTHING = {"type": ["object", "array", "string", "number", "boolean", "null"]}


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"enum": ["a"]}, {"const": "a"}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": ["object", "null"]}, {"anyOf": [X, NULL]}),
        ({"type": ["string", "null"], "enum": ["a", "b", None]}, {"anyOf": [X, NULL]}),
        ({"anyOf": [{"enum": [None]}, WHOLE]}, {"anyOf": [WHOLE, NULL]}),
        ({"anyOf": [{"anyOf": [PLAIN, NULL]}, NULL]}, {"anyOf": [X, NULL]}),
        ({"anyOf": [PLAIN, WHOLE]}, X),
        ({**PLAIN, "description": "y"}, {**X, "description": "y"}),
        ({**PLAIN, "title": "Some thing"}, {"$ref": f"{PREFIX}SomeThing"}),
        (ANYTHING, {}),
    ],
)
def test_a_schema_is_written_as_generators_understand_it(declared: Any, shown: Any) -> None:
    assert Components().placed(declared, "X") == shown


def test_two_schemas_cannot_have_one_name() -> None:
    components = Components()
    components.named(PLAIN, "X")
    components.named({**PLAIN, "description": "the same, somewhere else"}, "X")
    assert "description" not in components.schemas()["X"]
    with pytest.raises(ValueError, match="two different schemas are called X"):
        components.named({"type": "object"}, "X")


def test_a_name_can_name_a_class() -> None:
    with pytest.raises(ValueError, match="expected a title that can name a class"):
        Components().named({"title": "3 things", "type": "object"}, "X")
