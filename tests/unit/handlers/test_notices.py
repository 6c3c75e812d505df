"""What happens is told: jobs that end and aliases that move, whoever ends them, by train or sweep alone."""

import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from handlers.jobs import deliver, send_notices, sweep_once
from handlers.services import Services
from ml_core.errors import NotConfigured, Unavailable
from ml_core.notices import webhooks
from ml_core.notices.hooks import Hook
from ml_core.ports import every_object
from providers.local.runtime.store import FolderStore
from tests.unit.handlers.conftest import REQUESTS, Ask, asking, copy_of, services_over

ALIAS = "/v1/models/iris/aliases/production"
ONE = b'{"version": 1}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SET_TO = {"ML_WEBHOOKS": "https://hooks.example.com/ml", "ML_WEBHOOK_SECRET": SECRET}


class Told:
    """What came to a webhook."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.came: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: int | Exception = 200
        monkeypatch.setattr(webhooks.WebhookSender.__init__, "__kwdefaults__", {
            **(webhooks.WebhookSender.__init__.__kwdefaults__ or {}), "by": self.post,
        })  # fmt: skip

    def post(self, _: Hook, headers: dict[str, str], body: bytes) -> int:
        told = json.loads(body)
        self.came.append((headers["webhook-id"], told["type"], told["data"]))
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers

    @property
    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.came]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    return services_over(copy_of(trained, tmp_path / "copy"), **SET_TO)


def sent(ask: Ask, model: str = "iris", **more: Any) -> str:
    answer = ask("POST", f"/v1/models/{model}:train", json.dumps({**REQUESTS["iris"], **more}).encode())
    assert answer.status == 202, answer
    return str(json.loads(answer.body)["id"])


def left(services: Services) -> int:
    return len([*every_object(services.store, "notices/")])


def test_a_job_that_ends_is_told_by_the_trainer(services: Services, told: Told) -> None:
    job = sent(asking(services))
    assert told.came == []
    deliver(services, job)
    ((_, kind, data),) = told.came
    assert (kind, data) == (
        "job.succeeded",
        {"job": job, "kind": "train", "model": "iris", "version": 2, "submitter": None, "error": None},
    )
    assert left(services) == 0
    deliver(services, job)
    sweep_once(services)
    assert len(told.came) == 1


def test_a_job_that_fails_is_told_by_its_code_alone(services: Services, told: Told) -> None:
    table = Path(services.settings.root) / "data" / "secret-name.csv"
    table.parent.mkdir(exist_ok=True)
    table.write_text("x,y\n1,a\n2,b\n3,a\n")
    body = {"algorithm": "svm", "data": {"uri": "file:secret-name.csv", "target": "y"}}
    job = json.loads(asking(services)("POST", "/v1/models/iris:train", json.dumps(body).encode()).body)["id"]
    table.unlink()
    deliver(services, job)
    ((_, kind, data),) = told.came
    assert kind == "job.failed"
    assert (data["job"], data["version"]) == (job, None)
    assert data["error"]
    assert "secret" not in str(data)


def test_a_job_that_is_cancelled_is_told_by_the_sweep(services: Services, told: Told) -> None:
    ask = asking(services)
    job = sent(ask)
    assert ask("DELETE", f"/v1/jobs/{job}").status == 200
    assert told.came == []
    assert left(services) == 1
    assert sweep_once(services)["notices"] == 1
    assert told.kinds == ["job.cancelled"]
    assert ask("DELETE", f"/v1/jobs/{job}").status == 200
    assert sweep_once(services)["notices"] == 0


def test_a_job_whose_trainer_died_before_it_told_is_told_by_the_sweep(services: Services, told: Told) -> None:
    job = sent(asking(services))

    class Dying(FolderStore):
        """The store, for a trainer whose writes of notices never arrive."""

        def put_if_absent(self, key: str, data: bytes) -> str:
            if key.startswith("notices/"):
                raise Unavailable("away")
            return super().put_if_absent(key, data)

    dying = services_over(services.settings.root, **SET_TO)
    dying._store = Dying(services.settings.root)
    deliver(dying, job)
    assert told.came == []
    sweep_once(services)
    sweep_once(services)
    assert told.kinds == ["job.succeeded"]


def test_aliases_that_move_are_told_by_the_sweep(services: Services, told: Told) -> None:
    ask = asking(services)
    deliver(services, sent(ask))
    told.came.clear()
    assert ask("PUT", ALIAS, ONE).status == 200
    assert ask("PUT", ALIAS, b'{"weights": {"1": 90, "2": 10}}').status == 200
    assert ask("POST", f"{ALIAS}:promote", b"").status == 200
    assert ask("POST", f"{ALIAS}:rollback", b"").status == 200
    assert ask("DELETE", ALIAS).status == 204
    assert ask("PUT", ALIAS, b'{"version": 9}').status == 404
    assert told.came == []
    sweep_once(services)
    assert sorted(told.kinds) == [
        "alias.deleted", "alias.promoted", "alias.rolled_back", "alias.set", "alias.set"
    ]  # fmt: skip
    (promoted,) = [data for _, kind, data in told.came if kind == "alias.promoted"]
    assert promoted == {"model": "iris", "alias": "production", "version": 2, "weights": None, "by": None}


def test_what_was_not_taken_comes_again_with_its_id(services: Services, told: Told) -> None:
    told.answers = Unavailable("the webhook did not answer")
    asking(services)("PUT", ALIAS, ONE)
    assert sweep_once(services)["notices"] == 0
    assert left(services) == 1
    told.answers = 503
    for info in every_object(services.store, "notices/"):  # as if its pause were over
        document = json.loads(services.store.get(info.key).data)
        services.store.put_if_unchanged(
            info.key, json.dumps({**document, "due": 0}).encode(), services.store.get(info.key).revision
        )
    sweep_once(services)
    assert len({notice for notice, *_ in told.came}) == 1
    assert len(told.came) == 2


def test_with_nobody_to_tell_nothing_is_written(trained: Path, tmp_path: Path, told: Told) -> None:
    services = services_over(copy_of(trained, tmp_path / "copy"))
    ask = asking(services)
    ask("PUT", ALIAS, ONE)
    deliver(services, sent(ask))
    assert sweep_once(services)["notices"] == 0
    assert (left(services), told.came) == (0, [])


@pytest.mark.parametrize(
    "settings",
    [
        {"ML_WEBHOOKS": "http://hooks.example.com"},
        {"ML_WEBHOOKS": "https://127.0.0.1/"},
        {"ML_WEBHOOK_SECRET": "guessed"},
        {"ML_WEBHOOK_SECRET": ""},
        {"ML_TOPIC": "arn:aws:sns:eu-central-1:1:t"},
    ],
)
def test_settings_that_cannot_be_stop_no_job_and_are_told_in_the_log(
    trained: Path, tmp_path: Path, settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    services = services_over(copy_of(trained, tmp_path / "copy"), **{**SET_TO, **settings})
    with pytest.raises(NotConfigured):
        _ = services.senders
    assert asking(services)("PUT", ALIAS, ONE).status == 200
    assert sweep_once(services)["notices"] == 0
    out = capsys.readouterr().out
    assert '"event": "notices"' in out
    assert "guessed" not in out
    assert left(services) == 1


def test_a_trainer_that_is_about_to_be_ended_sends_nothing(services: Services, told: Told) -> None:
    asking(services)("PUT", ALIAS, ONE)
    assert send_notices(services, 15, deadline=1.0) == 0
    assert told.came == []


def test_the_real_sender_goes_by_the_checked_connection() -> None:
    from ml_core.notices.connection import post

    sender = webhooks.WebhookSender(Hook("hooks.example.com", 443, "/"), b"x")
    assert sender._post is post
    assert ssl.create_default_context().check_hostname
