"""Requests to score: what is checked of them, and that their stored form says the same."""

import json
from typing import Any

import numpy as np
import pytest

from handlers.rest.schemas import check
from ml_core import train_model
from ml_core.errors import ArtifactInvalid, InvalidInput
from ml_core.registering.request import registration_of
from ml_core.registry.registry import Version
from ml_core.scoring.request import BODY_SCHEMA, STORED_PREFIX, ScoringRequest, check_scoring
from ml_core.training.reference import table_of


def _checked(body: dict[str, Any]) -> ScoringRequest:
    check(BODY_SCHEMA, body)
    return check_scoring(body, lambda _: None)


_ALL: dict[str, Any] = {
    "data": {"uri": "file:a/", "format": "csv", "delimiter": ";", "encoding": "cp1252", "header": False},
    "outputs": ["label", "probability"],
    "keep": ["id", "é"],
    "format": "csv",
    "to": {"uri": "s3://lake/scores/"},
    "rejects": "stop",
    "engine": "function",
}


@pytest.mark.parametrize("body", [{"data": {"uri": "dataset://churn"}}, _ALL])
def test_the_stored_form_says_what_was_checked_and_is_taken_for_no_other_kind(body: dict[str, Any]) -> None:
    request = _checked(body)
    stored = request.to_bytes()
    assert stored.startswith(STORED_PREFIX)
    assert ScoringRequest.from_bytes(stored) == request
    assert registration_of(stored) is None
    assert table_of(stored) is None


def test_what_a_job_tells_of_its_request_is_the_body_with_what_was_not_said() -> None:
    told = _checked(_ALL).summary()
    assert told == {**_ALL, "kind": "score", "version": None}
    least = _checked({"data": {"uri": "dataset://churn"}}).summary()
    assert least["outputs"] == ["label"]
    assert (least["format"], least["rejects"], least["to"]) == ("parquet", "write", None)
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"data": {}}, "$.data"),
        ({"data": {"uri": 1}}, "$.data.uri"),
        ({"data": {"uri": "file:a", "format": "npy"}}, "$.data.format"),
        ({"data": {"uri": "file:a", "target": "x"}}, "$.data"),
        ({"data": {"uri": "file:a", "delimiter": "é"}}, "$.data.delimiter"),
        ({"data": {"uri": "file:a", "encoding": "rot13"}}, "$.data.encoding"),
        ({"outputs": []}, "$.outputs"),
        ({"outputs": ["label", "label"]}, "$.outputs[1]"),
        ({"keep": ["a", "b", "a"]}, "$.keep[2]"),
        ({"keep": [""]}, "$.keep[0]"),
        ({"keep": ["\ud800"]}, "$.keep[0]"),
        ({"format": "jsonl"}, "$.format"),
        ({"to": {"uri": "s3://lake/scores"}}, "$.to.uri"),
        ({"rejects": "drop"}, "$.rejects"),
        ({"engine": "spark"}, "$.engine"),
        ({"target": "x"}, "$"),
    ],
)
def test_a_fault_has_its_place(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _checked({"data": {"uri": "file:a"}, **changed})
    assert [fault.path for fault in refused.value.faults] == [path]


@pytest.mark.parametrize(
    "stored", [b'{"score": {}}', b'{"score": {"uri": "a", "outputs": []}}', b'{"score":']
)
def test_a_damaged_stored_form_is_no_request(stored: bytes) -> None:
    with pytest.raises(ArtifactInvalid):
        ScoringRequest.from_bytes(stored)


_VERSION = Version(3, "f" * 28, "2026-01-01T00:00:00Z", "0" * 64, 10, "logistic_regression")


def test_the_version_is_fixed_where_its_model_gives_what_is_asked() -> None:
    model = train_model([[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"])
    request = _checked({**_ALL, "outputs": ["probability", "predict"]})
    chosen = request.chosen(model, _VERSION)
    assert (chosen.version, chosen.job, chosen.sha256) == (3, _VERSION.job, _VERSION.sha256)
    assert ScoringRequest.from_bytes(chosen.to_bytes()) == chosen
    with pytest.raises(InvalidInput) as refused:
        _checked({**_ALL, "outputs": ["distance"]}).chosen(model, _VERSION)
    assert [fault.path for fault in refused.value.faults] == ["$.outputs[0]"]


def test_a_kept_column_that_is_called_as_a_prediction_is_refused() -> None:
    model = train_model([[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"])
    asked = {"outputs": ["label", "probability"], "keep": ["x", "probability_b", "label", "probability_c"]}
    with pytest.raises(InvalidInput) as refused:
        _checked({**_ALL, **asked}).chosen(model, _VERSION)
    assert [fault.path for fault in refused.value.faults] == ["$.keep[1]", "$.keep[2]"]


def test_a_model_of_pictures_is_told_what_to_do() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (8, 8, 8)).astype(np.uint8)
    model = train_model(pictures, [0, 1] * 4, "cnn", epochs=1)
    with pytest.raises(InvalidInput, match=":predict"):
        _checked({"data": {"uri": "file:a"}}).chosen(model, _VERSION)
