"""`GET …/profile`: what callers see of the rows that a version was trained on, and can compute from it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise
from math import fsum
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.rest.answers import ANSWERS
from handlers.rest.http import Response
from handlers.services import Services
from handlers.settings import read_settings
from tests.unit.handlers.conftest import Ask, asking, services_over

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(response: Response, status: int = 200) -> Any:
    assert response.status == status, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Profile" if status == 200 else "Problem"])
    return value


PLANS = ("basic", "team", "pro", None)
ROWS: list[dict[str, Any]] = [
    {
        "spend": None if row % 10 == 0 else row * 1.5,
        "plan": "rare" if row < 3 else PLANS[row % 4],
        "active": row % 3 == 0,
        "since": f"2024-{row % 12 + 1:02}-{row % 28 + 1:02}T06:00:00",
        "seldom": row if row < 5 else None,
    }
    for row in range(300)
]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Services:
    services = services_over(tmp_path_factory.mktemp("mixed"))
    targets = ["yes" if row % 7 < 3 else "no" for row in range(300)]
    job = train_now(
        services,
        {"model": "m", "algorithm": "logistic_regression", "instances": ROWS, "targets": targets,
         "test_fraction": 0},
    )  # fmt: skip
    assert job.state == "succeeded", job
    return services


def test_every_kind_of_column_is_told_in_its_own_units(mixed: Services) -> None:
    told = read(asking(mixed)("GET", "/v1/models/m/versions/1/profile"))
    assert (told["model"], told["rows"]) == ({"name": "m", "version": 1}, 300)
    spend, plan, active, since, seldom = told["columns"]
    assert [each["kind"] for each in told["columns"]] == ["number", "category", "boolean", "date", "number"]
    assert spend["missing"] == 30
    assert spend["bins"][0]["from"] is spend["bins"][-1]["to"] is None
    assert all(one["to"] == other["from"] for one, other in pairwise(spend["bins"]))
    assert spend["low"] < ROWS[1]["spend"] < ROWS[-1]["spend"] < spend["high"]
    assert {each["word"]: each["count"] for each in plan["words"]} == {
        word: sum(row["plan"] == word for row in ROWS) for word in ("basic", "team", "pro")
    }
    assert (plan["other"], plan["other_words"]) == (3, 1)
    assert plan["missing"] == sum(row["plan"] is None for row in ROWS)
    assert [(each["mean"], each["count"]) for each in active["bins"]] == [(0, 200), (1, 100)]
    for each in since["bins"]:
        assert (datetime.fromisoformat(each["mean"]) - EPOCH).total_seconds() / 86400 == pytest.approx(
            each["mean_days"], rel=1e-14
        )
    assert since["bins"][0]["to"].startswith("2024-")
    assert (seldom["bins"], seldom["too_few"], seldom["missing"]) == ([], 5, 295)
    predicted = told["predicted"]
    assert (predicted["rows"], predicted["held_out"]) == (300, False)
    assert sum(each["count"] for each in predicted["labels"]) == 300
    assert sum(each["count"] for each in predicted["probability"]) == 300


def test_the_means_of_columns_are_found_again(mixed: Services) -> None:
    told = read(asking(mixed)("GET", "/v1/models/m/versions/1/profile"))
    spend, since = told["columns"][0], told["columns"][3]
    values = [row["spend"] for row in ROWS if isinstance(row["spend"], float)]
    days = [(datetime.fromisoformat(f"{row['since']}+00:00") - EPOCH).total_seconds() / 86400 for row in ROWS]
    for column, mean, sent in ((spend, "mean", values), (since, "mean_days", days)):
        found = fsum(each["count"] * each[mean] for each in column["bins"]) / len(sent)
        assert found == pytest.approx(fsum(sent) / len(sent), rel=1e-12)


@pytest.mark.parametrize("model", ["iris", "truth", "digits", "groups"])
def test_every_model_has_one(ask: Ask, model: str) -> None:
    version = json.loads(ask("GET", f"/v1/models/{model}/versions/1").body)
    told = read(ask("GET", f"/v1/models/{model}/versions/1/profile"))
    assert told["rows"] == version["rows"]
    assert [each["column"] for each in told["columns"]] == version["features"]
    labels = [each["label"] for each in told["predicted"]["labels"]]
    assert labels == (version["classes"] or list(range(3)))


def test_what_is_not_there_is_404(ask: Ask) -> None:
    assert read(ask("GET", "/v1/models/iris/versions/2/profile"), 404)["code"] == "version_not_found"
    assert read(ask("GET", "/v1/models/none/versions/1/profile"), 404)["code"] == "model_not_found"


def test_of_a_version_without_one_it_is_said_what_helps(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    few = {"model": "few", "algorithm": "kmeans", "hyperparameters": {"n_clusters": 2},
           "instances": [[number] for number in range(19)], "test_fraction": 0}  # fmt: skip
    assert train_now(services, few).state == "succeeded"
    problem = read(asking(services)("GET", "/v1/models/few/versions/1/profile"), 409)
    assert problem["code"] == "not_described"
    assert "train it again with at least so many" in problem["detail"]


def test_too_long_a_profile_is_413_with_where_it_is(trained: Path) -> None:
    settings = read_settings({"ML_ROOT": str(trained), "ML_MAX_ANSWER_BYTES": "1024"})
    narrow = asking(folder_services(settings, key_records=None))
    problem = read(narrow("GET", "/v1/models/iris/versions/1/profile"), 413)
    assert "download the artifact" in problem["detail"]


def test_importance_is_in_the_version_and_in_no_list(mixed: Services) -> None:
    body = {"algorithm": "logistic_regression", "instances": ROWS, "test_fraction": 0.3,
            "targets": ["yes" if row % 7 < 3 else "no" for row in range(300)]}  # fmt: skip
    assert train_now(mixed, {"model": "held", **body}).state == "succeeded"
    ask = asking(mixed)
    version = json.loads(ask("GET", "/v1/models/held/versions/1").body)
    jsonschema.validate(version, ANSWERS["Version"])
    assert {each["column"] for each in version["importance"]["columns"]} == set(ROWS[0])
    assert version["importance"]["rows"] == 90
    for path in ("/v1/models/held/versions", "/v1/models/held"):
        assert b"importance" not in ask("GET", path).body
    assert "importance" not in json.loads(ask("GET", "/v1/models/m/versions/1").body)  # none held out
    profile = read(ask("GET", "/v1/models/held/versions/1/profile"))
    assert (profile["predicted"]["held_out"], profile["predicted"]["rows"]) == (True, 90)


def test_it_takes_neither_numpy_nor_scikit_learn(trained: Path) -> None:
    program = f"""
import json, sys
from tests.unit.handlers.conftest import asking, services_over
before = set(sys.modules)
answer = asking(services_over({str(trained)!r}))("GET", "/v1/models/iris/versions/1/profile")
assert answer.status == 200, answer.body
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "sklearn", "scipy"} & set(json.loads(done.stdout.splitlines()[-1]))
