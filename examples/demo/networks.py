"""Two networks: one that sees pictures, and one that reads sequences."""

import base64
import os
import tempfile
from typing import Any

from examples.demo import display, files
from examples.demo.service import Service
from examples.demo.steps import asked, checked, trained

PICTURES, MACHINES = "demo-pictures", "demo-machines"


def tell_of_networks(service: Service) -> None:
    """Train both on files, show how they learnt, and ask them."""
    display.heading("A convolutional network on pictures", "a zip of PNG files in ten folders")
    uploaded(service, PICTURES, "digits.zip", files.zip_of_digits())
    learnt(
        service,
        PICTURES,
        {
            "algorithm": "cnn",
            "hyperparameters": {"channels": [16, 32], "dense": [64], "epochs": 40, "shift": 1},
            "data": {"uri": f"dataset://{PICTURES}"},
        },
    )
    picture = base64.b64encode(files.png(_a_seven())).decode()
    body = {"instances": [{"b64": picture}], "outputs": ["label", "probability"]}
    asked(service, "POST", f"/v1/models/{PICTURES}:predict", body)

    display.heading("A recurrent network on sequences", "a CSV of machines, a line for each second")
    uploaded(service, MACHINES, "machines.csv", files.table_of_machines().encode())
    learnt(
        service,
        MACHINES,
        {
            "algorithm": "rnn",
            "hyperparameters": {"cell": "gru", "hidden_size": 32, "epochs": 60, "learning_rate": 0.005},
            "data": {
                "uri": f"dataset://{MACHINES}",
                "target": "state",
                "sequence": {"id": "machine", "order": "second", "channels": list(files.CHANNELS)},
            },
        },
    )
    swinging = [[0.9, 2.0], [0.1, 2.1], [-0.9, 2.0], [-0.4, 2.1], [0.8, 2.0], [0.4, 1.9], [-0.8, 2.1]]
    asked(service, "POST", f"/v1/models/{MACHINES}:predict", {"instances": [swinging, swinging[:3]]})


def uploaded(service: Service, name: str, file: str, content: bytes) -> None:
    """Send a file to a signed address."""
    signed = asked(service, "POST", f"/v1/datasets/{name}:upload").body
    display.request("PUT", "the signed address")
    display.note(f"  {len(content):,} bytes of {file}")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, file)
        with open(path, "wb") as written:
            written.write(content)
        sent = checked(service.send(signed["url"], path, signed["headers"]))
    display.answer(sent.status, sent.seconds)


def learnt(service: Service, model: str, body: dict[str, Any]) -> None:
    """Train a network, and show its losses epoch by epoch and what it reached."""
    metrics = trained(service, model, body).body["metrics"]
    display.losses(metrics["history"])
    display.metrics({split: metrics[split] for split in ("training", "test") if split in metrics})


def _a_seven() -> list[list[int]]:
    """The first picture of a seven."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    first = digits.images[digits.target.tolist().index(7)]
    return [[int(ink * 15) for ink in row] for row in first]
