"""Rows held out by time or by group: as scikit-learn does it, whatever the rows came in."""

import csv
import io
import json
import math
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from arro3.core import Array, DataType, RecordBatch, Table
from arro3.io import write_parquet
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn import datasets, metrics
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit

from ml_core.algorithms.base import DataSize
from ml_core.errors import InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.inputs.samples import matrix_of
from ml_core.model.model import Model
from ml_core.tables.columns import MOST_WORDS
from ml_core.tables.memory import NO_BUDGET
from ml_core.training.fitting import fit
from ml_core.training.notebook import TrainingRequest, check_request
from ml_core.training.split_rows import packed_ranks, size_trained_on
from ml_core.training.splitting import Holding
from tests.unit.ml_core.reference import learnt, pipeline

WINE = datasets.load_wine(as_frame=False)
DIABETES = datasets.load_diabetes()
LIMITS = Limits()
ROWS = len(WINE.data)
# Days on which several bottles were tasted, makers of several wines, and which row it is.
DAYS = [f"2024-{1 + value // 28:02}-{1 + value % 28:02}" for value in (WINE.data[:, 4].astype(int) % 84)]
MAKERS = [f"maker-{value:02}" for value in (WINE.data[:, 12].astype(int) // 10 % 37)]
COLUMNS: dict[str, list[Any]] = {
    "row": [row + 0.25 for row in range(ROWS)],  # not counted, which would be no feature
    "alcohol": WINE.data[:, 0].tolist(),
    "hue": WINE.data[:, 10].tolist(),
    "day": DAYS,
    "maker": MAKERS,
    "kind": [str(WINE.target_names[target]) for target in WINE.target],
}
DATA = {"uri": "dataset://wine", "target": "kind"}
BY_DAY, BY_MAKER = {"by": "time", "column": "day"}, {"by": "group", "column": "maker"}


def csv_file(columns: dict[str, list[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows_of(columns)])
    return text.getvalue().encode()


def json_lines(columns: dict[str, list[Any]]) -> bytes:
    rows = (dict(zip(columns, row, strict=True)) for row in rows_of(columns))
    return "\n".join(map(json.dumps, rows)).encode()


def parquet(columns: dict[str, list[Any]]) -> bytes:
    kinds = {str: DataType.string(), int: DataType.int64(), float: DataType.float64(), bool: DataType.bool()}
    arrays = {
        name: Array(values, kinds[type(next(value for value in values if value is not None))])
        for name, values in columns.items()
    }
    file = io.BytesIO()
    write_parquet(
        Table.from_batches([RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))]), file
    )
    return file.getvalue()


def rows_of(columns: dict[str, list[Any]]) -> list[list[Any]]:
    return [list(row) for row in zip(*columns.values(), strict=True)]


FORMATS: dict[str, Callable[[dict[str, list[Any]]], bytes]] = {
    "csv": csv_file,
    "jsonl": json_lines,
    "parquet": parquet,
}


@pytest.fixture
def of_table(tmp_path: Path) -> Callable[..., TrainingRequest]:
    """A request on a table, once its file is read."""

    def read(content: bytes, data: dict[str, Any] = DATA, **body: Any) -> TrainingRequest:
        (tmp_path / "data").write_bytes(content)
        sent = {"algorithm": "logistic_regression", "data": data, **body}
        request = TrainingRequest.from_bytes(check_request(sent, LIMITS, lambda _: None).to_bytes())
        return request.with_rows(str(tmp_path / "data"), NO_BUDGET)

    return read


def inline(columns: dict[str, list[Any]], *, objects: bool, **body: Any) -> TrainingRequest:
    """The same with its rows in it, as it is stored."""
    columns = dict(columns)
    targets = columns.pop("kind", None)
    rows: list[Any] = rows_of(columns)
    named = {} if objects else {"feature_names": list(columns)}
    if objects:
        rows = [dict(zip(columns, row, strict=True)) for row in rows]
    sent = {"algorithm": "logistic_regression", "instances": rows, "targets": targets, **named, **body}
    return TrainingRequest.from_bytes(check_request(json.loads(json.dumps(sent)), LIMITS).to_bytes())


def held_out(request: TrainingRequest) -> tuple[list[float], list[float]]:
    """What the first column holds of the rows to train on, and of those held out."""
    ranks = None if request.ranks is None else np.frombuffer(request.ranks, dtype="<i8")
    holding = Holding(request.split, request.test_fraction, request.seed, ranks)
    first = np.floor(matrix_of(request.rows)[:, 0])
    training, test = holding.parts(len(request.rows), None)
    return first[training].tolist(), first[test].tolist()


def refused(work: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as raised:
        work()
    fault = raised.value.faults[0]
    return fault.path, fault.message


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("form", FORMATS)
def test_groups_are_those_of_scikit_learns_splitter(
    of_table: Callable[..., TrainingRequest], form: str, fraction: float, seed: int
) -> None:
    request = of_table(FORMATS[form](COLUMNS), split=BY_MAKER, test_fraction=fraction, seed=seed)
    splitter = GroupShuffleSplit(n_splits=1, test_size=fraction, random_state=seed)
    expected = next(splitter.split(COLUMNS["row"], groups=MAKERS))
    for found, rows in zip(held_out(request), expected, strict=True):
        assert_array_equal(found, rows)


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("form", FORMATS)
def test_the_latest_rows_are_held_out(
    of_table: Callable[..., TrainingRequest], form: str, fraction: float
) -> None:
    training, test = held_out(of_table(FORMATS[form](COLUMNS), split=BY_DAY, test_fraction=fraction))
    assert sorted([*training, *test]) == list(range(ROWS))
    assert len(test) >= fraction * ROWS
    last, first = max(DAYS[int(row)] for row in training), min(DAYS[int(row)] for row in test)
    assert last < first
    after = [day for day in DAYS if day > first]
    assert len(after) < fraction * ROWS, "no day more than needed"


@pytest.mark.parametrize("split", [BY_DAY, BY_MAKER])
def test_every_form_of_the_rows_gives_the_same_model(
    of_table: Callable[..., TrainingRequest], split: dict[str, str]
) -> None:
    """Days are no feature here: in the rows of a request they would be words."""
    columns = {name: values for name, values in COLUMNS.items() if name != "day" or split is BY_DAY}
    columns["tone"] = ["deep" if hue > 1 else "pale" for hue in COLUMNS["hue"]]
    requests = [of_table(write(columns), split=split) for write in FORMATS.values()]
    requests += [inline(columns, objects=objects, split=split) for objects in (True, False)]
    first, *others = [fit(request, lambda *_: None) for request in requests]
    left = tuple(name for name in columns if name not in ("kind", split["column"]))
    assert {request.features for request in requests} == {left}
    for each in others:
        assert each.manifest["metrics"] == first.manifest["metrics"]
        assert learnt(Model.from_bytes(each.artifact)) == learnt(Model.from_bytes(first.artifact))


def test_it_is_told_what_scikit_learn_measures_on_those_rows(
    of_table: Callable[..., TrainingRequest],
) -> None:
    told: Any = fit(of_table(csv_file(COLUMNS), split=BY_MAKER, seed=3), lambda *_: None).manifest
    assert (told["split"], told["test_fraction"], told["seed"]) == (BY_MAKER, 0.2, 3)
    data = json.loads(
        json.dumps(list(zip(*(COLUMNS[name] for name in ("row", "alcohol", "hue")), strict=True)))
    )
    # The days are a feature: they are dates.
    epoch = np.array(DAYS, "datetime64[D]").astype(int)
    X, y = np.column_stack([data, epoch]).astype(float), np.array(COLUMNS["kind"])
    train, test = next(GroupShuffleSplit(1, test_size=0.2, random_state=3).split(X, groups=MAKERS))
    model = pipeline(LogisticRegression(), scale=True).fit(X[train], y[train])
    assert (told["rows"], told["test_rows"]) == (len(train), len(test))
    assert told["metrics"]["test"]["accuracy"] == model.score(X[test], y[test])
    assert told["metrics"]["test"]["log_loss"] == pytest.approx(
        metrics.log_loss(y[test], model.predict_proba(X[test])), rel=1e-6
    )


@pytest.mark.parametrize("split", [BY_DAY, BY_MAKER])
def test_clusters_have_no_target_and_are_held_out_alike(
    of_table: Callable[..., TrainingRequest], split: dict[str, str]
) -> None:
    chosen = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 3}, "split": split}
    columns = {name: values for name, values in COLUMNS.items() if name != "kind"}
    request = of_table(csv_file(columns), {"uri": "dataset://wine"}, **chosen)
    assert held_out(request) == held_out(inline(columns, objects=True, **chosen))
    told: Any = fit(request, lambda *_: None).manifest
    assert told["metrics"]["test"]["inertia"] > 0


times = st.lists(st.one_of(st.none(), st.integers(-3, 12)), min_size=4, max_size=40)


@settings(max_examples=60, deadline=None)
@given(
    values=times,
    fraction=st.floats(0.01, 0.9),
    shuffle=st.randoms(use_true_random=False),
    seed=st.integers(0, 9),
)
@pytest.mark.parametrize("by", ["time", "group"])
def test_nothing_is_lost_and_no_value_is_on_both_sides(
    by: str, values: list[int | None], fraction: float, shuffle: random.Random, seed: int
) -> None:
    def parts(order: list[int]) -> tuple[set[float], set[float]] | None:
        body = {
            "algorithm": "kmeans",
            "hyperparameters": {"n_clusters": 1},
            "instances": [[row, values[row]] for row in order],
            "split": {"by": by, "column": "x1"},
            "test_fraction": fraction,
            "seed": seed,
        }
        try:
            training, test = held_out(check_request(body, LIMITS))
        except InvalidInput:
            return None
        assert len(training) == len(set(training))
        return set(training), set(test)

    order = list(range(len(values)))
    found = parts(order)
    shuffle.shuffle(order)
    assert parts(order) == found, "the order of the rows does not matter"
    present = [row for row, value in enumerate(values) if value is not None]
    if found is None:
        things: Any = present if by == "time" else {values[row] for row in present}
        latest = sorted(values[row] for row in present)  # type: ignore[type-var]
        needed = math.ceil(fraction * len(things))
        assert needed >= len(things) or (by == "time" and latest[len(latest) - needed] == latest[0])
        return
    training, test = found
    assert training
    assert test
    assert training | test == set(present)
    kept, away = ({values[int(row)] or 0 for row in side} for side in found)
    assert not kept & away
    if by == "time":
        assert max(kept) < min(away)


def test_rows_without_a_value_are_left_out_and_counted(of_table: Callable[..., TrainingRequest]) -> None:
    days = [None if row % 10 == 3 else day for row, day in enumerate(DAYS)]
    kinds = [None if row % 20 == 3 else kind for row, kind in enumerate(COLUMNS["kind"])]
    only_target = sum(kind is None for kind in kinds)
    columns = {**COLUMNS, "day": days, "kind": kinds}
    for write in FORMATS.values():
        request = of_table(write(columns), split=BY_DAY)
        expected = f"{days.count(None) - only_target} rows have no value in column 'day'"
        assert any(warning.startswith(expected) for warning in request.warnings)
        assert len(request.rows) == ROWS - days.count(None)
    told = inline({**COLUMNS, "day": days}, objects=False, split=BY_DAY)
    says = (
        f"{days.count(None)} rows have no value in column 'day', by which rows are held out, and are left out"
    )
    assert told.warnings == (says,)
    assert len(told.rows) == len(told.targets or ()) == ROWS - days.count(None)
    assert fit(told, lambda *_: None).manifest["warnings"][0] == told.warnings[0]  # type: ignore[index]


def test_a_class_of_rows_that_are_left_out_is_none(of_table: Callable[..., TrainingRequest]) -> None:
    days = [None if kind == "class_0" else day for day, kind in zip(DAYS, COLUMNS["kind"], strict=True)]
    columns = {**COLUMNS, "day": days}
    for request in (of_table(csv_file(columns), split=BY_DAY), inline(columns, objects=True, split=BY_DAY)):
        assert set(request.targets or ()) == {"class_1", "class_2"}


def test_the_column_is_a_feature_only_where_it_is_named(of_table: Callable[..., TrainingRequest]) -> None:
    content = csv_file(COLUMNS)
    assert of_table(content, split=BY_DAY).features == ("row", "alcohol", "hue", "maker")
    named = {**DATA, "features": ["row", "day"]}
    assert of_table(content, named, split=BY_DAY).features == ("row", "day")
    assert of_table(content, {**DATA, "features": ["row"]}, split=BY_DAY).features == ("row",)
    assert inline(COLUMNS, objects=True, split=BY_DAY).features == ("row", "alcohol", "hue", "maker")


def test_a_column_that_names_rows_is_a_group(of_table: Callable[..., TrainingRequest]) -> None:
    """E-mails, another one in every second row: too many to be a feature, and no warning says so."""
    mails = [f"person-{row // 2}@example.com" for row in range(2 * 12_000)]
    table: dict[str, list[Any]] = {
        "a": [row + 0.5 for row in range(24_000)],
        "mail": mails,
        "kind": ["x", "y"] * 12_000,
    }
    request = of_table(csv_file(table), split={"by": "group", "column": "mail"})
    assert request.warnings == ()
    training, test = held_out(request)
    assert len(test) == 4_800
    assert not {row // 2 for row in training} & {row // 2 for row in test}


@pytest.mark.parametrize(("said", "groups"), [({}, 3), ({"types": {"id": "category"}}, 4)], ids=str)
def test_groups_are_values_as_they_are_read(
    of_table: Callable[..., TrainingRequest], said: dict[str, Any], groups: int
) -> None:
    """007 and 7 are one number, and stay on one side; a warning says how they are two codes."""
    table: dict[str, list[Any]] = {
        "a": [row + 0.5 for row in range(80)],
        "id": [("007", "7", "08", "9")[row % 4] for row in range(80)],
        "kind": [("x", "y")[row // 4 % 2] for row in range(80)],
    }
    request = of_table(csv_file(table), {**DATA, **said}, split={"by": "group", "column": "id"})
    assert len(np.unique(np.frombuffer(request.ranks or b"", dtype="<i8"))) == groups
    told = [warning for warning in request.warnings if "'007'" in warning and '"types"' in warning]
    assert (len(told), len(request.warnings)) == ((0, 0) if said else (1, 1))


def test_more_words_than_are_told_apart_are_refused_plainly(of_table: Callable[..., TrainingRequest]) -> None:
    rows = MOST_WORDS + 2
    ids = [f"id-{row}" for row in range(rows)]
    table: dict[str, list[Any]] = {
        "a": [0] * rows,
        "id": ids,
        "number": list(range(rows)),
        "kind": ["x", "y"] * (rows // 2),
    }
    content = csv_file(table)
    path, message = refused(lambda: of_table(content, split={"by": "group", "column": "id"}))
    assert path == "$.split.column"
    assert "more than 100000 different words" in message
    assert len(held_out(of_table(content, split={"by": "group", "column": "number"}))[0]) == rows * 4 // 5


@pytest.mark.parametrize("form", ["csv", "inline"])
def test_without_held_out_rows_all_are_trained_on(
    of_table: Callable[..., TrainingRequest], form: str
) -> None:
    columns = {**COLUMNS, "day": [None, *DAYS[1:]]}
    more: dict[str, Any] = {"split": BY_DAY, "test_fraction": 0}
    request = of_table(csv_file(columns), **more) if form == "csv" else inline(columns, objects=False, **more)
    trained = fit(request, lambda *_: None)
    assert (trained.manifest["rows"], trained.manifest["test_rows"]) == (ROWS, 0)
    assert trained.manifest["split"] == BY_DAY
    assert "day" not in request.features
    assert request.warnings == (
        "test_fraction is 0: no row is held out by column 'day', which is only left out of the features",
    )


class TestClasses:
    """A class may be on one side alone: the held-out one is a fault, the other is said."""

    COLUMNS: ClassVar[dict[str, list[Any]]] = {
        "a": [row % 7 for row in range(60)],
        "when": list(range(60)),
        "kind": ["old"] * 20 + ["x", "y"] * 15 + ["new"] * 10,
    }
    SPLIT: ClassVar = {"by": "time", "column": "when"}

    @pytest.mark.parametrize("form", ["csv", "inline"])
    def test_one_that_is_only_held_out_is_refused_by_name(
        self, of_table: Callable[..., TrainingRequest], form: str
    ) -> None:
        def work() -> object:
            if form == "inline":  # before there is a job
                return inline(self.COLUMNS, objects=True, split=self.SPLIT)
            return fit(of_table(csv_file(self.COLUMNS), split=self.SPLIT), lambda *_: None)

        path, message = refused(work)
        assert path == "$.split"
        assert message.startswith(
            "class 'new' occurs only in the held-out rows; choose a smaller test_fraction"
        )

    def test_by_group_too(self, of_table: Callable[..., TrainingRequest]) -> None:
        columns = {**self.COLUMNS, "when": ["g", "h", "i"] * 6 + ["g", "h"] + ["h", "i"] * 15 + ["j"] * 10}
        split = {"by": "group", "column": "when"}
        outcomes = set()
        for seed in range(6):
            requests = (
                of_table(csv_file(columns), split=split, seed=seed),
                inline(columns, objects=True, split=split, seed=seed),
            )
            for request in requests:
                try:
                    fit(request, lambda *_: None)
                    outcomes.add("trained")
                except InvalidInput as error:
                    outcomes.add(str(error).partition(";")[0])
        lost = {outcome for outcome in outcomes if "'new'" in outcome}
        assert "trained" in outcomes
        assert lost
        assert all(each.endswith("only in the held-out rows") for each in outcomes - {"trained"})

    def test_one_that_is_not_held_out_is_said_and_measured_as_scikit_learn_does(self) -> None:
        kinds = ["x", "y"] * 25 + ["new"] * 10
        columns = {**self.COLUMNS, "when": list(range(60, 0, -1)), "kind": kinds}
        request = inline(columns, objects=True, split=self.SPLIT, test_fraction=0.5)
        told: Any = fit(request, lambda *_: None).manifest
        assert told["warnings"] == [
            "class 'new' occurs in no held-out row: the metrics of `test` say nothing of how well it is known"
        ]
        X, y = np.array(columns["a"], float).reshape(-1, 1), np.array(columns["kind"])
        model = pipeline(LogisticRegression(), scale=True).fit(X[30:], y[30:])
        said = model.predict(X[:30])
        expected = metrics.f1_score(y[:30], said, average="macro", zero_division=0)
        assert told["metrics"]["test"]["f1_macro"] == pytest.approx(expected)
        matrix = metrics.confusion_matrix(y[:30], said, labels=model.classes_)
        assert told["metrics"]["test"]["confusion_matrix"] == matrix.tolist()
        assert told["metrics"]["test"]["log_loss"] == pytest.approx(
            metrics.log_loss(y[:30], model.predict_proba(X[:30]), labels=model.classes_), rel=1e-6
        )

    def test_a_class_with_a_single_row_is_fine(self) -> None:
        columns = {**self.COLUMNS, "kind": ["one"] + ["x", "y"] * 29 + ["x"]}
        assert fit(inline(columns, objects=True, split=self.SPLIT), lambda *_: None).manifest["rows"] == 48


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc")), min_size=3, max_size=25),
    fraction=st.floats(0.01, 0.9),
)
@pytest.mark.parametrize("by", ["time", "group"])
def test_what_is_refused_before_there_is_a_job_is_what_training_would_refuse(
    by: str, rows: list[tuple[int, str]], fraction: float
) -> None:
    """By group only classes are left to training: which groups are held out, numpy's random numbers say."""
    split: Any = {"by": by, "column": "when"}
    targets = [target for _, target in rows]
    classes = tuple(sorted(set(targets)))
    y = np.array([classes.index(target) for target in targets])
    packed = packed_ranks([when for when, _ in rows])
    early = _outcome(lambda: size_trained_on(split, fraction, packed, targets))
    holding = Holding(split, fraction, 0, np.frombuffer(packed, "<i8"))

    def parts() -> DataSize:
        training, test = holding.parts(len(rows), y)
        holding.check_classes(classes, y[training], y[test])
        return DataSize(len(training), int(np.bincount(y[training]).min()))

    late = _outcome(parts)
    if by == "time" or "no group is left" in str(early):
        assert early == late
    elif isinstance(late, tuple):
        assert isinstance(early, tuple)
        assert early[0] >= late[0]
        assert (early[1] or 0) >= (late[1] or 0)
    else:
        assert "only in the held-out rows" in late


def _outcome(work: Callable[[], DataSize]) -> tuple[int, int | None] | str:
    try:
        size = work()
    except InvalidInput as error:
        return str(error)
    return size.rows, size.rarest


def test_it_is_said_where_far_more_or_fewer_rows_are_held_out_than_asked_for() -> None:
    """Values that many rows share, as years and shops are."""
    years = [2021] * 30 + [2022] * 30 + [2023] * 40
    columns: dict[str, list[Any]] = {"a": list(range(100)), "year": years, "kind": ["x", "y"] * 50}
    for split, expected in (
        ({"by": "time", "column": "year"}, [(0.2, 40, 20), (0.3, None, 30)]),
        ({"by": "group", "column": "year"}, [(0.1, 40, 10), (0.3, None, 30)]),
    ):
        for fraction, rows, asked in expected:
            request = inline(columns, objects=True, split=split, test_fraction=fraction, seed=0)
            told: Any = fit(request, lambda *_: None).manifest
            says = [warning for warning in told["warnings"] if "held out" in warning]
            about = f"test_fraction asks for {asked}: rows of one value of column 'year' stay together"
            expects = f"{told['test_rows']} rows are held out where {about}"
            assert says == ([] if rows is None else [expects])


@pytest.mark.parametrize(
    ("split", "path", "says"),
    [
        ("time", "$.split", "expected an object such as"),
        (None, "$.split", "got null"),
        ([], "$.split", "got a list of 0"),
        ({}, "$.split.by", 'expected "random", "time", "group" or "hash", got null'),
        ({"by": "date", "column": "a"}, "$.split.by", "got 'date'"),
        ({"by": ["time"], "column": "a"}, "$.split.by", "got a list of 1"),
        (
            {"by": "time"},
            "$.split.column",
            "expected the name of the column that rows are held out by, got null",
        ),
        ({"by": "group", "column": ""}, "$.split.column", "got ''"),
        ({"by": "group", "column": 3}, "$.split.column", "got 3"),
        ({"by": "group", "column": "\ud800"}, "$.split.column", "half of a surrogate pair"),
        ({"by": "random", "column": "a"}, "$.split.column", "leave it out"),
        ({"by": "random", "column": None}, "$.split.column", "leave it out"),
        ({"by": "random", "Column": "a"}, "$.split.Column", "no such member; there are by, column"),
        ({"by": "time", "column": "z"}, "$.split.column", "the rows have no column 'z'; they have 'a', 'b'"),
    ],
)
def test_a_split_that_is_none_is_refused_with_its_place(split: Any, path: str, says: str) -> None:
    body = {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 1},
        "instances": [{"a": row, "b": row} for row in range(9)],
        "split": split,
    }
    found, message = refused(lambda: check_request(body, LIMITS))
    assert found == path
    assert says in message
    if path != "$.split.column" or "the rows have" not in message:  # the same for a table
        body = {"algorithm": "svm", "data": DATA, "split": split}
        assert refused(lambda: check_request(body, LIMITS, lambda _: None)) == (found, message)


def test_rows_that_have_nothing_but_the_column_are_refused() -> None:
    body = {"algorithm": "kmeans", "instances": [[1], [2], [3]], "split": {"by": "time", "column": "x0"}}
    path, message = refused(lambda: check_request({**body, "hyperparameters": {"n_clusters": 1}}, LIMITS))
    assert (path, message) == (
        "$.split.column",
        "no column is left to train on: the rows have 'x0' alone",
    )


@pytest.mark.parametrize(
    ("by", "values", "path", "says"),
    [
        ("time", [1, 2, "2024-01-01", 4], "[2]", "expected a number, got '2024-01-01'"),
        ("time", ["2024-01-01", 3, None, "2024-01-02"], "[1]", "expected a date such as"),
        ("time", ["2024-01-01", "01/02/2024", None, "2024-01-02"], "[1]", "expected a date such as"),
        ("time", [True, False, True, True], "[0]", "expected a number, got true"),
        (
            "group",
            [1, 2.5, 3, 4],
            "[1]",
            "expected a word, a whole number of 64 bits, true or false, got 2.5",
        ),
        ("group", [1, 2, 2**63, 4], "[2]", "whole number of 64 bits"),
        ("group", ["a", "b", 1, "b"], "[2]", "expected a word as in the rows before, got 1"),
        ("group", [1, 0, True, 1], "[2]", "expected a whole number as in the rows before, got true"),
        ("group", [1, 0, [], 1], "[2]", "got a list of 0"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_place(
    by: str, values: list[Any], path: str, says: str
) -> None:
    body: dict[str, Any] = {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 1},
        "split": {"by": by, "column": "x1"},
        "instances": [[row, value, 0] for row, value in enumerate(values)],
    }
    found, message = refused(lambda: check_request(body, LIMITS))
    assert found == f"$.instances{path}[1]"
    assert says in message
    body["instances"] = [{"x0": row, "x1": value, "x2": 0} for row, value in enumerate(values)]
    assert refused(lambda: check_request(body, LIMITS)) == (f"$.instances{path}.x1", message)


def test_other_faults_keep_their_places() -> None:
    body: dict[str, Any] = {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 1},
        "split": {"by": "time", "column": "x0"},
        "instances": [["2024-01-01", 1], ["2024-01-02", []], ["2024-01-03", 1]],
    }
    assert refused(lambda: check_request(body, LIMITS))[0] == "$.instances[1][1]"
    body["instances"][1] = [1]
    assert refused(lambda: check_request(body, LIMITS))[0] == "$.instances[1]"
    body["instances"] = [{"x0": 1, "b": 1}, {"b": 1}, {"x0": 3, "b": 1}]
    assert refused(lambda: check_request(body, LIMITS)) == ("$.instances[1]", "feature 'x0' is missing")


@pytest.mark.parametrize(
    ("split", "path", "says"),
    [
        (
            {"by": "time", "column": "z"},
            "$.split.column",
            "the table has no column 'z'; it has 'a', 'day', 'us', 'half', 'none', 'same', 'kind'",
        ),
        (
            {"by": "time", "column": "us"},
            "$.split.column",
            "of type category; dates are written as 2024-05-31",
        ),
        ({"by": "group", "column": "half"}, "$.split.column", "groups are words, whole numbers"),
        ({"by": "group", "column": "none"}, "$.split.column", "no row that could be used has a value"),
        ({"by": "time", "column": "none"}, "$.split.column", "no row that could be used has a value"),
        ({"by": "time", "column": "kind"}, "$.split.column", "rows cannot be held out by the target"),
        ({"by": "time", "column": "same"}, "$.split", "no row is left to train on: 4 of 20 rows"),
        ({"by": "group", "column": "same"}, "$.split", "no group is left to train on: of 1 in column 'same'"),
    ],
)
def test_a_column_of_a_table_that_does_not_fit_is_refused(
    of_table: Callable[..., TrainingRequest], split: dict[str, str], path: str, says: str
) -> None:
    columns: dict[str, list[Any]] = {
        "a": list(range(20)),
        "day": DAYS[:20],
        "us": ["05/31/2024", "x"] * 10,
        "half": [row + 0.5 for row in range(20)],
        "none": [None] * 20,
        "same": [7] * 20,
        "kind": ["x", "y"] * 10,
    }
    found, message = refused(lambda: fit(of_table(csv_file(columns), split=split), lambda *_: None))
    assert found == path
    assert says in message
    if split["column"] == "same":
        assert refused(lambda: inline(columns, objects=True, split=split)) == (found, message)


def test_equal_requests_in_another_order_or_of_other_values_are_told_apart() -> None:
    def digest(days: list[str], **more: Any) -> object:
        request = inline({**COLUMNS, "day": days}, objects=False, **more)
        return request.data.lineage()["sha256"]  # type: ignore[call-arg]

    assert digest(DAYS, split=BY_DAY) == digest(DAYS, split=BY_DAY)
    assert digest(DAYS, split=BY_DAY) != digest(DAYS[::-1], split=BY_DAY)


@pytest.mark.parametrize("by", ["time", "group"])
def test_the_matrix_is_in_memory_twice_at_most(by: str) -> None:
    """As before: the rows that came, and the parts that are taken of them."""
    from ml_core.inputs.labels import Labels
    from ml_core.inputs.rows import Rows
    from ml_core.training import fitting
    from ml_core.training.rows import TrainingRows

    rows, width = 100_000, 40
    X = np.zeros((rows, width))
    y = np.arange(rows) % 2
    data = TrainingRows(
        Rows(memoryview(X).cast("B"), width),
        tuple(f"x{place}" for place in range(width)),
        Labels(("a", "b"), y),
        ranks=memoryview(np.arange(rows) // 3).cast("B"),
    )
    split: Any = {"by": by, "column": "when"}
    request = TrainingRequest("logistic_regression", {}, data, 0.2, 0, split)
    fitting._split(request, ("a", "b"), y)  # what is imported stays
    tracemalloc.start()
    parts, _ = fitting._split(request, ("a", "b"), y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(len(part.samples) for part in parts.values()) == rows
    assert peak < X.nbytes + 12 * 8 * rows, "beside the parts there are a few numbers a row"


def test_a_request_is_checked_without_numpy() -> None:
    program = """if True:
        import sys
        from ml_core.inputs.rows import Limits
        from ml_core.training.request import check_request
        rows = [{"day": f"2024-01-{day:02}", "a": day} for day in range(1, 29)]
        body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": rows}
        for by in ("time", "group"):
            stored = check_request({**body, "split": {"by": by, "column": "day"}}, Limits()).to_bytes()
        loaded = {name.partition(".")[0] for name in sys.modules}
        assert not loaded & {"numpy", "sklearn", "scipy", "arro3"}, loaded
    """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
