"""The examples run as scripts, in the environment that they say they need."""

import subprocess

import pytest

from documenting.pages import ROOT
from tests.pages.clone import Clone

EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def equipped(clone: Clone) -> Clone:
    clone.fresh()
    for command in ("make client", ".tools/bin/uv pip install --quiet -r requirements/examples.txt"):
        subprocess.run(command.split(), cwd=clone.folder, env=clone.environment, check=True)
    return clone


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_from_its_first_cell_to_its_last(example: str, equipped: Clone) -> None:
    with equipped.serving() as address:
        done = subprocess.run(
            [".venv/bin/python", "-W", "error::UserWarning", f"examples/{example}"],
            cwd=equipped.folder,
            env=equipped.told(address),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
