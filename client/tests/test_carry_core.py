"""What of ml_core is carried, and under which names, on the tree and on trees made to be refused."""

import ast
import importlib.util
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).parents[2]


def _script() -> "object":
    spec = importlib.util.spec_from_file_location("carry_core", ROOT / "client" / "carry_core.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["carry_core"] = module
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    import carry_core
else:
    carry_core = _script()

# What may be imported besides the standard library: numpy to predict, the others to train or to convert.
NUMERICS = {"numpy", "scipy", "sklearn", "threadpoolctl"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("carried") / "serverless_ml" / "_core"
    carry_core.write(folder)
    return folder


def _name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parents[1]).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> list[tuple[str, ...]]:
    """What a file imports, at its top, in functions and for types alike: each with the names it may be."""
    found: list[tuple[str, ...]] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [(alias.name,) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            assert node.level == 0
            found += [(f"{node.module}.{alias.name}", node.module) for alias in node.names]
    return found


def test_no_import_and_no_text_names_what_is_not_there(package: Path) -> None:
    paths = sorted(package.rglob("*.py"))
    assert len(paths) > 100
    names = {_name(path, package) for path in paths}
    tops = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.fullmatch(r"(ml_core|handlers|providers)(\.\w+)+", node.value), path
        tops |= {each[0].split(".")[0] for each in _imports(path)}
    assert "serverless_ml" in tops
    assert tops <= {*sys.stdlib_module_names, *NUMERICS, "serverless_ml"}
    assert "serverless_ml._core.model.model" in names
    assert "serverless_ml._core.onnx.graph" in names
    assert "serverless_ml._core.explaining.kernels" in names


def test_whatever_is_imported_when_it_runs_is_there(package: Path) -> None:
    names = {_name(path, package) for path in package.rglob("*.py")}
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_bytes())
        typing_only = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and id(node) not in typing_only:
                module = node.module or ""
                if module.startswith("serverless_ml._core"):
                    for alias in node.names:
                        assert {module, f"{module}.{alias.name}"} & names, f"{path}:{node.lineno}"


def test_every_algorithm_of_the_service_is_there(package: Path) -> None:
    declared = {
        path.name
        for path in (ROOT / "ml_core" / "algorithms").glob("*.py")
        if "\nALGORITHM" in path.read_text(encoding="utf-8")
    }
    assert len(declared) >= 5
    assert declared <= {path.name for path in (package / "algorithms").glob("*.py")}


def test_only_imports_differ_from_the_service(package: Path) -> None:
    """And the root of the errors, which is the client's."""
    for path in package.rglob("*.py"):
        mine = path.relative_to(package)
        if str(mine) == "__init__.py":
            continue
        back = path.read_text(encoding="utf-8")
        if str(mine) == "errors.py":
            back = back.replace(carry_core.CLIENT_ROOT, "").replace("(ClientError)", "(Exception)")
        back = back.replace("serverless_ml._core", "ml_core")
        assert back == (ROOT / "ml_core" / mine).read_text(encoding="utf-8")


def test_nothing_of_training_jobs_or_the_registry_is_carried() -> None:
    carried = set(carry_core.carried())
    folders = {"training", "jobs", "registry", "tables", "datasets", "monitoring", "sandbox", "picture_files"}
    found = {name for name in carried if name.count(".") and name.split(".")[1] in folders}
    assert found <= {"ml_core.training", "ml_core.training.profiling"}
    # that each of these is still a part of ml_core: a list of what is no more would hold nothing
    assert set(carry_core.NOT_CARRIED) <= set(carry_core.modules())
    assert {name.split(".")[1] for name in carry_core.NOT_CARRIED} >= folders


def _tree(folder: Path, **files: str) -> Path:
    for name, text in {"__init__": "", "model/__init__": "", **files}.items():
        path = folder / "ml_core" / f"{name.replace('__of__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


ERRORS = "class ServerlessMLError(Exception):\n    pass\n"


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("def f():\n    from ml_core.jobs import turns\n",
         "ml_core.model.model → ml_core.jobs.turns: ml_core.jobs.turns is not what predicts"),
        ("from . import x\n", "expected the module's whole name, got a relative import"),
        ("import handlers.rest\n", "what predicts must not import handlers.rest"),
        ("def f():\n    from providers.aws import x\n", "what predicts must not import providers.aws.x"),
        ("x = f'ml_core.{y}'\n", "a text names ml_core: use __name__ in its place"),
        ("COMMAND = 'python -m ml_core.errors'\n", "a text names ml_core"),
        ("import ml_core.errors\nx = ml_core.errors\n", "ml_core is used by its name"),
        ("from ml_core import predict\n", "predict is no module"),
    ],
)  # fmt: skip
def test_a_tree_that_cannot_be_carried_is_refused_with_the_place(
    model: str, told: str, tmp_path: Path
) -> None:
    tree = _tree(tmp_path, errors=ERRORS, model__of__model=model, jobs__of____init__="", jobs__of__turns="")
    with pytest.raises(carry_core.CannotCarry, match=re.escape(told)):
        carry_core.write(tmp_path / "out", tree)
    assert not (tmp_path / "out").exists()


def test_every_way_of_importing_is_rewritten_and_nothing_else(tmp_path: Path) -> None:
    model = '''"""Of ml_core.model, "ml_core.errors" in a docstring."""
from __future__ import annotations
import json, ml_core.errors  # ml_core stays in a comment
from ml_core import errors as é, errors
from   ml_core.errors import (
    ServerlessMLError as ml_core_error,
)
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ml_core.jobs import turns
LATER = {"é": "ml_core.later"}; import ml_core.errors as two; TEXT = "é"; import ml_core.errors
def f():
    from importlib import import_module
    return import_module(LATER["é"])
'''
    tree = _tree(tmp_path, errors=ERRORS, later="here = 1\n", model__of__model=model)
    carry_core.write(tmp_path / "out", tree)
    expected = (
        model.replace("import json, ml_core.errors ", "import json, serverless_ml._core.errors ")
        .replace("from ml_core", "from serverless_ml._core")
        .replace("from   ml_core", "from   serverless_ml._core")
        .replace('"ml_core.later"', '"serverless_ml._core.later"')
        .replace("import ml_core.errors as", "import serverless_ml._core.errors as")
        .replace("; import ml_core.errors\n", "; import serverless_ml._core.errors\n")
    )
    assert (tmp_path / "out" / "model" / "model.py").read_text() == expected
    there = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.py")}
    assert there == {"__init__.py", "errors.py", "later.py", "model/__init__.py", "model/model.py"}
