"""What a newcomer is told, held to what is: the pages on the code, and the index of decisions."""

import ast
import glob
import os
import re
import shlex
from collections.abc import Iterator
from functools import cache

import pytest
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DECISIONS = os.path.join("docs", "decisions")


def _text(*names: str) -> str:
    with open(os.path.join(ROOT, *names), encoding="utf-8") as opened:
        return opened.read()


@cache
def _defined(path: str) -> frozenset[str]:
    """What a module defines at its top, and the members of its classes as `Class.member`."""

    def names(nodes: list[ast.stmt]) -> Iterator[str]:
        for node in nodes:
            match node:
                case ast.FunctionDef():
                    yield node.name
                case ast.ClassDef():
                    yield node.name
                    yield from (f"{node.name}.{member}" for member in names(node.body))
                case ast.Assign():
                    yield from (target.id for target in node.targets if isinstance(target, ast.Name))

    return frozenset(names(ast.parse(_text(path)).body if os.path.isfile(os.path.join(ROOT, path)) else []))


def _steps(page: str) -> list[tuple[str, list[str]]]:
    """Each row of the page's tables that names a file, and what in that file it names."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    found = [
        (re.findall("`([^`]+)`", row[1]), re.findall("`([^`]+)`", row[2])) for row in rows if len(row) == 3
    ]
    return [(paths[0], names) for paths, names in found if paths]


def test_every_step_of_the_architecture_names_what_is_in_its_file() -> None:
    steps = _steps(_text("docs", "architecture.md"))
    assert len(steps) > 40
    assert all(names for _, names in steps)
    missing = [
        f"{path} has no {name}" for path, names in steps for name in names if name not in _defined(path)
    ]
    assert missing == []


def test_a_step_that_names_what_is_not_there_would_be_seen() -> None:
    ((path, names),) = _steps(
        "| a step | `handlers/rest/api.py` | `Api.handle`, `Api.no_such_thing`, `nor_this` |"
    )
    assert [name for name in names if name not in _defined(path)] == ["Api.no_such_thing", "nor_this"]


def test_the_tree_of_the_architecture_has_every_folder_of_ours() -> None:
    tree = _text("docs", "architecture.md").partition("## Where things are")[2].split("```")[1]
    for package in ("ml_core", "handlers"):
        for folder in os.scandir(os.path.join(ROOT, package)):
            if os.path.exists(os.path.join(folder.path, "__init__.py")):
                assert re.search(rf"^  {folder.name}/ ", tree, re.MULTILINE), folder.path
    tests = tree.partition("tests/")[2].partition("benchmarks/")[0]
    for kind in os.scandir(os.path.join(ROOT, "tests")):
        if kind.is_dir() and glob.glob(os.path.join(kind.path, "**", "test_*.py"), recursive=True):
            assert re.search(rf"\b{kind.name}\b", tests), kind.path


def test_the_index_of_decisions_has_every_record_under_its_title() -> None:
    index = dict(
        re.findall(r"^\| \d{4} \| \[(.*)\]\((.*)\) \|$", _text(DECISIONS, "README.md"), re.MULTILINE)
    )
    records = {name for name in os.listdir(os.path.join(ROOT, DECISIONS)) if name[0].isdigit()}
    assert set(index.values()) == records
    for title, record in index.items():
        first = _text(DECISIONS, record).partition("\n")[0]
        assert re.sub(r"^# (\d+\. )?", "", first) == title
        assert re.match(rf"# ({int(record[:4])}\. )?\D", first), f"{record} has another number in its title"


def test_every_number_of_a_decision_is_given_once_or_said_to_be_free() -> None:
    numbers = re.findall(r"^\| (\d{4}) \|", _text(DECISIONS, "README.md"), re.MULTILINE)
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_what_make_leaves_out_are_test_files_and_ci_runs_them() -> None:
    """`make test` has not the longest, which a target of their own has; `make quick` lacks others too."""
    left_out = {
        name: _text("Makefile").partition(f"\n{name} := ")[2].replace("\\\n", " ").partition("\n")[0].split()
        for name in ("LONG", "SLOW")
    }
    assert (len(left_out["LONG"]), left_out["SLOW"][0], len(left_out["SLOW"])) == (10, "$(LONG)", 5)
    files = [*left_out["LONG"], *left_out["SLOW"][1:]]
    assert [path for path in files if not os.path.isfile(os.path.join(ROOT, path))] == []
    assert "\ntested long-tests " in _text(".ci", "run")


def test_commits_are_checked_by_the_projects_own_tools() -> None:
    (repository,) = yaml.safe_load(_text(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    tools = {shlex.split(hook["entry"])[0] for hook in repository["hooks"]}
    assert tools == {".venv/bin/ruff", ".venv/bin/mypy"}
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


@pytest.mark.parametrize("cloud", ["aws", "google", "azure"])
def test_the_page_on_jobs_has_the_memory_that_a_deployment_gives(cloud: str) -> None:
    config = _text("providers", cloud, "config.yml")
    given = re.search(
        r"^ *trainMemory: (\d+)|^  train:.*?^    memory: (\d+)", config, re.MULTILINE | re.DOTALL
    )
    assert given
    row = next(
        line for line in _text("docs", "jobs.md").splitlines() if line.lower().startswith(f"| {cloud} |")
    )
    assert f"{int(given[1] or given[2]):,} MiB" in row
