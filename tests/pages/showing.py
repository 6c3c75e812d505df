"""Whether what a page shows is what there is: members and words, not numbers, which vary."""

import json
import re
from typing import Any

import jsonschema

from handlers.rest.openapi import document

# JSON's strings, and what a page leaves out between them: a value, then digits, members, elements.
_STRING = re.compile(r'("(?:[^"\\]|\\.)*")')
_VALUE = re.compile(r":\s*…")
_LEFT_OUT = re.compile(r"(?<=\d)\.?…|,\s*…|…\s*,|…")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]{2,}")
_VARYING = re.compile(r"\S*…\S*|\S*\d\S*")


def parsed(shown: str) -> Any:
    """JSON as a page shows it: with … for what is left out, or without the braces around its members."""
    parts = _STRING.split(shown.strip())
    whole = "".join(
        each if place % 2 else _LEFT_OUT.sub("", _VALUE.sub(": null", each))
        for place, each in enumerate(parts)
    )
    return json.loads(whole if whole.startswith(("{", "[")) else f"{{{whole}}}")


def is_part(shown: Any, real: Any) -> bool:
    """Whether JSON has every member that is shown, in the same places, of the same types.

    A null stands for any value, on either side: it says that the member is there. Of a list of words or
    numbers it is their type that counts; of objects, each that is shown is like one that is there.
    """
    if shown is None or real is None:
        return True
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            name in real and is_part(value, real[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        plain = not any(isinstance(each, dict | list) for each in shown)
        return isinstance(real, list) and (
            (plain and not real) or all(any(is_part(each, other) for other in real) for each in shown)
        )
    if isinstance(shown, bool) or isinstance(real, bool):
        return isinstance(shown, bool) and isinstance(real, bool)
    if isinstance(shown, int | float):
        return isinstance(real, int | float)
    return isinstance(real, str)


def documents(printed: str) -> list[Any]:
    """The JSON documents in what a command printed: all of it, or lines of it."""
    found = []
    for text in (printed, *printed.splitlines()):
        if text.strip().startswith(("{", "[")):
            try:
                found.append(json.loads(text))
            except ValueError:
                continue
    return found


def words(shown: str) -> set[str]:
    """The words of a text that a page shows: without what has digits or is cut off."""
    return set(_WORD.findall(_VARYING.sub(" ", shown)))


def is_text(shown: str) -> bool:
    """Whether what is shown is a text for people, and no JSON."""
    return bool(shown.strip()) and not shown.strip().startswith(("{", "[", '"'))


def lacking(shown: str, printed: str) -> list[str]:
    """What of that which is shown was not printed: words of a text, or the whole of a JSON document."""
    if is_text(shown):
        return sorted(words(shown) - set(_WORD.findall(printed)))
    wanted = parsed(shown)
    return [] if any(is_part(wanted, real) for real in documents(printed)) else [shown]


class Contract:
    """`/openapi.json`, asked whether JSON that a page shows is part of an answer or of a body."""

    def __init__(self) -> None:
        self._document = document()

    def fault(self, shown: Any, kind: str, method: str, path: str, member: str = "") -> str:
        """What does not fit; empty where all does.

        Args:
            shown: the JSON.
            kind: `answer` or `body`.
            method: of the route.
            path: of the route, as OpenAPI has it.
            member: where in the answer or body what is shown stands; a list stands for its elements.
        """
        operation = self._document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            return f"there is no {method} {path}"
        place = operation["requestBody"] if kind == "body" else operation["responses"]["200"]
        schemas = [self._strict(place["content"]["application/json"]["schema"])]
        for name in filter(None, member.split(".")):
            schemas = [found for each in schemas for found in self._members(each, name)]
            if not schemas:
                return f"{method} {path} has no {member}"
        told = [
            min(
                (error.message for error in jsonschema.Draft202012Validator(each).iter_errors(shown)),
                default="",
            )
            for each in schemas
        ]
        return "" if "" in told else told[0]

    def _strict(self, schema: Any) -> Any:
        """A schema in which every member is known and none has to be there; references are carried out."""
        if isinstance(schema, list):
            return [self._strict(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._strict(self._document["components"]["schemas"][name])
        made = {
            key: {name: self._strict(each) for name, each in value.items()}
            if key == "properties"
            else self._strict(value)
            for key, value in schema.items()
            if key not in {"required", "examples", "minItems", "discriminator"}
        }
        # What is shown may fit several alternatives while parts of it are left out.
        if "oneOf" in made:
            made["anyOf"] = made.pop("oneOf")
        if "properties" in made:
            made.setdefault("additionalProperties", False)
        return made

    def _members(self, schema: Any, name: str) -> list[Any]:
        """The schemas of a member, in any of the alternatives; of a list, those of its elements."""
        found = []
        for each in [schema, *schema.get("anyOf", []), *schema.get("allOf", [])]:
            if "items" in each:
                found += self._members(each["items"], name)
            if name in each.get("properties", {}):
                found.append(each["properties"][name])
        return [option for each in found for option in _elements(each)]


def _elements(schema: Any) -> list[Any]:
    """A schema, or those of the elements of a list that it describes."""
    options = [schema, *schema.get("anyOf", [])]
    lists = [each["items"] for each in options if "items" in each]
    return lists or [schema]
