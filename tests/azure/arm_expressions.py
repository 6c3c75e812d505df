"""Evaluates the few functions of ARM templates that ours uses, with Azure's meaning of them."""

import re
from collections.abc import Callable, Iterator
from typing import Any

_TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|([A-Za-z][A-Za-z0-9]*)|([(),.]))")


class InvalidTemplate(Exception):
    """What Resource Manager would refuse."""


class Scope:
    """What expressions refer to: the subscription, the group, parameters, and the state of made resources."""

    def __init__(
        self, subscription: str, group: str, parameters: dict[str, Any], state: dict[str, Any]
    ) -> None:
        self.base = f"/subscriptions/{subscription}/resourceGroups/{group}"
        self.subscription = f"/subscriptions/{subscription}"
        self.parameters = parameters
        self.state = state

    def value(self, template: Any) -> Any:
        """A part of a template with every expression in it evaluated, keys included."""
        if isinstance(template, dict):
            return {self.value(key): self.value(inner) for key, inner in template.items()}
        if isinstance(template, list):
            return [self.value(inner) for inner in template]
        if isinstance(template, str) and template.startswith("[") and template.endswith("]"):
            return _Reader(template[1:-1], self.call).whole()
        return template

    def call(self, name: str, arguments: list[Any]) -> Any:
        """One function of the template language."""
        match name, arguments:
            case "parameters", [parameter] if parameter in self.parameters:
                return self.parameters[parameter]
            case "concat", parts:
                return "".join(parts)
            case "resourceId", [kind, *segments]:
                return f"{self.base}/providers/{interleave(kind, segments)}"
            case "subscriptionResourceId", [kind, *segments]:
                return f"{self.subscription}/providers/{interleave(kind, segments)}"
            case "extensionResourceId", [scope, kind, *segments]:
                return f"{scope}/providers/{interleave(kind, segments)}"
            case "reference", [resource, _version] if resource in self.state:
                return self.state[resource]
        msg = f"the expression {name}({', '.join(map(repr, arguments))}) cannot be evaluated"
        raise InvalidTemplate(msg)


def interleave(kind: str, segments: list[str]) -> str:
    """`A.B/c/d` and `x`, `y` as `A.B/c/x/d/y`."""
    provider, *kinds = kind.split("/")
    if len(kinds) != len(segments):
        msg = f"{kind} takes {len(kinds)} names, it was given {segments}"
        raise InvalidTemplate(msg)
    return "/".join([provider, *(part for pair in zip(kinds, segments, strict=True) for part in pair)])


class _Reader:
    """A recursive descent over `f('x', g()).name`."""

    def __init__(self, text: str, call: Callable[[str, list[Any]], Any]) -> None:
        self._tokens = list(self._split(text))
        self._call = call

    @staticmethod
    def _split(text: str) -> Iterator[tuple[str, str]]:
        position = 0
        while position < len(text):
            found = _TOKEN.match(text, position)
            if not found:
                msg = f"{text!r} cannot be read at {position}"
                raise InvalidTemplate(msg)
            kind = ("text", "name", "mark")[(found.lastindex or 1) - 1]
            yield kind, found[found.lastindex or 1]
            position = found.end()

    def whole(self) -> Any:
        value = self._value()
        if self._tokens:
            msg = f"{self._tokens} is left over"
            raise InvalidTemplate(msg)
        return value

    def _value(self) -> Any:
        kind, text = self._tokens.pop(0)
        if kind == "text":
            return text.replace("''", "'")
        self._take("(")
        arguments = []
        while not self._next_is(")"):
            arguments.append(self._value())
            if not self._next_is(")"):
                self._take(",")
        self._take(")")
        value = self._call(text, arguments)
        while self._next_is("."):
            self._take(".")
            value = value[self._tokens.pop(0)[1]]
        return value

    def _next_is(self, mark: str) -> bool:
        return bool(self._tokens) and self._tokens[0] == ("mark", mark)

    def _take(self, mark: str) -> None:
        if not self._next_is(mark):
            msg = f"{mark!r} is missing before {self._tokens}"
            raise InvalidTemplate(msg)
        self._tokens.pop(0)
