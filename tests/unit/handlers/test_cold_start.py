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
from tests.unit.handlers.networks import PICTURES, SEQUENCES, TEXTS, b64, folder_of_networks, png

# Each of these costs a cold start between a fifth and a hundred times bare Python.
HEAVY = {
    "argparse", "asyncio", "base64", "boto3", "concurrent.futures", "dataclasses", "email", "hmac",
    "http.client", "inspect", "ipaddress", "logging", "numpy", "obstore", "pathlib", "secrets", "selectors",
    "sklearn", "socket", "ssl", "subprocess", "tempfile", "threading", "traceback", "urllib.parse",
    "urllib.request", "waitress", "zlib",
}  # fmt: skip
# Each a tenth to two thirds of bare Python. AWS's runtime client and obstore load some of them by themselves;
# no module of ours does, and without those two nothing does.
SPARED = {
    "collections", "collections.abc", "contextlib", "enum", "functools", "hashlib", "json", "operator", "re",
    "typing",
}  # fmt: skip
# What other endpoints need, and the adapters of other places.
OTHERS = {
    "handlers.errors", "handlers.rest.answers", "handlers.rest.forms", "handlers.jobs",
    "handlers.rest.openapi", "handlers.rest.problems", "handlers.rest.remedies", "handlers.wsgi",
    "handlers.rest.endpoints.inference",
    "handlers.rest.accepting", "handlers.rest.pages", "handlers.rest.endpoints.console",
    "handlers.rest.endpoints.health",
    "handlers.rest.endpoints.jobs", "handlers.rest.endpoints.models",
    "handlers.rest.endpoints.training", "ml_core.conflicts", "ml_core.jobs.jobs", "ml_core.inputs.by_column",
    "ml_core.inputs.frames", "ml_core.inputs.tensors", "ml_core.jobs.trainer",
    "ml_core.training.fitting", "ml_core.algorithms.tasks.classification", "ml_core.model.one_line",
}  # fmt: skip

# What a first prediction may load and define at most. Before you raise a number, see what it costs:
# `make bench`, and ml_core/records.py for how a class is cheap.
MOST_MODULES, MOST_CLASSES = 75, 130

PROGRAM = """
import builtins, sys
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

given = eval(sys.argv[1])
settings = read_settings({"ML_ROOT": given["root"]})
bootstrap._SERVICES.append(folder_services(settings, key_records=lambda: given["records"]))
answer = aws.api(given["event"], None)
assert answer["statusCode"] == 200, answer
modules = sorted(sys.modules)
builtins.__import__ = import_module
importers = {name: sorted(filter(None, by)) for name, by in importers.items()}
told = {"importers": importers, "classes": classes, "typed": typed}
import json
print(json.dumps({"modules": modules, **told}))
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
        [sys.executable, "-S", "-c", _with_packages(), repr(given)],
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
def test_nothing_is_paid_for_json_typing_or_openssl(trained: Path, model: str) -> None:
    loaded = loaded_after(trained, model, ROWS[:1])
    assert set(loaded.modules) & SPARED == set()
    assert ours(loaded.typed) == []


@pytest.mark.parametrize("model", ["iris", "groups", "digits"])
def test_a_first_prediction_keeps_its_budget(trained: Path, model: str) -> None:
    loaded = loaded_after(trained, model, ROWS[:1])
    assert len(ours(loaded.modules)) <= MOST_MODULES
    assert len(ours(loaded.classes)) <= MOST_CLASSES


@pytest.fixture(scope="module")
def of_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of pictures, of sequences and of texts."""
    return folder_of_networks(tmp_path_factory.mktemp("networks"))


# What reads pictures, sequences and texts, and computes networks: of these each imports its own.
NETWORKS = {
    "ml_core.algorithms.cnn", "ml_core.algorithms.rnn", "ml_core.algorithms.network_estimator",
    "ml_core.arithmetic.network", "ml_core.arithmetic.plain_networks",
    "ml_core.arithmetic.vectorised_networks", "ml_core.inputs.arrays", "ml_core.inputs.encoded",
    "ml_core.inputs.float32", "ml_core.inputs.instance_cells", "ml_core.inputs.instance_tensors",
    "ml_core.pictures.png", "ml_core.preprocessing.instance_input", "ml_core.preprocessing.network_batch",
    "ml_core.preprocessing.picture_input", "ml_core.preprocessing.sequence_input",
    "ml_core.preprocessing.text_input", "ml_core.preprocessing.tokens",
}  # fmt: skip


@pytest.mark.parametrize("model", ["iris", "groups", "digits"])
def test_rows_of_a_table_import_nothing_of_networks(trained: Path, model: str) -> None:
    assert modules_after(trained, model, ROWS[:1]) & NETWORKS == set()


@pytest.mark.parametrize(
    ("model", "instance", "others"),
    [
        ("digits", PICTURES[0], {"sequence_input", "text_input", "tokens"}),
        ("waves", SEQUENCES[3], {"picture_input", "text_input", "tokens"}),
        ("reviews", TEXTS[0], {"picture_input", "sequence_input"}),
    ],
)
def test_a_small_network_imports_no_numpy_and_only_its_own_reader(
    of_networks: Path, model: str, instance: Any, others: set[str]
) -> None:
    loaded = loaded_after(of_networks, model, [instance], ["label", "probability"])
    assert set(loaded.modules) & HEAVY == set()
    assert set(loaded.modules) & OTHERS == set()
    assert set(loaded.modules) & {f"ml_core.preprocessing.{name}" for name in others} == set()
    assert "ml_core.arithmetic.vectorised_networks" not in loaded.modules
    if model != "reviews":  # `re` cuts texts into words
        assert set(loaded.modules) & SPARED == set()
    assert ours(loaded.typed) == []
    assert len(ours(loaded.modules)) <= MOST_MODULES + 8


def test_raw_pixels_need_no_numpy_and_a_png_file_needs_no_pillow(of_networks: Path) -> None:
    raw = {"b64": b64(bytes(pixel for row in PICTURES[0] for pixel in row)), "dtype": "uint8"}
    assert modules_after(of_networks, "digits", [raw]) & HEAVY == set()
    loaded = modules_after(of_networks, "digits", [{"b64": b64(png(PICTURES[0]))}])
    assert "ml_core.pictures.png" in loaded
    assert not {name for name in loaded if name.startswith(("PIL", "sklearn", "scipy"))}
