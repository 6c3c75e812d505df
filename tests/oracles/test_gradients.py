"""Explanations of networks against PyTorch's integrated gradients: by the same nodes, and by very many.

Run by `make oracles`. The networks are trained here, on what packages ship; PyTorch gets their weights.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.explaining.explanation import Explanation
from ml_core.explaining.network_margins import NetworkMargins
from ml_core.inputs.rows import Limits
from ml_core.model.explanations import explain
from ml_core.model.model import Model
from ml_core.training.notebook import train_model
from tests.oracles import data

ROOT = Path(__file__).resolve().parents[2]
INSTANCES = 4
# What is trained on which data.
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "digits, maxima": ("cnn", {"epochs": 10}),
    "digits, averages": ("cnn", {"epochs": 10, "pooling": "average", "channels": [8, 8, 8]}),
    "vowels, maxima": ("rnn", {"epochs": 15}),
    "vowels, two layers": ("rnn", {"epochs": 8, "layers": 2, "cell": "gru", "reads": "last"}),
    "first names": ("rnn", {"epochs": 4, "tokens": "characters", "reads": "mean", "cell": "rnn"}),
}


class Recorded(NamedTuple):
    """One way that we went: what the layers took at its ends, whose margin it is, and at which nodes."""

    baseline: NDArray[np.float64]
    x: NDArray[np.float64]
    classes: tuple[int, int]
    nodes: list[float]

    @property
    def rule(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The nodes in order, with the share of each in the trapezoidal rule."""
        nodes = np.sort(self.nodes)
        widths = np.diff(nodes)
        return nodes, (np.append(widths, 0) + np.append(0, widths)) / 2


class Explained(NamedTuple):
    """A network, its explanations, and the ways that they were summed along."""

    model: Model
    chosen: dict[str, Any]
    explanations: list[Explanation]
    ways: list[Recorded]


def trained(name: str) -> tuple[Model, list[Any]]:
    """A network, and instances that it has not seen."""
    table = name.partition(",")[0]
    algorithm, chosen = NETWORKS[name]
    X: Any
    if table == "digits":
        X, y = data.digits()
        split = data.split_of(y, 0)
    elif table == "vowels":
        samples, y, split = data.vowels()
        X = np.split(samples.steps, samples.offsets[1:-1])
    else:
        X, y = data.texts("first-names")
        split = data.split_of(y, 0)
    train, test = ([X[place] for place in places.tolist()] for places in (split.train, split.test))
    model = train_model(train, y[split.train].tolist(), algorithm, hyperparameters=chosen)
    held = test[:: len(test) // INSTANCES][:INSTANCES]
    return model, [each if isinstance(each, str) else each.tolist() for each in held]


def ours(name: str, monkeypatch: pytest.MonkeyPatch) -> Explained:
    """The explanations, with their nodes."""
    model, given = trained(name)
    ways: list[Recorded] = []
    original = NetworkMargins._way

    def recording(self: Any, baseline: Any, x: Any, classes: tuple[int, int], *, together: bool) -> Any:
        way = original(self, baseline, x, classes, together=together)
        ways.append(Recorded(np.array(baseline), np.array(x), classes, []))

        def along(nodes: Any) -> Any:
            ways[-1].nodes.extend(nodes.tolist())
            return way(nodes)

        return along

    with monkeypatch.context() as patched:
        patched.setattr(NetworkMargins, "_way", recording)
        found = explain(model, model.rows(given, limits=Limits()))
    estimator: Any = model.estimator
    chosen = {**model.hyperparameters, **estimator.parameters(), "outputs": len(model.classes or ())}
    chosen["instances"] = len(found)
    return Explained(model, chosen, found, ways)


@pytest.fixture(scope="module")
def explained() -> dict[str, Explained]:
    """Ours, network by network."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return {name: ours(name, monkeypatch) for name in NETWORKS}


@pytest.fixture(scope="module")
def pytorch(explained: dict[str, Explained]) -> dict[str, Any]:
    """What PyTorch says of the same networks and ways."""
    folder = ROOT / "build" / "oracles"
    folder.mkdir(parents=True, exist_ok=True)
    given: dict[str, Any] = {"cases": json.dumps({name: told.chosen for name, told in explained.items()})}
    for name, told in explained.items():
        for tensor_name, tensor in told.model.estimator.tensors().items():
            array = np.frombuffer(tensor.packed, "<f4").reshape(tensor.shape)
            given[f"{name}/weights/{tensor_name}"] = array
        for place, way in enumerate(told.ways):
            nodes, shares = way.rule
            one = {
                "x": way.x,
                "baseline": way.baseline,
                "classes": way.classes,
                "nodes": nodes,
                "shares": shares,
            }
            given |= {f"{name}/{place}/{key}": np.asarray(array) for key, array in one.items()}
    np.savez_compressed(folder / "ways.npz", **given)
    python = ROOT / ".tools" / "torch" / "bin" / "python"
    script = Path(__file__).with_name("make_gradients.py")
    made = folder / "gradients.npz"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([python, script, folder / "ways.npz", made], check=True, env=environment)
    with np.load(made) as opened:
        return {name: opened[name] for name in opened.files}


def places_of(told: Explanation, parts: Any) -> tuple[Any, Any]:
    """Ours and theirs of each place: a pixel's channels, and a token's vector, are one."""
    found: Any = told.attributions
    if isinstance(found[0], dict):
        return np.array([token["value"] for token in found]), parts.sum(axis=-1)
    ours = np.array(found)
    return ours, parts.sum(axis=-1) if parts.ndim == 3 else parts


@pytest.mark.parametrize("name", NETWORKS)
def test_integrated_gradients_are_pytorchs(
    explained: dict[str, Explained], pytorch: dict[str, Any], name: str
) -> None:
    off, far, complete = [], [], []
    for place, (told, way) in enumerate(zip(explained[name].explanations, explained[name].ways, strict=True)):
        parts, theirs = places_of(told, pytorch[f"{name}/{place}/parts"])
        _, fine = places_of(told, pytorch[f"{name}/{place}/fine"])
        most = np.abs(fine).max()
        off.append(np.abs(parts - theirs).max() / most)
        far.append(np.abs(parts - fine).max() / most)
        complete.append(told.error / np.abs(parts).sum())
        base, margin = pytorch[f"{name}/{place}/margins"].tolist()
        assert (told.base, told.margin) == pytest.approx((base, margin), abs=1e-8)
        assert len(way.nodes) <= 257
    print(
        f"{name}: {[len(way.nodes) for way in explained[name].ways]} nodes; of the largest part, off by "
        f"{max(off):.0e} with the same nodes, {max(far):.1e} from {4001} nodes; together {max(complete):.0e}"
    )
    assert max(off) < 1e-8
    assert max(far) < 0.01
