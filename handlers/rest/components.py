"""Schemas for programs that write clients: each that has a name of its own stands once, and is referred to.

A declaration (`answers.py`, an endpoint's body, `ml_core`) is one tree, so that a check needs nothing else.
Generators of clients want the opposite: what they would have to invent a name for is a class called
`PredictBodyInstancesItemType1` in somebody's program. So objects, words to choose from, and choices between
several forms are taken out of the tree here. Each is called by its `title`, else by where it stands:
`SvmHyperparameters` and its member `kernel` make `SvmHyperparametersKernel`. A title may be words.

What a schema says stays the same; it is written so that generators understand it:

- "or null" is an `anyOf` with `null` beside one other form;
- an enum has a type, and more than one word;
- an object says whether it has other members, and keys are bound by `propertyNames`;
- an array says what its items are;
- "exactly one of these members" is said by `if`, `then`, `else`: beside an `oneOf`, generators drop members;
- a default is said in words: several generators take a member with a default for one that is always there.
- "true if it is there" is a truth value: of what may be left out, openapi-python-client writes no other.
"""

import json
import re
from typing import Any

from handlers.rest.schemas import Schema

PREFIX = "#/components/schemas/"
_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_NULL: Schema = {"type": "null"}
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}
_ALL_TYPES = {"object", "array", "string", "number", "boolean", "null"}
_UNIONS = ("anyOf", "oneOf")
# What stays where a schema is referred to: a reference has a description of its own.
_ABOUT = ("description",)


def resolved(document: dict[str, Any], schema: Schema) -> Schema:
    """What a schema of the document refers to; one that refers to nothing is that itself."""
    name = schema.get("$ref", "").removeprefix(PREFIX)
    found: Schema = document["components"]["schemas"][name] if name else schema
    return found


class Components:
    """The schemas that have names, as they are met."""

    def __init__(self) -> None:
        self._schemas: dict[str, Schema] = {}
        self._descriptions: dict[str, list[str]] = {}

    def schemas(self) -> dict[str, Schema]:
        """All of them, in the order of their names; described where every place says the same."""
        return {
            name: {**({"description": said[0]} if len(said) == 1 and said[0] else {}), **schema}
            for name, schema in sorted(self._schemas.items())
            for said in [self._descriptions[name]]
        }

    def named(self, schema: Schema, name: str) -> Schema:
        """A reference to `schema`, whatever it is; it is called `name`, or by its title."""
        name = pascal(schema.get("title", name))
        if not _NAME.fullmatch(name):
            raise ValueError(f"expected a title that can name a class, got {name!r}")
        self._put(name, self._written(_plain(schema), name), schema.get("description", ""))
        return {"$ref": f"{PREFIX}{name}"}

    def placed(self, schema: Schema, name: str) -> Schema:
        """`schema` as it stands in another: a reference if it needs a name, else as it is.

        Args:
            schema: the declaration.
            name: what it is called if it has no title.
        """
        name = pascal(schema.get("title", name))
        plain = _plain(schema)
        about = {key: plain[key] for key in _ABOUT if key in plain}
        if _is_or_null(plain):
            return {"anyOf": [*(self._alternative(each, name) for each in plain["anyOf"])], **about}
        if "title" in schema or _needs_a_name(plain):
            return {**self.named(schema, name), **about}
        return self._written(plain, name)

    def _put(self, name: str, written: Schema, description: str) -> None:
        bare = {key: value for key, value in written.items() if key not in _ABOUT}
        if self._schemas.setdefault(name, bare) != bare:
            raise ValueError(f"two different schemas are called {name}: give one another title")
        said = self._descriptions.setdefault(name, [])
        if description not in said:
            said.append(description)

    def _alternative(self, schema: Schema, name: str) -> Schema:
        return schema if schema == _NULL else self.placed(schema, name)

    def _written(self, schema: Schema, name: str) -> Schema:
        """A plain schema, with what is in it by name."""
        written = {key: value for key, value in schema.items() if key != "title"}
        for union in _UNIONS:
            if union in schema:
                written[union] = [self._alternative(each, name + _kind_of(each)) for each in schema[union]]
        if schema.get("type") == "array":
            written["items"] = self.placed(schema.get("items", {}), f"{name}Item")
        if "properties" in schema:
            required = schema.get("required", ())
            written["properties"] = {
                member: self.placed(
                    inside if member in required else _optional(inside), name + pascal(member)
                )
                for member, inside in schema["properties"].items()
            }
        if isinstance(schema.get("additionalProperties"), dict):
            written["additionalProperties"] = self.placed(schema["additionalProperties"], f"{name}Value")
        return written


def pascal(words: str) -> str:
    """`logistic_regression` as the name of a class: `LogisticRegression`."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", words))


def _needs_a_name(schema: Schema) -> bool:
    """Whether a generator would have to invent a name for it, or would write it out at each place."""
    if schema.get("type") == "object" or "enum" in schema:
        return True
    forms = [_plain(form) for union in _UNIONS for form in schema.get(union, ())]
    return any(form.get("type") == "array" or "title" in form or _needs_a_name(form) for form in forms)


def _kind_of(schema: Schema) -> str:
    """What tells the forms of a choice apart that have no titles."""
    return "Word" if "enum" in schema else pascal(str(schema.get("type", "")))


def _is_or_null(schema: Schema) -> bool:
    return "anyOf" in schema and _NULL in schema["anyOf"] and len(schema["anyOf"]) == 2


def _plain(schema: Schema) -> Schema:
    """The same schema as generators understand it, but for what is in it."""
    for rewrite in (
        _any_type,
        _nullable_apart,
        _flat,
        _typed_enum,
        _closed_or_open,
        _keys_by_name,
        _exactly_one_by_if,
    ):
        schema = rewrite(schema)
    return schema


def _any_type(schema: Schema) -> Schema:
    """Every type there is: nothing is said by that."""
    if not isinstance(schema.get("type"), list) or _ALL_TYPES - {*schema["type"]}:
        return schema
    return {key: value for key, value in schema.items() if key != "type"}


def _nullable_apart(schema: Schema) -> Schema:
    """An object, a list or one of several words, or null: as a choice between two."""
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else []
    words = schema.get("enum", [])
    if words == [None]:
        return _NULL
    if None not in words and ("null" not in kinds or not {"object", "array"} & {*kinds}):
        return schema
    others = [kind for kind in kinds if kind != "null"]
    form = {key: value for key, value in schema.items() if key not in _ABOUT}
    if others:
        form["type"] = others[0] if len(others) == 1 else others
    if words:
        form["enum"] = [word for word in words if word is not None]
    return {**{key: schema[key] for key in _ABOUT if key in schema}, "anyOf": [form, _NULL]}


def _flat(schema: Schema) -> Schema:
    """A choice between forms of which one is a choice: as one choice, with null at its end."""
    if "anyOf" not in schema:
        return schema
    forms: list[Schema] = []
    for each in map(_nullable_apart, schema["anyOf"]):
        forms += _flat(each)["anyOf"] if "anyOf" in each and "title" not in each else [each]
    others = [form for form in forms if form != _NULL]
    return {**schema, "anyOf": [*others, _NULL] if len(others) < len(forms) else others}


def _typed_enum(schema: Schema) -> Schema:
    """Words to choose from, with their type; a single one is no choice."""
    if "enum" not in schema:
        return schema
    if len(schema["enum"]) == 1:
        others = {key: value for key, value in schema.items() if key not in ("enum", "type")}
        return {**others, "const": schema["enum"][0]}
    kinds = sorted({_TYPES[type(word)] for word in schema["enum"]})
    return {"type": kinds[0] if len(kinds) == 1 else kinds, **schema}


def _closed_or_open(schema: Schema) -> Schema:
    """Of an object that does not say it: other members are let in."""
    if schema.get("type") != "object" or "additionalProperties" in schema:
        return schema
    return {**schema, "additionalProperties": True}


def _keys_by_name(schema: Schema) -> Schema:
    """Keys of one pattern and no others: as a map whose keys have that pattern."""
    patterns = schema.get("patternProperties", {})
    if len(patterns) != 1 or schema.get("additionalProperties") is not False:
        return schema
    ((pattern, inside),) = patterns.items()
    kept = {key: value for key, value in schema.items() if key != "patternProperties"}
    return {**kept, "propertyNames": {"pattern": pattern}, "additionalProperties": inside}


def _exactly_one_by_if(schema: Schema) -> Schema:
    """`oneOf` members that have to be there, beside members: by `if`, `then` and `else`."""
    if "properties" not in schema or "oneOf" not in schema:
        return schema
    kept = {key: value for key, value in schema.items() if key != "oneOf"}
    return {**kept, **_exactly_one([each["required"] for each in schema["oneOf"]])}


def _exactly_one(members: list[list[str]]) -> Schema:
    first, *others = ({"required": each} for each in members)
    if not others:
        return first
    return {"if": first, "then": {"not": {"anyOf": others}}, "else": _exactly_one(members[1:])}


def _optional(schema: Schema) -> Schema:
    """What a member is that may be left out: with its default in words, and `true` alone as a truth value."""
    if isinstance(schema.get("const"), bool):
        return {**{key: value for key, value in schema.items() if key != "const"}, "type": "boolean"}
    if "default" not in schema:
        return schema
    kept = {key: value for key, value in schema.items() if key != "default"}
    described = schema.get("description", "")
    stop = ". " if described and not described.endswith(".") else " " if described else ""
    return {**kept, "description": f"{described}{stop}Without it `{json.dumps(schema['default'])}`."}
