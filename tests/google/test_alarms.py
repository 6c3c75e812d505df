"""Alarms are off without a word; on, they watch what they say, tell who is named, and go with the stage."""

import json
import os

import pytest

from handlers.logs import log
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from tests.google.conftest import Bench, make_service

KINDS = {"errors", "refused", "waiting", "dead-letters"}


def alarms(bench: Bench) -> dict[str, dict[str, object]]:
    found = bench.google.cloud.resources.items()
    return {each["userLabels"]["alarm"]: each for name, each in found if "userLabels" in each}


def test_off_nothing_is_made_and_nothing_is_asked_of_monitoring(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.remove(service, yes=True)
    asked = [each.path for each in bench.google.cloud.requests]
    assert not [path for path in asked if "alertPolicies" in path or "notificationChannels" in path]


def test_on_each_is_made_once_and_tells_who_is_named(bench: Bench) -> None:
    told = make_service(alarmEmail="ops@example.com")
    bench.deploy(told)
    found = alarms(bench)
    assert set(found) == {*KINDS, "channel"}
    assert found["channel"]["labels"] == {"email_address": "ops@example.com"}
    assert {str(found[name]["notificationChannels"]) for name in KINDS} == {str([found["channel"]["name"]])}
    assert "nothing to change" in bench.deploy(told)
    bench.remove(told, yes=True)
    assert bench.google.cloud.resources == {}


def test_alarms_come_without_an_address_and_with_one_later(bench: Bench, service: Service) -> None:
    bench.deploy(make_service(alarms="yes"))
    assert set(alarms(bench)) == KINDS
    bench.deploy(make_service(alarms="yes", alarmEmail="ops@example.com"))
    found = alarms(bench)
    assert all(found[name]["notificationChannels"] == [found["channel"]["name"]] for name in KINDS)
    said = bench.deploy(make_service(alarms="yes", alarmEmail="other@example.com"))
    assert "update the notification channel to other@example.com: labels.email_address" in said
    bench.deploy(make_service(alarms="yes"))
    assert set(alarms(bench)) == KINDS
    bench.deploy(service)
    assert alarms(bench) == {}
    assert "nothing to change" in bench.deploy(service)


def test_what_was_changed_or_deleted_by_hand_is_put_right(bench: Bench) -> None:
    told = make_service(alarmEmail="ops@example.com")
    bench.deploy(told)
    found = alarms(bench)
    found["errors"]["enabled"] = False
    del bench.google.cloud.resources[str(found["waiting"]["name"])]
    said = bench.deploy(told)
    assert "update the alarm errors: more than 5 answers in five minutes failed: enabled" in said
    assert "create the alarm waiting" in said
    assert "nothing to change" in bench.deploy(told)


def test_another_region_stage_or_persons_alarms_are_left_alone(bench: Bench) -> None:
    cloud = bench.google.cloud
    theirs = {
        "name": "projects/demo-1/alertPolicies/99",
        "displayName": "theirs",
        "userLabels": {"alarm": "x"},
    }
    cloud.resources["projects/demo-1/alertPolicies/99"] = dict(theirs)
    others = [make_service(region="us-central1", alarms="yes"), make_service(stage="prod", alarms="yes")]
    for other in others:
        bench.deploy(other)
    before = {name for name in cloud.resources if "alertPolicies" in name}
    bench.deploy(make_service(alarms="yes"))
    bench.remove(make_service(alarms="yes"), yes=True)
    assert {name for name in cloud.resources if "alertPolicies" in name} == before
    for other in others:
        assert "nothing to change" in bench.deploy(other)


def test_whoever_may_not_look_at_alarms_that_are_there_is_told(bench: Bench) -> None:
    bench.deploy(make_service(alarms="yes"))
    bench.google.cloud.fail("GET", r"/notificationChannels$", 403, "Monitoring API has not been used")
    with pytest.raises(DeploymentFailed, match=r"alarms cannot be looked at: .*has not been used"):
        bench.remove(make_service(), yes=True)


def test_the_alarm_on_dead_letters_watches_the_line_that_is_written(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.deploy(make_service(alarms="yes"))
    log("error", "dead letter", job="01")
    written = json.loads(capsys.readouterr().out)["event"]
    watched = json.dumps(alarms(bench)["dead-letters"]["conditions"])
    assert f'jsonPayload.event=\\"{written}\\"' in watched
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(root, "handlers", "jobs.py"), encoding="utf-8") as file:
        assert f'log("error", "{written}"' in file.read()


def test_alarms_that_outlived_the_functions_are_removed_too(bench: Bench) -> None:
    told = make_service(alarmEmail="ops@example.com")
    bench.deploy(told)
    bench.google.cloud.functions.clear()
    bench.remove(told, yes=True)
    assert bench.google.cloud.resources == {}


def test_what_is_left_goes_also_where_alarms_cannot_be_looked_at(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.google.cloud.functions.clear()
    bench.google.cloud.fail("GET", r"/notificationChannels$", 403, "Monitoring API has not been used")
    said = bench.remove(service, yes=True)
    assert "has not been used; those of this stage, if there are any, stay" in said
    assert bench.google.cloud.resources == {}
