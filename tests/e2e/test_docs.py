"""What the documentation tells a person to type works, in its order, against a server on this machine."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.local_server import ROOT, LocalServer

PAGES = ["README.md", "docs/datasets.md", "docs/explain.md"]


def commands(page: str) -> list[str]:
    """The commands in a page's console blocks that ask the service, with the lines that continue them.

    Of the README these are the ones of its walk: what stands before and after is about other programs.
    """
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        text = file.read()
    return typed(text[text.find("**Train.**") :].partition("\n## ")[0] if page == "README.md" else text)


def typed(text: str) -> list[str]:
    """The commands in a text's console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [
        command for block in blocks for command in re.findall(r"^\$ (.*(?:\n {4}.*)*)", block, re.MULTILINE)
    ]


def section(page: str, title: str) -> str:
    """A part of a page, from its heading to the next of that level."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return file.read().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _at(commands: str, server: LocalServer) -> str:
    return re.sub(r"(http://)?localhost:8080", server.url, commands)


def _run_the_demo(root: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=ROOT,
        env={**os.environ, "ML_ROOT": str(root)},
        stdout=subprocess.DEVNULL,
        timeout=300,
        check=True,
    )


@pytest.mark.parametrize(
    ("page", "demo"),
    [*((page, False) for page in PAGES), ("README.md", True)],
    ids=[*PAGES, "after the demo"],
)
def test_the_commands_of_a_page_work_one_after_another(page: str, demo: bool, tmp_path: Path) -> None:
    if demo:
        _run_the_demo(tmp_path / "root")
    (tmp_path / "examples").symlink_to(os.path.join(ROOT, "examples"))
    said = "\n".join(f"echo '>>>' {number}\n{each}" for number, each in enumerate(commands(page)))
    assert "localhost:8080" in said
    with LocalServer(tmp_path / "root") as server:
        there = server.call("GET", "/v1/models").body["models"]
        assert bool(there) == demo
        assert not set(there) & set(re.findall(r"/v1/models/([\w-]+)", said)), "the page's names are its own"
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", _at(said, server)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"state": "described"' in done.stdout or '"state":"described"' in done.stdout, done.stdout
    assert '"state": "succeeded"' in done.stdout or '"state":"succeeded"' in done.stdout, done.stdout
    assert '"code"' not in done.stdout, "a problem"
    assert re.search(r'"label": ?"(yes|no)"', done.stdout), done.stdout


def test_explanations_are_those_that_the_page_shows(tmp_path: Path) -> None:
    page = "docs/explain.md"
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        blocks = re.findall(r"^```json\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)
    said = "\n".join(f"echo; echo '>>>' {number}\n{each}" for number, each in enumerate(commands(page)))
    (tmp_path / "examples").symlink_to(os.path.join(ROOT, "examples"))
    with LocalServer(tmp_path / "root", ML_MAX_WAIT="50") as server:
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", _at(said, server).replace("wait=20", "wait=50")],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(told.partition("\n")[2]) for told in done.stdout.split(">>> ") if "margin" in told]
    shown = [json.loads(block) for block in blocks]
    assert len(shown) == 3
    assert [shown[0], shown[1], shown[2]] == [_shortened(answers[place]) for place in (0, 1, 3)]


def _shortened(value: Any) -> Any:
    """An answer as the page shows it: numbers with four digits after the point, errors as they were there."""
    if isinstance(value, dict):
        return {
            name: pytest.approx(0, abs=1e-12) if name == "additivity_error" else _shortened(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    return pytest.approx(value, abs=1e-4) if isinstance(value, float) else value


def test_a_network_is_trained_and_asked_as_the_page_says(tmp_path: Path) -> None:
    train, ask = (
        section("docs/networks.md", title)
        for title in ("Train on what is in the request", "Asking a network")
    )
    (program,) = re.findall(r"^```python\n(.*?)^```", ask, re.DOTALL | re.MULTILINE)
    with LocalServer(tmp_path / "root", ML_MAX_WAIT="50") as server:
        # What follows the first commands is asked of other models.
        trained, asked = typed(train), typed(ask.partition("\n### ")[0])
        said = "\n".join([*trained, *asked]).replace("wait=20", "wait=50")
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", _at(said, server)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (len(trained), len(asked)) == (1, 3)
    assert '"code"' not in done.stdout, done.stdout
    assert "a sequence for model 'waves' version 1" in done.stdout
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=120)


def test_a_model_is_taken_away_as_the_page_says(tmp_path: Path) -> None:
    page = section("docs/versions.md", "Taking a model away")
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    api = next(command for command in commands("docs/versions.md") if command.startswith("API="))
    fruit = {
        "algorithm": "logistic_regression",
        "instances": [[120, 0.9], [130, 0.8], [170, 0.2], [160, 0.1]],
        "targets": ["apple", "apple", "quince", "quince"],
        "test_fraction": 0,
    }
    with LocalServer(tmp_path / "root") as server:
        assert server.train("fruit", fruit)["state"] == "succeeded"
        answered = server.call("POST", "/v1/models/fruit:predict", {"instances": [[150, 0.4]]}).body
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", _at("\n".join([api, *typed(page)]), server)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"code"' not in done.stdout, "a problem"
    assert done.stdout.endswith("True\n"), "another file came"
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["fruit-1.safetensors"]
    said = subprocess.run(
        [sys.executable, "-c", program.replace("\npredict(", "\nprint(*predict(").rstrip() + ")"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert said.stdout.split() == answered["predictions"]
