"""The version is written in one place, and whatever else has to hold it agrees."""

import ast
import os
import re
import tomllib

from handlers.version import NAME, VERSION

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _text(*names: str) -> str:
    with open(os.path.join(ROOT, *names), encoding="utf-8") as opened:
        return opened.read()


def test_the_version_is_the_same_wherever_it_is_written() -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    assert (project["name"], project["version"]) == (NAME, VERSION)
    client = tomllib.loads(_text("client", "pyproject.toml"))["project"]
    assert (client["name"], client["version"]) == (f"{NAME}-client", VERSION)
    newest = re.search(r"^## (\S+)", _text("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest[1] == VERSION
    assert '"version"' not in _text("package.json")


def test_the_version_is_read_without_an_import() -> None:
    tree = ast.parse(_text("handlers", "version.py"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
