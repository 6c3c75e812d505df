"""Whoever names a column of numbers as the text is told so, whatever the texts came in."""

from pathlib import Path
from typing import Any

import pytest

from ml_core.inputs.rows import Limits
from ml_core.training.fitting import fit
from ml_core.training.notebook import check_request, train_model
from tests.unit.ml_core.files_of_instances import csv_file, read

QUICK: dict[str, Any] = {"hidden_size": 2, "epochs": 1}
LABELS = ["cheap", "dear"] * 6
NUMBERS = {
    "whole": [str(number) for number in range(12)],
    "points": [f" -{number}.50" for number in range(12)],
    "commas": [f"{number},5e3" for number in range(12)],
    "some are empty": [str(number) if number % 3 else " " for number in range(12)],
}
WORDS = {
    "one is none": ["12.50 EUR", *NUMBERS["whole"][1:]],
    "dates": [f"2024-05-{number}" for number in range(12)],
    "empty": [""] * 12,
}


def warnings_of(form: str, prices: list[str], tmp_path: Path) -> Any:
    if form == "notebook":
        with pytest.warns(UserWarning, match="every text") as told:
            train_model(prices, LABELS, "rnn", **QUICK)
        return [str(each.message) for each in told]
    if form == "file":
        table = csv_file({"price": prices, "y": LABELS})
        request = read(tmp_path, table, "rnn", {"target": "y", "text": "price"})
        request = request._replace(hyperparameters={**request.hyperparameters, **QUICK})
    else:
        rows = [{"price": price} for price in prices]
        body: dict[str, object] = {
            "algorithm": "rnn",
            "hyperparameters": QUICK,
            "instances": rows,
            "targets": LABELS,
        }
        body["test_fraction"] = 0
        request = check_request(body, Limits(), lambda _: None)
    return fit(request, lambda *_: None).manifest["warnings"]


@pytest.mark.parametrize("form", ["file", "request", "notebook"])
@pytest.mark.parametrize("written", NUMBERS)
def test_texts_that_are_all_numbers_are_told(form: str, written: str, tmp_path: Path) -> None:
    name = "text" if form == "notebook" else "price"
    found = warnings_of(form, NUMBERS[written], tmp_path)
    told = f'every text of "{name}" is a number, and is read as words, whatever its size: '
    assert [each for each in found if each.startswith(told)]


@pytest.mark.parametrize("written", WORDS)
def test_others_are_not(written: str, tmp_path: Path) -> None:
    assert not [each for each in warnings_of("request", WORDS[written], tmp_path) if "is a number" in each]
