"""A body that is refused costs no more than its length: twice as long, at most about twice the work."""

import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from handlers.direct import predict_directly, train_directly
from handlers.jobs import train_now
from handlers.rest import bodies, schemas
from handlers.services import Services
from handlers.single.model import OneModel, api_of, read_event
from ml_core import json_text
from ml_core.errors import Fault, InvalidInput
from ml_core.tables.options import ReadOptions
from ml_core.tables.reading import read
from ml_core.training.notebook import train_model
from tests.unit.handlers.conftest import REQUESTS, ROWS, Ask, asking, copy_of, services_over
from tests.unit.handlers.work import Counted, counted, work_of

SIZE = 500
MOST = 2.3  # times the work, for twice the size
LONGEST_REFUSAL = 20_000  # bytes

TRAIN, PREDICT, INFER = "/v1/models/new:train", "/v1/models/iris:predict", "/v2/models/iris/infer"
MIXED, COLUMNS = "/v1/models/mixed:predict", "/v2/models/mixed/infer"
ALIAS = "/v1/models/iris/aliases/production"
DESCRIBE = "/v1/datasets/iris:describe"

# Integers that are all different and all have the hash 0.
SAME_HASH = 2**61 - 1

type Body = Callable[[int], Any]


def _train(**members: Any) -> dict[str, Any]:
    return {**REQUESTS["iris"], **members}


def _by_name(prefix: str, value: Any = 1) -> Body:
    return lambda size: {f"{prefix}{number}": value for number in range(size)}


def _table(**members: Any) -> dict[str, Any]:
    return {"algorithm": "svm", "data": {"uri": "dataset://iris", "target": "y", **members}}


def _tensor(data: Any, size: int, **members: Any) -> dict[str, Any]:
    return {"name": "x", "shape": [size, 4], "datatype": "FP64", "data": data, **members}


def _column(name: str, data: Any, **members: Any) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)], "datatype": "FP64", "data": data, **members}


FRAME = {"columns": ["x0", "x1", "x2", "x3"]}
REFUSED: dict[str, tuple[str, str, Body]] = {
    "train: unknown members": ("POST", TRAIN, lambda size: _train(**_by_name("m")(size))),
    "train: unknown hyperparameters": (
        "POST", TRAIN, lambda size: _train(hyperparameters=_by_name("h")(size))
    ),
    "train: weights of unknown classes": (
        "POST", TRAIN, lambda size: _train(hyperparameters={"class_weight": _by_name("c")(size)})
    ),
    "train: weights that are none": (
        "POST", TRAIN, lambda size: _train(hyperparameters={"class_weight": _by_name("c", "x")(size)})
    ),
    "train: a name twice": (
        "POST", TRAIN, lambda size: _train(feature_names=[*map(str, range(size)), str(size - 1)])
    ),
    "train: names that are none": ("POST", TRAIN, lambda size: _train(feature_names=[[]] * size)),
    "train: names that are too long": ("POST", TRAIN, lambda size: _train(feature_names=["x" * 201] * size)),
    "train: more names than columns": (
        "POST", TRAIN, lambda size: _train(feature_names=[*map(str, range(size))])
    ),
    "train: rows that are none": ("POST", TRAIN, lambda size: _train(instances=[1] * size)),
    "train: rows that are too short": ("POST", TRAIN, lambda size: _train(instances=[[1, 2], *[[1]] * size])),
    "train: objects with other members": (
        "POST", TRAIN, lambda size: _train(instances=[{"a": 1}, *[{"b": 1}] * size])
    ),
    "train: an object with many more": (
        "POST", TRAIN, lambda size: _train(instances=[{"a": 1}, _by_name("f")(size)])
    ),
    "train: an object that lacks many": (
        "POST", TRAIN, lambda size: _train(instances=[_by_name("f")(size), {}])
    ),
    "train: columns of two kinds": (
        "POST", TRAIN, lambda size: _train(instances=[*[["a", 1]] * size, *[[1, "a"]] * size])
    ),
    "train: columns of words that are numbers": (
        "POST", TRAIN, lambda size: _train(instances=[[str(number)] for number in range(size)])
    ),
    "train: columns of words that are too long": (
        "POST", TRAIN, lambda size: _train(instances=[[f"a{number}" * 99] for number in range(size)])
    ),
    "train: numbers that are not finite": ("POST", TRAIN, lambda size: _train(instances=[[10**400]] * size)),
    "train: targets that are none": ("POST", TRAIN, lambda size: _train(targets=[None] * size)),
    "train: targets of two kinds": ("POST", TRAIN, lambda size: _train(targets=[*["a"] * size, 1])),
    "train: targets that are too large": (
        "POST", TRAIN, lambda size: _train(targets=[number * SAME_HASH << 9 for number in range(size)])
    ),
    "train: targets that are too long": ("POST", TRAIN, lambda size: _train(targets=["x" * 201] * size)),
    "train: types of no feature": ("POST", TRAIN, lambda size: _train(types=_by_name("t", "number")(size))),
    "train: types that are none": ("POST", TRAIN, lambda size: _train(types=_by_name("t", [])(size))),
    "train: types of all features, and of one more": ("POST", TRAIN, lambda size: _train(
        instances=[[1] * size] * 2, targets=["a", "b"], feature_names=[*_by_name("f")(size)],
        types={**_by_name("f", "number")(size), "other": "number"},
    )),
    "train: missing words that are none": ("POST", TRAIN, lambda size: _train(missing=[["x" * size]] * 100)),
    "train: too many missing words": ("POST", TRAIN, lambda size: _train(missing=["x"] * size)),
    "train: columns of words, some of which are missing": ("POST", TRAIN, lambda size: _train(
        instances=[[f"a{number}"] for number in range(size)], targets=[1] * size,
        missing=[f"a{number}" for number in range(100)],
    )),
    "train: other members of a split": ("POST", TRAIN, lambda size: _train(split=_by_name("m")(size))),
    "train: a split by no column": ("POST", TRAIN, lambda size: _train(
        feature_names=[*_by_name("f")(size)], instances=[[1] * size], split={"by": "time", "column": "t"},
    )),
    "train: times of two kinds": ("POST", TRAIN, lambda size: _train(
        instances=[*[[1, "2024-01-01"]] * size, *[[1, 2]] * size], split={"by": "time", "column": "x1"},
    )),
    "train: groups of two kinds": ("POST", TRAIN, lambda size: _train(
        instances=[*[[1, "a"]] * size, *[[1, 2]] * size], split={"by": "group", "column": "x1"},
    )),
    "train, a table: other members": ("POST", TRAIN, lambda size: _table(**_by_name("m")(size))),
    "train, a table: types that are none": (
        "POST", TRAIN, lambda size: _table(types=_by_name("t", "text")(size))
    ),
    "train, a table: columns excluded that are none": (
        "POST", TRAIN, lambda size: _table(exclude=[1, ""] * size)
    ),
    "train, a table: the target among what is excluded": (
        "POST", TRAIN, lambda size: _table(exclude=[*_by_name("f")(size), "y"])
    ),
    "train, a table: an encoding that is none": ("POST", TRAIN, lambda size: _table(encoding="x" * size)),
    "describe: other members": ("POST", DESCRIBE, _by_name("m")),
    "describe: types that are none": ("POST", DESCRIBE, lambda size: {"types": _by_name("t", 1)(size)}),
    "describe: columns excluded that are none": ("POST", DESCRIBE, lambda size: {"exclude": [[]] * size}),
    "describe: too many of everything": ("POST", DESCRIBE, lambda size: {
        "types": _by_name("t", "number")(size), "exclude": ["x"] * size, "missing": ["x"] * (100 + size),
    }),
    "train: more targets than rows": ("POST", TRAIN, lambda size: _train(targets=[0, 1] * size)),
    "train: a class in each row": (
        "POST", TRAIN, lambda size: _train(instances=[[1]] * size, targets=[*range(size)])
    ),
    "train: unknown members of data": ("POST", TRAIN, lambda size: {
        "algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "data": _by_name("d")(size)
    }),
    "train: a column of data twice": ("POST", TRAIN, lambda size: {
        "algorithm": "svm", "data": {"uri": "dataset://x", "target": "y", "features": ["a", "b"] * size}
    }),
    "train: columns of data that are none": ("POST", TRAIN, lambda size: {
        "algorithm": "svm", "data": {"uri": "dataset://x", "target": "y", "features": [1] * size}
    }),
    "train: an address that is none": ("POST", TRAIN, lambda size: {
        "algorithm": "svm", "data": {"uri": "s3://" + "a/../" * size, "target": "y"}
    }),
    "predict: unknown members": ("POST", PREDICT, _by_name("m")),
    "predict: rows that are none": ("POST", PREDICT, lambda size: {"instances": [None] * size}),
    "predict: rows that are too short": ("POST", PREDICT, lambda size: {"instances": [[1]] * size}),
    "predict: no numbers": ("POST", PREDICT, lambda size: {"instances": [["1", None, True, {}]] * size}),
    "predict: a number that is not finite": (
        "POST", PREDICT, lambda size: {"instances": [*[[1, 2, 3, 4]] * size, [1, 2, 3, 10**400]]}
    ),
    "predict: objects that lack all": ("POST", PREDICT, lambda size: {"instances": [{}] * size}),
    "predict: objects that lack one": (
        "POST", PREDICT, lambda size: {"instances": [{"x0": 1, "x1": 2, "x2": 3}] * size}
    ),
    "predict: objects with one more": (
        "POST", PREDICT, lambda size: {"instances": [{"x0": 1, "x1": 2, "x2": 3, "x3": 4, "y": 5}] * size}
    ),
    "predict: an object with many more": ("POST", PREDICT, lambda size: {"instances": [_by_name("f")(size)]}),
    "predict: objects without numbers": (
        "POST", PREDICT, lambda size: {"instances": [{"x0": "", "x1": None, "x2": [], "x3": {}}] * size}
    ),
    "predict: too many outputs": (
        "POST", PREDICT, lambda size: {"instances": [[1, 2, 3, 4]], "outputs": ["label"] * size}
    ),
    "predict: outputs that are none": (
        "POST", PREDICT, lambda size: {"instances": [[1, 2, 3, 4]], "outputs": ["x" * size]}
    ),
    "predict, columns: other kinds in lists": (
        "POST", MIXED, lambda size: {"instances": [["1", 2, "true"]] * size}
    ),
    "predict, columns: other kinds in objects": (
        "POST", MIXED, lambda size: {"instances": [{"size": [], "colour": {}, "old": "no"}] * size}
    ),
    "predict, lists by name: others": ("POST", PREDICT, lambda size: {"inputs": _by_name("f", [1])(size)}),
    "predict, lists by name: of other lengths": (
        "POST", PREDICT, lambda size: {"inputs": {"x0": [1], **dict.fromkeys(("x1", "x2", "x3"), [1] * size)}}
    ),
    "predict, lists by name: no numbers": (
        "POST", PREDICT, lambda size: {"inputs": {f"x{place}": ["1", None] * size for place in range(4)}}
    ),
    "predict, a frame: others": (
        "POST", PREDICT, lambda size: {"dataframe_split": {"columns": [*_by_name("f")(size)], "data": [[1]]}}
    ),
    "predict, a frame: columns there twice": (
        "POST", PREDICT, lambda size: {"dataframe_split": {"columns": ["x0", "y"] * size, "data": [[1]]}}
    ),
    "predict, a frame: columns that are none": (
        "POST", PREDICT, lambda size: {"dataframe_split": {"columns": [None] * size, "data": [[1]]}}
    ),
    "predict, a frame: rows that are none": (
        "POST", PREDICT, lambda size: {"dataframe_split": {**FRAME, "data": [*[[1, 2, 3, 4]], *[1] * size]}}
    ),
    "predict, a frame: rows that are too short": (
        "POST", PREDICT, lambda size: {"dataframe_split": {**FRAME, "data": [[1, 2]] * size}}
    ),
    "predict, a frame: no numbers": (
        "POST", PREDICT, lambda size: {"dataframe_split": {**FRAME, "data": [["1", None, True, {}]] * size}}
    ),
    "predict, a frame: other members": (
        "POST", PREDICT, lambda size: {"dataframe_split": _by_name("m")(size)}
    ),
    "predict, records that are none": ("POST", PREDICT, lambda size: {"dataframe_records": [[1]] * size}),
    "predict, records with one more": (
        "POST", PREDICT, lambda size: {
            "dataframe_records": [{"x0": 1, "x1": 2, "x2": 3, "x3": 4, "y": 5}] * size
        }
    ),
    "infer: tensors that lack members": ("POST", INFER, lambda size: {"inputs": [{}] * size}),
    "infer: tensors that are none": ("POST", INFER, lambda size: {"inputs": [1] * size}),
    "infer: too many axes": ("POST", INFER, lambda size: {"inputs": [_tensor([1], 1, shape=[1] * size)]}),
    "infer: too few numbers": ("POST", INFER, lambda size: {"inputs": [_tensor([1] * size, size)]}),
    "infer: no numbers": ("POST", INFER, lambda size: {"inputs": [_tensor(["1"] * 4 * size, size)]}),
    "infer: no numbers in rows": (
        "POST", INFER, lambda size: {"inputs": [_tensor([["1"] * 4] * size, size)]}
    ),
    "infer: numbers past the datatype": (
        "POST", INFER, lambda size: {"inputs": [_tensor([300] * 4 * size, size, datatype="INT8")]}
    ),
    "infer: tensors of no feature": (
        "POST", INFER, lambda size: {"inputs": [_column(f"f{number}", [1]) for number in range(size)]}
    ),
    "infer: one tensor again and again": (
        "POST", INFER, lambda size: {"inputs": [_column("x0", [1])] * size}
    ),
    "infer: raw sizes that are none": ("POST", INFER, lambda size: {
        "inputs": [{**_tensor([], 1), "parameters": {"binary_data_size": 10**4299}}] * size
    }),
    "infer: too many outputs": (
        "POST", INFER, lambda size: {"inputs": [_tensor([1] * 4, 1)], "outputs": [{"name": "predict"}] * size}
    ),
    "infer, columns: no tensor of a feature": (
        "POST", COLUMNS, lambda size: {"inputs": [_column(f"f{number}", [1]) for number in range(size)]}
    ),
    "infer, columns: other kinds": ("POST", COLUMNS, lambda size: {"inputs": [
        _column("size", ["1"] * size),
        _column("colour", [1] * size, datatype="BYTES"),
        _column("old", ["yes"] * size, datatype="BOOL"),
    ]}),
    "infer, columns: other lengths": ("POST", COLUMNS, lambda size: {"inputs": [
        _column("size", [1] * size),
        _column("colour", ["red"] * 2 * size, datatype="BYTES"),
        _column("old", [True] * size, datatype="BOOL"),
    ]}),
    "aliases: unknown members": ("PUT", ALIAS, _by_name("m")),
    "aliases: weights of no version": ("PUT", ALIAS, lambda size: {"weights": _by_name("v")(size)}),
    "aliases: weights that are none": ("PUT", ALIAS, lambda size: {"weights": _by_name("1", -1)(size)}),
    "aliases: too many weights": ("PUT", ALIAS, lambda size: {"weights": _by_name("1")(size)}),
    "promote: unknown members": ("POST", f"{ALIAS}:promote", _by_name("m")),
    "promote: a name that is none": ("POST", f"{ALIAS}:promote", lambda size: {"alias": "-" * size}),
    "rollback: unknown members": ("POST", f"{ALIAS}:rollback", _by_name("m")),
}  # fmt: skip


def _repeated(size: int) -> bytes:
    """An object whose last member is there twice."""
    text = json.dumps(_by_name("k")(size))
    return f'{text[:-1]}, "k{size - 1}": 1}}'.encode()


def _binary(header: dict[str, Any], raw: bytes) -> tuple[bytes, dict[str, str]]:
    encoded = json.dumps(header).encode()
    return encoded + raw, {"inference_header_content_length": str(len(encoded))}


def _raw(data: bytes, size: int, **members: Any) -> tuple[bytes, dict[str, str]]:
    tensor = {"name": "x", "shape": [size, 4], "datatype": "FP64"}
    parameters = {"binary_data_size": len(data)}
    return _binary({"inputs": [{**tensor, "parameters": parameters, **members}]}, data)


def _raw_texts(data: bytes, size: int) -> tuple[bytes, dict[str, str]]:
    """The raw tensor of words beside two in JSON."""
    colours = {"name": "colour", "shape": [size], "datatype": "BYTES"}
    parameters = {"binary_data_size": len(data)}
    sizes, old = _column("size", [1] * size), _column("old", [True] * size, datatype="BOOL")
    return _binary({"inputs": [sizes, {**colours, "parameters": parameters}, old]}, data)


RAW: dict[str, tuple[str, Callable[[int], tuple[bytes, dict[str, str]]]]] = {
    "too few numbers": (INFER, lambda size: _raw(bytes(8 * size), size)),
    "numbers that are not finite": (
        INFER, lambda size: _raw(struct.pack(f"<{4 * size}d", *[1.0] * (4 * size - 1), float("nan")), size)
    ),
    "another datatype": (INFER, lambda size: _raw(bytes(4 * size), size, datatype="BOOL")),
    "sizes that do not add up": (
        INFER, lambda size: _raw(bytes(32 * size), size, parameters={"binary_data_size": 8})
    ),
    "raw sizes past all numbers": (INFER, lambda size: _binary(
        {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64",
                     "parameters": {"binary_data_size": int("9" * 4300)}}] * size}, b"x"
    )),
    "texts that go on": (
        COLUMNS, lambda size: _raw_texts(b"\x03\0\0\0red" * (size - 1) + b"\xff\0\0\0", size)
    ),
    "texts that are none": (
        COLUMNS, lambda size: _raw_texts(b"\x03\0\0\0red" * (size - 1) + b"\x01\0\0\0\xff", size)
    ),
    "too few texts": (COLUMNS, lambda size: _raw_texts(b"\x03\0\0\0red" * size, 2 * size)),
}  # fmt: skip


@pytest.fixture(scope="module")
def services(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Services:
    """The trained models, and one of columns of three kinds."""
    root = tmp_path_factory.mktemp("work") / "copy"
    copy_of(trained, root)
    opened = services_over(root)
    mixed = {
        "algorithm": "logistic_regression",
        "feature_names": ["size", "colour", "old"],
        "instances": [[number, ("red", "blue")[number % 2], number % 3 == 0] for number in range(30)],
        "targets": [number % 2 == 0 for number in range(30)],
    }
    assert train_now(opened, {"model": "mixed", **mixed}).state == "succeeded"
    return opened


@pytest.fixture(scope="module")
def send(services: Services) -> Ask:
    return asking(services)


@pytest.fixture
def texts_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text of a body is compared in Python, but for labels, which are texts and no kind of them."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return bodies._without_repeats(
            [(Counted(name), value if name == "targets" else counted(value)) for name, value in pairs]
        )

    monkeypatch.setattr(bodies, "_read", json_text.reader(object_pairs_hook=members))
    monkeypatch.setitem(schemas._TYPES, Counted, "string")


def _refused(answer: bytes) -> None:
    problem = json.loads(answer)
    assert 400 <= problem["status"] < 500, problem
    assert len(problem.get("faults", ())) <= InvalidInput.MOST_FAULTS
    assert len(answer) < LONGEST_REFUSAL


def _grows_with_its_length(refuse: Callable[[int], Callable[[], object]]) -> None:
    once, twice = work_of(refuse(SIZE)), work_of(refuse(2 * SIZE))
    assert twice <= MOST * once, f"{once:,} for {SIZE:,}, {twice:,} for {2 * SIZE:,}"


@pytest.mark.parametrize("case", REFUSED)
def test_no_more_faults_are_looked_for_than_are_told(
    send: Ask, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    new = Fault.__new__

    def remember(cls: type[Fault], path: str, message: str) -> Fault:
        made.append(path)
        return new(cls, path, message)

    monkeypatch.setattr(Fault, "__new__", remember)
    method, path, body = REFUSED[case]
    _refused(send(method, path, json.dumps(body(SIZE)).encode()).body)
    assert len(made) <= InvalidInput.MOST_FAULTS + 1


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.usefixtures("texts_counted")
def test_a_body_at_fault(send: Ask, case: str) -> None:
    method, path, body = REFUSED[case]

    def refuse(size: int) -> Callable[[], object]:
        encoded = json.dumps(body(size)).encode()
        return lambda: _refused(send(method, path, encoded).body)

    _grows_with_its_length(refuse)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", TRAIN), ("POST", PREDICT), ("POST", INFER), ("PUT", ALIAS)]
)
@pytest.mark.usefixtures("texts_counted")
def test_a_key_that_is_there_twice(send: Ask, method: str, path: str) -> None:
    def refuse(size: int) -> Callable[[], object]:
        encoded = _repeated(size)
        return lambda: _refused(send(method, path, encoded).body)

    _grows_with_its_length(refuse)


@pytest.mark.parametrize("case", RAW)
def test_raw_tensors_at_fault(send: Ask, case: str) -> None:
    path, body = RAW[case]

    def refuse(size: int) -> Callable[[], object]:
        encoded, headers = body(size)
        return lambda: _refused(send("POST", path, encoded, **headers).body)

    _grows_with_its_length(refuse)


CSVS: dict[str, tuple[str, Callable[[int], str]]] = {
    "no numbers": (PREDICT, lambda size: "a,b,c,d\n" * size),
    "blank lines": (PREDICT, lambda size: "\n" * 9 * size),
    "lines of other lengths": (PREDICT, lambda size: "x0,x1,x2,x3\n" + "1\n" * size),
    "a line that is too long": (PREDICT, lambda size: "x0,x1,x2,x3\n" + "1," * 9 * size),
    "names of no feature": (PREDICT, lambda size: ",".join(["x0", *_by_name("f")(size)]) + "\n1"),
    "one name again and again": (PREDICT, lambda size: "x0," * size + "\n1"),
    "every delimiter": (PREDICT, lambda size: "a,b;c\td|" * size),
    "quotes": (PREDICT, lambda size: '"' * 9 * size),
    "a quote that is not closed": (PREDICT, lambda size: "1,2,3,4\n" * size + '"' + "1,2,3,4\n" * size),
    "a long cell": (PREDICT, lambda size: "1,2,3," + " 1" * 99 * size),
    "cells of other kinds": (MIXED, lambda size: "size,colour,old\nx,1,2\n" * size),
}


@pytest.mark.parametrize("case", CSVS)
def test_a_body_of_csv_at_fault(send: Ask, case: str) -> None:
    path, body = CSVS[case]

    def refuse(size: int) -> Callable[[], object]:
        encoded = body(size).encode()
        return lambda: _refused(send("POST", path, encoded, content_type="text/csv").body)

    _grows_with_its_length(refuse)


PLAIN = json.dumps({"instances": [[1, 2, 3, 4]]}).encode()
HEADERS: dict[str, tuple[str, str, bytes, Callable[[int], dict[str, str]]]] = {
    "tags that match": ("GET", ALIAS, b"", lambda size: {"if_none_match": '"a", W/"b", c,' * size}),
    "quotes that are not closed": (
        "GET",
        ALIAS,
        b"",
        lambda size: {"if_none_match": 'W/"' * 3 * size + "W/"},
    ),
    "tags of a change": ("PUT", ALIAS, b'{"version": 9}', lambda size: {"if_match": '"", ' * size}),
    "preferences": ("POST", TRAIN, b"{}", lambda size: {"prefer": "wait=1, wait = x;" * size}),
    "a wait of many digits": ("POST", TRAIN, b"{}", lambda size: {"prefer": "wait=" + "9" * 9 * size}),
    "a key of idempotency": ("POST", TRAIN, b"{}", lambda size: {"idempotency_key": "k " * size}),
    "media types": ("POST", PREDICT, PLAIN, lambda size: {"content_type": "a/b;c=d;" * size}),
    "charsets": (
        "POST",
        PREDICT,
        PLAIN,
        lambda size: {"content_type": "text/csv;" + 'charset="utf-8";' * size},
    ),
    "encodings": ("POST", PREDICT, PLAIN, lambda size: {"content_encoding": "gzip, " * size}),
    "answers that are accepted": ("POST", PREDICT, b"", lambda size: {"accept": "text/csv;q=0.5, " * size}),
    "a routing key": ("POST", PREDICT, PLAIN, lambda size: {"x_routing_key": "é" * 9 * size}),
    "a key": ("POST", PREDICT, PLAIN, lambda size: {"authorization": "Bearer " * size}),
    "a length": ("POST", INFER, PLAIN, lambda size: {"inference_header_content_length": "9" * 9 * size}),
    "a path": ("GET", "/v1/models/", b"", lambda _: {}),
    "a query": ("GET", "/v1/models?", b"", lambda _: {}),
    "a query of one name": ("GET", "/v1/models?after=", b"", lambda _: {}),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_and_addresses(send: Ask, case: str) -> None:
    """Neither is bounded by us: a gateway takes 8 KiB and more."""
    method, path, body, headers = HEADERS[case]
    longer: dict[str, Callable[[int], str]] = {
        "a path": lambda size: "a/" * size,
        "a query": lambda size: "&".join(f"q{number}=1" for number in range(size)),
        "a query of one name": lambda size: "x%" * size,
    }

    def ask(size: int) -> Callable[[], object]:
        address, named = path + (longer[case](size) if case in longer else ""), headers(size)

        def asked() -> None:
            answer = send(method, address, body, **named)
            assert answer.status < 500
            assert len(answer.body) < LONGEST_REFUSAL

        return asked

    _grows_with_its_length(ask)


IGNORING = {"unknown_columns": "ignore", "notes": True}
MORE = {"x0": 1, "x1": 2, "x2": 3, "x3": 4}
TAKEN: dict[str, tuple[str, Body]] = {
    "objects with many more": (
        PREDICT, lambda size: {"instances": [{**MORE, **_by_name("f")(size)}], **IGNORING}
    ),
    "objects with others each": (
        PREDICT, lambda size: {"instances": [{**MORE, f"f{number}": 1} for number in range(size)], **IGNORING}
    ),
    "lists by name, and many more": (
        PREDICT, lambda size: {"inputs": {name: [1] for name in (*MORE, *_by_name("f")(size))}, **IGNORING}
    ),
    "a frame with many more": (PREDICT, lambda size: {
        "dataframe_split": {"columns": [*MORE, *_by_name("f")(size)], "data": [[1] * (size + 4)]}, **IGNORING,
    }),
    "tensors of many more": (COLUMNS, lambda size: {"parameters": {"unknown_columns": "ignore"}, "inputs": [
        _column("size", [1]), _column("colour", ["red"], datatype="BYTES"),
        _column("old", [True], datatype="BOOL"), *(_column(f"f{number}", [1]) for number in range(size)),
    ]}),
    "words that are all new": (
        MIXED, lambda size: {"instances": [[1, f"w{number}", True] for number in range(size)], "notes": True}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TAKEN)
@pytest.mark.usefixtures("texts_counted")
def test_what_is_ignored(send: Ask, case: str) -> None:
    path, body = TAKEN[case]

    def ask(size: int) -> Callable[[], object]:
        encoded = json.dumps(body(size)).encode()

        def asked() -> None:
            answer = send("POST", path, encoded)
            assert answer.status == 200, answer.body[:500]

        return asked

    _grows_with_its_length(ask)


NAMING: dict[str, Callable[[list[str]], ReadOptions]] = {
    "types": lambda names: ReadOptions(types=dict.fromkeys(names, "number")),
    "ignored": lambda names: ReadOptions(types=dict.fromkeys(names[1:], "ignore")),
    "excluded": lambda names: ReadOptions(exclude=tuple(names[1:])),
}


@pytest.mark.parametrize("case", NAMING)
def test_options_that_name_every_column(case: str, tmp_path: Path) -> None:
    """A table is read, under options, in time that grows with its width."""

    def reads(size: int) -> Callable[[], object]:
        names: list[str] = [Counted(f"c{number}") for number in range(size)]
        path = tmp_path / f"{size}.csv"
        path.write_text("\n".join(",".join(line) for line in (names, ["1"] * size, ["2"] * size)))
        return partial(read, str(path), options=NAMING[case](names))

    _grows_with_its_length(reads)


EVENTS: dict[str, Body] = {
    "unknown members": _by_name("m"),
    "a name that is none": lambda size: {"model": "-" * size},
    "rows that are too short": lambda size: {"model": "iris", "instances": [[1]] * size},
    "an object with many more": lambda size: {"model": "iris", "instances": [_by_name("f")(size)]},
    "many outputs": lambda size: {"model": "iris", "instances": ROWS, "outputs": ["x"] * size},
}


@pytest.mark.parametrize("case", EVENTS)
def test_a_bare_event_at_fault(services: Services, case: str) -> None:
    from handlers.rest.api import Api

    api = Api(services)

    def predict(size: int) -> Callable[[], object]:
        event = EVENTS[case](size)
        return lambda: _refused(json.dumps(predict_directly(api, event, "r1")).encode())

    def train(size: int) -> Callable[[], object]:
        event = {**REQUESTS["iris"], **EVENTS[case](size)}
        return lambda: _refused(json.dumps(train_directly(services, event)).encode())

    _grows_with_its_length(predict)
    if "outputs" not in case:
        _grows_with_its_length(train)


@pytest.mark.parametrize("case", EVENTS)
def test_an_event_of_a_function_with_one_model(case: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(train_model(ROWS, REQUESTS["iris"]["targets"]).to_bytes())
    api = api_of(OneModel("iris", str(path)))

    def refuse(size: int) -> Callable[[], object]:
        body = json.dumps(EVENTS[case](size)).encode()

        def read_and_refuse() -> None:
            event = {**read_event(body), "model": "model"}
            _refused(json.dumps(predict_directly(api, event, "r1")).encode())

        return read_and_refuse

    _grows_with_its_length(refuse)


def _of_one_hash(size: int) -> list[int]:
    return [number * SAME_HASH for number in range(size)]


WASTE: dict[str, Callable[[list[Counted]], object]] = {
    "counting": lambda names: [name for name in names if names.count(name) > 1],
    "comparing": lambda names: [name for name in names if name in names[:-1]],
    "finding": lambda names: [names.index(name) for name in names],
    "one hash": lambda names: set(_of_one_hash(len(names))),
}


@pytest.mark.parametrize("waste", WASTE)
def test_what_grows_with_the_square_of_a_length_is_seen(waste: str) -> None:
    names = [Counted(number) for number in range(2 * SIZE)]
    once, twice = (work_of(partial(WASTE[waste], some)) for some in (names[:SIZE], names))
    assert twice > 3 * once
