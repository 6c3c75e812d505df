"""Networks with random weights in a registry: they predict as trained ones do, and take no time to train."""

import base64
import hashlib
import json
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handlers.services import Services
from ml_core.model.model import Model
from ml_core.preprocessing.picture_input import PictureInput
from ml_core.preprocessing.sequence_input import SequenceInput
from ml_core.preprocessing.text_input import TextInput
from ml_core.preprocessing.tokens import Tokenizer
from ml_core.registry.registry import artifact_key, manifest_key
from tests.unit.ml_core.networks_at_random import State, cnn, rnn

if TYPE_CHECKING:
    from ml_core.preprocessing.instance_input import InstanceInput

WORDS = ("good", "film", "bad", "a", "not")
TEXTS = ["A good film", "bad", "not a good film", "ein schlechter Film", ""]
SEQUENCES: list[list[list[float]]] = [
    [[row / 4 + step, step * row % 3 / 2] for step in range(1 + row % 4)] for row in range(5)
]
# As JSON: whole numbers, which raw bytes can be too.
PICTURES: list[Any] = [
    [[(row * 37 + y * 11 + x * 5) % 256 for x in range(8)] for y in range(8)] for row in range(5)
]
COLOURED: list[Any] = [
    [[[(row * 37 + y * 11 + x * 5 + c) % 256 for c in range(3)] for x in range(5)] for y in range(4)]
    for row in range(3)
]


def network(state: State, reader: "InstanceInput", classes: tuple[Any, ...]) -> Model:
    """A model of random weights."""
    return Model(
        state.estimator(),
        algorithm=state.algorithm,
        hyperparameters={},
        features=reader.features,
        classes=classes,
        reader=reader,
    )


def networks() -> dict[str, Model]:
    """One of each kind of instances, and one of pictures with colours."""
    random = np.random.default_rng(7)
    vocabulary = Tokenizer("words", WORDS, lowercase=True, max_length=None)
    return {
        "digits": network(cnn(random, classes=3), PictureInput((8, 8, 1)), (0, 1, 2)),
        "colours": network(
            cnn(random, shape=(4, 5, 3), channels=(2,), classes=2), PictureInput((4, 5, 3)), (False, True)
        ),
        "waves": network(
            rnn(random, "gru", channels=2, classes=3), SequenceInput(("volt", "amp")), ("a", "b", "c")
        ),
        "beats": network(rnn(random, channels=1, classes=2), SequenceInput(("x0",), 3), ("no", "yes")),
        "reviews": network(
            rnn(random, channels=None, tokens=1 + len(WORDS), classes=2),
            TextInput("review", vocabulary),
            ("bad", "good"),
        ),
    }


def register(services: Services, name: str, model: Model) -> None:
    """Store a model as its next version."""
    artifact = model.to_bytes()
    sha256 = hashlib.sha256(artifact).hexdigest()
    job = f"{name}-{sha256[:16]}"
    services.store.put_if_absent(artifact_key(job), artifact)
    manifest = {
        **model.description,
        "input": model.reader.summary() if model.reader else None,
        "task": "classification",
        "contains_training_rows": False,
        "metrics": {"training": {"accuracy": 0.5}},
        "warnings": [],
        "rows": 10,
        "test_rows": 0,
        "test_fraction": 0,
        "seed": 0,
        "split": {"by": "random"},
        "library_versions": {},
    }
    services.store.put_if_absent(manifest_key(job), json.dumps(manifest).encode())
    services.registry.register(
        name,
        job,
        sha256=sha256,
        size=len(artifact),
        algorithm=model.algorithm,
    )


def folder_of_networks(folder: Path) -> Path:
    """A folder in which each of `networks` is registered."""
    from tests.unit.handlers.conftest import services_over

    services = services_over(folder)
    for name, model in networks().items():
        register(services, name, model)
    return folder


def b64(data: bytes) -> str:
    """Bytes as JSON has them."""
    return base64.b64encode(data).decode()


def png(picture: Any) -> bytes:
    """A picture's PNG file: grey, or of colours."""
    array = np.asarray(picture, np.uint8)
    height, width = array.shape[:2]
    colour = 2 if array.ndim == 3 and array.shape[2] == 3 else 0
    lines = b"".join(b"\0" + line.tobytes() for line in array)
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
