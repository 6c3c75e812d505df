"""JSON Schema as people read it: a table of members, nested ones by their paths, and types in words.

A schema that several places have stands once, on the page of schemas, and the others link to it.
What only one place has is told there.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from documenting.markdown import anchor, code, either, link, prose, sentence
from handlers.rest.components import PREFIX
from ml_core.names import PATTERN, VERSION_PATTERN

type Schema = dict[str, Any]

PAGE = "schemas.md"
_UNIONS = ("anyOf", "oneOf")
_NULL: Schema = {"type": "null"}
_WORDS = {
    "object": "object",
    "array": "list",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}
_ANY = "any JSON"


class Form(NamedTuple):
    """An object, and by which words of its only constant it is known among others; none where it is alone."""

    labels: tuple[str, ...]
    schema: Schema


class Row(NamedTuple):
    """A member: where it is, what it may be, whether it has to be there, what it means."""

    path: str
    kind: str
    required: bool
    meaning: str


class Schemas:
    """The schemas of an OpenAPI document.

    Args:
        document: as `handlers.rest.openapi.document` makes it.
        told: where a schema is told that is not on the page of schemas, by its name: a link.
    """

    def __init__(self, document: Mapping[str, Any], told: Mapping[str, str]) -> None:
        self._places = [document["paths"], document["components"]["responses"]]
        self._named: dict[str, Schema] = document["components"]["schemas"]
        self._told = told

    @cached_property
    def shared(self) -> list[str]:
        """The names of those that stand on the page of schemas, in its order."""
        counted = Counter(_references([self._places, self._named]))
        # Alternatives that nothing tells apart are told one by one.
        apart = {
            name
            for schema in _all_schemas([self._places, self._named])
            for name in self._objects_of(schema)
            if len(self._objects_of(schema)) > 1 and not self._forms(schema)
        }
        return sorted(
            name
            for name, schema in self._named.items()
            if (counted[name] > 1 or name in apart) and self._forms(schema) and name not in self._told
        )

    def resolved(self, schema: Schema) -> Schema:
        """What a schema refers to, with what it says itself; one that refers to nothing as it is."""
        name = _name(schema)
        if not name:
            return schema
        return {**self._named[name], **{key: value for key, value in schema.items() if key != "$ref"}}

    def named(self, name: str) -> Schema:
        """The schema of that name."""
        return self._named[name]

    def link(self, schema: Schema) -> str:
        """A link to where a schema stands; empty where it is told in place."""
        name = _name(schema)
        if name in self._told:
            return link(code(name), self._told[name])
        return link(code(name), f"{PAGE}#{anchor(name)}") if name in self.shared else ""

    def rows(self, schema: Schema) -> list[Row]:
        """The members of an object, or of one of several that a constant tells apart."""
        forms = self._forms(self.resolved(schema))
        return list(self._rows("", forms, _labels(forms)))

    def choices(self, schema: Schema) -> list[str]:
        """Which of an object's members exclude each other, in sentences."""
        forms = self._forms(self.resolved(schema))
        found: dict[str, list[str]] = {}
        for form in forms:
            if options := [_together(each) for each in _options(form.schema)]:
                found.setdefault(", or ".join(options), []).extend(form.labels)
        everywhere = _labels(forms)
        return [
            f"{_of_some(labels, everywhere)}exactly one is there: {options}."
            if set(labels) < set(everywhere)
            else f"Exactly one is there: {options}."
            for options, labels in found.items()
        ]

    def kind(self, schema: Schema) -> str:
        """What a value may be, in words."""
        if found := self.link(schema):
            return found
        schema = self.resolved(schema)
        for union in _UNIONS:
            if union in schema:
                return either(list(dict.fromkeys(self.kind(each) for each in schema[union])))
        if "const" in schema:
            return _word(schema["const"])
        if "enum" in schema:
            return either([_word(each) for each in schema["enum"]])
        return self._typed(schema)

    def _typed(self, schema: Schema) -> str:
        declared = schema.get("type", [])
        if isinstance(declared, list):
            return either([self._typed({**schema, "type": each}) for each in declared]) or _ANY
        if declared == "array":
            return self._list(schema)
        if declared in ("integer", "number"):
            return _bounded(_WORDS[declared], schema)
        if declared == "string":
            return _text(schema)
        if declared == "object" and isinstance(schema.get("additionalProperties"), dict):
            inside = self.kind(schema["additionalProperties"])
            return "object by name" if inside in (_ANY, "object") else f"object by name, each {inside}"
        return _WORDS[declared]

    def _list(self, schema: Schema) -> str:
        inside = self.kind(schema.get("items", {}))
        counted = _counted(schema.get("minItems"), schema.get("maxItems"), "entry", "entries")
        of = "" if inside == _ANY else f" of ({inside})" if " or " in inside else f" of {inside}"
        return f"list{of} ({counted})" if counted else f"list{of}"

    def _rows(self, before: str, forms: Sequence[Form], everywhere: tuple[str, ...]) -> Iterator[Row]:
        members = dict.fromkeys(name for form in forms for name in form.schema.get("properties", {}))
        for name in members:
            having = [form for form in forms if name in form.schema["properties"]]
            yield from self._member(before + name, name, having, everywhere)

    def _member(
        self, path: str, name: str, having: Sequence[Form], everywhere: tuple[str, ...]
    ) -> Iterator[Row]:
        required = all(name in form.schema.get("required", ()) for form in having)
        variants = [(form.labels, form.schema["properties"][name]) for form in having]
        groups = self._alike(variants)
        inside = [Form(labels, self.resolved(schema)) for labels, schema in groups]
        labels = _labels(inside)
        if len(groups) > 1 and all("const" in schema for _, schema in groups):
            kinds = [self.kind(schema) for _, schema in groups]
            yield Row(path, either(kinds), required, self._of(labels, everywhere, groups[0][1]))
        elif (
            len(groups) > 1
            and all(each.schema.get("properties") for each in inside)
            and not any(self.link(schema) for _, schema in groups)
        ):
            yield Row(path, "object", required, self._of(labels, everywhere, groups[0][1]))
            yield from self._rows(f"{path}.", inside, labels)
        else:
            for of, schema in groups:
                yield Row(path, self.kind(schema), required, self._of(of, everywhere, schema))
                step, nested = self._nested(schema)
                yield from self._rows(f"{path}{step}.", nested, _labels(nested))

    def _of(self, labels: Sequence[str], everywhere: Sequence[str], schema: Schema) -> str:
        """A member's meaning, and of which objects it is, where others have it not, or otherwise."""
        of, meaning = _of_some(labels, everywhere), self._meaning(schema)
        return of + meaning if meaning else of.removesuffix(": ")

    def _meaning(self, schema: Schema) -> str:
        return prose(sentence(self.resolved(schema).get("description", "")))

    def _nested(self, schema: Schema) -> tuple[str, list[Form]]:
        """What is told below a member: the step of the path to it, and the object; none of a link."""
        if self.link(schema):
            return "", []
        schema = self.resolved(schema)
        if found := self._forms(schema):
            return "", found
        if schema.get("type") == "array":
            step, nested = self._nested(schema.get("items", {}))
            return f"[]{step}", nested
        if isinstance(schema.get("additionalProperties"), dict):
            step, nested = self._nested(schema["additionalProperties"])
            return f".*{step}", nested
        below = [self._nested(each) for union in _UNIONS for each in schema.get(union, ())]
        return next((each for each in below if each[1]), ("", []))

    def _forms(self, schema: Schema) -> list[Form]:
        """An object with members, or several that a constant tells apart; else nothing."""
        if schema.get("properties"):
            return [Form((), schema)]
        forms = [self.resolved(each) for union in _UNIONS for each in schema.get(union, ())]
        if len(forms) < 2 or not all(each.get("properties") for each in forms):
            return []
        for name in forms[0]["properties"]:
            told = [each["properties"].get(name, {}).get("const") for each in forms]
            if None not in told and len(set(told)) == len(told):
                return [Form((str(word),), each) for word, each in zip(told, forms, strict=True)]
        return []

    def _objects_of(self, schema: Schema) -> list[str]:
        """The names of the objects between which a schema lets choose."""
        alternatives = [each for union in _UNIONS for each in schema.get(union, ())]
        return [name for each in alternatives if (name := _name(each)) and self._forms(self._named[name])]

    def _alike(
        self, variants: Sequence[tuple[tuple[str, ...], Schema]]
    ) -> list[tuple[tuple[str, ...], Schema]]:
        """Variants of a member, those that say the same as one."""
        found: dict[str, tuple[tuple[str, ...], Schema]] = {}
        for labels, schema in variants:
            whole = self.link(schema) or json.dumps(self._whole(schema), sort_keys=True)
            known, first = found.get(whole, ((), schema))
            found[whole] = ((*known, *labels), first)
        return list(found.values())

    def _whole(self, value: object, above: tuple[str, ...] = ()) -> object:
        """A schema with all that it refers to in it."""
        if isinstance(value, list):
            return [self._whole(each, above) for each in value]
        if not isinstance(value, dict):
            return value
        name = _name(value)
        if name in above:
            return name
        inside = self.resolved(value)
        return {key: self._whole(each, (*above, name) if name else above) for key, each in inside.items()}


def _name(schema: Schema) -> str:
    reference: str = schema.get("$ref", "")
    return reference.removeprefix(PREFIX)


def _references(value: object) -> Iterator[str]:
    for schema in _all_schemas(value):
        if name := _name(schema):
            yield name


def _all_schemas(value: object) -> Iterator[Schema]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _all_schemas(each)
    elif isinstance(value, list):
        for each in value:
            yield from _all_schemas(each)


def _labels(forms: Sequence[Form]) -> tuple[str, ...]:
    return tuple(label for form in forms for label in form.labels)


def _of_some(labels: Sequence[str], everywhere: Sequence[str]) -> str:
    """`Of a, b: ` where others have it not, or otherwise."""
    return f"Of {either([code(each) for each in labels], 'and')}: " if set(labels) < set(everywhere) else ""


def _options(schema: Schema) -> Iterator[list[str]]:
    """The members of which exactly one has to be there, each with those that go with it.

    As `handlers.rest.components` says it, by `if`, `then` and `else`.
    """
    while "if" in schema:
        yield schema["if"]["required"]
        schema = schema["else"]
        if "if" not in schema:
            yield schema["required"]


def _together(members: Sequence[str]) -> str:
    return either([code(each) for each in members], "with")


def _word(value: object) -> str:
    return code(value if isinstance(value, str) and value else json.dumps(value))


def _bounded(word: str, schema: Schema) -> str:
    if "exclusiveMinimum" in schema:
        above = f"{word} above {_number(schema['exclusiveMinimum'])}"
        return f"{above}, at most {_number(schema['maximum'])}" if "maximum" in schema else above
    least, most = schema.get("minimum"), schema.get("maximum")
    counted = _range(least, most)
    if least is not None and least == most:
        return code(counted)
    between = " from" if None not in (least, most) else ","
    return f"{word}{between} {counted}" if counted else word


def _range(least: float | None, most: float | None) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f"at least {_number(least)}" if least else ""
    if least == most:
        return _number(most)
    return f"{_number(least)} to {_number(most)}" if least is not None else f"at most {_number(most)}"


def _number(value: float | None) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def _text(schema: Schema) -> str:
    if schema.get("pattern") == PATTERN:
        return link("name", "../names.md")
    if schema.get("pattern") == VERSION_PATTERN:
        return _WORDS["integer"]
    if schema.get("format") == "date-time":
        return "time (RFC 3339)"
    if schema.get("format") == "binary":
        return "bytes"
    pattern = schema.get("pattern", "")
    counted = _counted(schema.get("minLength"), schema.get("maxLength"), "character", "characters")
    word = f"text of {counted}" if counted else "text"
    # GitHub and Python-Markdown differ in how a table's code has a pipe.
    return f"{word}, as {code(pattern)}" if pattern and "|" not in pattern and len(pattern) < 40 else word


def _counted(least: int | None, most: int | None, one: str, several: str) -> str:
    """How many there are; that there is any is not said."""
    if most is None and least in (None, 0, 1):
        return ""
    return f"{_range(least, most)} {one if most == 1 else several}"
