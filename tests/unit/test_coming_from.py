"""What the pages for who comes from elsewhere name of ours exists: routes, commands, Python, pages."""

import ast
import re
from pathlib import Path

import pytest

from handlers.rest.router import find
from tests.pages.marks import mark_of
from tests.pages.reading import blocks

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("coming-from-*.md"))
CLIENT = ROOT / "client/src/serverless_ml"
_THEIRS = re.compile(r"<!-- theirs: .*?-->\n```.*?^```", re.DOTALL | re.MULTILINE)
_PLACEHOLDER = {"{m}": "churn", "{v}": "1", "{a}": "production"}


def _ours(page: Path) -> str:
    return _THEIRS.sub("", page.read_text(encoding="utf-8"))


def _names_in(file: str, owner: str) -> set[str]:
    """The methods of a class of the client, and the members of a record."""
    tree = ast.parse((CLIENT / file).read_text(encoding="utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner)
    return {node.name for node in found.body if isinstance(node, ast.FunctionDef)}


def _commands() -> set[str]:
    """The commands' names, as the modules of the command line declare them."""
    declared = set()
    for file in (CLIENT / "command_line").glob("*.py"):
        declared |= set(re.findall(r'@command\(\s*(?:name=)?"([a-z-]+)"', file.read_text(encoding="utf-8")))
    return declared


@pytest.fixture(params=PAGES, ids=lambda page: page.stem)
def page(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


def test_there_are_pages() -> None:
    assert len(PAGES) == 3


def test_every_route_that_is_named_is_there(page: Path) -> None:
    named = re.findall(r"(?:(GET|POST|PUT|PATCH|DELETE) |localhost:8080)?(/v[12]/[\w/{}:.-]+)", _ours(page))
    assert named
    for method, path in named:
        filled = path
        for placeholder, value in _PLACEHOLDER.items():
            filled = filled.replace(placeholder, value)
        found = find(filled.rstrip("."))
        assert found, f"{page.name}: {path}"
        assert not method or method in found, f"{page.name}: {method} {path}"


def test_every_command_that_is_named_is_there(page: Path) -> None:
    named = set(re.findall(r"serverless-ml ([a-z-]+)", _ours(page)))
    assert named
    assert named <= _commands(), f"{page.name}: {named - _commands()}"


def test_every_name_of_the_client_is_there(page: Path) -> None:
    client = _names_in("_sync/client.py", "Client")
    model = _names_in("_sync/models.py", "RemoteModel")
    text = _ours(page)
    for name in re.findall(r"\bml\.(\w+)\(", text):
        assert name in client, f"{page.name}: ml.{name}"
    for name in re.findall(r'\bml\.model\("[\w-]+"\)\.(\w+)\(', text):
        assert name in model, f"{page.name}: ml.model(…).{name}"
    assert re.search(r"\bml\.\w+\(", text)


def test_what_is_theirs_stands_under_their_name(page: Path) -> None:
    """A page of one project has no block of another's."""
    marked = set(re.findall(r"<!-- theirs: (\D+?) \d", page.read_text(encoding="utf-8")))
    assert len(marked) == 1
    (whose,) = marked
    assert page.stem.removeprefix("coming-from-") in whose.lower()


def test_a_block_of_another_project_says_so_in_its_first_line(page: Path) -> None:
    """Readers do not see the comment before it."""
    found = [
        (mark_of(block), block)
        for block in blocks(page.relative_to(ROOT).as_posix())
        if block.mark.startswith("theirs: ")
    ]
    assert found
    for mark, block in found:
        assert mark
        whose = re.sub(r" [\d.]+$", "", mark.named["whose"])
        assert re.match(rf"(?:\$ )?# {re.escape(whose)}\b", block.text), block
