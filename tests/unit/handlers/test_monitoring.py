"""`GET …/monitoring`: which time is told of, what is wrong with a query, and what the counts come to."""

import json
import shutil
import time
from calendar import timegm
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from handlers.rest.answers import ANSWERS
from handlers.rest.http import Response
from handlers.rest.spans import span_of
from handlers.services import Services
from ml_core.errors import InvalidInput
from ml_core.monitoring.counts import VersionCounts
from ml_core.monitoring.feedback import Truth, count
from ml_core.monitoring.parts import Counted, hour_of, part_bytes, part_key
from tests.unit.handlers.conftest import Ask, asking, copy_of, services_over

VERSION = "/v1/models/iris/versions/1/monitoring"
ALIAS = "/v1/models/iris/aliases/live/monitoring"
NOW = 1_795_678_200.0  # 2026-11-26T07:30:00Z, a Thursday
DAY = 86_400
TODAY = NOW - 7.5 * 3600


def days_ago(days: int) -> str:
    """A date before today."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * DAY))


def noon(date: str) -> float:
    return timegm(time.strptime(date, "%Y-%m-%d")) + DAY / 2


def read(response: Response, schema: str = "Monitoring", status: int = 200) -> Any:
    assert response.status == status, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS[schema if status == 200 else "Problem"])
    return value


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    """Over a copy of the trained models, with an alias of two versions."""
    copy_of(trained, tmp_path / "copy")
    return services_over(tmp_path / "copy", ML_ALIAS_TTL="0")


Keep = Callable[..., None]


@pytest.fixture
def keep(services: Services) -> Keep:
    """Stores what an instance counted of a version just now, or at a time."""

    def keep(model: str = "iris", version: int = 1, at: float | None = None, **counts: Any) -> None:
        found = VersionCounts()
        for name, value in counts.items():
            setattr(found, name, value)
        job = services.registry.model(model).pick(version).job
        hour = hour_of(time.time() if at is None else at)
        part = part_bytes({job: Counted(model, version, found)}, {})
        services.store.put_if_absent(part_key(hour, f"{model}{version}"), part)

    return keep


@pytest.mark.parametrize(
    ("query", "begin", "end"),
    [
        ({}, TODAY - 6 * DAY, NOW),
        ({"to": "2026-11-26"}, TODAY - 6 * DAY, TODAY + DAY),
        ({"to": "2026-11-20"}, TODAY - 12 * DAY, TODAY - 5 * DAY),
        ({"from": "2026-11-26"}, TODAY, NOW),
        ({"from": "2026-11-20", "to": "2026-11-20"}, TODAY - 6 * DAY, TODAY - 5 * DAY),
        ({"from": "2026-11-26T07:00:00Z"}, NOW - 1800, NOW),
        ({"from": "2026-11-26t07:00:00z"}, NOW - 1800, NOW),
        ({"from": "2026-11-26 07:00"}, NOW - 1800, NOW),
        ({"from": "2026-11-26T08:00:00+01:00"}, NOW - 1800, NOW),
        ({"from": "2026-11-26T08:00:00 01:00"}, NOW - 1800, NOW),
        ({"from": "2026-11-26 08:00:00 01:00"}, NOW - 1800, NOW),
        ({"from": "2026-11-26T05:00:00.5-02:00"}, NOW - 1799.5, NOW),
        ({"to": "2026-11-20T00:00:00Z"}, TODAY - 13 * DAY, TODAY - 6 * DAY),
        ({"from": "1970-01-01", "to": "9999-12-31"}, 0, NOW + DAY),
        ({"from": "1970-01-01", "to": "9999-12-31T23:59:59Z"}, 0, NOW),
    ],
)
def test_the_time_that_is_asked_about(query: dict[str, str], begin: float, end: float) -> None:
    assert span_of(query, NOW) == (begin, end)


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ({"from": "yesterday"}, ["query.from"]),
        ({"from": ""}, ["query.from"]),
        ({"from": "2026-13-01", "to": "2026-11-31"}, ["query.from", "query.to"]),
        ({"to": "20261126"}, ["query.to"]),
        ({"to": "2026-11-26T07"}, ["query.to"]),
        ({"to": "2026-11-26T25:00"}, ["query.to"]),
        ({"to": "1969-12-31"}, ["query.to"]),
        ({"to": "0001-01-01T00:00:00+14:00"}, ["query.to"]),
        ({"from": "1795678200"}, ["query.from"]),
        ({"from": "2026-11-27"}, ["query.from"]),
        ({"from": "2026-11-25", "to": "2026-11-24"}, ["query.from"]),
        ({"from": "2026-11-26T07:00:00Z", "to": "2026-11-26T07:00:00Z"}, ["query.from"]),
    ],
)
def test_what_is_no_time_is_told_with_its_place(query: dict[str, str], paths: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        span_of(query, NOW)
    assert [fault.path for fault in refused.value.faults] == paths


def test_nothing_counted_is_a_whole_report(services: Services) -> None:
    told = read(asking(services)("GET", VERSION))
    assert told["state"] == "no_predictions"
    assert told["monitoring"] == {"on": True, "setting": "ML_MONITORING_DAYS", "days": 90}
    assert told["requests"] == told["predicted"] == told["counted"] == 0
    begin, end = (time.strptime(told["window"][each], "%Y-%m-%dT%H:%M:%SZ") for each in ("from", "to"))
    assert (begin.tm_hour, begin.tm_min, begin.tm_sec) == (0, 0, 0)
    assert end > begin


@pytest.mark.parametrize("model", ["iris", "truth", "digits", "groups"])
def test_every_model_is_reported(services: Services, keep: Keep, model: str) -> None:
    profile = services.models.resolve(model, 1).model.profile
    assert profile is not None
    columns = [[*[0] * (len(column.counts) - 1), 400, 0, 0, 0] for column in profile.columns]
    keep(model, requests=9, predictions=400, labels=[300, 100], counted=400, columns=columns)
    told = read(asking(services)("GET", f"/v1/models/{model}/versions/1/monitoring"))
    assert told["predicted"] == 400
    assert told["predictions"]["labels"][0]["now"] == 0.75
    assert len(told["features"]) == len(profile.columns)
    assert {each["state"] for each in told["features"].values()} == {"steady"}
    assert told["state"] in ("steady", "no_reference")


def test_days_are_counted_whole(services: Services, keep: Keep) -> None:
    ask = asking(services)
    first, second, third = days_ago(5), days_ago(4), days_ago(3)
    keep(at=noon(first), requests=3, predictions=4)
    keep(at=noon(second), requests=10, predictions=20)
    day = read(ask("GET", f"{VERSION}?from={first}T20:00:00Z&to={first}T21:00:00Z"))
    assert (day["requests"], day["predicted"]) == (3, 4)
    assert day["window"] == {"from": f"{first}T00:00:00Z", "to": f"{second}T00:00:00Z"}
    both = read(ask("GET", f"{VERSION}?from={first}&to={second}"))
    assert (both["requests"], both["predicted"]) == (13, 24)
    assert read(ask("GET", f"{VERSION}?from={third}&to={third}"))["state"] == "no_predictions"


def test_the_truth_is_that_of_predictions_in_the_window(services: Services) -> None:
    job = services.registry.model("iris").pick(1).job
    first, second = days_ago(5), days_ago(4)
    minute = int(noon(first) // 60)
    count(services.store, [(job, Truth(bytes([each] * 6), minute, 0, 19, each % 2)) for each in range(4)])
    ask = asking(services)
    told = read(ask("GET", f"{VERSION}?from={first}&to={first}"))["feedback"]
    assert told["labelled"] == 4
    assert told["accuracy"]["value"] == 0.5
    assert told["confusion"][0] == {"predicted": "high", "true": "high", "count": 2}
    assert read(ask("GET", f"{VERSION}?from={second}&to={second}"))["feedback"]["labelled"] == 0


def test_what_is_not_there_is_404(services: Services) -> None:
    ask = asking(services)
    for path, code in (
        ("/v1/models/iris/versions/9/monitoring", "version_not_found"),
        ("/v1/models/nobody/versions/1/monitoring", "model_not_found"),
        ("/v1/models/iris/aliases/nobody/monitoring", "alias_not_found"),
        ("/v1/models/nobody/aliases/live/monitoring", "model_not_found"),
    ):
        assert read(ask("GET", path), status=404)["code"] == code


def test_a_fault_in_the_query_is_422(services: Services) -> None:
    problem = read(asking(services)("GET", f"{VERSION}?from=soon"), status=422)
    assert problem["faults"][0]["path"] == "query.from"
    problem = read(asking(services)("GET", f"{VERSION}?since=2026-11-26"), status=422)
    assert problem["faults"][0]["path"] == "query"


def test_what_is_switched_off_says_so(trained: Path) -> None:
    ask = asking(services_over(trained, ML_MONITORING_DAYS="0"))
    told = read(ask("GET", VERSION))
    assert told["monitoring"] == {"on": False, "setting": "ML_MONITORING_DAYS", "days": 0}
    assert "ML_MONITORING_DAYS" in told["warnings"][0]


@pytest.fixture
def split(services: Services) -> Ask:
    """Asks of a model whose two versions share an alias."""
    from handlers.jobs import train_now
    from tests.unit.handlers.conftest import REQUESTS

    assert train_now(services, {"model": "iris", **REQUESTS["iris"]}).state == "succeeded"
    ask = asking(services)
    assert ask("PUT", "/v1/models/iris/aliases/live", b'{"weights": {"1": 70, "2": 30}}').status == 200
    return ask


def test_arms_of_an_alias_stand_side_by_side(split: Ask, keep: Keep) -> None:
    keep(version=1, requests=700, predictions=700, labels=[350, 350, 0], errors=7)
    keep(version=2, requests=300, predictions=300, labels=[0, 300, 0])
    told = read(split("GET", ALIAS), "AliasMonitoring")
    first, second = told["versions"]
    assert (first["version"], first["weight"], first["share"], first["errors"]) == (1, 70, 0.7, 7)
    assert (second["version"], second["weight"], second["share"]) == (2, 30, 0.3)
    assert first["mix"] is None
    assert second["mix"]["against"] == 1
    assert second["mix"]["state"] == "different"
    assert second["labels"] == [
        {"label": "high", "share": 0.0},
        {"label": "low", "share": 1.0},
        {"label": "middle", "share": 0.0},
    ]
    assert told["warnings"] == []


def test_an_alias_of_one_version_has_one_arm(services: Services) -> None:
    ask = asking(services)
    assert ask("PUT", "/v1/models/iris/aliases/live", b'{"version": 1}').status == 200
    told = read(ask("GET", ALIAS), "AliasMonitoring")
    (arm,) = told["versions"]
    assert (arm["share"], arm["state"], arm["mix"], arm["weight"]) == (None, "no_predictions", None, 1)


def test_a_time_that_is_too_long_says_what_was_left_out(
    services: Services, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_core.monitoring.reading.MOST_PARTS", 1)
    keep(at=noon(days_ago(5)), requests=3)
    keep(at=noon(days_ago(4)), requests=4)
    told = read(asking(services)("GET", f"{VERSION}?from={days_ago(20)}"))
    assert told["requests"] == 4
    assert "1 or more objects of counts were not read" in told["warnings"][0]


PLANS = ("basic", "gold", "plus")


def customers(
    rows: int, seed: int, *, plans: Sequence[str] = PLANS, older: float = 0.0
) -> list[dict[str, Any]]:
    """Rows of a table with every kind of column; some of each are missing."""
    chosen = Random(seed)  # noqa: S311 - no secret
    return [
        {
            "age": None if chosen.random() < 0.05 else round(chosen.gauss(40 + older, 12), 1),
            "spend": round(chosen.lognormvariate(3, 1), 2),
            "joined": f"20{chosen.randrange(10, 24)}-{chosen.randrange(1, 13):02}-15",
            "plan": chosen.choice(plans),
            "paid": chosen.random() < 0.7,
        }
        for _ in range(rows)
    ]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of a table with every kind of column."""
    from handlers.jobs import train_now

    root = tmp_path_factory.mktemp("shop")
    rows = customers(1_500, 1)
    targets = ["yes" if row["spend"] > 25 else "no" for row in rows]
    request = {"algorithm": "logistic_regression", "instances": rows, "targets": targets}
    assert train_now(services_over(root), {"model": "shop", **request}).state == "succeeded"
    return root


@pytest.mark.parametrize(
    ("changed", "drifted"),
    [
        ({}, []),
        ({"older": 9.0}, ["age"]),
        ({"plans": (*PLANS, "silver")}, ["plan"]),
        ({"plans": ("basic", "gold"), "older": -9.0}, ["age", "plan"]),
    ],
)
def test_what_is_predicted_is_counted_and_compared(
    shop: Path, tmp_path: Path, changed: dict[str, Any], drifted: list[str]
) -> None:
    shutil.copytree(shop, tmp_path / "shop")
    ask = asking(services_over(tmp_path / "shop"))
    sent = customers(900, 2, **changed)
    for begin in range(0, 900, 300):
        body = json.dumps({"instances": sent[begin : begin + 300]}).encode()
        assert ask("POST", "/v1/models/shop/versions/1:predict", body).status == 200
    assert ask("POST", "/v1/models/shop/versions/1:predict", b'{"instances": [{"age": "old"}]}').status == 422
    told = read(ask("GET", "/v1/models/shop/versions/1/monitoring"))
    assert (told["predicted"], told["counted"], told["requests"], told["refused"]) == (900, 900, 4, 1)
    assert told["drifted"] == drifted
    assert told["state"] == ("drifted" if drifted else "steady")
    assert told["predictions"]["state"] == "steady"
    age = told["features"]["age"]
    ends = [each["from"] for each in age["bins"][1:]]
    for place, each in enumerate(age["bins"]):
        low, high = [-1e9, *ends][place], [*ends, 1e9][place]
        inside = sum(low <= row["age"] < high for row in sent if row["age"] is not None)
        assert each["now"] == pytest.approx(inside / 900, abs=1e-6)
    assert age["missing"]["now"] == pytest.approx(sum(row["age"] is None for row in sent) / 900, abs=1e-6)
    plan = told["features"]["plan"]
    for each in plan["bins"]:
        now = sum(row["plan"] == each["word"] for row in sent) / 900
        assert each["now"] == pytest.approx(now, abs=1e-6)
    assert plan["unseen"] == pytest.approx(sum(row["plan"] == "silver" for row in sent) / 900, abs=1e-6)
    paid = {each["value"]: each["now"] for each in told["features"]["paid"]["bins"]}
    assert paid[True] == pytest.approx(sum(row["paid"] for row in sent) / 900, abs=1e-6)
    joined = told["features"]["joined"]["bins"]
    before = sum(row["joined"] < joined[0]["to"] for row in sent) / 900
    assert joined[0]["now"] == pytest.approx(before, abs=1e-6)
    assert 0.5 < told["expected_accuracy"] <= 1


def test_few_rows_are_too_few(shop: Path, tmp_path: Path) -> None:
    shutil.copytree(shop, tmp_path / "shop")
    ask = asking(services_over(tmp_path / "shop"))
    body = json.dumps({"instances": customers(299, 3, plans=["new"], older=50)}).encode()
    assert ask("POST", "/v1/models/shop/versions/1:predict", body).status == 200
    told = read(ask("GET", "/v1/models/shop/versions/1/monitoring"))
    assert (told["state"], told["drifted"], told["counted"]) == ("too_few", [], 299)
    assert told["features"]["age"]["psi"] > 1


def test_nothing_is_counted_where_that_is_switched_off(shop: Path, tmp_path: Path) -> None:
    shutil.copytree(shop, tmp_path / "shop")
    ask = asking(services_over(tmp_path / "shop", ML_MONITORING_DAYS="0"))
    body = json.dumps({"instances": customers(300, 3)}).encode()
    assert ask("POST", "/v1/models/shop/versions/1:predict", body).status == 200
    told = read(ask("GET", "/v1/models/shop/versions/1/monitoring"))
    assert (told["state"], told["requests"], told["monitoring"]["on"]) == ("no_predictions", 0, False)


def test_an_answer_that_is_too_long_leaves_out_bins_and_says_so(shop: Path, tmp_path: Path) -> None:
    shutil.copytree(shop, tmp_path / "shop")
    ask = asking(services_over(tmp_path / "shop"))
    body = json.dumps({"instances": customers(400, 3, older=20.0)}).encode()
    assert ask("POST", "/v1/models/shop/versions/1:predict", body).status == 200
    path = "/v1/models/shop/versions/1/monitoring"
    whole = ask("GET", path)
    narrow = asking(services_over(tmp_path / "shop", ML_MAX_ANSWER_BYTES=str(len(whole.body) - 1000)))
    told = read(narrow("GET", path))
    assert "too long" in told["warnings"][-1]
    assert told["drifted"] == ["age"]
    assert {name for name, each in told["features"].items() if each["bins"]} == {"age"}
