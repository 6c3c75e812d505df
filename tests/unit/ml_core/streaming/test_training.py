"""A table that is trained on part by part gives the model that it gives in memory."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from ml_core.algorithms.tasks.values import values_of
from ml_core.errors import InvalidInput, Unfinished
from ml_core.inputs.labels import Labels
from ml_core.inputs.rows import Limits
from ml_core.inputs.samples import TableSamples
from ml_core.mapping import InTurn
from ml_core.model.model import Model
from ml_core.preprocessing.fitting import preprocess
from ml_core.streaming.training import StreamedTable, StreamedTraining
from ml_core.tables.memory import NO_BUDGET
from ml_core.training.fitting import Trained, fit
from ml_core.training.request import TrainingRequest, check_request
from tests.unit.ml_core.streaming.local_tables import Folder, plan, written
from tests.unit.ml_core.streaming.test_looking import cut_csv
from tests.unit.test_real_tables import FORMATS, as_csv, as_parquet, table

LIMITS = Limits(max_rows=10**6)
STREAMED: dict[str, tuple[str | None, dict[str, Any]]] = {
    "logistic_regression": ("Status", {}),
    "svm": ("Status", {"kernel": "linear", "loss": "squared_hinge"}),
    "kmeans": (None, {"n_clusters": 3, "scale": True}),
}


def request_of(target: str | None, algorithm: str = "logistic_regression", **members: Any) -> TrainingRequest:
    """A request to train on a folder."""
    data = {"uri": "file:t", **({"target": target} if target else {}), **members.pop("data", {})}
    return check_request({"algorithm": algorithm, "data": data, **members}, LIMITS, lambda _: None)


def streamed(
    place: Folder, request: TrainingRequest, *, part_bytes: int = 1 << 13, **options: Any
) -> Trained:
    """The same request, part by part."""
    of = plan(place, options=request.data.options, part_bytes=part_bytes)  # type: ignore[union-attr]
    stores: Any = place
    table_of = StreamedTable(stores, of, options.pop("mapper", InTurn()), "streamed", "as was asked")
    progress = options.pop("progress", lambda *_: None)
    return StreamedTraining(request, table_of, progress, budget=NO_BUDGET, **options).trained()


def in_memory(path: Path, content: bytes, request: TrainingRequest) -> tuple[TrainingRequest, Trained]:
    """The request with its rows, and what is trained on them."""
    path.write_bytes(content)
    filled = request.with_rows(str(path), NO_BUDGET)
    return filled, fit(filled, lambda *_: None)


TIGHT: dict[str, Any] = {"hyperparameters": {"tol": 1e-10, "max_iter": 10_000}}


def check_same(whole: tuple[TrainingRequest, Trained], parts: Trained, tolerance: float = 1e-6) -> None:
    """Both are the same model, told in the same words."""
    filled, memory = whole
    first, second = Model.from_bytes(memory.artifact), Model.from_bytes(parts.artifact)
    told, also = memory.manifest, parts.manifest
    for name in ("features", "classes", "encoding", "rows", "test_rows", "task", "split", "missing_words"):
        if name == "encoding":
            check_encoding(told[name], also[name])  # type: ignore[arg-type]
        else:
            assert told.get(name) == also.get(name), name
    assert set(told) <= set(also)
    assert set(also) - set(told) == {"engine"}
    samples = filled.data_in_it.samples()
    own, others = (values_of(model, samples, ["decision"]) for model in (first, second))
    assert (own["label"] == others["label"]).all()
    assert_allclose(others["decision"], own["decision"], rtol=1e-3, atol=tolerance * 100)
    if told["test_rows"] == 0:
        assert_allclose(others["decision"], tight_decisions(filled), rtol=1e-6, atol=tolerance)
    check_metrics(told["metrics"], also["metrics"])  # type: ignore[arg-type]
    assert [each for each in told["warnings"] if "converge" not in each] == also["warnings"]  # type: ignore[attr-defined]


def tight_decisions(filled: TrainingRequest) -> Any:
    """What scikit-learn decides on all rows, fitted to them by Newton's method."""
    samples, targets = filled.data_in_it.samples(), filled.targets
    assert isinstance(samples, TableSamples)
    assert isinstance(targets, Labels)
    X, _ = preprocess(samples.X, samples.columns, scale=True)
    dense = X.toarray() if hasattr(X, "toarray") else X
    numbers = targets.numbers
    tight = LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(dense, numbers)
    return tight.decision_function(dense).reshape(len(dense), -1)


def check_encoding(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    for own, other in zip(first, second, strict=True):
        assert {**own, "replacement": 0} == {**other, "replacement": 0}
        if own.get("replacement") is not None:
            assert_allclose(other["replacement"], own["replacement"], rtol=1e-12)


def check_metrics(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert set(first) == set(second) - {"history"}
    for part, metrics in first.items():
        assert list(metrics) == list(second[part])
        assert metrics["confusion_matrix"] == second[part]["confusion_matrix"]
        for name in ("log_loss", "roc_auc", "pr_auc", "f1_macro", "baseline"):
            if name in metrics:
                assert second[part][name] == pytest.approx(metrics[name], rel=1e-5), name


@pytest.mark.parametrize(
    ("name", "kind", "test_fraction"),
    [
        *(("credit", kind, part) for kind in ("csv", "parquet", "jsonl") for part in (0.0, 0.2)),
        ("titanic", "csv", 0.2),
        ("attrition", "parquet", 0.0),
        ("penguins", "csv", 0.0),
        ("penguins", "jsonl", 0.2),
    ],
)
def test_published_tables_give_the_same_model(
    name: str, kind: str, test_fraction: float, tmp_path: Path
) -> None:
    of = table(name)
    content = FORMATS[kind](of.frame)
    size = -(-len(of.frame) // 7)
    files = {
        f"{begin:05}.{kind}": FORMATS[kind](of.frame.iloc[begin : begin + size])
        for begin in range(0, len(of.frame), size)
    }
    request = request_of(of.target, test_fraction=test_fraction, data={"exclude": of.exclude}, **TIGHT)
    whole = in_memory(tmp_path / "whole", content, request)
    check_same(whole, streamed(written(tmp_path / "folder", files), request))


@pytest.mark.parametrize(
    ("name", "loss"), [("credit", "squared_hinge"), ("penguins", "squared_hinge"), ("penguins", "hinge")]
)
def test_a_linear_machine_is_the_same(name: str, loss: str, tmp_path: Path) -> None:
    of = table(name)
    chosen = {"kernel": "linear", "loss": loss, "tol": 1e-9, "max_iter": 100_000}
    request = request_of(of.target, "svm", hyperparameters=chosen)
    filled, memory = in_memory(tmp_path / "whole", as_csv(of.frame), request)
    parts = streamed(written(tmp_path / "folder", cut_csv(as_csv(of.frame), 3)), request)
    first, second = Model.from_bytes(memory.artifact), Model.from_bytes(parts.artifact)
    own, others = (values_of(model, filled.data_in_it.samples(), ["decision"]) for model in (first, second))
    assert (own["label"] == others["label"]).all()
    assert_allclose(others["decision"], own["decision"], atol=1e-4)
    told, also = memory.manifest["metrics"], parts.manifest["metrics"]
    check_metrics(told, also)  # type: ignore[arg-type]


CLUSTERINGS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("penguins", {"n_clusters": 3, "scale": True}, {"test_fraction": 0.0}),
    ("penguins", {"n_clusters": 7, "scale": True, "n_init": 5}, {"seed": 3}),
    ("penguins", {"n_clusters": 1}, {}),
    ("penguins", {"n_clusters": 8, "init": "random", "max_iter": 2}, {"test_fraction": 0.5}),
    ("penguins", {"n_clusters": 344, "scale": True}, {"test_fraction": 0.0}),
    ("titanic", {"n_clusters": 5, "algorithm": "elkan", "tol": 0.0}, {"seed": 9}),
    (
        "titanic",
        {"n_clusters": 6, "scale": True, "tol": 0.1},
        {"split": {"by": "group", "column": "passengerClass"}},
    ),
    ("credit", {"n_clusters": 8, "scale": True}, {"split": {"by": "time", "column": "Amount"}}),
    ("attrition", {"n_clusters": 4, "scale": True, "n_init": 3}, {"seed": 1}),
]


@pytest.mark.parametrize(("name", "chosen", "members"), CLUSTERINGS)
def test_clusters_of_few_rows_are_those_in_memory(
    name: str, chosen: dict[str, Any], members: dict[str, Any], tmp_path: Path
) -> None:
    of = table(name)
    request = request_of(None, "kmeans", hyperparameters=chosen, data={"exclude": of.exclude}, **members)
    check_same_clusters(as_csv(of.frame), request, tmp_path)


def test_clusters_of_fewer_different_rows_are_those_in_memory(tmp_path: Path) -> None:
    frame = table("penguins").frame.dropna().head(6)
    content = as_csv(frame.loc[frame.index.repeat(40)])
    chosen = {"n_clusters": 9, "scale": True}
    told = check_same_clusters(content, request_of(None, "kmeans", hyperparameters=chosen), tmp_path)
    assert any("distinct clusters (6)" in each for each in told)


def check_same_clusters(content: bytes, request: TrainingRequest, folder: Path) -> list[str]:
    """Both are the same model; what is to be said of it."""
    filled, memory = in_memory(folder / "whole", content, request)
    parts = streamed(written(folder / "folder", cut_csv(content, 3)), request)
    first, second = (Model.from_bytes(each.artifact) for each in (memory, parts))
    samples = filled.data_in_it.samples()
    own, others = (values_of(model, samples, ["distance"]) for model in (first, second))
    assert (own["label"] == others["label"]).all()
    assert (own["distance"] == others["distance"]).all()
    told: dict[str, Any] = memory.manifest["metrics"]  # type: ignore[assignment]
    also: dict[str, Any] = parts.manifest["metrics"]  # type: ignore[assignment]
    for name, metrics in told.items():
        assert list(also[name]) == list(metrics)
        assert also[name]["inertia"] == pytest.approx(metrics["inertia"], rel=1e-12, abs=1e-12)
        assert also[name].get("silhouette") == pytest.approx(metrics.get("silhouette"), abs=1e-9)
        assert also[name]["cluster_sizes"] == metrics["cluster_sizes"]
    assert memory.manifest["encoding"]
    for name in ("contains_training_rows", "encoding", "rows", "test_rows", "warnings"):
        assert parts.manifest[name] == memory.manifest[name]
    return parts.manifest["warnings"]  # type: ignore[return-value]


@pytest.mark.parametrize(
    "split",
    [
        {"by": "random"},
        {"by": "group", "column": "Age"},
        {"by": "time", "column": "Amount"},
    ],
)
def test_the_same_rows_are_held_out_however_they_are_chosen(split: dict[str, str], tmp_path: Path) -> None:
    frame = table("credit").frame.sort_values(["Status", "Age"])
    request = request_of("Status", split=split, test_fraction=0.3, seed=3, **TIGHT)
    whole = in_memory(tmp_path / "whole", as_csv(frame), request)
    check_same(whole, streamed(written(tmp_path / "folder", cut_csv(as_csv(frame), 4)), request))


def odd_table() -> bytes:
    """Gaps, constants, an empty column, dates, words in few rows, rows without a target, rows without any."""
    lines = ["age,constant,nothing,day,plan,mostly,churned"]
    for n in range(600):
        age = "" if n % 7 == 0 else str(n % 60)
        mostly = "" if n % 11 else "3.5"
        plan_of = f"w{n}" if n % 97 == 0 else "pro" if n % 3 else ""
        label = "" if n % 50 == 0 else "yes" if (n * 7919) % 13 < 5 else "no"
        lines.append(f"{age},4.25,,2024-{1 + n % 12:02}-{1 + n % 28:02},{plan_of},{mostly},{label}")
        if n % 100 == 0:
            lines.append(",,,,,,")
    return "\n".join(lines).encode() + b"\n"


@pytest.mark.parametrize("test_fraction", [0.0, 0.25])
def test_odd_columns_and_rows(test_fraction: float, tmp_path: Path) -> None:
    content = odd_table()
    request = request_of("churned", test_fraction=test_fraction, **TIGHT)
    whole = in_memory(tmp_path / "whole", content, request)
    check_same(
        whole, streamed(written(tmp_path / "folder", cut_csv(content, 3)), request, part_bytes=1 << 11)
    )


def test_a_class_of_one_row_is_refused_as_it_is_in_memory(tmp_path: Path) -> None:
    content = b"a,b\n" + b"".join(b"%d,%s\n" % (n, b"xy"[n % 2 : n % 2 + 1]) for n in range(60)) + b"3,z\n"
    request = request_of("b")
    place = written(tmp_path / "folder", {"1.csv": content})
    with pytest.raises(InvalidInput) as memory:
        in_memory(tmp_path / "whole", content, request)
    with pytest.raises(InvalidInput) as parts:
        streamed(place, request)
    assert str(parts.value) == str(memory.value)


class Kept:
    """Checkpoints in memory."""

    def __init__(self) -> None:
        self.states: list[bytes] = []

    def latest(self) -> bytes | None:
        return self.states[-1] if self.states else None

    def save(self, state: bytes) -> None:
        self.states.append(state)


def test_a_fit_that_is_broken_off_anywhere_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_core.streaming.passes.CHECKPOINT_SECONDS", 0.0)
    frame = table("credit").frame
    place = written(tmp_path / "folder", cut_csv(as_csv(frame), 3))
    request = request_of("Status")
    unbroken, all_states = streamed(place, request), Kept()
    streamed(place, request, checkpoints=all_states)
    assert len(all_states.states) > 8
    for number in range(0, len(all_states.states), 3):
        kept = Kept()
        kept.save(all_states.states[number])
        again = streamed(place, request, checkpoints=kept)
        assert again.artifact == unbroken.artifact
        assert {**again.manifest, "importance": None} == {**unbroken.manifest, "importance": None}


def test_a_fit_stops_before_its_deadline_with_all_saved(tmp_path: Path) -> None:
    place = written(tmp_path / "folder", {"1.parquet": as_parquet(table("credit").frame)})
    kept = Kept()
    with pytest.raises(Unfinished, match="continues with"):
        streamed(place, request_of("Status"), checkpoints=kept, deadline=0.0)
    assert kept.states


class Elsewhere:
    """A mapper whose tasks and results cross to another process, and whose results come last first."""

    def map(self, task: Any, items: Any) -> Any:
        crossed = pickle.dumps(task)
        for place in reversed(range(len(items))):
            item = pickle.loads(pickle.dumps(items[place]))  # noqa: S301 - our own
            yield place, pickle.loads(pickle.dumps(pickle.loads(crossed)(item)))  # noqa: S301


@pytest.mark.parametrize("algorithm", STREAMED)
def test_another_engine_gives_the_same_bits(algorithm: str, tmp_path: Path) -> None:
    place = written(tmp_path / "folder", cut_csv(as_csv(table("credit").frame), 3))
    target, chosen = STREAMED[algorithm]
    request = request_of(target, algorithm, hyperparameters=chosen)
    here, there = streamed(place, request), streamed(place, request, mapper=Elsewhere())
    assert there.artifact == here.artifact
    own, other = here.manifest, there.manifest
    assert {name for name in own if own[name] != other[name]} <= {"importance"}


def test_cuts_change_nothing_but_the_last_digits(tmp_path: Path) -> None:
    frame = table("credit").frame
    one = written(tmp_path / "one", {"1.csv": as_csv(frame)})
    request = request_of("Status")
    first, second = (
        Model.from_bytes(streamed(one, request, part_bytes=each).artifact) for each in (1 << 12, 1 << 26)
    )
    assert_allclose(
        np.array(first.estimator.tensors()["weights"].values),
        np.array(second.estimator.tensors()["weights"].values),
        rtol=1e-9,
        atol=1e-12,
    )
