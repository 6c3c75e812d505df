"""The privacy budget of a dataset over HTTP: who sets it, what is told of it, and what it forbids."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.jobs import deliver, sweep_once, train_now
from handlers.rest.answers import ANSWERS
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.services import Services
from ml_core.conflicts import BudgetRefused
from ml_core.datasets.datasets import record_key
from ml_core.datasets.sources import upload_key
from ml_core.privacy.accounting import rho_of
from ml_core.privacy.ledger import Ledger
from providers.deploying.keys import KeyLimits, new_key
from providers.local.runtime.queue import FolderQueue
from tests.unit.handlers.conftest import Ask, asking, services_over

FOUR = {"epsilon": 4.0, "delta": 1e-6}
BUDGET = "/v1/datasets/churn/budget"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return services_over(tmp_path)


@pytest.fixture
def ask(services: Services) -> Ask:
    return asking(services)


def told(response: Response, status: int = 200) -> dict[str, Any]:
    assert response.status == status, response.body
    body: dict[str, Any] = json.loads(response.body)
    jsonschema.validate(body, ANSWERS["Budget" if status == 200 else "Problem"])
    return body


def work_off(services: Services, root: Path) -> None:
    queue = FolderQueue(str(root))
    for message in queue.due()[0]:
        assert deliver(services, message) is None
        queue.forget(message)


def put(ask: Ask, budget: Any, path: str = BUDGET, status: int = 200, **headers: str) -> dict[str, Any]:
    return told(ask("PUT", path, json.dumps({"budget": budget}).encode(), **headers), status)


def test_a_budget_is_set_before_there_is_a_dataset_and_told(ask: Ask) -> None:
    nothing = told(ask("GET", BUDGET))
    assert (nothing["budget"], nothing["left"], nothing["etag"]) == (None, None, "0")
    assert nothing["spent"] == {"rho": "0", "epsilon": None}
    set_now = put(ask, {"epsilon": 4, "delta": 1e-6})
    assert set_now == told(ask("GET", BUDGET))
    assert (set_now["budget"], set_now["left"]["epsilon"]) == (FOUR, 4.0)
    (change,) = set_now["changes"]
    assert (change["from"], change["to"], change["by"]) == (None, FOUR, None)
    assert put(ask, None)["left"] is None


def test_what_was_spent_is_told_exactly(ask: Ask, services: Services) -> None:
    put(ask, FOUR)
    rho = rho_of(1, 1e-6)
    Ledger(services.store, "churn").debit(rho, job="j1", model="m", attempt=2, token="t")
    body = told(ask("GET", BUDGET))
    assert Fraction(body["spent"]["rho"]) == rho
    assert body["spent"]["epsilon"] == pytest.approx(1)
    assert 3 < body["left"]["epsilon"] < 4
    (entry,) = body["entries"]
    assert (entry["job"], entry["model"], entry["attempt"], entry["rho"]) == ("j1", "m", 2, str(rho))
    assert "token" not in entry


def test_who_changes_it_may_name_what_they_saw(ask: Ask) -> None:
    first = ask("PUT", BUDGET, b'{"budget": {"epsilon": 4, "delta": 1e-6}}', if_none_match="*")
    assert first.headers["etag"] == f'"{told(first)["etag"]}"'
    assert put(ask, FOUR, status=412, if_none_match="*")["code"] == "revision_mismatch"
    put(ask, {"epsilon": 5, "delta": 1e-6}, if_match=first.headers["etag"])
    assert put(ask, None, status=412, if_match=first.headers["etag"])["code"] == "revision_mismatch"


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, "$"),
        ({"budget": 4}, "$.budget"),
        ({"budget": {"epsilon": 4}}, "$.budget"),
        ({"budget": {"epsilon": 0, "delta": 1e-6}}, "$.budget.epsilon"),
        ({"budget": {"epsilon": 4, "delta": 1}}, "$.budget.delta"),
        ({"budget": None, "by": "me"}, "$"),
    ],
)
def test_what_is_no_budget_is_refused(ask: Ask, body: dict[str, Any], at: str) -> None:
    problem = told(ask("PUT", BUDGET, json.dumps(body).encode()), 422)
    assert [fault["path"] for fault in problem["faults"]] == [at]


def test_a_name_that_can_be_none_has_no_budget(ask: Ask) -> None:
    assert told(ask("GET", "/v1/datasets/churn./budget"), 404)["code"] == "dataset_not_found"
    assert put(ask, FOUR, "/v1/datasets/churn./budget", 422)["code"] == "invalid_input"


class TestKeys:
    """Who may ask and who may set."""

    @pytest.fixture
    def send(self, tmp_path: Path) -> Any:
        limits = KeyLimits(models=["mine"], datasets=["churn"])
        keys = {
            "admin": new_key("admin"),
            "train": new_key("train"),
            "limited": new_key("train", limits=limits),
            "limited admin": new_key("admin", limits=limits),
            "inspect": new_key("inspect"),
        }
        self.ids = {name: key.record["id"] for name, key in keys.items()}
        from handlers.local.services import folder_services
        from handlers.settings import read_settings

        settings = read_settings({"ML_ROOT": str(tmp_path)})
        self.services = folder_services(settings, key_records=lambda: [key.record for key in keys.values()])
        api = Api(self.services)

        def send(key: str, method: str, path: str, body: bytes = b"") -> Response:
            return api.handle(Request(method, path, {}, {"x-api-key": keys[key].key}, body, "r"))

        return send

    def test_only_an_admin_sets_it_and_it_says_who(self, send: Any) -> None:
        body = json.dumps({"budget": FOUR}).encode()
        for key in ("train", "limited", "inspect"):
            told(send(key, "PUT", BUDGET, body), 403)
        told(send("limited admin", "PUT", "/v1/datasets/pay/budget", body), 403)
        told(send("inspect", "GET", BUDGET), 403)
        told(send("limited", "GET", "/v1/datasets/pay/budget"), 403)
        assert told(send("admin", "PUT", BUDGET, body))["changes"][0]["by"] == self.ids["admin"]
        told(send("limited admin", "PUT", BUDGET, b'{"budget": null}'))
        assert told(send("train", "GET", BUDGET))["changes"][0]["by"] == self.ids["limited admin"]

    def test_a_key_for_some_models_sees_what_others_cost_and_not_which(self, send: Any) -> None:
        ledger = Ledger(self.services.store, "churn")
        for model in ("mine", "theirs"):
            ledger.debit(Fraction(1, 8), job=f"job of {model}", model=model, attempt=1, token=model)
        answer = send("limited", "GET", BUDGET)
        assert b"theirs" not in answer.body
        theirs, mine = told(answer)["entries"]
        assert (mine["model"], mine["job"]) == ("mine", "job of mine")
        assert (theirs["model"], theirs["job"], theirs["rho"]) == (None, None, "1/8")
        assert told(answer)["spent"]["rho"] == "1/4"


CSV = "age,plan,churned\n" + "31,basic,yes\n,pro,no\n45.5,,yes\n22,basic,no\n" * 10
UPLOAD = "0" * 28
DATA = {"uri": "dataset://churn", "target": "churned"}
PRIVACY: dict[str, Any] = {
    "epsilon": 1,
    "delta": 1e-6,
    "bounds": {"age": [0, 100]},
    "categories": {"plan": ["basic", "pro"]},
    "classes": ["yes", "no"],
}
ARGUMENTS: dict[str, Any] = {"algorithm": "logistic_regression", "data": DATA}
PRIVATE: dict[str, Any] = {**ARGUMENTS, "privacy": PRIVACY}


class TestReading:
    """What reads a dataset once it has a budget."""

    @pytest.fixture(autouse=True)
    def uploaded(self, services: Services) -> None:
        services.store.write_stream(upload_key("churn", UPLOAD), [CSV.encode()])
        services.store.put_if_absent(record_key(UPLOAD), b'{"dataset": "churn"}')
        services.store.write_stream(upload_key("open", "1" * 28), [CSV.encode()])

    @pytest.fixture
    def post(self, ask: Ask) -> Callable[..., tuple[int, str | None]]:
        """Sends a body; the status and the problem's code."""

        def post(path: str, body: Any, **headers: str) -> tuple[int, str | None]:
            answer = ask("POST", path, json.dumps(body).encode(), **headers)
            return answer.status, json.loads(answer.body).get("code")

        return post

    def test_everything_but_private_training_is_refused(
        self, ask: Ask, services: Services, post: Any
    ) -> None:
        train_now(services, {"model": "churn", **ARGUMENTS})
        put(ask, FOUR)
        refused = (409, "budget")
        assert post("/v1/models/churn:train", ARGUMENTS) == refused
        for engine in ("streamed", "function"):
            assert post("/v1/models/churn:train", {**ARGUMENTS, "engine": engine}) == refused
        exact = {**ARGUMENTS, "data": {**DATA, "uri": f"dataset://churn/{UPLOAD}"}}
        assert post("/v1/models/churn:train", exact) == refused
        assert post("/v1/models/churn:score", {"data": {"uri": "dataset://churn"}}) == refused
        assert post("/v1/datasets/churn:describe", {"exclude": ["age"]}) == refused
        assert post("/v1/datasets/churn:describe", {}) == refused
        told(ask("GET", "/v1/datasets/churn"), 409)
        with pytest.raises(BudgetRefused):
            train_now(services, {"model": "churn", **ARGUMENTS})
        assert post("/v1/models/churn:train", PRIVATE) == (202, None)
        other = {**ARGUMENTS, "data": {**DATA, "uri": "dataset://open"}}
        assert post("/v1/models/churn:train", other) == (202, None)
        assert ask("GET", "/v1/datasets/open").status == 200
        put(ask, None)
        assert post("/v1/models/churn:train", ARGUMENTS) == (202, None)

    def test_what_cannot_be_paid_is_refused_before_anybody_waits(self, ask: Ask, post: Any) -> None:
        put(ask, {"epsilon": 0.5, "delta": 1e-6})
        assert post("/v1/models/churn:train", PRIVATE) == (409, "budget_spent")
        less = {**PRIVATE, "privacy": {**PRIVACY, "epsilon": 0.5}}
        assert post("/v1/models/churn:train", less) == (202, None)

    def test_a_retry_gets_its_job_also_when_nothing_is_left(
        self, ask: Ask, post: Any, services: Services, tmp_path: Path
    ) -> None:
        put(ask, {"epsilon": 1, "delta": 1e-6})
        once = {"idempotency_key": "k1"}
        assert post("/v1/models/churn:train", PRIVATE, **once) == (202, None)
        work_off(services, tmp_path)
        assert told(ask("GET", BUDGET))["left"]["epsilon"] == 0
        assert post("/v1/models/churn:train", PRIVATE, **once) == (202, None)
        assert post("/v1/models/churn:train", PRIVATE) == (409, "budget_spent")

    def test_a_private_training_is_paid_for_and_told(
        self, ask: Ask, post: Any, services: Services, tmp_path: Path
    ) -> None:
        put(ask, FOUR)
        assert post("/v1/models/churn:train", PRIVATE) == (202, None)
        work_off(services, tmp_path)
        (job,) = json.loads(ask("GET", "/v1/jobs").body)["jobs"]
        assert (job["state"], job["error"]) == ("succeeded", None)
        body = told(ask("GET", BUDGET))
        (entry,) = body["entries"]
        assert (entry["job"], entry["model"], entry["attempt"]) == (job["id"], "churn", 1)
        assert Fraction(entry["rho"]) == rho_of(PRIVACY["epsilon"], PRIVACY["delta"])
        assert body["spent"]["epsilon"] == pytest.approx(1)

    def test_a_description_that_was_asked_for_before_is_not_made(
        self, ask: Ask, services: Services, tmp_path: Path
    ) -> None:
        assert json.loads(ask("GET", "/v1/datasets/churn").body)["state"] == "describing"
        put(ask, FOUR)
        work_off(services, tmp_path)
        assert services.store.list("descriptions/").objects == []

    def test_a_description_that_was_made_before_is_not_told(
        self, ask: Ask, services: Services, tmp_path: Path
    ) -> None:
        ask("GET", "/v1/datasets/churn")
        work_off(services, tmp_path)
        seen = ask("GET", "/v1/datasets/churn")
        assert json.loads(seen.body)["state"] == "described"
        body = put(ask, FOUR)
        (kept,) = body["descriptions"]
        assert (kept["uri"], kept["options"]) == (f"dataset://churn/{UPLOAD}", False)
        told(ask("GET", "/v1/datasets/churn", if_none_match=seen.headers["etag"]), 409)
        told(ask("GET", "/v1/datasets/churn", prefer="wait=1"), 409)

    def test_the_list_does_not_tell_its_size(self, ask: Ask) -> None:
        def sizes() -> dict[str, int | None]:
            listed = json.loads(ask("GET", "/v1/datasets").body)
            jsonschema.validate(listed, ANSWERS["Datasets"])
            return {each["name"]: each["size"] for each in listed["datasets"]}

        assert sizes() == {"churn": len(CSV), "open": len(CSV)}
        put(ask, FOUR)
        put(ask, FOUR, "/v1/datasets/elsewhere/budget")
        assert sizes() == {"churn": None, "open": len(CSV)}

    def test_what_was_scored_before_is_not_given_away(
        self, ask: Ask, post: Any, services: Services, tmp_path: Path
    ) -> None:
        train_now(services, {"model": "churn", **ARGUMENTS})
        assert post("/v1/models/churn:score", {"data": DATA | {}, "keep": ["age"]})[0] == 422
        scored = ask(
            "POST",
            "/v1/models/churn:score",
            json.dumps({"data": {"uri": "dataset://churn"}, "keep": ["age"]}).encode(),
        )
        work_off(services, tmp_path)
        files = f"/v1/jobs/{json.loads(scored.body)['id']}/files"
        assert len(json.loads(ask("GET", files).body)["files"]) == 1
        put(ask, FOUR)
        told(ask("GET", files), 409)

    def test_a_new_upload_and_a_deletion_change_nothing(self, ask: Ask) -> None:
        put(ask, FOUR)
        assert ask("POST", "/v1/datasets/churn:upload").status == 201
        assert ask("DELETE", "/v1/datasets/churn").status == 204
        assert told(ask("GET", BUDGET))["budget"] == FOUR
        assert ask("DELETE", "/v1/datasets/churn").status == 404
        assert told(ask("GET", BUDGET))["budget"] == FOUR

    def test_the_sweep_leaves_it(self, ask: Ask, services: Services) -> None:
        put(ask, FOUR)
        for clock in (services.jobs, services.registry):
            clock.clock = lambda: 1e11
        sweep_once(services)
        sweep_once(services)
        assert told(ask("GET", BUDGET))["budget"] == FOUR
