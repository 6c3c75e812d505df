"""What a request to predict may take: more is refused before anything is computed, whichever way it came."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handlers.direct import predict_directly
from handlers.rest.api import Api
from handlers.single.model import OneModel, api_of
from ml_core.algorithms.network_estimator import NetworkEstimator
from ml_core.arithmetic.bounds import BLOCK_NUMBERS, STEP_MULTIPLICATIONS
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from tests.unit.handlers.conftest import asking, services_over
from tests.unit.handlers.networks import PICTURES, SEQUENCES, TEXTS, folder_of_networks, networks
from tests.unit.ml_core.networks_at_random import rnn

INSTANCES: dict[str, list[Any]] = {"digits": PICTURES, "waves": SEQUENCES, "reviews": TEXTS}
SETTING = "ML_MAX_MULTIPLICATIONS"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of_networks(tmp_path_factory.mktemp("networks"))


def work_of(model: Model, instances: list[Any]) -> int:
    return model.multiplications(model.rows(instances, limits=Limits()))


def tensors(name: str) -> dict[str, Any]:
    """The instances in the Open Inference Protocol: pictures as they are, one sequence, texts."""
    data = INSTANCES[name]
    if name == "digits":
        return {"name": "input-0", "datatype": "UINT8", "shape": [len(data), 8, 8], "data": data}
    if name == "waves":
        longest = max(data, key=len)
        return {"name": "input-0", "datatype": "FP32", "shape": [1, len(longest), 2], "data": [longest]}
    return {"name": "input-0", "datatype": "BYTES", "shape": [len(data), 1], "data": data}


@pytest.mark.parametrize("name", INSTANCES)
def test_more_than_a_request_may_take_is_413_in_every_form(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    model, instances = networks()[name], INSTANCES[name]
    work = work_of(model, instances)
    artifact = tmp_path / "model.safetensors"
    artifact.write_bytes(model.to_bytes())
    body = {"instances": instances}

    def answers(most: int, tensor: dict[str, Any]) -> list[Any]:
        services = services_over(root, **{SETTING: str(most)})
        ask = asking(services)
        monkeypatch.setenv(SETTING, str(most))
        rest = [
            ask("POST", f"/v1/models/{name}:predict", json.dumps(body).encode()),
            ask("POST", f"/v2/models/{name}/infer", json.dumps({"inputs": [tensor]}).encode()),
        ]
        return [
            *(json.loads(response.body) for response in rest),
            predict_directly(Api(services), {"model": name, **body}, "r1"),
            predict_directly(api_of(OneModel(name, str(artifact))), {"model": "m", **body}, "r1"),
        ]

    assert not any("code" in answer for answer in answers(work, tensors(name)))
    monkeypatch.setattr(NetworkEstimator, "predict", lambda *_: pytest.fail("it was computed"))
    for answer in answers(1, tensors(name)):
        assert answer["code"] == "too_large"
    ask = asking(services_over(root, **{SETTING: str(work - 1)}))
    response = ask("POST", f"/v1/models/{name}:predict", json.dumps(body).encode())
    told = json.loads(response.body)
    assert (response.status, told["code"]) == (413, "too_large")
    assert f"{len(instances)} instances take the time of {work:,} multiplications" in told["detail"]
    assert f"at most {work - 1:,} are done" in told["detail"]


def test_pictures_take_what_the_network_multiplies() -> None:
    model = networks()["digits"]
    assert work_of(model, PICTURES[:3]) == 3 * work_of(model, PICTURES[:1])
    pictures = model.rows(PICTURES[:1], limits=Limits())
    assert isinstance(pictures, Pictures)
    assert work_of(model, PICTURES[:1]) == 8 * 8 * 9 * 4 + 4 * 4 * 9 * 4 * 6 + 2 * 2 * 6 * 16 + 16 * 3


@pytest.mark.parametrize(("hidden", "cells"), [(6, 1), (6, 4), (300, 1)])
def test_a_step_that_few_sequences_take_has_a_price_of_its_own(hidden: int, cells: int) -> None:
    network = rnn(
        np.random.default_rng(1),
        channels=1,
        hidden=hidden,
        layers=max(1, cells // 2),
        bidirectional=cells > 1,
    ).estimator()

    def work(*lengths: int) -> int:
        found: int = network.multiplications(Sequences(b"", 1, lengths))
        return found

    alone = max(network.work, cells * STEP_MULTIPLICATIONS)
    assert work(1000) == 1000 * alone
    assert work(10, 1000, 10) == max(1020 * network.work, 1000 * cells * STEP_MULTIPLICATIONS), "together"
    # Of these two do not fit into one block.
    long = BLOCK_NUMBERS // network.peak_width * 2 // 3
    assert work(long, long) == 2 * long * alone


def test_rows_of_a_table_are_not_bounded_by_it(trained: Path) -> None:
    ask = asking(services_over(trained, **{SETTING: "1"}))
    body = json.dumps({"instances": [[1, 2, 3, 4]]}).encode()
    assert ask("POST", "/v1/models/iris:predict", body).status == 200
