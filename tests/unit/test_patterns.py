"""No regular expression of the tree takes more steps than a text has characters, but for a factor.

Callers choose how long cells, names and headers are: a pattern that goes back over what it has read takes the
square of it, or worse. Every pattern is found in the source, and tried on texts that are made for it.
"""

import ast
import os
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from handlers.rest.openapi import document
from ml_core.inputs import texts
from ml_core.inputs.rules import DECIMALS, THOUSANDS
from ml_core.names import PATTERN
from ml_core.onnx import wire_format
from ml_core.scanning import records
from ml_core.tables import written
from tests.unit.backtracking import Matching, Probe, TooManySteps, probes

ROOT = Path(__file__).resolve().parents[2]
# Not what deploys: it reads what its own user wrote.
FILES = [
    str(path.relative_to(ROOT))
    for top in ("ml_core", "handlers", "providers")
    for path in sorted((ROOT / top).rglob("*.py"))
    if "deploying" not in path.parts
]
SIZE = 32
MOST = 2.3  # times the steps, for twice the size
FEW = 10  # steps for each character; so many are none too many
ROUNDS = 3
SEED = int(os.environ.get("SEED", "0"))
_SEARCHING = ("search", "findall", "finditer", "sub", "subn", "split")
_FUNCTIONS = ("compile", "match", "fullmatch", *_SEARCHING)

NOTATIONS = [
    (decimal, thousands) for decimal in DECIMALS for thousands in ("", *THOUSANDS) if decimal != thousands
]
# What functions make, by the file and the function.
MADE: dict[str, Callable[[], list[re.Pattern[str]]]] = {
    "ml_core/inputs/texts.py:_core_of": lambda: [texts._core_of(*each) for each in NOTATIONS],
    "ml_core/tables/written.py:_lines_of": lambda: [
        written._lines_of(*each, unit) for each in NOTATIONS for unit in ("", "R$")
    ],
    "ml_core/scanning/records.py:_quoted_cell": lambda: [
        re.compile(records._quoted_cell(sign).pattern.decode()) for sign in (",", ";", "|", "\t", " ")
    ],
    "ml_core/tables/oddities.py:_matching": lambda: _arguments("ml_core/tables/oddities.py", "_matching"),
    "ml_core/onnx/wire_format.py:_pattern": lambda: [
        re.compile(wire_format._pattern(8, wire).pattern.decode("latin-1"), re.ASCII | re.DOTALL)
        for wire in (wire_format.VARINT, wire_format.FIXED32, wire_format.FIXED64)
    ],
    "handlers/rest/schemas.py:matches": lambda: [
        re.compile(pattern[1:-1]) for pattern in sorted({PATTERN, *_declared(document())})
    ],
}

# Searched with under another name.
SEARCHED = {"ml_core/tables/written.py:_DATES"}


def _arguments(file: str, function: str) -> list[re.Pattern[str]]:
    calls = [node for node in ast.walk(_tree(file)) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == function]
    assert named
    return [re.compile(ast.literal_eval(call.args[0]), re.ASCII) for call in named]


def _declared(schema: Any) -> Iterator[str]:
    """Every `pattern` in a document of schemas."""
    if isinstance(schema, dict):
        for name, inside in schema.items():
            if name == "pattern" and isinstance(inside, str):
                yield inside
            yield from _declared(inside)
    elif isinstance(schema, list):
        for inside in schema:
            yield from _declared(inside)


def _tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            of_re = isinstance(each.func.value, ast.Name) and each.func.value.id == "re"
            if of_re and each.func.attr in _FUNCTIONS:
                yield each


def _flat(value: Any) -> list[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [pattern for each in inside for pattern in _flat(each)]


def _as_text(pattern: re.Pattern[Any]) -> re.Pattern[str]:
    if isinstance(pattern.pattern, str):
        return pattern
    return re.compile(pattern.pattern.decode("latin-1"), pattern.flags | re.ASCII)


def _found() -> Iterator[tuple[str, bool, list[re.Pattern[str]]]]:
    """Each place where a pattern is made, whether texts are searched for it, and the patterns."""
    for file in FILES:
        tree = _tree(file)
        used = {
            node.func.value.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            and node.func.attr in _SEARCHING and isinstance(node.func.value, ast.Name)
        }  # fmt: skip
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and any(_calls(statement)):
                names = [
                    node.id
                    for target in statement.targets
                    for node in ast.walk(target)
                    if isinstance(node, ast.Name)
                ]
                module = import_module(file.removesuffix(".py").replace("/", "."))
                for name in names:
                    if patterns := _flat(getattr(module, name)):
                        where = f"{file}:{name}"
                        yield where, name in used or where in SEARCHED, [*map(_as_text, patterns)]
                continue
            for function in ast.walk(statement):
                if isinstance(function, ast.FunctionDef):
                    for call in _calls(function):
                        searched = isinstance(call.func, ast.Attribute) and call.func.attr in _SEARCHING
                        yield f"{file}:{function.name}", searched, _made(f"{file}:{function.name}", call)


def _made(where: str, call: ast.Call) -> list[re.Pattern[str]]:
    if isinstance(call.args[0], ast.Constant):
        return [re.compile(str(call.args[0].value))]
    assert where in MADE, f"{where} makes a pattern: say in MADE which it makes"
    return MADE[where]()


def _steps(pattern: re.Pattern[str], probe: Probe, size: int, *, searched: bool) -> int:
    """The steps on a text, which has to match as it does with Python's engine."""
    matching, text = Matching(pattern), probe.of(size)
    if searched:
        assert matching.ends(text) == [found.span() for found in pattern.finditer(text)], text
    else:
        assert matching.fullmatch(text) == (pattern.fullmatch(text) is not None), text
    return matching.steps


def _growth(pattern: re.Pattern[str], *, searched: bool) -> tuple[float, str]:
    """The worst of all texts: how many times the steps twice the size takes, and which text it was."""
    worst = (0.0, "")
    for probe in probes(pattern, SEED, ROUNDS):
        try:
            once, twice = (_steps(pattern, probe, size, searched=searched) for size in (SIZE, 2 * SIZE))
        except TooManySteps:
            return float("inf"), str(probe)
        if twice > FEW * len(probe.of(2 * SIZE)):
            worst = max(worst, (twice / once, str(probe)))
    return worst


@pytest.fixture(autouse=True)
def _deep() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(limit)


FOUND = list(_found())


@pytest.mark.parametrize(("where", "searched", "patterns"), FOUND, ids=[where for where, _, _ in FOUND])
def test_it_takes_as_many_steps_as_a_text_is_long(
    where: str, searched: bool, patterns: list[re.Pattern[str]]
) -> None:
    assert patterns, where
    for pattern in patterns:
        growth, probe = _growth(pattern, searched=searched)
        assert growth <= MOST, f"{pattern.pattern}: {growth:.1f} times for {probe} (SEED={SEED})"


def test_every_pattern_of_the_tree_is_tried() -> None:
    there = {where for where, _, _ in FOUND}
    assert len(there) > 30
    assert not MADE.keys() - there


@pytest.mark.parametrize("pattern", [r"[+-]?\d+\.?\d*", r"(a+)+b", r"(?:a|ab|b)*c", r"(?:\s*a\s*)*b"])
def test_a_pattern_that_goes_back_is_seen(pattern: str) -> None:
    assert _growth(re.compile(pattern), searched=False)[0] > MOST


def test_a_search_that_begins_everywhere_is_seen() -> None:
    assert (
        _growth(re.compile(r"\d++x"), searched=False)[0]
        < MOST
        < _growth(re.compile(r"\d++x"), searched=True)[0]
    )
