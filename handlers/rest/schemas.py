"""Checks a value against the part of JSON Schema in which this folder's declarations are written.

The declarations are also what `/openapi.json` shows: what is documented is what is checked. Known keywords:
`type` (one or a list), `properties`, `required`, `additionalProperties: false`, `items`, `minItems`,
`maxItems`, `enum`, `minimum`, `maximum`, `minLength`, `maxLength`, and `pattern`, which is always `^…$`.
A schema with `x-checked-by` only describes: the module that it names does the checking.
As in JSON Schema, an integer is a number without a fraction, however it is written: 1.0 is 1.
"""

from __future__ import annotations

from itertools import islice

from ml_core.errors import Fault, InvalidInput, member, raise_faults, shown
from ml_core.names import PATTERN, VERSION_PATTERN, is_name, is_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


type Schema = dict[str, Any]

NAMES_OF_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def is_checked_elsewhere(schema: Schema, value: object) -> bool:
    """Whether other modules check all that `value`, an object, holds: nothing is wrong with it here."""
    if type(value) is not dict or schema.get("type") != "object" or "required" in schema:
        return False
    declared = schema.get("properties", {})
    for name in value:  # noqa: SIM110 (a generator takes twice as long, at every request)
        if "x-checked-by" not in declared.get(name, ()):
            return False
    return True


def check(schema: Schema, value: object, path: str = "$") -> None:
    """Raise `InvalidInput` with what breaks `schema` in `value`, which stands at `path`."""
    raise_faults(faults_of(schema, value, path))


def faults_of(schema: Schema, value: object, path: str) -> list[Fault]:
    """What in `value` breaks `schema`; no more is looked for than a caller is told, and one."""
    return list(islice(_faults(schema, value, path), InvalidInput.MOST_FAULTS + 1))


def with_integers(schema: Schema, value: Any) -> Any:
    """`value`, which `schema` has found right, with an int wherever an integer is declared and 1.0 was sent.

    Objects and lists are changed in place. What another module checks is left to it.
    """
    if "x-checked-by" in schema:
        return value
    if type(value) is dict:
        declared = schema.get("properties", {})
        for name in value:
            if name in declared:
                value[name] = with_integers(declared[name], value[name])
    elif type(value) is list and _holds_integers(schema.get("items", {})):
        value[:] = [with_integers(schema["items"], item) for item in value]
    elif _is_whole(value):
        kinds = schema.get("type", "number")
        return int(value) if "integer" in kinds and "number" not in kinds else value
    return value


def _is_whole(value: object) -> bool:
    return type(value) is float and value.is_integer()


def _holds_integers(schema: Schema) -> bool:
    """Whether an integer is declared anywhere in it: most lists need no look at their items."""
    if "integer" in schema.get("type", ()):
        return True
    inside = [schema["items"]] if "items" in schema else []
    return any(map(_holds_integers, [*inside, *schema.get("properties", {}).values()]))


def _faults(schema: Schema, value: object, path: str) -> Iterator[Fault]:
    if "x-checked-by" in schema:
        return
    kind = _TYPES.get(type(value), "null")
    declared = schema.get("type", kind)
    allowed = declared if isinstance(declared, list) else [declared]
    if kind not in allowed and _is_whole(value) and "integer" in allowed:
        kind = "integer"
    if kind not in allowed and not (kind == "integer" and "number" in allowed):
        expected = " or ".join(NAMES_OF_TYPES[name] for name in allowed)
        yield Fault(path, f"is {NAMES_OF_TYPES[kind]}; {expected} is expected")
    elif "enum" in schema and value not in schema["enum"]:
        yield Fault(path, f"is not one of {', '.join(str(choice) for choice in schema['enum'])}")
    elif kind in _INSIDE:
        yield from _INSIDE[kind](schema, value, path)


def _object_faults(schema: Schema, value: dict[str, Any], path: str) -> Iterator[Fault]:
    properties: dict[str, Schema] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield Fault(path, f"lacks {name!r}")
    for name, inside in value.items():
        if name in properties:
            yield from _faults(properties[name], inside, member(path, name))
        elif schema.get("additionalProperties") is False:
            known = ", ".join(properties) or "none"
            yield Fault(path, f"has {shown(name)}, which is not known here; known: {known}")


def _array_faults(schema: Schema, value: list[Any], path: str) -> Iterator[Fault]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if not least <= len(value) <= most:
        bound = f"at least {least}" if len(value) < least else f"at most {most}"
        yield Fault(path, f"has {len(value)} items; {bound} are expected")
    elif items := schema.get("items"):
        for position, item in enumerate(value):
            yield from _faults(items, item, f"{path}[{position}]")


def _string_faults(schema: Schema, value: str, path: str) -> Iterator[Fault]:
    least, most = schema.get("minLength", 0), schema.get("maxLength", len(value))
    if not least <= len(value) <= most:
        bound = f"at least {least}" if len(value) < least else f"at most {most}"
        yield Fault(path, f"has {len(value)} characters; {bound} are expected")
    elif "pattern" in schema and not matches(schema["pattern"], value):
        yield Fault(path, f"is {shown(value)}; it has to match {schema['pattern']}")


def matches(pattern: str, value: str) -> bool:
    """Whether a text matches a schema's pattern.

    What the path of a prediction has is told by functions: `re` costs half a bare Python to import.
    """
    if pattern in _PATTERNS_OF_PREDICTIONS:
        return _PATTERNS_OF_PREDICTIONS[pattern](value)
    import re

    return re.fullmatch(pattern[1:-1], value) is not None


_PATTERNS_OF_PREDICTIONS = {PATTERN: is_name, VERSION_PATTERN: is_version}


def _number_faults(schema: Schema, value: float, path: str) -> Iterator[Fault]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if isinstance(value, float) and not abs(value) < float("inf"):
        yield Fault(path, "is not a finite number")
    elif least is not None and value < least:
        yield Fault(path, f"is {shown(value)}; at least {least} is expected")
    elif most is not None and value > most:
        yield Fault(path, f"is {shown(value)}; at most {most} is expected")


_INSIDE: dict[str, Any] = {
    "object": _object_faults,
    "array": _array_faults,
    "string": _string_faults,
    "integer": _number_faults,
    "number": _number_faults,
}
