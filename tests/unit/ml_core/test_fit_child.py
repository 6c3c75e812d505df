"""The child process that fits: what it hands over, and that it never outlives its parent."""

import json
import os
import random
import subprocess
import sys

from ml_core.fit_child import FitChild, Fitted, Refused
from ml_core.instances import Limits
from ml_core.training import TrainingRequest, check_request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))

PARENT = """
import os, sys
from ml_core.fit_child import FitChild

with FitChild(sys.stdin.buffer.read()) as child:
    while child.phase == "starting":
        child.ended.wait(0.05)
    print(child._folder, flush=True)
    child.ended.wait()
    print("the fit was quicker than the test", flush=True)
"""


def _request(rows: int, columns: int = 2, **request: object) -> TrainingRequest:
    chance = random.Random(0)  # noqa: S311  # rows, not secrets
    instances = [[chance.gauss(0, 1) for _ in range(columns)] for _ in range(rows)]
    targets = [sum(row) > chance.gauss(0, 1) for row in instances]
    return check_request(
        {"algorithm": "svm", "instances": instances, "targets": targets, **request}, Limits()
    )


def test_a_fit_hands_over_its_artifact_and_manifest() -> None:
    with FitChild(_request(40).to_bytes()) as child:
        assert child.ended.wait(60)
        result = child.result()
    assert isinstance(result, Fitted)
    assert result.manifest["algorithm"] == "svm"
    assert result.artifact
    assert child.phase not in {"starting", None}, "progress was told"
    assert not os.path.exists(child._folder)


def test_a_request_at_fault_is_refused_with_its_faults() -> None:
    request = _request(40)._replace(targets=[True] * 40)
    with FitChild(request.to_bytes()) as child:
        assert child.ended.wait(60)
        result = child.result()
    assert isinstance(result, Refused)
    assert result.error["code"] == "invalid_input"
    assert result.error["faults"]
    json.dumps(result.error)


def test_leaving_ends_a_fit_that_is_under_way() -> None:
    with FitChild(_request(20_000, 20).to_bytes()) as child:
        while child.phase == "starting":
            assert not child.ended.wait(0.01)
    assert child.ended.is_set()
    assert not os.path.exists(child._folder)


def test_a_fit_does_not_outlive_a_parent_that_is_killed() -> None:
    """The child holds the parent's standard error: it closes only when both are gone."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(_request(20_000, 20).to_bytes())
    parent.stdin.close()
    parent.stdin = None
    folder = parent.stdout.readline().decode().strip()
    assert os.path.isdir(folder)
    parent.kill()
    rest, _ = parent.communicate(timeout=30)
    assert rest == b""
    assert not os.path.exists(folder)
