"""How many steps a regular expression takes on a text, counted and not timed.

Python's own engine tells no steps. `Matching` walks the tree that its parser makes, alternative after
alternative as the engine does, and counts each item that is tried. `probes` makes texts from a pattern: what
one of its repetitions takes, many times over, between what stands before it and what fits nowhere.
"""

import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any

# The engine's own parser of patterns; it has no public name.
sre: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

MOST_STEPS = 100_000
_LINE_END, _REPEATS = "\n", (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_NOT_DIGIT: r"\D", sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S", sre.CATEGORY_WORD: r"\w", sre.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
# What a character class is sampled from, beside what it names.
_SIGNS = "0aA \t\n.,-+:/\"'%e5\u20ac\u0142_"


class TooManySteps(Exception):
    """A text takes a pattern more steps than anything linear would."""


class Matching:
    """One pattern, on texts. `steps` counts what was tried so far."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.tree: Any = parser.parse(pattern.pattern, pattern.flags)
        self.steps = 0
        self._flags = pattern.flags
        self._groups: dict[int, tuple[int, int]] = {}

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches."""
        self._groups.clear()
        return any(end == len(text) for end in self._sequence(self.tree, 0, text, 0))

    def ends(self, text: str) -> list[tuple[int, int]]:
        """Where the matches are that `finditer` finds."""
        found, begin = [], 0
        while begin <= len(text):
            self._groups.clear()
            end = next(self._sequence(self.tree, 0, text, begin), None)
            if end is not None:
                found.append((begin, end))
            begin = begin + 1 if end is None or end == begin else end
        return found

    def _sequence(self, items: Any, place: int, text: str, at: int) -> Iterator[int]:
        if place == len(items):
            yield at
            return
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooManySteps
        operation, argument = items[place]
        for end in self._item(operation, argument, text, at):
            yield from self._sequence(items, place + 1, text, end)

    def _item(self, operation: Any, argument: Any, text: str, at: int) -> Iterator[int]:
        if operation in _REPEATS:
            return self._repeated(operation, argument, text, at)
        if operation is sre.SUBPATTERN:
            return self._grouped(argument[0], argument[3], text, at)
        if operation is sre.BRANCH:
            return (end for inside in argument[1] for end in self._sequence(inside, 0, text, at))
        if operation is sre.ATOMIC_GROUP:
            return self._first(self._sequence(argument, 0, text, at))
        if operation in (sre.ASSERT, sre.ASSERT_NOT, sre.AT):
            return iter([at] if self._holds(operation, argument, text, at) else [])
        if operation is sre.GROUPREF:
            begin, end = self._groups[argument]
            length, fits = end - begin, text.startswith(text[begin:end], at)
        else:
            length, fits = 1, at < len(text) and self._takes(operation, argument, text[at])
        return iter([at + length] if fits else [])

    def _grouped(self, group: int | None, inside: Any, text: str, at: int) -> Iterator[int]:
        for end in self._sequence(inside, 0, text, at):
            if group is not None:
                self._groups[group] = (at, end)
            yield end

    def _holds(self, operation: Any, argument: Any, text: str, at: int) -> bool:
        if operation is sre.AT:
            return self._is_at(argument, text, at)
        direction, inside = argument
        begin = at if direction > 0 else at - inside.getwidth()[0]
        there = begin >= 0 and next(self._sequence(inside, 0, text, begin), None) is not None
        return there == (operation is sre.ASSERT)

    def _repeated(self, operation: Any, argument: Any, text: str, at: int) -> Iterator[int]:
        least, most, inside = argument
        if operation is sre.POSSESSIVE_REPEAT:
            yield from self._first(self._greedy(least, most, inside, text, at))
        elif operation is sre.MAX_REPEAT:
            yield from self._greedy(least, most, inside, text, at)
        else:
            raise NotImplementedError("no pattern of the tree repeats as little as it can")

    def _greedy(self, least: int, most: int, inside: Any, text: str, at: int) -> Iterator[int]:
        if most > 0:
            for end in self._sequence(inside, 0, text, at):
                if end > at or least > 0:
                    yield from self._greedy(max(least - 1, 0), most - 1, inside, text, end)
        if least <= 0:
            yield at

    @staticmethod
    def _first(ends: Iterator[int]) -> Iterator[int]:
        end = next(ends, None)
        if end is not None:
            yield end

    def _is_at(self, where: Any, text: str, at: int) -> bool:
        multiline = bool(self._flags & re.MULTILINE)
        if where in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
            return at == 0 or (multiline and where is sre.AT_BEGINNING and text[at - 1] == _LINE_END)
        if where in (sre.AT_END, sre.AT_END_STRING):
            return text[at:] in ("", _LINE_END) or (multiline and text[at] == _LINE_END)
        assert where is sre.AT_BOUNDARY, where
        beside = [0 <= place < len(text) and _is(r"\w", text[place], self._flags) for place in (at - 1, at)]
        return beside[0] != beside[1]

    def _takes(self, operation: Any, argument: Any, sign: str) -> bool:
        if operation is sre.ANY:
            return sign != _LINE_END
        if operation is sre.IN:
            negated = argument[0][0] is sre.NEGATE
            return any(self._takes(kind, each, sign) for kind, each in argument[negated:]) != negated
        if operation is sre.CATEGORY:
            return _is(_CATEGORIES[argument], sign, self._flags)
        signs = {sign, sign.lower(), sign.upper()} if self._flags & re.IGNORECASE else {sign}
        if operation is sre.RANGE:
            return any(argument[0] <= ord(each) <= argument[1] for each in signs if len(each) == 1)
        return (chr(argument) in signs) is (operation is sre.LITERAL)


@cache
def _is(category: str, sign: str, flags: int) -> bool:
    return re.fullmatch(category, sign, flags & re.ASCII) is not None


class Probe:
    """A text that is made as long as one likes."""

    def __init__(self, before: str, repeated: str, after: str) -> None:
        self.parts = before, repeated, after

    def of(self, size: int) -> str:
        before, repeated, after = self.parts
        return before + repeated * (size // max(len(repeated), 1)) + after

    def __repr__(self) -> str:
        return f"{self.parts[0]!r} + {self.parts[1]!r} * n + {self.parts[2]!r}"


def probes(pattern: re.Pattern[str], seed: int, each: int) -> list[Probe]:
    """`each` texts for every repetition in a pattern, and as many of what they take together."""
    random_, matching = random.Random(seed), Matching(pattern)  # noqa: S311 (texts to try)
    spots = [path for path, operation in _paths(matching.tree) if operation in _REPEATS]
    found: list[Probe] = []
    for _ in range(each):
        bodies = []
        for spot in spots:
            before, body, after = _around(matching, matching.tree, spot, random_)
            bodies.append(body)
            ends = (after, after[:-1], after + "\0", "\0", random_.choice(_SIGNS))
            found.extend(Probe(before, body, end) for end in ends)
        for _ in range(len(spots)):
            mixed = "".join(random_.choice(bodies) for _ in range(random_.randint(1, 3)))
            found.append(Probe(random_.choice(("", *bodies)), mixed, random_.choice(("", "\0", *_SIGNS))))
    return found


def _paths(items: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for place, (operation, argument) in enumerate(items):
        yield (*path, place), operation
        for number, inside in enumerate(_within(operation, argument)):
            yield from _paths(inside, (*path, place, number))


def _within(operation: Any, argument: Any) -> Sequence[Any]:
    if operation in _REPEATS:
        return [argument[2]]
    if operation is sre.SUBPATTERN:
        return [argument[3]]
    if operation is sre.BRANCH:
        return list(argument[1])
    if operation is sre.ATOMIC_GROUP:
        return [argument]
    return [argument[1]] if operation in (sre.ASSERT, sre.ASSERT_NOT) else []


def _around(
    matching: Matching, items: Any, path: tuple[Any, ...], chance: random.Random
) -> tuple[str, str, str]:
    """A text before the repetition at a path, one of what is repeated, and one behind."""
    place, rest = path[0], path[1:]
    before = _said(matching, items[:place], chance)
    after = _said(matching, items[place + 1 :], chance)
    operation, argument = items[place]
    if not rest:
        return before, _said(matching, argument[2], chance), after
    first, body, last = _around(matching, _within(operation, argument)[rest[0]], rest[1:], chance)
    return before + first, body, last + after


def _said(matching: Matching, items: Any, chance: random.Random) -> str:
    return "".join(_sampled(matching, operation, argument, chance) for operation, argument in items)


def _sampled(matching: Matching, operation: Any, argument: Any, chance: random.Random) -> str:
    if operation in _REPEATS:
        times = min(argument[0] + chance.randint(0, 1), argument[1])
        return "".join(_said(matching, argument[2], chance) for _ in range(times))
    if operation is sre.BRANCH:
        return _said(matching, chance.choice(argument[1]), chance)
    if operation in (sre.SUBPATTERN, sre.ATOMIC_GROUP):
        return _said(matching, _within(operation, argument)[0], chance)
    if operation in (sre.ASSERT, sre.ASSERT_NOT, sre.AT):
        return ""
    if operation is sre.GROUPREF:
        return str(chance.choice("./-"))
    named = [chr(code) for code in _named(operation, argument)]
    fitting = [sign for sign in (*named, *_SIGNS) if matching._takes(operation, argument, sign)]
    return str(chance.choice(fitting or ["a"]))


def _named(operation: Any, argument: Any) -> list[int]:
    if operation is sre.IN:
        return [code for kind, each in argument for code in _named(kind, each)]
    if operation is sre.RANGE:
        return [argument[0], argument[1]]
    return [argument] if operation in (sre.LITERAL, sre.NOT_LITERAL) else []
