"""What a history says of a fit."""

from typing import Any

import pytest

from ml_core.training.fitting import fit
from ml_core.training.history import Entry, still_falling
from ml_core.training.request import check_request
from tests.unit.ml_core.files_of_instances import LIMITS

TOLD = "the validation loss was lowest at the last of {} epochs: more epochs may help"


def entries(*losses: float | None, of: int | None = None) -> list[Entry]:
    return [
        {"done": done, "of": of or len(losses), "loss": 1.0, "validation_loss": loss}
        for done, loss in enumerate(losses, 1)
    ]


@pytest.mark.parametrize(
    ("told", "falling"),
    [
        (entries(0.9, 0.8, 0.7), True),
        (entries(0.9, 0.95, 0.7), True),
        (entries(0.9, None, 0.7), True),
        (entries(0.9, 0.7, 0.8), False),
        (entries(0.9, 0.7, 0.7), False),
        (entries(0.9, 0.7, None), False),
        (entries(0.9, 0.8, 0.7, of=20), False),
        (entries(0.9), False),
        ([], False),
        ([{"done": 1, "of": 2, "loss": 1.0}, {"done": 2, "of": 2, "loss": 0.5}], False),
    ],
)
def test_a_loss_that_was_still_falling_is_told(told: list[Entry], *, falling: bool) -> None:
    assert still_falling(told) == ([TOLD.format(len(told))] if falling else [])


@pytest.mark.parametrize(("fraction", "told"), [(0.5, [TOLD.format(2)]), (0, [])])
def test_the_warning_is_the_versions(fraction: float, told: list[str]) -> None:
    """Constant sequences of two kinds are learnt at once, and better with each epoch."""
    body: dict[str, Any] = {
        "algorithm": "rnn",
        "hyperparameters": {"hidden_size": 4, "epochs": 2, "validation_fraction": fraction},
        "instances": [[1.0, 1.0] if row % 2 else [-1.0, -1.0] for row in range(40)],
        "targets": [row % 2 for row in range(40)],
        "test_fraction": 0,
    }
    warnings: Any = fit(check_request(body, LIMITS), lambda *_: None).manifest["warnings"]
    assert [each for each in warnings if "epochs" in each] == told
