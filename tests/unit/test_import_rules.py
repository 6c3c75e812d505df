"""Who may import whom: the directions of the arrows in the architecture, read from the source."""

import ast
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = ("ml_core", "handlers", "providers")
CLOUDS = sorted(
    entry.name
    for entry in os.scandir(os.path.join(ROOT, "providers"))
    if os.path.isdir(os.path.join(entry.path, "runtime"))
)
# What ml_core may import besides the standard library, always inside the function or module that needs it.
NUMERICS = {"PIL", "arro3", "numpy", "onnxruntime", "safetensors", "sklearn", "scipy", "threadpoolctl"}
# What a platform hands its events over in is no SDK: adapters are written in it.
SURFACES = ("azure.functions",)
SDKS = {"boto3", "botocore", "obstore", "google", "azure"}


class Import(NamedTuple):
    """One imported module, and whether importing the file imports it."""

    file: str
    line: int
    module: str
    at_import: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def _files(package: str) -> Iterator[str]:
    for folder, _, names in os.walk(os.path.join(ROOT, package)):
        for name in sorted(names):
            if name.endswith(".py"):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def _imports(file: str, *, types: bool = False) -> Iterator[Import]:
    """What a file imports; with `types`, also what only type checkers see."""
    with open(os.path.join(ROOT, file), encoding="utf-8") as source:
        tree = ast.parse(source.read())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only and not types:
            continue
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively; say the whole name"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            yield Import(file, node.lineno, module, id(node) not in lazy)


def _all(package: str) -> list[Import]:
    return [found for file in _files(package) for found in _imports(file)]


def _top(module: str) -> str:
    return module.partition(".")[0]


def _broken(rule: str, found: list[Import]) -> None:
    assert not found, rule + ":\n" + "\n".join(map(str, found))


def test_the_three_packages_and_at_least_one_cloud_are_read() -> None:
    assert all(_all(package) for package in OURS)
    assert {"local", "aws"} <= set(CLOUDS)


def test_ml_core_knows_no_handler_no_provider_and_no_cloud() -> None:
    allowed = set(sys.stdlib_module_names) | NUMERICS | {"ml_core"}
    _broken("ml_core imports only the standard library, numerics and itself",
            [found for found in _all("ml_core") if _top(found.module) not in allowed])  # fmt: skip


CLOUD_WORD = re.compile(r"(?i)\b(?:aws|amazon|lambda|azure|google|gcs|s3|gs|az|boto3)\b")


@pytest.mark.parametrize("file", list(_files("ml_core")))
def test_ml_core_says_no_clouds_word(file: str) -> None:
    """Neither in a name nor in a text; a comment may give a reason that a cloud is."""
    with open(os.path.join(ROOT, file), encoding="utf-8") as source:
        tree = ast.parse(source.read())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)
    }
    said = [
        text
        for node in ast.walk(tree)
        for text in (
            node.value if isinstance(node, ast.Constant) and node.value not in docstrings else None,
            node.id if isinstance(node, ast.Name) else None,
            node.attr if isinstance(node, ast.Attribute) else None,
            getattr(node, "name", None),
        )
        if isinstance(text, str)
    ]
    assert [text for text in said if CLOUD_WORD.search(text.replace("_", " "))] == []


def test_ml_core_reads_no_environment() -> None:
    readers = [
        file
        for file in _files("ml_core")
        for node in ast.walk(ast.parse(open(os.path.join(ROOT, file), encoding="utf-8").read()))  # noqa: SIM115
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert set(readers) <= ENVIRONMENT_READERS


# numpy's threads are set through the environment before its first import, the process that fits gets its
# deadline in ML_DEADLINE, and one that is forked the whole of it; nothing else is read from it.
ENVIRONMENT_READERS = {
    "ml_core/arithmetic/vectorised.py",
    "ml_core/jobs/fit_child.py",
    "ml_core/jobs/fit_process.py",
    "ml_core/sandbox/forking.py",
    "ml_core/sandbox/zygote.py",
}


def test_cloud_sdks_appear_only_in_providers() -> None:
    elsewhere = _all("ml_core") + _all("handlers")
    _broken(
        "cloud SDKs belong to providers",
        [
            found
            for found in elsewhere
            if _top(found.module) in SDKS and not found.module.startswith(SURFACES)
        ],
    )


def test_providers_import_of_ml_core_only_its_ground() -> None:
    allowed = (
        "ml_core.objects",
        "ml_core.ports",
        "ml_core.errors",
        "ml_core.conflicts",
        "ml_core.records",
        "ml_core.digests",
        "ml_core.json_text",
        "ml_core.name_patterns",
        "ml_core.engines",
    )
    # `deploy_model` takes what scikit-learn fitted: that becomes a model first, where one is deployed and
    # nowhere else, and nothing is imported for it before.
    converting = ("providers/deploying/functions.py", "ml_core.converting.scikit_learn.from_scikit_learn")
    _broken("providers stand on ml_core's ports, errors, records, digests, JSON, names and engines alone",
            [found for found in _all("providers")
             if (_top(found.module) == "ml_core" and not found.module.startswith(allowed)
                 and ((found.file, found.module) != converting or found.at_import))
             or _top(found.module) == "handlers"])  # fmt: skip


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_cloud_never_imports_another(cloud: str) -> None:
    others = tuple(f"providers.{other}" for other in CLOUDS if other != cloud)
    _broken(f"providers/{cloud} stands alone",
            [found for found in _all(f"providers/{cloud}") if found.module.startswith(others)])  # fmt: skip


def test_an_adapter_wires_only_its_own_cloud() -> None:
    """handlers/clouds/<cloud>.py imports providers.<cloud>, and handlers/local/ providers.local."""

    def own(file: str) -> str:
        folder, name = os.path.split(file)
        cloud = name[:-3] if folder == os.path.join("handlers", "clouds") else os.path.basename(folder)
        return f"providers.{cloud}.runtime"

    _broken(
        "an adapter imports what its own cloud has for functions, and no other provider",
        [
            found
            for found in _all("handlers")
            if _top(found.module) == "providers" and not found.module.startswith(own(found.file))
        ],
    )


def test_a_function_imports_nothing_of_deploying() -> None:
    """What runs in the cloud does not hold what only a developer's machine needs."""
    runtime = [found for file in _files("providers") for found in _imports(file) if "/runtime/" in file]
    assert runtime
    _broken(
        "providers/<cloud>/runtime imports no deploying",
        [found for found in runtime if ".deploying" in found.module],
    )


CLIENT = os.path.join("client", "src", "serverless_ml")


def test_the_client_knows_the_rest_contract_alone() -> None:
    """What it has of ml_core it carries, and finds under a name of its own."""
    own = [file for file in _files(CLIENT) if not file.startswith(os.path.join(CLIENT, "_core"))]
    assert os.path.join(CLIENT, "errors.py") in own
    _broken("the client imports neither ml_core nor handlers nor providers",
            [found for file in own for found in _imports(file, types=True)
             if _top(found.module) in OURS])  # fmt: skip


def test_nothing_of_the_service_imports_the_client() -> None:
    _broken("the client is not on the service's path",
            [found for package in OURS for file in _files(package)
             for found in _imports(file, types=True) if _top(found.module) == "serverless_ml"])  # fmt: skip


def _module_of(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace(os.sep, ".")


def _circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """A circle through each node that has one."""

    def back_to(start: str) -> list[str] | None:
        paths = [[start]]
        seen: set[str] = set()
        while paths:
            path = paths.pop()
            for target in sorted(arrows.get(path[-1], ())):
                if target == start:
                    return [*path, start]
                if target not in seen:
                    seen.add(target)
                    paths.append([*path, target])
        return None

    return [circle for start in sorted(arrows) if (circle := back_to(start)) is not None]


def _arrows(node_of: Callable[[str], str], *, types: bool = False) -> dict[str, set[str]]:
    """Which node imports which, also within functions; a node is a file or a folder."""
    modules = {_module_of(file): file for package in OURS for file in _files(package)}
    arrows: dict[str, set[str]] = {}
    for file in modules.values():
        for found in _imports(file, types=types):
            target = found.module if found.module in modules else found.module.rpartition(".")[0]
            if target in modules and node_of(modules[target]) != node_of(file):
                arrows.setdefault(node_of(file), set()).add(node_of(modules[target]))
    return arrows


def test_no_files_import_each_other_in_a_circle() -> None:
    assert _circles(_arrows(lambda file: file)) == []


def test_no_files_take_each_others_types_in_a_circle() -> None:
    """Whoever reads one file then never has to read another that leads back to it."""
    assert _circles(_arrows(lambda file: file, types=True)) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    """What stands at a package's top is no folder: each file there counts alone."""
    assert _circles(_arrows(lambda file: file if file.count(os.sep) == 1 else os.path.dirname(file))) == []


def test_no_two_classes_have_one_name() -> None:
    """Somebody who searches for a class finds one."""
    places: dict[str, list[str]] = {}
    for package in OURS:
        for file in _files(package):
            with open(os.path.join(ROOT, file), encoding="utf-8") as source:
                for node in ast.walk(ast.parse(source.read())):
                    if isinstance(node, ast.ClassDef):
                        places.setdefault(node.name, []).append(f"{file}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_a_circle_would_be_seen() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [
        ["a", "b", "c", "a"],
        ["b", "c", "a", "b"],
        ["c", "a", "b", "c"],
    ]
