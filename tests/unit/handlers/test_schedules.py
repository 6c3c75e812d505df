"""Schedules over HTTP: written, told, refused with the place of each fault, and removed with their model."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.auth import digest
from handlers.local.services import folder_services
from handlers.rest.answers import ANSWERS
from handlers.rest.http import Response
from handlers.settings import read_settings
from ml_core.guarding.ladder import CLIMBING, ENDED, WAITING, WATCHING, Ladder
from ml_core.scheduling.triggers import STARTED, ScheduledRun, noted
from tests.unit.handlers.conftest import Ask, asking, copy_of, services_over

PATH = "/v1/models/m/schedule"
TRAIN = {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "b"}}
DAILY = {"train": TRAIN, "every": "P1D"}


@pytest.fixture
def empty(tmp_path: Path) -> Ask:
    return asking(services_over(tmp_path))


def put(ask: Ask, body: Any = DAILY, path: str = PATH, **headers: str) -> Response:
    return ask("PUT", path, json.dumps(body).encode(), **headers)


def told(response: Response) -> dict[str, Any]:
    """The answer, as the contract has it."""
    assert response.status == 200, response.body
    body: dict[str, Any] = json.loads(response.body)
    jsonschema.validate(body, ANSWERS["Schedule"])
    assert response.headers["etag"] == f'"{body["etag"]}"'
    return body


def test_it_is_told_back_with_its_defaults(empty: Ask) -> None:
    written = told(put(empty))
    assert written == told(empty("GET", PATH))
    assert {name: written[name] for name in ("train", "every", "on", "most_a_day", "alias", "paused")} == {
        **DAILY,
        "on": [],
        "most_a_day": 4,
        "alias": "production",
        "paused": False,
    }
    assert (written["writer"], written["runs"], written["guard"]) == (None, [], None)
    assert written["next"].endswith("T00:00:00Z")
    full = {
        "train": TRAIN,
        "on": ["drift", "upload"],
        "at_most_every": "P1D",
        "promote": {"when": {"metric": "log_loss"}},
        "rollback": {"errors": 0.02},
    }
    assert told(put(empty, full))["promote"]["steps"] == [10, 50, 100]
    assert told(empty("GET", PATH))["next"] is None


def test_its_runs_are_told(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    ask = asking(services)
    etag = told(put(ask))["etag"]
    run = ScheduledRun("every", "2999-01-01T00:00:00Z", "2026-11-27T00:05:00Z", STARTED, "0" * 28)
    services.schedules.change_state("m", lambda state: noted(state, run, 0.0))
    found = told(ask("GET", PATH))
    assert found["etag"] == etag
    assert found["runs"] == [run._asdict()]


@pytest.mark.parametrize("at", [WAITING, CLIMBING, WATCHING, ENDED])
@pytest.mark.parametrize("old", [0, 1])
def test_a_guard_is_told_without_what_sweeps_go_on_by(tmp_path: Path, at: str, old: int) -> None:
    services = services_over(tmp_path)
    ask = asking(services)
    put(ask)
    first, second = "1" * 28 if old else "", "2" * 28
    ladder = Ladder("production", old, first, 2, second, "etag", 0.0, 60.0, at=at, reason="why")
    services.schedules.change_state("m", lambda state: {**state, "ladder": ladder.described()})
    assert told(ask("GET", PATH))["guard"] == {
        "alias": "production",
        "old": old or None,
        "new": 2,
        "at": at,
        "step": 0,
        "reason": "why",
        "begun": "1970-01-01T00:00:00Z",
        "since": "1970-01-01T00:01:00Z",
    }


@pytest.mark.parametrize(
    ("body", "status", "at"),
    [
        ({}, 422, "$"),
        ([], 422, "$"),
        ({"every": "P1D"}, 422, "$"),
        ({"train": TRAIN}, 422, "$"),
        ({"train": TRAIN, "every": "P1M"}, 422, "$.every"),
        ({"train": TRAIN, "every": 60}, 422, "$.every"),
        ({"train": TRAIN, "on": ["never"]}, 422, "$.on[0]"),
        ({"train": TRAIN, "on": "upload"}, 422, "$.on"),
        ({"train": TRAIN, "on": ["drift"]}, 422, "$.at_most_every"),
        ({"train": [], "every": "P1D"}, 422, "$.train"),
        ({"train": "x", "every": "P1D"}, 422, "$.train"),
        ({"train": None, "every": "P1D"}, 422, "$.train"),
        ({"train": {**TRAIN, "instances": [[1]]}, "every": "P1D"}, 422, "$.train.instances"),
        ({"train": {**TRAIN, "algorithm": "oracle"}, "every": "P1D"}, 422, "$.train.algorithm"),
        (
            {"train": {**TRAIN, "data": {"uri": "https://x.org/t.csv", "target": "b"}}, "every": "P1D"},
            422,
            "$.train.data.uri",
        ),
        (
            {"train": {**TRAIN, "data": {"uri": "s3://lake/t.csv", "target": "b"}}, "every": "P1D"},
            422,
            "$.train.data.uri",
        ),
        ({"train": {**TRAIN, "engine": "dask"}, "every": "P1D"}, 422, "$.train.engine"),
        ({**DAILY, "most_a_day": 0}, 422, "$.most_a_day"),
        ({**DAILY, "most_a_day": 49}, 422, "$.most_a_day"),
        ({**DAILY, "alias": ".."}, 422, "$.alias"),
        ({**DAILY, "paused": "yes"}, 422, "$.paused"),
        ({**DAILY, "strange": 1}, 422, "$"),
        ({**DAILY, "promote": {}}, 422, "$.promote"),
        ({**DAILY, "promote": {"when": {"metric": "luck"}}}, 422, "$.promote.when.metric"),
        ({**DAILY, "promote": {"when": {"metric": "accuracy"}, "steps": []}}, 422, "$.promote.steps"),
        ({**DAILY, "promote": {"when": {"metric": "accuracy"}, "least": 0}}, 422, "$.promote.least"),
        ({**DAILY, "rollback": {"errors": 2}}, 422, "$.rollback.errors"),
        ({**DAILY, "rollback": {"for": "P1D"}}, 422, "$.rollback"),
    ],
)
def test_each_fault_is_told_with_its_place(empty: Ask, body: Any, status: int, at: str) -> None:
    response = put(empty, body)
    assert response.status == status, response.body
    assert at in [fault["path"] for fault in json.loads(response.body)["faults"]]
    assert empty("GET", PATH).status == 404


def test_conditions_are_those_of_aliases(empty: Ask) -> None:
    assert put(empty, if_match='"x"').status == 412
    etag = told(put(empty, if_none_match="*"))["etag"]
    assert put(empty, if_none_match="*").status == 412
    assert put(empty, if_match='"x"').status == 412
    newer = told(put(empty, if_match=f'"{etag}"'))["etag"]
    assert empty("DELETE", PATH, if_match=f'"{etag}"').status == 412
    assert empty("DELETE", PATH, if_match=f'"{newer}"').status == 204
    gone = empty("GET", PATH)
    assert (gone.status, json.loads(gone.body)["code"]) == (404, "schedule_not_found")
    assert empty("DELETE", PATH).status == 404


def test_names_are_those_of_models(trained: Path, tmp_path: Path) -> None:
    ask = asking(services_over(copy_of(trained, tmp_path / "copy")))
    assert put(ask, path="/v1/models/IRIS/schedule").status == 409
    assert put(ask, path="/v1/models/a..b./schedule").status == 422
    assert ask("GET", "/v1/models/a..b./schedule").status == 404
    told(put(ask, path="/v1/models/iris/schedule"))
    assert ask("GET", "/v1/models/IRIS/schedule").status == 404


@pytest.mark.parametrize("purge", [False, True])
def test_it_goes_with_its_model(trained: Path, tmp_path: Path, purge: bool) -> None:
    services = services_over(copy_of(trained, tmp_path / "copy"))
    ask = asking(services)
    told(put(ask, path="/v1/models/iris/schedule"))
    assert ask("DELETE", f"/v1/models/iris{'?purge=true' if purge else ''}").status == 204
    assert ask("GET", "/v1/models/iris/schedule").status == 404
    assert bool(list(services.schedules.keys())) is not purge


def test_who_may_write_and_see_it(tmp_path: Path) -> None:
    def key(name: str, *roles: str, **limits: Any) -> dict[str, Any]:
        created = "2024-01-01T00:00:00Z"
        return {"id": name, "roles": list(roles), "sha256": digest(name), "created": created, **limits}

    keys = [
        key("ada", "admin"),
        key("tom", "train"),
        key("ida", "inspect"),
        key("pia", "predict"),
        key("lea", "admin", models=["other-*"]),
        key("dan", "admin", datasets=["fruit"]),
    ]
    services = folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=lambda: keys)
    ask = asking(services)
    assert [put(ask, x_api_key=name).status for name in ("tom", "ida", "pia", "lea", "dan", "x")] == [
        *[403] * 5,
        401,
    ]
    assert told(put(ask, x_api_key="ada"))["writer"] == "ada"
    answers = [ask("GET", PATH, x_api_key=name).status for name in ("ada", "tom", "ida", "pia", "lea")]
    assert answers == [200, 200, 200, 403, 403]
    assert [ask("DELETE", PATH, x_api_key=name).status for name in ("tom", "lea", "ada")] == [403, 403, 204]
