"""Who changed what: written down before the change and before its answer; listed for admins."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from handlers.auth import ADMIN, FEEDBACK, INSPECT, PREDICT, SCHEMA, TRAIN
from handlers.jobs import sweep_once
from handlers.local.services import folder_services
from handlers.rest.routes import ROUTES
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.auditing.trail import Trail
from ml_core.errors import AccessRefused, Unavailable
from ml_core.ports import every_object
from ml_core.registry.retention import DAY
from providers.deploying.keys import KeyLimits, new_key
from providers.local.runtime.store import FolderStore
from tests.unit.handlers.conftest import REQUESTS, ROWS, Ask, asking, copy_of, services_over

ALIAS = "/v1/models/iris/aliases/production"
ONE = b'{"version": 1}'


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained models, in which nothing was changed yet."""
    return copy_of(trained, tmp_path / "copy")


def listed(ask: Ask, query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = ask("GET", f"/v1/audit{query}", **headers)
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = json.loads(answer.body)["entries"]
    return found


def with_keys(root: Path, **limits: KeyLimits) -> tuple[Ask, dict[str, str], dict[str, str]]:
    """An api that asks for keys, the keys, and their ids."""
    keys = {name: new_key(name.partition("_")[0], limits=given) for name, given in limits.items()}
    records = [key.record for key in keys.values()]
    services = folder_services(read_settings({"ML_ROOT": str(root)}), key_records=lambda: records)
    ids = {name: str(key.record["id"]) for name, key in keys.items()}
    return asking(services), {name: key.key for name, key in keys.items()}, ids


def test_a_change_is_listed_with_who_made_it_and_what_came_of_it(root: Path) -> None:
    ask, keys, ids = with_keys(root, admin=KeyLimits(), train=KeyLimits())
    assert ask("PUT", ALIAS, ONE, x_api_key=keys["admin"]).status == 200
    assert ask("PUT", ALIAS, b'{"version": 9}', x_api_key=keys["admin"]).status == 404
    assert ask("PUT", ALIAS, ONE, x_api_key=keys["train"]).status == 403
    body = json.dumps(REQUESTS["iris"]).encode()
    job = json.loads(ask("POST", "/v1/models/iris:train", body, x_api_key=keys["train"]).body)["id"]
    assert ask("DELETE", f"/v1/jobs/{job}", x_api_key=keys["train"]).status == 200
    cancelled, trained, missing, changed = listed(ask, x_api_key=keys["admin"])
    route = "/v1/models/{model}/aliases/{alias}"
    assert {**changed, "id": "", "time": ""} == {
        "id": "", "time": "", "by": ids["admin"], "method": "PUT", "route": route, "request_id": "r1",
        "status": 200, "model": "iris", "dataset": None, "version": 1, "alias": "production", "job": None,
    }  # fmt: skip
    assert (missing["status"], missing["by"]) == (404, ids["admin"])
    assert (trained["status"], trained["job"], trained["by"]) == (202, job, ids["train"])
    assert (cancelled["method"], cancelled["job"], cancelled["model"]) == ("DELETE", job, "iris")
    text = "".join(path.read_text(errors="replace") for path in root.rglob("audit.d/*") if path.is_file())
    assert not any(key in text for key in keys.values())


def test_what_only_reads_or_predicts_is_not_listed(root: Path) -> None:
    ask = asking(services_over(root))
    ask("GET", "/v1/models")
    ask("HEAD", "/v1/jobs")
    ask("OPTIONS", ALIAS)
    assert ask("POST", "/v1/models/iris:predict", json.dumps({"instances": ROWS[:1]}).encode()).status == 200
    assert listed(ask) == []


def test_every_method_that_changes_something_is_in_the_trail() -> None:
    """What is not has a right that changes no model, dataset, alias or job."""
    others = {
        route.access for route in ROUTES if route.method != "GET" and route.access not in (TRAIN, ADMIN)
    }
    assert others == {PREDICT, INSPECT, FEEDBACK}
    assert not [route for route in ROUTES if route.method != "GET" and route.access == SCHEMA]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", ALIAS, b"{", 400),
        ("PUT", ALIAS, b"[" * 100_000, 400),
        ("PUT", ALIAS, b"{}", 422),
        ("POST", "/v1/models/nobody/aliases/x:promote", ONE, 404),
        ("DELETE", "/v1/models/iris/versions/7", b"", 404),
        ("PATCH", "/v1/models/iris", b'{"description": 7}', 422),
        ("POST", "/v1/models/iris:register", b"{}", 422),
        ("POST", "/v1/datasets/new:upload", b"", 201),
        ("POST", "/v1/datasets/new:describe", b"", 404),
        ("PUT", "/v1/datasets/new/budget", b'{"budget": {"epsilon": 1, "delta": 1e-6}}', 200),
        ("DELETE", "/v1/models/digits", b"", 204),
    ],
)
def test_the_status_is_that_of_the_answer(
    root: Path, method: str, path: str, body: bytes, status: int
) -> None:
    ask = asking(services_over(root))
    assert ask(method, path, body).status == status
    (entry,) = listed(ask)
    assert (entry["status"], entry["by"]) == (status, None)
    assert entry["model"] or entry["dataset"]


class NoTrail(FolderStore):
    """A folder in which the trail cannot be written, from so many writes of it on."""

    def __init__(self, root: str, writes: int = 0, error: type[Unavailable] = Unavailable) -> None:
        super().__init__(root)
        self.writes = writes
        self.error = error

    def put_if_absent(self, key: str, data: bytes) -> str:
        if key.startswith("audit/"):
            self.writes -= 1
            if self.writes < 0:
                raise self.error("the store is away")
        return super().put_if_absent(key, data)


def over(root: Path, store: FolderStore) -> Services:
    services = services_over(root)
    services._store = store
    return services


@pytest.mark.parametrize("error", [Unavailable, AccessRefused])
def test_nothing_is_changed_where_it_cannot_be_written_down(root: Path, error: type[Unavailable]) -> None:
    answer = asking(over(root, NoTrail(str(root), error=error)))("PUT", ALIAS, ONE)
    assert answer.status == 503
    told = json.loads(answer.body)
    assert told["code"] == error.code
    assert told["detail"] == "nothing was changed, for it could not be written down: the store is away"
    ask = asking(services_over(root))
    assert ask("GET", ALIAS).status == 404
    assert listed(ask) == []


def test_a_change_whose_end_cannot_be_written_down_is_answered(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asking(over(root, NoTrail(str(root), 1)))("PUT", ALIAS, ONE).status == 200
    ask = asking(services_over(root))
    assert ask("GET", ALIAS).status == 200
    (entry,) = listed(ask)
    assert (entry["status"], entry["model"], entry["alias"]) == (None, "iris", "production")
    assert f'"event": "audit", "entry": "{entry["id"]}"' in capsys.readouterr().out


# Moves an alias, and is killed at its so many-th write, before or after that is made.
KILLED = """
import os, signal, sys
from handlers.rest.api import Api
from handlers.rest.http import Request
from providers.local.runtime.store import FolderStore
from tests.unit.handlers.conftest import services_over
root, place, after = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "after"
writes = 0

def counted(method):
    def write(self, *arguments):
        global writes
        writes += 1
        if writes == place and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        done = method(self, *arguments)
        if writes == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return write

FolderStore.put_if_absent = counted(FolderStore.put_if_absent)
FolderStore.put_if_unchanged = counted(FolderStore.put_if_unchanged)
path = "/v1/models/iris/aliases/production"
answer = Api(services_over(root)).handle(Request("PUT", path, {}, {}, b'{"version": 1}', "r1"))
assert answer.status == 200, answer
"""


def run_killed(root: Path, place: int, when: str) -> int:
    """Where it died, as a return code; 0 where there was no such write."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(root), str(place), when],
        cwd=Path(__file__).parents[3],
        env=os.environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.parametrize("when", ["before", "after"])
def test_whoever_is_killed_leaves_no_change_that_is_not_written_down(
    trained: Path, tmp_path: Path, when: str
) -> None:
    states = []
    for place in range(1, 20):
        root = copy_of(trained, tmp_path / str(place))
        ended = run_killed(root, place, when)
        ask = asking(services_over(root))
        found = listed(ask)
        made = ask("GET", ALIAS).status == 200
        states.append((len(found), made, found[0]["status"] if found else 0))
        if ended == 0:
            break
    else:
        pytest.fail("it never came to an end")
    assert set(states) <= {(0, False, 0), (1, False, None), (1, True, None), (1, True, 200)}
    assert {(1, False, None), (1, True, None), (1, True, 200)} <= set(states)


def test_a_key_for_some_models_lists_what_was_about_those(root: Path) -> None:
    ask, keys, _ = with_keys(
        root,
        admin=KeyLimits(),
        admin_iris=KeyLimits(models=["iri*"]),
        admin_data=KeyLimits(datasets=["new*"]),
        admin_none=KeyLimits(models=["x"], datasets=["x"]),
    )
    own = {"x_api_key": keys["admin"]}
    ask("PUT", ALIAS, ONE, **own)
    ask("PUT", "/v1/models/digits/aliases/a", ONE, **own)
    ask("POST", "/v1/datasets/new:upload", **own)
    ask("POST", "/v1/datasets/old:upload", **own)
    ask("DELETE", f"/v1/jobs/{'0' * 28}", **own)

    def about(key: str, query: str = "") -> list[str | None]:
        return [each["model"] or each["dataset"] for each in listed(ask, query, x_api_key=keys[key])]

    assert about("admin") == [None, "old", "new", "digits", "iris"]
    assert about("admin_iris") == ["old", "new", "iris"]
    assert about("admin_data") == ["new", "digits", "iris"]
    assert about("admin_none") == []
    assert about("admin", "?model=IRIS") == ["iris"]
    assert about("admin_iris", "?model=iris") == ["iris"]
    assert ask("GET", "/v1/audit?model=digits", x_api_key=keys["admin_iris"]).status == 403


@pytest.mark.parametrize("role", ["train", "inspect", "predict", "feedback"])
def test_only_admins_list_changes(root: Path, role: str) -> None:
    ask, keys, _ = with_keys(root, **{role: KeyLimits()})
    assert ask("GET", "/v1/audit", x_api_key=keys[role]).status == 403


def test_pages_and_days(root: Path) -> None:
    ask = asking(services_over(root))
    for _ in range(5):
        ask("PUT", ALIAS, ONE)
    first = json.loads(ask("GET", "/v1/audit?limit=2").body)
    assert len(first["entries"]) == 2
    rest = json.loads(ask("GET", f"/v1/audit?limit=3&after={first['next_after']}").body)
    assert len(rest["entries"]) == 3
    assert rest["next_after"] is None
    assert len({each["id"] for each in first["entries"] + rest["entries"]}) == 5
    assert listed(ask, "?to=2026-01-01&from=2026-01-01") == []
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert len(listed(ask, f"?from={today}&to={today}")) == 5
    for query in ("?after=x", "?from=x", "?limit=0", "?model=.", "?state=queued"):
        assert ask("GET", f"/v1/audit{query}").status == 422, query


def test_with_no_days_nothing_is_written_down(root: Path) -> None:
    services = services_over(root, ML_AUDIT_DAYS="0")
    ask = asking(services)
    assert ask("PUT", ALIAS, ONE).status == 200
    told = json.loads(ask("GET", "/v1/audit").body)
    assert told["audit"] == {"on": False, "setting": "ML_AUDIT_DAYS", "days": 0}
    assert told["entries"] == []
    assert not list(every_object(services.store, "audit/"))


def test_the_sweep_removes_what_is_kept_no_longer(root: Path) -> None:
    services = services_over(root, ML_AUDIT_DAYS="30")
    ask = asking(services)

    def begun(days: float) -> None:
        trail = Trail(services.store, lambda: time.time() - days * DAY)
        trail.begin(by=None, method="PUT", route="/v1/x", request_id=None, about={})

    begun(31)
    begun(29)
    ask("PUT", ALIAS, ONE)
    assert sweep_once(services)["audit"] == 1
    assert len([*every_object(services.store, "audit/")]) == 3


def test_stages_have_trails_of_their_own(trained: Path, tmp_path: Path) -> None:
    dev, prod = (asking(services_over(copy_of(trained, tmp_path / stage))) for stage in ("dev", "prod"))
    dev("PUT", ALIAS, ONE)
    assert len(listed(dev)) == 1
    assert listed(prod) == []
