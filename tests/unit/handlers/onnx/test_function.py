"""The entry on each cloud, in a process of its own: it hides from its children, and logs little."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from handlers.onnx.function import memory_for_children
from ml_core.graphs.call import ADDRESS, GraphFailure, read_answer, write_call
from ml_core.sandbox.child_process import PACKAGES
from tests.unit.ml_core.running.graphs import artifact_of, numbers, plus, values
from tests.unit.ml_core.running.storage import Storage, running_storage

# Asks the function of a cloud with each line of standard input, and says what it answered.
ASKING = {
    "aws": """
from handlers.onnx import aws
def asked(payload):
    return json.dumps(aws.run(json.loads(payload), None))
""",
    "google": """
from handlers.onnx import google
from werkzeug.test import EnvironBuilder
from flask import Request
def asked(payload):
    body, status, headers = google.run(Request(EnvironBuilder(method="POST", data=payload).get_environ()))
    assert (status, headers) == (200, {"content-type": "application/json"})
    return body.decode()
""",
    "azure": """
from handlers.onnx import azure
import azure.functions as func
def asked(payload):
    answer = azure.run(func.HttpRequest("POST", "/api/onnx", body=payload))
    assert answer.status_code == 200
    return answer.get_body().decode()
""",
}
PROGRAM = """
import json, os, sys
{asking}
for line in sys.stdin.buffer:
    print("answer", asked(line.rstrip(b"\\n")), flush=True)
print("modules", json.dumps(sorted(name for name in sys.modules if "signature" not in name)))
import ctypes
print("dumpable", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


class Said(NamedTuple):
    """What a process of the function said: answers, its log, modules, and whether it may be looked at."""

    answers: list[bytes]
    logged: list[dict[str, Any]]
    modules: list[str]
    dumpable: int


@pytest.fixture
def storage() -> Iterator[Storage]:
    with running_storage() as storage:
        yield storage


def said(cloud: str, storage: Storage, *payloads: bytes, **variables: str) -> Said:
    python = sys.executable
    if cloud == "google":
        python = os.path.join(PACKAGES, ".tools", "google-api", "bin", "python")
        if not os.path.exists(python):
            pytest.skip("functions-framework is not installed: make .tools/google-api.ready")
    ran = subprocess.run(
        [python, "-c", PROGRAM.replace("{asking}", ASKING[cloud])],
        input=b"\n".join(payloads),
        env={
            "PYTHONPATH": os.pathsep.join([PACKAGES, *filter(None, sys.path)]),
            "ML_ARTIFACTS": storage.place,
            "AWS_SECRET_ACCESS_KEY": "secret-key",
            **variables,
        },
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    lines = ran.stdout.decode().splitlines()
    assert "secret-key" not in ran.stdout.decode()
    assert "signature" not in ran.stdout.decode()
    assert storage.at not in ran.stdout.decode()
    by_word = {word: [line[len(word) + 1 :] for line in lines if line.startswith(word)] for word in (
        "answer", "modules", "dumpable",
    )}  # fmt: skip
    return Said(
        [line.encode() for line in by_word["answer"]],
        [json.loads(line) for line in lines if line.startswith("{")],
        json.loads(by_word["modules"][0]),
        int(by_word["dumpable"][0]),
    )


@pytest.mark.parametrize("cloud", ASKING)
def test_a_call_is_answered_and_logged_in_a_line(cloud: str, storage: Storage) -> None:
    data, sha256 = artifact_of(plus(1))
    call = storage.call(data, sha256, numbers(1))
    other = write_call(call._replace(url="https://evil.example/x?y"))
    told = said(cloud, storage, write_call(call), write_call(call), other)
    first, second = (read_answer(answer) for answer in told.answers[:2])
    assert [values(outputs["y"]).tolist() for outputs, _ in (first, second)] == [[2], [2]]
    with pytest.raises(GraphFailure) as caught:
        read_answer(told.answers[2])
    assert caught.value.reason == ADDRESS
    lines = [{name: line[name] for name in ("event", "sha256", "cold")} for line in told.logged]
    assert lines == [{"event": "graph", "sha256": sha256[:12], "cold": cold} for cold in (True, False, False)]
    assert [line.get("reason") for line in told.logged] == [None, None, ADDRESS]
    assert all(line["ms"] > 0 for line in told.logged)
    assert {name for line in told.logged for name in line} == {
        *("time", "level", "severity", "event", "sha256", "ms", "cold", "reason"),
    }
    if sys.platform == "linux":
        assert told.dumpable == 0


# What the function has no use for, and the package it travels in has not.
ELSEWHERE = (
    *("handlers.rest", "handlers.services", "handlers.auth", "providers", "boto3", "obstore", "numpy"),
    *("onnxruntime", "ml_core.registry", "ml_core.jobs", "ml_core.training", "ml_core.networks", "sklearn"),
)


@pytest.mark.parametrize("cloud", ASKING)
def test_it_imports_nothing_of_the_service_and_no_runtime(cloud: str, storage: Storage) -> None:
    data, sha256 = artifact_of(plus(1))
    modules = said(cloud, storage, write_call(storage.call(data, sha256, numbers(1)))).modules
    assert "ml_core.running.answering" in modules
    loaded = [name for name in modules if name.startswith(ELSEWHERE) and name != "azure"]
    assert loaded == []


def test_what_is_no_call_is_answered_as_one_that_failed(storage: Storage) -> None:
    told = said("azure", storage, b"{}", b"[]", b"\xff")
    for answer in told.answers:
        with pytest.raises(GraphFailure, match="expected"):
            read_answer(answer)
    assert [line.get("sha256") for line in told.logged] == [None] * 3


ODD = """
import azure.functions as func
from handlers.onnx import azure, function
got = azure.run(func.HttpRequest("GET", "/api/onnx", body=b""))
long = azure.run(func.HttpRequest("POST", "/api/onnx", body=bytes(function.LONGEST_CALL + 1)))
print(got.status_code, long.status_code)
"""


def test_an_http_function_is_for_a_post_of_some_length(storage: Storage) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ODD],
        env={"PYTHONPATH": PACKAGES, "ML_ARTIFACTS": storage.place},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout == "405 413\n"


@pytest.mark.parametrize("place", ["", "http://x"])
def test_without_the_setting_it_does_not_start(place: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import handlers.onnx.aws"],
        env={"PYTHONPATH": PACKAGES, "ML_ARTIFACTS": place},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert "expected ML_ARTIFACTS to be what the addresses of all artifacts begin with" in ran.stderr


@pytest.mark.parametrize("megabytes", [128, 512, 1024, 2048, 10240])
def test_children_take_what_the_function_has(megabytes: int) -> None:
    each, kept = memory_for_children(megabytes << 20)
    assert each > 40 << 20
    assert each > kept
    assert each + kept <= max(megabytes - 256, 64) << 20
