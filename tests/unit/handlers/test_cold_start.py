"""What a first prediction imports, seen from a fresh process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from providers.deploying.keys import new_key
from tests.unit.handlers.conftest import ROWS

# Each of these costs a cold start between a fifth and a hundred times bare Python.
HEAVY = {
    "argparse", "asyncio", "base64", "boto3", "concurrent.futures", "dataclasses", "email", "hmac",
    "http.client", "inspect", "ipaddress", "logging", "numpy", "obstore", "pathlib", "secrets", "selectors",
    "sklearn", "socket", "ssl", "subprocess", "tempfile", "threading", "traceback", "urllib.parse",
    "urllib.request", "waitress", "zlib",
}  # fmt: skip
# What other endpoints need, and the adapters of other places.
OTHERS = {
    "handlers.rest.answers", "handlers.rest.forms", "handlers.jobs", "handlers.rest.openapi",
    "handlers.rest.problems", "handlers.wsgi", "handlers.rest.endpoints.inference",
    "handlers.rest.endpoints.jobs", "handlers.rest.endpoints.models",
    "handlers.rest.endpoints.training", "ml_core.jobs.jobs", "ml_core.inputs.by_column",
    "ml_core.inputs.frames", "ml_core.inputs.tensors", "ml_core.jobs.trainer",
    "ml_core.training.fitting", "ml_core.algorithms.tasks.classification", "ml_core.model.one_line",
}  # fmt: skip

# What stands on `typing` for as long as the contract of an estimator is being rewritten.
# What a first prediction may load and define at most. Before you raise a number, see what it costs:
# `make bench`, and ml_core/records.py for how a class is cheap.
MOST_MODULES, MOST_CLASSES = 65, 130

PROGRAM = """
import builtins, json, sys
importers, typed, classes = {}, [], []
import_module, build_class = builtins.__import__, builtins.__build_class__

def importing(name, globals=None, *more):
    importers.setdefault(name, set()).add((globals or {}).get("__name__"))
    return import_module(name, globals, *more)

def building(body, name, *bases, **more):
    classes.append(f"{body.__globals__['__name__']}.{name}")
    if any(base.__module__ == "typing" for base in bases):
        typed.append(classes[-1])
    return build_class(body, name, *bases, **more)

builtins.__import__, builtins.__build_class__ = importing, building
from handlers.clouds import aws, bootstrap
from handlers.local.services import folder_services
from handlers.settings import read_settings

given = json.loads(sys.argv[1])
settings = read_settings({"ML_ROOT": given["root"]})
bootstrap._SERVICES.append(folder_services(settings, key_records=lambda: given["records"]))
answer = aws.api(given["event"], None)
assert answer["statusCode"] == 200, answer
importers = {name: sorted(filter(None, by)) for name, by in importers.items()}
told = {"importers": importers, "classes": classes, "typed": typed}
print(json.dumps({"modules": sorted(sys.modules), **told}))
"""


class Loaded(NamedTuple):
    """What a fresh process has loaded, who imported each module, and which classes it defined."""

    modules: list[str]
    importers: dict[str, list[str]]
    classes: list[str]
    typed: list[str]


def modules_after(root: Path, model: str, rows: list[Any], outputs: list[str] | None = None) -> set[str]:
    """The modules that are loaded after a fresh process has answered one event, its key checked."""
    return set(loaded_after(root, model, rows, outputs).modules)


def loaded_after(root: Path, model: str, rows: list[Any], outputs: list[str] | None = None) -> Loaded:
    """What is loaded after a fresh process has answered one event, its key checked."""
    key = new_key("predict")
    body = {"instances": rows, **({"outputs": outputs} if outputs else {})}
    given = {
        "root": str(root),
        "records": [key.record],
        "event": {
            "version": "2.0",
            "rawPath": f"/v1/models/{model}:predict",
            "headers": {"authorization": f"Bearer {key.key}", "content-type": "application/json"},
            "requestContext": {"http": {"method": "POST"}, "requestId": "r1", "stage": "$default"},
            "body": json.dumps(body),
            "isBase64Encoded": False,
        },
    }
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTHON"))
    }
    # -S: what the environment's site-packages load by themselves (*.pth) is not ours, and not on Lambda.
    done = subprocess.run(
        [sys.executable, "-S", "-c", _with_packages(), json.dumps(given)],
        cwd=Path(__file__).parents[3],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Loaded(**json.loads(done.stdout.splitlines()[-1]))


def _with_packages() -> str:
    return f"import sys; sys.path += {[path for path in sys.path if 'site-packages' in path]}\n{PROGRAM}"


@pytest.mark.parametrize(
    ("model", "outputs"),
    [
        ("iris", None),
        ("iris", ["label", "probability", "decision"]),
        ("truth", ["probability"]),
        ("groups", ["label", "distance"]),
    ],
)
def test_one_row_imports_no_numpy_and_nothing_else_that_is_heavy(
    trained: Path, model: str, outputs: list[str] | None
) -> None:
    loaded = modules_after(trained, model, ROWS[:1], outputs)
    assert loaded & HEAVY == set()
    assert loaded & OTHERS == set()


@pytest.mark.parametrize("model", ["iris", "groups", "digits"])
def test_a_thousand_rows_import_no_scikit_learn(trained: Path, model: str) -> None:
    loaded = modules_after(trained, model, ROWS * 34)
    assert "numpy" in loaded
    assert not {name for name in loaded if name.startswith(("sklearn", "scipy", "joblib", "safetensors"))}
    assert loaded & OTHERS == set()


def ours(names: list[str]) -> list[str]:
    """Those that stand in the project's packages."""
    return [name for name in names if name.startswith(("ml_core", "handlers", "providers"))]


@pytest.mark.parametrize("model", ["iris", "groups", "digits"])
def test_nothing_is_paid_for_typing_or_openssl(trained: Path, model: str) -> None:
    loaded = loaded_after(trained, model, ROWS[:1])
    importers = [*loaded.importers.get("typing", ()), *loaded.importers.get("hashlib", ())]
    assert ours(importers) == []
    assert ours(loaded.typed) == []


@pytest.mark.parametrize("model", ["iris", "groups", "digits"])
def test_a_first_prediction_keeps_its_budget(trained: Path, model: str) -> None:
    loaded = loaded_after(trained, model, ROWS[:1])
    assert len(ours(loaded.modules)) <= MOST_MODULES
    assert len(ours(loaded.classes)) <= MOST_CLASSES
