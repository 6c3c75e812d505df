"""The training request: declared once, and stored so that a later version of this service reads it."""

import hashlib
import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from ml_core import algorithms
from ml_core.errors import ArtifactInvalid, InvalidInput
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TEXT
from ml_core.inputs.rows import Limits
from ml_core.training.instances import Instances, TrainingInstances
from ml_core.training.reference import TableReference, table_of
from ml_core.training.request import MEMBERS, OPTIONS, TrainingRequest, body_schema, check_request
from ml_core.training.rows import TrainingRows

# As earlier versions of this service wrote them. A queue may hold such requests while it is upgraded.
STORED = Path(__file__).parent / "stored_requests"


def stored(name: str) -> bytes:
    return (STORED / name).read_bytes()


def test_a_stored_request_with_columns_of_words_and_gaps_is_read() -> None:
    request = TrainingRequest.from_bytes(stored("columns"))
    assert (request.algorithm, request.hyperparameters["C"]) == ("logistic_regression", 2.0)
    assert (request.test_fraction, request.seed) == (0.25, 7)
    assert isinstance(request.data, TrainingRows)
    assert request.features == ("age", "plan", "active")
    assert request.targets == ["yes", "no"] * 10
    assert [(column.name, column.words) for column in request.columns or ()] == [
        ("age", ()),
        ("plan", ("basic", "pro")),
        ("active", ()),
    ]
    assert request.summary() == {
        "algorithm": "logistic_regression",
        "hyperparameters": request.hyperparameters,
        "rows": 20,
        "features": 3,
        "test_fraction": 0.25,
        "seed": 7,
        "split": {"by": "random"},
        "max_seconds": None,
        "engine": "auto",
        "privacy": None,
    }
    digest = "d96f2cbaad22b6eeb303247f68fa29125d9fb36c5fb1195e1476bda169086167"
    assert request.data.lineage() == {"uri": None, "size": 480, "sha256": digest}


def test_a_stored_request_with_numbers_is_read() -> None:
    request = TrainingRequest.from_bytes(stored("numbers"))
    assert (request.algorithm, request.features, request.targets) == ("kmeans", ("a", "b"), None)
    assert (request.columns, len(request.rows), request.test_fraction) == (None, 12, 0)


def test_a_stored_request_that_names_a_table_is_read() -> None:
    request = TrainingRequest.from_bytes(stored("table"))
    table = TableReference("dataset://churn/018f", "csv", "late", ("age", "plan"))
    assert (request.algorithm, request.data, request.test_fraction, request.seed) == ("svm", table, 0.1, 3)
    assert table_of(stored("table")) == table
    assert table_of(stored("columns")) is None
    assert table.lineage({"uri": "dataset://churn/018f", "size": 7}) == {
        "uri": "dataset://churn/018f",
        "size": 7,
        "format": "csv",
        "target": "late",
    }


def test_stored_requests_that_hold_out_by_a_column_are_read() -> None:
    request = TrainingRequest.from_bytes(stored("split_rows"))
    assert request.split == {"by": "time", "column": "day"}
    assert (request.features, request.targets) == (("age", "plan"), ["no", "yes"] * 5)
    assert struct.unpack("<10q", request.ranks or b"") == (0, 0, 1, 2, 3, 4, 5, 6, 6, 7)
    says = "2 rows have no value in column 'day', by which rows are held out, and are left out"
    assert request.warnings == (says,)
    digest = "c8c68c818458fc3dd557cd0aebbd819afedf4a28ea54bf2b4c90c2990d10e597"
    assert isinstance(request.data, TrainingRows)
    assert request.data.lineage() == {"uri": None, "size": 160, "sha256": digest}
    request = TrainingRequest.from_bytes(stored("split_table"))
    assert (request.split, request.data) == (
        {"by": "group", "column": "customer"},
        TableReference("dataset://churn/018f", None, "late", None),
    )


@pytest.mark.parametrize("name", ["columns", "numbers", "table", "split_rows", "split_table"])
def test_it_is_stored_as_before_so_that_an_idempotency_key_outlives_an_upgrade(name: str) -> None:
    again = TrainingRequest.from_bytes(stored(name)).to_bytes()
    assert hashlib.sha256(again).digest() == hashlib.sha256(stored(name)).digest()


def test_an_option_that_a_stored_request_does_not_know_has_its_default() -> None:
    described: dict[str, Any] = json.loads(stored("table"))
    for name in OPTIONS:
        described.pop(name, None)
    request = TrainingRequest.from_bytes(json.dumps(described).encode())
    assert (request.test_fraction, request.seed, request.split) == (0.2, 0, {"by": "random"})


@pytest.mark.parametrize(
    "broken", [b"", b"{}", b'{"data": 1}', b'{"data":{}}', b'{"data":{"uri":"a","other":1}}', b"\0" * 16]
)
def test_other_bytes_are_no_request(broken: bytes) -> None:
    with pytest.raises(ArtifactInvalid):
        TrainingRequest.from_bytes(broken)


def test_each_option_is_checked_stored_told_and_described_from_its_declaration() -> None:
    others = {"algorithm", "hyperparameters", "data", "split_key"}  # a schedule gives the last one
    assert set(OPTIONS) == set(TrainingRequest._fields) - others
    body: dict[str, Any] = {"algorithm": "kmeans", "instances": [[row] for row in range(10)]}
    body["hyperparameters"] = {"n_clusters": 2}
    properties = body_schema(algorithms.algorithm("kmeans"))["properties"]
    summary = check_request(body, Limits()).summary()
    for name, option in OPTIONS.items():
        assert name in MEMBERS
        assert summary[name] == option.default == properties[name]["default"]
        with pytest.raises(InvalidInput) as refused:
            check_request({**body, name: "odd"}, Limits())
        assert [fault.path for fault in refused.value.faults] == [f"$.{name}"]


def test_where_no_table_is_read_a_reference_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_request({"algorithm": "kmeans", "data": {"uri": "s3://a/b"}}, Limits())
    (fault,) = refused.value.faults
    assert fault == ("$.data.uri", "data.uri is not supported here; send the rows in `instances`")


def _with_missing(columns: int, words: list[str]) -> TrainingRequest:
    body: dict[str, Any] = {
        "algorithm": "logistic_regression",
        "instances": [[1, "a"] * columns, [2, "b"] * columns] * 4,
        "targets": ["p", "q"] * 4,
        "missing": words,
        "types": {"x0": "number", "x1": "category"},
        "test_fraction": 0,
    }
    return check_request(body, Limits())


def test_words_for_a_missing_value_are_stored_once_for_all_columns() -> None:
    words = [f"{number:0200}" for number in range(100)]
    few, many = (len(_with_missing(20, some).to_bytes()) for some in (words[:1], words))
    assert many - few < 2 * sum(map(len, words))


@pytest.mark.parametrize("words", [[], ["NA"], ["NA", ""]])
def test_the_rules_of_columns_are_stored(words: list[str]) -> None:
    request = _with_missing(2, words)
    assert TrainingRequest.from_bytes(request.to_bytes()).columns == request.columns
    assert {column.rule.missing for column in request.columns or ()} == {tuple(words)}
    assert isinstance(request.data, TrainingRows)
    other = _with_missing(2, [*words, "other"]).data
    assert isinstance(other, TrainingRows)
    assert request.data.lineage() != other.lineage()


def test_a_place_of_no_words_is_no_stored_request() -> None:
    kept = _with_missing(1, ["NA"]).to_bytes()
    other = re.sub(rb'(missing\\*": ?)0', rb"\g<1>9", kept)
    assert other != kept
    with pytest.raises(ArtifactInvalid):
        TrainingRequest.from_bytes(other)


@pytest.mark.parametrize(
    ("shape", "said", "is_told"),
    [
        ((3, 8, 8), None, True),
        ((2, 8, 5), None, True),
        ((3, 8, 8), [3, 8, 8], False),
        ((8, 8, 3), None, False),
        ((4, 4, 4), None, False),
    ],
)
def test_pictures_whose_channels_seem_to_come_first_are_told(
    shape: tuple[int, int, int], said: list[int] | None, *, is_told: bool
) -> None:
    height, width, channels = shape
    picture = [[[0] * channels for _ in range(width)] for _ in range(height)]
    body = {
        "algorithm": "cnn",
        "hyperparameters": {"channels": [2], "kernel_size": 1},
        "instances": [picture] * 4,
        "targets": [0, 1, 0, 1],
        "test_fraction": 0,
        **({"input": {"shape": said}} if said else {}),
    }
    request = check_request(body, Limits())
    warnings = TrainingRequest.from_bytes(request.to_bytes()).warnings
    assert bool(warnings) == is_told
    if is_told:
        (told,) = warnings
        assert told.startswith(
            f"the pictures are {height} high and {width} wide and have {channels} channels"
        )


@pytest.mark.parametrize(
    "instances",
    [
        Pictures(bytes(range(48)), (4, 4, 1), "U8"),
        Sequences(struct.pack("<6f", *range(6)), 2, [1, 2]),
        ["a text", "another"],
    ],
    ids=["pictures", "sequences", "texts"],
)
def test_instances_are_told_by_the_digest_of_their_file(instances: Instances) -> None:
    """Versions of earlier releases tell theirs so."""
    kind = {Pictures: IMAGE, Sequences: SEQUENCE}.get(type(instances), TEXT)
    data = TrainingInstances(kind, instances, ("a",), None)
    assert data.lineage()["sha256"] == hashlib.sha256(data.to_bytes({})).hexdigest()
