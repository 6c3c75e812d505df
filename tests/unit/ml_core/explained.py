"""Models that are explained in tests, and rows for them."""

import json
from typing import Any

from ml_core import algorithms
from ml_core.inputs.rows import Limits, Rows
from ml_core.model.model import Model
from ml_core.tables.memory import NO_BUDGET
from ml_core.training.notebook import check_request, fit
from ml_core.training.reference import TableReference
from ml_core.training.request import TrainingRequest

CHURN = "examples/churn.csv"
LIMITS = Limits()


def fitted(algorithm: str, rows: Any, targets: Any, **chosen: Any) -> Model:
    """Trained by a job's own code on rows as JSON has them."""
    body = {"algorithm": algorithm, "instances": rows, "test_fraction": 0, "hyperparameters": chosen}
    if algorithm != "kmeans":
        body["targets"] = targets
    return Model.from_bytes(
        fit(check_request(json.loads(json.dumps(body)), LIMITS), lambda *_: None).artifact
    )


def of_churn(algorithm: str, **chosen: Any) -> Model:
    """Trained on the example's file: words, truth values, dates, and gaps everywhere."""
    info = algorithms.algorithm(algorithm)
    reference = TableReference("file:t.csv", target="churned" if info.task.supervised else None)
    request = TrainingRequest(algorithm, info.check(chosen), reference, 0.2, 0).with_rows(CHURN, NO_BUDGET)
    return Model.from_bytes(fit(request, lambda *_: None).artifact)


CHURN_ROWS: list[dict[str, Any]] = [
    {"age": None, "plan": "pro", "active": True, "since": "2026-10-01", "country": "PL", "spend": 31.5},
    {"age": 44, "plan": "basic", "active": None, "since": None, "country": None, "spend": None},
    {"age": 19, "plan": None, "active": False, "since": "2019-12-31T23:00:00", "country": "XX", "spend": 5},
    {"age": 61, "plan": "team", "active": False, "since": "2024-02-29", "country": "DE", "spend": 12.25},
]


def churn_rows(model: Model, rows: list[dict[str, Any]] | None = None, where: str = "$.instances") -> Rows:
    asked = [{name: row.get(name) for name in model.features} for row in rows or CHURN_ROWS]
    found = model.rows(asked, limits=LIMITS, where=where)
    assert isinstance(found, Rows)
    return found
