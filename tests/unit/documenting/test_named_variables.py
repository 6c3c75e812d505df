"""Every variable of ours that a page names is read by the code."""

import ast
import re
from functools import cache

import pytest

from documenting.pages import ROOT
from handlers.settings import SETTINGS
from tests.unit.documenting.reading import PAGES, text

VARIABLE = re.compile(r"\b(?:SERVERLESS_)?ML_[A-Z]+(?:_[A-Z]+)*\b")
CODE = ("ml_core", "handlers", "providers", "client/src", "examples")


@cache
def read_by_the_code() -> frozenset[str]:
    """Settings, and the names that stand alone in a string of a module, or in a configuration of a cloud."""
    found = {setting.variable for setting in SETTINGS}
    for folder in CODE:
        for module in (ROOT / folder).rglob("*.py"):
            constants = (
                node.value
                for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
                if isinstance(node, ast.Constant)
            )
            found |= {value for value in constants if isinstance(value, str) and VARIABLE.fullmatch(value)}
    for configuration in (ROOT / "providers").glob("*/config.yml"):
        found |= set(
            re.findall(rf"^\s*({VARIABLE.pattern}):", configuration.read_text("utf-8"), re.MULTILINE)
        )
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_that_a_page_names_is_read(page: str) -> None:
    assert set(VARIABLE.findall(text(page))) - read_by_the_code() == set()


def test_a_variable_that_nothing_reads_would_be_seen() -> None:
    assert "ML_NO_SUCH_THING" not in read_by_the_code()
    assert {"ML_MAX_ROWS", "SERVERLESS_ML_URL"} < read_by_the_code()
