"""Clients that other people wrote, unchanged, in an environment of their own, against the laptop's server."""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from sklearn.datasets import load_iris

from tests.e2e.local_server import ROOT, LocalServer
from tests.unit.handlers.networks import (
    COLOURED,
    PICTURES,
    SEQUENCES,
    TEXTS,
    b64,
    folder_of_networks,
    png,
)

PYTHON = os.path.join(ROOT, ".tools", "clients", "bin", "python")
IRIS = load_iris()
ROWS: list[list[float]] = IRIS.data[::30].tolist()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("clients")) as running:
        for name, targets in (
            ("iris", [str(IRIS.target_names[label]) for label in IRIS.target]),
            ("numbers", IRIS.target.tolist()),
            ("booleans", (IRIS.target == 0).tolist()),
        ):
            body = {"algorithm": "logistic_regression", "instances": IRIS.data.tolist(), "targets": targets}
            assert running.train(name, body)["state"] == "succeeded"
        yield running


def _client(script: str, *arguments: str) -> Any:
    assert os.path.exists(PYTHON), "the clients are not installed: run `make .tools/clients.ready`"
    done = subprocess.run(
        [PYTHON, os.path.join(ROOT, "tests", "e2e", "clients", script), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _predicted(server: LocalServer, model: str) -> dict[str, Any]:
    """The same rows over our own `:predict`, by the clients' names."""
    asked = {"instances": ROWS, "outputs": ["label", "probability", "decision"]}
    rows = server.call("POST", f"/v1/models/{model}:predict", asked).body["predictions"]
    decisions = [row["decision"] for row in rows]
    return {
        "predict": [row["label"] for row in rows],
        "predict_proba": [row["probability"] for row in rows],
        "decision_function": [[value] if isinstance(value, float) else value for value in decisions],
    }


@pytest.mark.parametrize("model", ["iris", "numbers", "booleans"])
def test_tritons_client_gets_our_numbers_in_json_and_binary(server: LocalServer, model: str) -> None:
    got = _client("triton.py", server.url.removeprefix("http://"), model, json.dumps(ROWS))
    expected = _predicted(server, model)
    labels = {"predict": expected["predict"]}
    assert (got["live"], got["ready"], got["model_ready"], got["version_ready"]) == (True,) * 4
    assert got["nobody_ready"] is False
    assert got["server"]["extensions"] == ["binary_tensor_data"]
    assert got["metadata"]["name"] == model
    assert got["json"] == expected
    assert got["binary"] == expected
    assert got["mixed"] == expected
    assert got["default"] == got["gzip"] == got["deflate"] == got["async"] == got["single"] == labels
    assert got["id"] == "42"
    assert got["error"]["status"] == "400"
    assert "expects 4 features" in got["error"]["message"]


def test_kserves_client_speaks_v1(server: LocalServer) -> None:
    got = _client("kserve_rest.py", server.url, "iris", json.dumps(ROWS))["v1"]
    assert got["live"] is True
    assert got["ready"] is True
    assert got["predicted"]["predictions"] == _predicted(server, "iris")["predict"]
    explained = server.call("POST", "/v1/models/iris:explain", {"instances": ROWS}).body
    assert got["explained"] == explained
    assert [each["label"] for each in explained["explanations"]] == got["predicted"]["predictions"]
    assert got["not_explained"]["status"] == 422
    assert "expected one of 'setosa'" in got["not_explained"]["message"]
    wrong_row, nobody = got["errors"]
    assert wrong_row["status"] == 422
    assert "expects 4 features, row 0 has 1" in wrong_row["message"]
    assert nobody["status"] == 404
    assert "there is no model 'nobody'" in nobody["message"]


@pytest.mark.parametrize("model", ["iris", "numbers", "booleans"])
def test_kserves_client_speaks_v2_in_json_and_binary(server: LocalServer, model: str) -> None:
    got = _client("kserve_rest.py", server.url, model, json.dumps(ROWS))["v2"]
    assert (got["live"], got["ready"], got["model_ready"], got["nobody_ready"]) == (True, True, True, False)
    for form in ("json", "binary"):
        assert got[form]["id"] == "42"
        assert got[form]["model_name"] == model
        expected = _predicted(server, model)
        assert got[form]["outputs"] == {name: expected[name] for name in ("predict", "predict_proba")}
    assert got["error"]["status"] == 400
    assert "expects 4 features" in got["error"]["message"]


def _tensor(data: Any, datatype: str, name: str = "input-0", **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "data": data, **more}


def _padded() -> list[Any]:
    longest = max(map(len, SEQUENCES))
    return [sequence + [[0.0, 0.0]] * (longest - len(sequence)) for sequence in SEQUENCES]


# The model, its tensors, and what they hold as `:predict` takes it.
TENSORS: list[tuple[str, list[dict[str, Any]], list[Any]]] = [
    (
        "digits",
        [_tensor([[[[pixel] for pixel in row] for row in picture] for picture in PICTURES], "FP32")],
        PICTURES,
    ),
    ("colours", [_tensor(COLOURED, "UINT8")], COLOURED),
    ("digits", [_tensor([b64(png(picture)) for picture in PICTURES], "BYTES", files=True)], PICTURES),
    ("waves", [_tensor(_padded(), "FP32")], _padded()),
    (
        "waves",
        [_tensor(_padded(), "FP32"), _tensor([len(sequence) for sequence in SEQUENCES], "INT64", "lengths")],
        SEQUENCES,
    ),
    ("reviews", [_tensor(TEXTS, "BYTES")], TEXTS),
    ("reviews", [_tensor([[text] for text in TEXTS], "BYTES", "review")], TEXTS),
]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(folder_of_networks(tmp_path_factory.mktemp("networks"))) as running:
        yield running


@pytest.mark.parametrize(("script", "scheme"), [("triton_tensors.py", ""), ("kserve_tensors.py", "http://")])
def test_clients_send_pictures_sequences_and_texts(networks: LocalServer, script: str, scheme: str) -> None:
    requests = json.dumps([(model, tensors) for model, tensors, _ in TENSORS])
    got = _client(script, scheme + networks.url.removeprefix("http://"), requests)
    for (model, tensors, instances), answers in zip(TENSORS, got, strict=True):
        asked = {"instances": instances, "outputs": ["label", "probability"]}
        rows = networks.call("POST", f"/v1/models/{model}:predict", asked).body["predictions"]
        expected = [[row["label"] for row in rows], [row["probability"] for row in rows]]
        assert answers["json"] == expected, (script, model)
        assert answers["binary"] == expected, (script, model)
        if "inputs" in answers:
            assert {each["name"] for each in tensors} <= {each["name"] for each in answers["inputs"]} | {
                "review"
            }
