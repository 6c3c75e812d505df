"""What PyTorch says: integrated gradients of networks with our weights, by its own way of differentiating.

    .tools/torch/bin/python tests/oracles/make_gradients.py CASES.npz GRADIENTS.npz

It imports nothing of this project but the networks of `make_reference.py`. CASES.npz has in `cases`, as JSON,
the hyperparameters of each network, below `name/weights/` its weights, and of each instance `name/0/x`,
`/baseline`, `/classes`, and `/nodes` and `/shares`, the rule that we summed by. Written are the parts of each
place, `name/0/parts` by that rule and `name/0/fine` by one of 4,001 nodes, and `/margins` of both ends.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import torch
from make_reference import Cnn, Rnn  # type: ignore[import-not-found]  # beside this file

FINE = 4_001
AT_ONCE = 500


def network_of(chosen: dict[str, Any], weights: dict[str, Any]) -> Any:
    """The network with our weights, in float64. One for texts takes the vectors of tokens."""
    classes = chosen["outputs"]
    network: Any
    if "shape" in chosen:
        network = Cnn(chosen, classes)
    else:
        network = Rnn(chosen, weights["rnn.0.forward.input"].shape[1], classes, text=False)
    network.double().eval()
    with torch.no_grad():
        for (name, parameter), (told, _) in zip(
            network.named_parameters(), network.named(lambda array: array).items(), strict=True
        ):
            ours = torch.as_tensor(weights[told]).double()
            if parameter.ndim == 4:
                outputs, inputs, kernel, _ = parameter.shape
                ours = ours.reshape(outputs, kernel, kernel, inputs).permute(0, 3, 1, 2)
            assert parameter.shape == ours.shape, name
            parameter.copy_(ours)
    return network


def margins(network: Any, batch: Any, classes: list[int]) -> Any:
    """The margin of each input of a batch; sequences of one length."""
    if isinstance(network, Rnn):
        scores = network((batch, torch.full((len(batch),), batch.shape[1])))
    else:
        scores = network(batch)
    return scores[:, classes[0]] - scores[:, classes[1]]


def parts(network: Any, given: dict[str, Any], nodes: Any, shares: Any) -> Any:
    """The gradient's weighted sum over the nodes, times how far each place moves."""
    x, baseline = torch.as_tensor(given["x"]), torch.as_tensor(given["baseline"])
    total = torch.zeros_like(x)
    for begin in range(0, len(nodes), AT_ONCE):
        some = torch.as_tensor(nodes[begin : begin + AT_ONCE]).reshape(-1, *[1] * x.ndim)
        batch = (baseline + some * (x - baseline)).requires_grad_()
        (slope,) = torch.autograd.grad(margins(network, batch, given["classes"].tolist()).sum(), batch)
        total += torch.tensordot(torch.as_tensor(shares[begin : begin + AT_ONCE]), slope, 1)
    return (total * (x - baseline)).numpy()


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases")
    parser.add_argument("gradients")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(asked.cases) as opened:
        given = {name: opened[name] for name in opened.files}
    written: dict[str, Any] = {}
    for name, chosen in json.loads(str(given["cases"])).items():
        network = network_of(chosen, _below(given, f"{name}/weights/"))
        for place in range(chosen["instances"]):
            one = _below(given, f"{name}/{place}/")
            written[f"{name}/{place}/parts"] = parts(network, one, one["nodes"], one["shares"])
            fine = (np.arange(FINE) + 0.5) / FINE
            written[f"{name}/{place}/fine"] = parts(network, one, fine, np.full(FINE, 1 / FINE))
            ends = torch.as_tensor(np.stack([one["baseline"], one["x"]]))
            written[f"{name}/{place}/margins"] = (
                margins(network, ends, one["classes"].tolist()).detach().numpy()
            )
    np.savez_compressed(asked.gradients, **written)


def _below(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}


if __name__ == "__main__":
    main()
