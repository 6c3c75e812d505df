"""What each key used: requests, rows, jobs and bytes, told to admins."""

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.rest.http import Request
from handlers.settings import read_settings
from providers.deploying.keys import KeyLimits, NewKey, new_key
from tests.unit.handlers.conftest import REQUESTS, ROWS, copy_of

PREDICT = json.dumps({"instances": ROWS[:3]}).encode()


class Used:
    """An api over a copy of the trained models, which asks for keys."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.keys: dict[str, NewKey] = {name: new_key(name) for name in ("admin", "train", "predict")}
        self.keys["limited"] = new_key("admin", limits=KeyLimits(models=["iris"]))
        records = [key.record for key in self.keys.values()]
        self.services = folder_services(
            read_settings({"ML_ROOT": str(root), **settings}), key_records=lambda: records
        )
        self.api = Api(self.services)

    def ask(self, name: str, method: str, path: str, body: bytes = b"", /, **query: str) -> Any:
        headers = {"x-api-key": self.keys[name].key} if name else {}
        answer = self.api.handle(Request(method, path, query, headers, body, "r1"))
        return answer.status, json.loads(answer.body or b"null")

    def told(self, asking: str = "admin", **query: str) -> dict[str, list[int]]:
        """By key what was used today, as `[requests, rows, jobs, bytes]`."""
        status, told = self.ask(asking, "GET", "/v1/usage", b"", **query)
        assert status == 200, told
        names = {made.record["id"]: name for name, made in self.keys.items()}
        found = {names[each["key"]]: [*each.values()][1:] for each in told["keys"]}
        assert [{**each, "date": None} for each in told["days"]] == [
            {"date": None, **each} for each in told["keys"]
        ]
        assert [*told["total"].values()] == [
            sum(each) for each in zip(*found.values(), strict=True)
        ] or not found
        return found


@pytest.fixture
def used(trained: Path, tmp_path: Path) -> Used:
    return Used(copy_of(trained, tmp_path / "copy"))


def test_what_each_key_used(used: Used) -> None:
    body = json.dumps(REQUESTS["iris"]).encode()
    assert used.ask("predict", "POST", "/v1/models/iris:predict", PREDICT)[0] == 200
    assert used.ask("predict", "POST", "/v1/models/iris:predict", b"{}")[0] == 422
    assert used.ask("train", "POST", "/v1/models/new:train", body)[0] == 202
    status, jobs = used.ask("train", "GET", "/v1/jobs")
    assert status == 200
    assert used.ask("train", "GET", f"/v1/jobs/{jobs['jobs'][0]['id']}")[0] == 200
    assert used.ask("train", "DELETE", f"/v1/jobs/{jobs['jobs'][0]['id']}")[0] == 200
    assert used.told() == {"predict": [2, 3, 0, len(PREDICT) + 2], "train": [4, 0, 1, len(body)]}
    assert used.told() == {
        "predict": [2, 3, 0, len(PREDICT) + 2], "train": [4, 0, 1, len(body)], "admin": [1, 0, 0, 0]
    }  # fmt: skip


def test_nobody_is_counted_who_was_not_let_in(used: Used) -> None:
    assert used.ask("", "GET", "/v2/health/live")[0] == 200
    assert used.ask("", "GET", "/v1/models")[0] == 401
    assert used.ask("predict", "GET", "/v1/jobs")[0] == 403
    assert used.told() == {}


def test_a_limited_key_is_told_of_itself(used: Used) -> None:
    used.ask("predict", "POST", "/v1/models/iris:predict", PREDICT)
    used.ask("limited", "GET", "/v1/models")
    assert used.told("limited") == {"limited": [1, 0, 0, 0]}
    own = str(used.keys["predict"].record["id"])
    assert used.told("admin", key=own) == {"predict": [1, 3, 0, len(PREDICT)]}
    assert used.told("limited", key=own) == {}


def test_what_an_ended_instance_stored_is_told_by_another(used: Used) -> None:
    used.ask("predict", "POST", "/v1/models/iris:predict", PREDICT)
    used.ask("predict", "POST", "/v1/models/iris:predict", PREDICT)  # which is lost with the instance
    another = Used(Path(used.services.settings.root))
    another.keys = used.keys
    another.services.gate._read = used.services.gate._read  # type: ignore[attr-defined]
    assert another.told() == {"predict": [1, 3, 0, len(PREDICT)]}


def test_where_nothing_is_counted_it_says_so(trained: Path) -> None:
    used = Used(trained, ML_MONITORING_DAYS="0")
    used.ask("predict", "POST", "/v1/models/iris:predict", PREDICT)
    status, told = used.ask("admin", "GET", "/v1/usage")
    assert status == 200
    assert told["monitoring"]["on"] is False
    assert told["warnings"] == ["nothing is counted: the setting ML_MONITORING_DAYS is 0"]
    assert "_monitor" not in vars(used.services)


@pytest.mark.parametrize("query", [{"from": "x"}, {"key": "a/b"}, {"limit": "1"}])
def test_a_query_that_cannot_be(used: Used, query: dict[str, str]) -> None:
    assert used.ask("admin", "GET", "/v1/usage", b"", **query)[0] == 422


@pytest.mark.parametrize("role", ["train", "predict"])
def test_only_admins_are_told(used: Used, role: str) -> None:
    assert used.ask(role, "GET", "/v1/usage")[0] == 403
