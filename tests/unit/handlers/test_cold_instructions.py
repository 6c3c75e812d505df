"""What a first prediction takes above bare Python, counted in instructions, which are repeatable."""

import os
import sys
import warnings
from functools import cache
from pathlib import Path

import pytest

from benchmarks.instructions import CannotCount, count
from providers.deploying.keys import new_key
from tests.unit.handlers.conftest import ROWS
from tests.unit.handlers.networks import PICTURES, SEQUENCES, folder_of_networks

# In millions, by the model's kind; a twentieth above what was counted. Before you raise one, see in
# docs/decisions/0063-json-without-its-package.md and 0067 what a cold start was spared, and why.
BUDGETS = {"iris": 71, "groups": 71, "digits": 73}
NETWORK_BUDGETS = {"digits": 82, "waves": 79}

# Answers one event as a Lambda instance does, of the folder store. It imports nothing of its own.
PROGRAM = """
import sys
root, key, event = eval(sys.argv[1])
from handlers.clouds import aws, bootstrap
from handlers.local.services import folder_services
from handlers.settings import read_settings
bootstrap._SERVICES.append(folder_services(read_settings({"ML_ROOT": root}), lambda: [key]))
assert aws.api(event, None)["statusCode"] == 200
"""


def above_bare_python(root: Path, model: str, instance: object) -> float:
    """Millions of instructions that a fresh process takes to answer an instance, above `pass`."""
    key = new_key("predict")
    event = {
        "version": "2.0",
        "rawPath": f"/v1/models/{model}:predict",
        "headers": {"authorization": f"Bearer {key.key}", "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}, "requestId": "r1", "stage": "$default"},
        "body": f'{{"instances": {[instance]}}}',
        "isBase64Encoded": False,
    }
    return counted(PROGRAM, repr((str(root), key.record, event))) - counted("pass")


@cache
def counted(program: str, *arguments: str) -> float:
    """Millions of instructions of a fresh process; skips, with a warning, where nothing counts them."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTHON"))}
    env |= {"PYTHONHASHSEED": "0", "PYTHONPATH": str(Path(__file__).parents[3])}
    try:
        # -S: what site-packages load by themselves (*.pth) is not ours.
        return count((sys.executable, "-S", "-c", program, *arguments), env) / 1e6
    except CannotCount as reason:
        warnings.warn(f"the budget of a cold start is not checked: {reason}", stacklevel=1)
        pytest.skip(str(reason))


@pytest.mark.parametrize("model", BUDGETS)
def test_a_first_prediction_keeps_its_budget_of_instructions(trained: Path, model: str) -> None:
    assert above_bare_python(trained, model, ROWS[0]) <= BUDGETS[model]


@pytest.fixture(scope="module")
def of_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of pictures and one of sequences."""
    return folder_of_networks(tmp_path_factory.mktemp("networks"))


@pytest.mark.parametrize(("model", "instance"), [("digits", PICTURES[0]), ("waves", SEQUENCES[3])])
def test_a_networks_first_prediction_keeps_its_budget(
    of_networks: Path, model: str, instance: object
) -> None:
    assert above_bare_python(of_networks, model, instance) <= NETWORK_BUDGETS[model]
