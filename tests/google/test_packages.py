"""What Google is given: our sources, their bytecode and two generated files, every time the same bytes."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from providers.deploying.service import Service
from providers.google.deploying import packaging
from tests.google.conftest import ROOT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return packaging.build(_copy(tmp_path_factory.mktemp("first")))


def _copy(folder: Path) -> Service:
    """The service with its sources somewhere else on the machine."""
    from tests.google.conftest import make_service

    for name in ("ml_core", "handlers", "providers", "requirements"):
        shutil.copytree(os.path.join(ROOT, name), folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return make_service()._replace(folder=str(folder))


def _names(path: str) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_the_root_holds_what_google_builds_from(built: dict[str, str]) -> None:
    for path in built.values():
        at_root = {name for name in _names(path) if "/" not in name}
        assert at_root == {"main.py", "requirements.txt"}


def test_every_module_comes_with_its_bytecode(built: dict[str, str]) -> None:
    names = _names(built["api"])
    modules = {name.removesuffix(".py") for name in names if name.endswith(".py")}
    compiled = {
        name.replace("__pycache__/", "").removesuffix(".cpython-313.pyc")
        for name in names
        if name.endswith(".pyc")
    }
    assert modules == compiled


def test_bytecode_is_never_checked_against_its_source(built: dict[str, str]) -> None:
    with zipfile.ZipFile(built["api"]) as archive:
        for name in archive.namelist():
            if name.endswith(".pyc"):
                assert archive.read(name)[4:8] == b"\x01\x00\x00\x00", name


def test_equal_sources_give_equal_bytes_wherever_they_lie(
    built: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "4711")
    again = packaging.build(_copy(tmp_path / "another" / "place"))
    for name, path in built.items():
        assert packaging.read(path) == packaging.read(again[name]), name


def test_a_package_holds_no_other_cloud_and_nothing_of_the_developers(built: dict[str, str]) -> None:
    for path in built.values():
        names = _names(path)
        assert not [name for name in names if "aws" in name or "azure" in name or "local" in name]
        assert not [name for name in names if name.startswith("providers/google/deploy")]
        assert "handlers/clouds/google.py" in names


def test_requirements_are_pinned_by_hash(built: dict[str, str]) -> None:
    with zipfile.ZipFile(built["api"]) as archive:
        lines = archive.read("requirements.txt").decode().splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert pins
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    assert not [pin for pin in pins if pin.startswith("scikit-learn")]


def test_a_changed_source_is_a_changed_package(built: dict[str, str], tmp_path: Path) -> None:
    service = _copy(tmp_path)
    with open(tmp_path / "handlers" / "google.py", "a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert packaging.read(packaging.build(service)["api"]) != packaging.read(built["api"])
