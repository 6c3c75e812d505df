"""Neighbouring tables through the whole of a private training: what one row changes, and what that costs."""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet

from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.training.privacy import classes_of
from ml_core.training.request import TrainingRequest, check_request
from tests.unit.ml_core.privacy.watching import Release, Watch, hold_out, trained_on, watch
from tests.unit.ml_core.streaming.local_tables import written

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ml_core.training.fitting import Trained

ROWS = 60
BOUNDS = {"age": [0, 100], "income": [-1000, 200_000]}
PLANS = ["basic", "plus", "7"]
ALGORITHMS = ["logistic_regression", "several", "kmeans"]
# Of numbers that are any file's; a gap, one out of bounds and a word that nobody said among them.
ODD: list[dict[str, Any]] = [
    {"age": 100.0, "income": 200_000.0, "plan": "plus", "left": "yes"},
    {"age": None, "income": None, "plan": None, "left": "no"},
    {"age": 1e300, "income": -1e300, "plan": "gold", "left": "maybe"},
    {"age": 0.0, "income": -1000.0, "plan": "7", "left": "other"},
]


class Case(NamedTuple):
    """A request and a table's rows."""

    request: TrainingRequest
    rows: list[dict[str, Any]]
    coins: "NDArray[np.bool_]"


def case(kind: str, seed: int = 0, epsilon: float = 1.0) -> Case:
    rng = np.random.default_rng(seed)
    classes = ["no", "yes"] if kind != "several" else ["no", "yes", "maybe"]
    labels = ["no", "yes", "maybe", "other"]
    rows = [
        {
            "age": float(rng.integers(-10, 120)),
            "income": round(float(rng.normal(40_000, 30_000)), 2),
            "plan": [*PLANS, "gold"][rng.integers(4)],
            "left": labels[rng.integers(4)],
        }
        for _ in range(ROWS)
    ]
    privacy: dict[str, Any] = {
        "epsilon": epsilon,
        "delta": 1e-5,
        "bounds": BOUNDS,
        "categories": {"plan": PLANS},
    }
    body: dict[str, Any] = {"data": {"uri": "s3://b/t/"}, "privacy": privacy, "test_fraction": 0.3}
    if kind == "kmeans":
        body |= {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}}
    else:
        body["algorithm"] = "logistic_regression"
        body["data"]["target"] = "left"
        privacy["classes"] = classes
    return Case(
        check_request(body, Limits(), check_uri=lambda _: None),
        [*rows, *ODD],
        rng.random(ROWS + len(ODD)) < 0.3,
    )


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    text: str = pd.DataFrame(rows, columns=[*ODD[0]]).to_csv(index=False)
    return text.encode()


def as_json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_parquet(rows: list[dict[str, Any]], group: int = 7) -> bytes:
    to = BytesIO()
    kinds = {"age": DataType.float64(), "income": DataType.float64()}
    columns: dict[str, Any] = {
        name: Array([row[name] for row in rows], kinds.get(name, DataType.string())) for name in ODD[0]
    }
    write_parquet(Table.from_pydict(columns), to, max_row_group_size=group)
    return to.getvalue()


def seen(
    patch: pytest.MonkeyPatch,
    folder: "Path",
    of: Case,
    files: Mapping[str, bytes],
    coins: "NDArray[np.bool_]",
    *,
    replayed: list[Release] | None = None,
    **said: int,
) -> "tuple[Watch, Trained]":
    """Train on files, watched."""
    with patch.context() as here:
        looked = Watch(replayed=replayed)
        watch(here, looked)
        hold_out(here, coins)
        return looked, trained_on(here, of.request, written(folder, files), **said)


def without(of: Case, place: int) -> Case:
    rows = [*of.rows[:place], *of.rows[place + 1 :]]
    return of._replace(rows=rows, coins=np.delete(of.coins, place))


def neighbours() -> Iterator[tuple[str, int]]:
    for kind in ALGORITHMS:
        for place in (0, 1, 30, *range(ROWS, ROWS + len(ODD))):
            yield kind, place


@pytest.mark.parametrize(("kind", "place"), [*neighbours()])
def test_a_row_costs_one_part_no_more_than_rho_and_the_other_nothing(
    kind: str, place: int, monkeypatch: pytest.MonkeyPatch, tmp_path: "Path"
) -> None:
    """Whichever row it is, wherever it stands: every release of the pair is the same up to its sum."""
    whole = case(kind)
    less = without(whole, place)
    with_it, _ = seen(monkeypatch, tmp_path / "a", whole, {"t.csv": as_csv(whole.rows)}, whole.coins)
    without_it, _ = seen(
        monkeypatch,
        tmp_path / "b",
        less,
        {"t.csv": as_csv(less.rows)},
        less.coins,
        replayed=with_it.releases,
    )
    assert len(with_it.releases) == len(without_it.releases)
    cost = {
        testing: sum(
            (
                a.cost(b)
                for a, b in zip(with_it.of(testing=testing), without_it.of(testing=testing), strict=True)
            ),
            Fraction(0),
        )
        for testing in (False, True)
    }
    held_out = bool(whole.coins[place])
    assert whole.request.rho is not None
    assert whole.request.privacy is not None
    assert cost[not held_out] == 0
    assert cost[held_out] <= whole.request.rho
    told = kind == "kmeans" or whole.rows[place]["left"] in (classes_of(whole.request.privacy) or ())
    assert (cost[held_out] > 0) == told, "a row of no class is left out, and any other counts"


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_any_order_format_and_cutting_give_the_same_bits(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: "Path"
) -> None:
    """And whether there is room to hold the rows or they are read again for each look."""
    of = case(kind)
    expected, trained = seen(monkeypatch, tmp_path / "0", of, {"t.csv": as_csv(of.rows)}, of.coins)
    order = np.random.default_rng(4).permutation(len(of.rows))
    rows = [of.rows[place] for place in order]
    three = (rows[:20], rows[20:21], rows[21:])
    ways: list[tuple[dict[str, bytes], dict[str, Any]]] = [
        ({"t.csv": as_csv(rows)}, {}),
        ({"t.csv": as_csv(rows)}, {"part_bytes": 100}),
        ({"t.csv": as_csv(rows)}, {"memory": 0}),
        ({f"{n}.csv": as_csv(each) for n, each in enumerate(three)}, {"part_bytes": 200}),
        ({"t.jsonl": as_json_lines(rows)}, {"part_bytes": 300}),
        ({"t.parquet": as_parquet(rows)}, {"part_bytes": 1}),
        ({f"{n}.parquet": as_parquet(each, 3) for n, each in enumerate(three)}, {}),
    ]
    for number, (files, said) in enumerate(ways, 1):
        found, again = seen(monkeypatch, tmp_path / str(number), of, files, of.coins[order], **said)
        assert found.releases == expected.releases, [*files, said]
        assert weights(again) == weights(trained)
        assert told(again) == told(trained)


def weights(trained: "Trained") -> list[tuple[float, ...]]:
    """An artifact of CSV also says how its words are read."""
    state = Model.from_bytes(trained.artifact).estimator
    return [tensor.values for _, tensor in sorted(state.tensors().items())]


def told(trained: "Trained") -> dict[str, Any]:
    """What is computed of rows."""
    members = ("metrics", "warnings", "rows", "test_rows", "privacy")
    return {name: trained.manifest[name] for name in members}


@pytest.mark.parametrize("kind", ALGORITHMS)
@pytest.mark.parametrize("epsilon", [0.01, 1.0, 100.0])
def test_the_budget_of_each_part_is_spent_to_its_end(
    kind: str, epsilon: float, monkeypatch: pytest.MonkeyPatch, tmp_path: "Path"
) -> None:
    """By the variances that were asked for and what one row may change: no more than ρ, and hardly less."""
    from ml_core.privacy import budget as module

    budgets: list[module.PrivacyBudget] = []
    made = module.PrivacyBudget.__init__

    def keeping(self: module.PrivacyBudget, *said: Any) -> None:
        made(self, *said)
        budgets.append(self)

    of = case(kind, epsilon=epsilon)
    monkeypatch.setattr(module.PrivacyBudget, "__init__", keeping)
    _, trained = seen(monkeypatch, tmp_path, of, {"t.csv": as_csv(of.rows)}, of.coins)
    assert [each.rho for each in budgets] == [of.request.rho, of.request.rho]
    assert [each.left for each in budgets] == [0, 0]
    said: Any = trained.manifest["privacy"]
    assert said["epsilon"] == epsilon
