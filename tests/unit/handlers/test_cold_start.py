"""What a first prediction imports, seen from a fresh process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    "handlers.rest.answers", "handlers.jobs", "handlers.rest.openapi", "handlers.rest.problems",
    "handlers.wsgi", "handlers.rest.endpoints.inference", "handlers.rest.endpoints.jobs",
    "handlers.rest.endpoints.models", "handlers.rest.endpoints.training", "ml_core.jobs.jobs",
    "ml_core.jobs.trainer", "ml_core.training.fitting", "ml_core.algorithms.tasks.classification",
}  # fmt: skip

PROGRAM = """
import json, sys
from handlers.clouds import aws, bootstrap
from handlers.local.services import folder_services
from handlers.settings import read_settings

given = json.loads(sys.argv[1])
settings = read_settings({"ML_ROOT": given["root"]})
bootstrap._SERVICES.append(folder_services(settings, key_records=lambda: given["records"]))
answer = aws.api(given["event"], None)
assert answer["statusCode"] == 200, answer
print(json.dumps(sorted(sys.modules)))
"""


def modules_after(root: Path, model: str, rows: list[Any], outputs: list[str] | None = None) -> set[str]:
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
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return set(loaded)


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
