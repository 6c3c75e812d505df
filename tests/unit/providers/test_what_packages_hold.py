"""The code that a cloud's functions get holds what their handlers reach, and nothing else."""

import ast
import functools
import itertools
import os
import re

import pytest
import yaml

from providers.deploying import graphs
from providers.deploying.packages import ROOT, selected
from tests.unit.providers.test_every_cloud_is_whole import CLOUDS

OURS = re.compile(r"(ml_core|handlers|providers)(\.\w+)*")
_BRACES = re.compile(r"\{([^}]*)\}")
# What a package lacks although a handler names it, and why nobody gets there in a function.
ELSEWHERE = {
    "handlers.local.services": "`invoke local`, which runs in the project's folder",
    "handlers.rest.openapi": "where the description was built with the package",
}
# What these import is for notebooks and for whoever deploys: no handler asks for it.
OFFERING = ("ml_core/__init__.py", "providers/__init__.py")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_module_of_a_package_is_reached_from_a_handler(cloud: str) -> None:
    shipped = packaged(cloud)
    assert sorted(shipped.keys() - reached(shipped, *_adapters(cloud))) == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_module_that_a_handler_reaches_is_in_the_package(cloud: str) -> None:
    shipped = packaged(cloud)
    missing = {
        (module, named)
        for module in reached(shipped, *_adapters(cloud))
        for named in named_by(shipped[module])
        if _is_module(named) and named not in shipped and named not in ELSEWHERE
    }
    assert sorted(missing) == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_what_runs_graphs_is_what_its_handler_reaches_and_nothing_else(cloud: str) -> None:
    """A model is somebody else's program: what it could get hold of is no more than it takes to run it."""
    shipped = {_module(path): path for path in graphs.sources(ROOT, cloud)}
    everything = {_module(path): path for path in selected(ROOT, ["ml_core/**/*.py", "handlers/**/*.py"])}
    assert reached(everything, f"handlers.onnx.{cloud}") == shipped.keys()
    assert not [
        name for name in shipped if name.startswith(("providers", "handlers.rest", "handlers.clouds"))
    ]
    assert not {"handlers.auth", "handlers.services", "handlers.settings", "ml_core.serving"} & shipped.keys()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_no_other_package_holds_what_runs_graphs(cloud: str) -> None:
    assert [name for name in packaged(cloud) if name.startswith(("handlers.onnx", "ml_core.running"))] == []


@pytest.mark.parametrize("page", ["console", "docs"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_pages_that_are_read_from_disk_are_in_the_package(cloud: str, page: str) -> None:
    assert f"handlers/rest/{page}.html" in paths_of(cloud)


def packaged(cloud: str) -> dict[str, str]:
    """The modules that the patterns of a cloud's `config.yml` select, with the path of each."""
    return {_module(path): path for path in paths_of(cloud) if path.endswith(".py")}


def paths_of(cloud: str) -> list[str]:
    """The files that the patterns of a cloud's `config.yml` select."""
    with open(os.path.join(ROOT, "providers", cloud, "config.yml"), encoding="utf-8") as file:
        patterns = yaml.safe_load(file)["package"]["patterns"]
    return selected(ROOT, itertools.chain.from_iterable(map(_without_braces, patterns)))


def _adapters(cloud: str) -> tuple[str, str]:
    """A cloud's adapter, and what calls it."""
    return f"handlers.clouds.{cloud}", f"handlers.clouds.{cloud}_runtime"


def reached(shipped: dict[str, str], *begin: str) -> set[str]:
    """The modules among `shipped` that these import, they themselves, and what those import in turn."""
    found: set[str] = set()
    ahead = list(begin)
    while ahead:
        module = ahead.pop()
        if module not in found and module in shipped:
            found.add(module)
            ahead += [module.rpartition(".")[0], *named_by(shipped[module])]
    return found


@functools.cache
def named_by(path: str) -> frozenset[str]:
    """The modules of ours that a file names: imported anywhere in it, for types too, or loaded by name.

    A module is loaded by its whole name in a text, or before the colon of one; and where only the beginning
    of a name is written in the program, any module of that folder may be.
    """
    if path in OFFERING:
        return frozenset()
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value.partition(":")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
            names.update(_in_folder(node.args[0], path))
    return frozenset(name for name in names if OURS.fullmatch(name))


def _in_folder(name: ast.expr, path: str) -> list[str]:
    """The modules that `f"folder.{module}"` may be."""
    if not isinstance(name, ast.JoinedStr):
        return []
    begin = ast.unparse(name)[2:].partition(".{")[0].replace("{__name__}", _module(path))
    folder = os.path.join(ROOT, *begin.split("."))
    modules = (each for each in os.listdir(folder) if each.endswith(".py") and each != "__init__.py")
    return [f"{begin}.{each[:-3]}" for each in modules]


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_module(name: str) -> bool:
    place = os.path.join(ROOT, *name.split("."))
    return os.path.exists(f"{place}.py") or os.path.exists(os.path.join(place, "__init__.py"))


def _without_braces(pattern: str) -> list[str]:
    """The patterns that one with `{a,b}` stands for, as the framework reads it."""
    found = _BRACES.search(pattern)
    if found is None:
        return [pattern]
    return [pattern[: found.start()] + each + pattern[found.end() :] for each in found[1].split(",")]
