"""Versions share an alias only if they take the same instances: a caller may get any of them."""

import hashlib
import json
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from handlers.services import Services
from ml_core.inputs.columns import NUMBER, Feature
from ml_core.inputs.rules import TYPED
from ml_core.preprocessing.picture_input import PictureInput
from ml_core.preprocessing.pixel_columns import PixelColumns
from ml_core.preprocessing.pixel_numbers import PixelNumbers
from ml_core.preprocessing.sequence_input import SequenceInput
from ml_core.preprocessing.text_input import TextInput
from ml_core.preprocessing.tokens import Tokenizer
from ml_core.registry.registry import artifact_key, manifest_key
from ml_core.training.fitting import fit
from ml_core.training.request import check_request
from tests.previous.aliases import Aliases as PreviousAliases
from tests.previous.registry import Registry as PreviousRegistry
from tests.unit.handlers.conftest import Ask, asking, services_over
from tests.unit.handlers.networks import network, register
from tests.unit.handlers.test_api import read
from tests.unit.ml_core.files_of_instances import LIMITS
from tests.unit.ml_core.networks_at_random import cnn, rnn

if TYPE_CHECKING:
    from ml_core.preprocessing.instance_input import InstanceInput

PATH = "/v1/models/m/aliases/production"
SPLIT = {"weights": {"1": 90, "2": 10}}
WORDS = ("good", "bad")


def _picture(*shape: int, columns: str = "", numbers: PixelNumbers | None = None) -> PictureInput:
    height, width, channels = shape
    pixels = [Feature(f"{columns}{place}", NUMBER, (), TYPED) for place in range(height * width * channels)]
    of = (height, width, channels)
    return PictureInput(of, pixels=PixelColumns(pixels, of) if columns else None, numbers=numbers)


def _of_numbers(are_bytes: bool, least: float, most: float) -> PictureInput:
    return _picture(2, 2, 1, numbers=PixelNumbers(are_bytes, least, most))


def _told(second: str, first: str) -> str:
    both = f"pictures have {second} in version 2, and {first} in version 1"
    return f"{both}: numbers that fit one may not fit the other"


def _text(name: str, words: tuple[str, ...] = WORDS, **options: Any) -> TextInput:
    return TextInput(name, Tokenizer("words", words, **{"lowercase": True, "max_length": None, **options}))


# By what a message calls it: what instances are, each of them other than all others.
KINDS: "dict[str, InstanceInput | list[str]]" = {
    "pictures of 8 × 8 × 1": _picture(8, 8, 1),
    "pictures of 10 × 10 × 1": _picture(10, 10, 1),
    "pictures of 4 × 16 × 1": _picture(4, 16, 1),
    "sequences of 1 channel": SequenceInput(("volt",)),
    "sequences of 2 channels": SequenceInput(("volt", "amp")),
    "texts in the column 'volt'": _text("volt"),
    "texts in the column 'review'": _text("review"),
    "rows of 1 feature": ["volt"],
    "rows of 64 features": [f"p{place}" for place in range(64)],
}
# What is told where both are of one kind whose columns are counted.
COUNTED = {
    ("sequences of 1 channel", "sequences of 2 channels"): "2 channels, not 1",
    ("sequences of 2 channels", "sequences of 1 channel"): "1 channel, not 2",
    ("rows of 1 feature", "rows of 64 features"): "feature 0 is 'p0' (number), not 'volt' (number)",
    ("rows of 64 features", "rows of 1 feature"): "feature 0 is 'volt' (number), not 'p0' (number)",
}
# Pairs that take the same instances, whatever else tells them apart, and what is warned of.
ALIKE: "dict[str, tuple[InstanceInput, InstanceInput, list[str]]]" = {
    "pictures of one shape": (_picture(8, 8, 1), _picture(8, 8, 1), []),
    "sequences that are cut": (SequenceInput(("volt", "amp"), 3), SequenceInput(("volt", "amp")), []),
    "other words": (_text("review"), _text("review", ("film",), lowercase=False, max_length=9), []),
    "rows of the same pixels": (_picture(2, 2, 1, columns="p"), _picture(2, 2, 1, columns="p"), []),
    "rows of pixels in one": (
        _picture(2, 2, 1),
        _picture(2, 2, 1, columns="p"),
        ["rows of pixels are taken by version 2, and refused by version 1"],
    ),
    "other columns of pixels": (
        _picture(2, 2, 1, columns="p"),
        _picture(2, 2, 1, columns="q"),
        ["pixels are in other columns in version 2 than in version 1: send pictures"],
    ),
    "light and dark pictures": (_of_numbers(True, 0, 255), _of_numbers(True, 3, 131), []),
    "pictures of an earlier release": (_picture(2, 2, 1), _of_numbers(False, 0, 1), []),
    "bytes and numbers from 0 to 1": (
        _of_numbers(True, 0, 255),
        _of_numbers(False, 0, 0.996),
        [
            _told("numbers from 0 to 0.996", "numbers from 0 to 255")
            + ", and of one kind alone PNG files are taken"
        ],
    ),
    "numbers from 0 to 1 and from -128 to 128": (
        _of_numbers(False, 0, 1),
        _of_numbers(False, -128, 127.5),
        [_told("numbers from -128 to 127.5", "numbers from 0 to 1")],
    ),
    "bytes in other shades": (
        _of_numbers(True, 0, 16),
        _of_numbers(True, 0, 255),
        [_told("numbers from 0 to 255", "numbers from 0 to 16")],
    ),
}


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return services_over(tmp_path)


@pytest.fixture
def ask(services: Services) -> Ask:
    return asking(services)


def _register(services: Services, taken: "InstanceInput | list[str]", seed: int = 0) -> None:
    """Store a version of the model that takes such instances."""
    random = np.random.default_rng(seed)
    if isinstance(taken, list):
        _register_table(services, taken)
    elif isinstance(taken, PictureInput):
        state = cnn(random, shape=taken.shape, channels=(2,), classes=2)
        register(services, "m", network(state, taken, ("a", "b")))
    elif isinstance(taken, SequenceInput):
        state = rnn(random, channels=len(taken.features), classes=2)
        register(services, "m", network(state, taken, ("a", "b")))
    else:
        state = rnn(random, channels=None, tokens=1 + len(taken.tokenizer.vocabulary), classes=2)
        register(services, "m", network(state, taken, ("a", "b")))


def _register_table(services: Services, features: list[str]) -> None:
    body = {
        "algorithm": "logistic_regression",
        "instances": [[row * place % 7 for place in range(1, 1 + len(features))] for row in range(20)],
        "targets": [row % 2 for row in range(20)],
        "feature_names": features,
        "test_fraction": 0,
    }
    trained = fit(check_request(body, LIMITS), lambda *_: None)
    job, sha256 = f"table-{len(features)}", hashlib.sha256(trained.artifact).hexdigest()
    services.store.put_if_absent(artifact_key(job), trained.artifact)
    services.store.put_if_absent(manifest_key(job), json.dumps(trained.manifest).encode())
    size = len(trained.artifact)
    services.registry.register("m", job, sha256=sha256, size=size, algorithm="logistic_regression")


def _sent(ask: Ask, method: str, path: str, body: Any, status: int) -> Any:
    answer = ask(method, path, json.dumps(body).encode())
    return read(answer, status, "Alias" if status == 200 else "")


def _message(problem: Any, path: str) -> str:
    (fault,) = problem["faults"]
    assert fault["path"] == path
    message: str = fault["message"]
    return message


@pytest.mark.parametrize("first", KINDS)
def test_versions_that_take_other_instances_do_not_share_an_alias(
    services: Services, ask: Ask, first: str
) -> None:
    others = [words for words in KINDS if words != first]
    for words in (first, *others):
        _register(services, KINDS[words])
    for number, words in enumerate(others, 2):
        problem = _sent(ask, "PUT", PATH, {"weights": {"1": 90, str(number): 10}}, 422)
        message = _message(problem, f'$.weights["{number}"]')
        told = f"expected {first}, got {words}"
        assert message.endswith(f"a caller may get either: {COUNTED.get((first, words), told)}")
    assert ask("GET", PATH).status == 404, "nothing was written"


def test_each_version_of_several_is_told(services: Services, ask: Ask) -> None:
    for words in ("sequences of 1 channel", "pictures of 8 × 8 × 1", "rows of 1 feature"):
        _register(services, KINDS[words])
    problem = _sent(ask, "PUT", PATH, {"weights": {"1": 1, "2": 1, "3": 1}}, 422)
    assert [fault["path"] for fault in problem["faults"]] == ['$.weights["2"]', '$.weights["3"]']


def test_channels_are_in_one_order(services: Services, ask: Ask) -> None:
    for place, channels in enumerate(permutations(("volt", "amp"))):
        _register(services, SequenceInput(channels), place)
    message = _message(_sent(ask, "PUT", PATH, SPLIT, 422), '$.weights["2"]')
    assert message.endswith("a caller may get either: channel 0 is 'amp', not 'volt'")


@pytest.mark.parametrize("name", ALIKE)
def test_versions_that_take_the_same_instances_share_it(services: Services, ask: Ask, name: str) -> None:
    first, second, warnings = ALIKE[name]
    _register(services, first, 0)
    _register(services, second, 1)
    assert _sent(ask, "PUT", PATH, SPLIT, 200).get("warnings", []) == warnings
    assert _sent(ask, "POST", f"{PATH}:promote", {}, 200)["version"] == 2
    assert _sent(ask, "POST", f"{PATH}:rollback", {"to": 1}, 200).get("warnings", []) == warnings


def test_all_traffic_may_go_to_a_version_that_takes_other_instances_and_back(
    services: Services, ask: Ask
) -> None:
    _register(services, KINDS["rows of 1 feature"])
    _register(services, KINDS["sequences of 1 channel"])
    assert _sent(ask, "PUT", PATH, {"version": 1}, 200)["version"] == 1
    assert _sent(ask, "POST", f"{PATH}:promote", {"version": 2}, 200)["version"] == 2
    assert _sent(ask, "POST", f"{PATH}:rollback", {}, 200)["version"] == 1


def test_what_an_earlier_release_let_share_it_is_left_and_not_come_back_to(
    services: Services, ask: Ask
) -> None:
    _register(services, KINDS["pictures of 8 × 8 × 1"])
    _register(services, KINDS["pictures of 10 × 10 × 1"])
    previous = PreviousAliases(PreviousRegistry(services.store))
    previous.set("m", "production", {"1": 90, "2": 10})
    assert _sent(ask, "POST", f"{PATH}:promote", {}, 200)["version"] == 2
    message = _message(_sent(ask, "POST", f"{PATH}:rollback", {"to": 1}, 422), "$.to")
    assert message == (
        "cannot roll back to versions 1, 2: version 2 takes other instances than version 1, and a caller may "
        "get either: expected pictures of 8 × 8 × 1, got pictures of 10 × 10 × 1"
    )
    previous.set("m", "production", {"1": 90, "2": 10})
    assert ask("DELETE", PATH).status == 204
    assert "cannot roll back to versions 1, 2" in _message(
        _sent(ask, "POST", f"{PATH}:rollback", {}, 422), "$"
    )
