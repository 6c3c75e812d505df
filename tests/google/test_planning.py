"""The plan for Google Cloud: pure, complete, and empty where nothing is to be done."""

import re
from typing import Any

import pytest

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from providers.google.deploying.control_plane import ObservedProject
from providers.google.deploying.desired import Desired, desired, names_of
from providers.google.deploying.planning import (
    KeptByOthers,
    differences,
    plan_deploy,
    plan_remove,
    queue_name,
)
from tests.google.conftest import make_service

NOTHING = ObservedProject({}, {}, None, {})
QUEUE = "serverless-ml-dev-train-1"


@pytest.fixture
def should(service: Service) -> Desired:
    return desired(service, QUEUE)


def packages(should: Desired) -> dict[str, bytes]:
    return {function.name: b"zip" for function in should.functions}


def sentences(should: Desired, now: ObservedProject) -> list[str]:
    return [step.title for step in plan_deploy(should, packages(should), now)]


def test_everything_is_made_before_what_refers_to_it(should: Desired) -> None:
    said = sentences(should, NOTHING)
    kinds = [re.sub(r"(serverless-ml-dev|demo-1)[\w-]*", "…", sentence) for sentence in said]
    accounts = [i for i, kind in enumerate(kinds) if "create the service account" in kind]
    made = [each.split(" account ")[1].split(",")[0] if " account " in each else "" for each in said]
    for place, sentence in enumerate(said):
        if sentence.startswith("give"):
            assert set(sentence.rpartition(" to ")[2].split(", ")) <= set(made[:place])
    functions = [i for i, kind in enumerate(kinds) if "create the function" in kind]
    schedule = next(i for i, kind in enumerate(kinds) if "create the schedule" in kind)
    assert max(accounts) < min(functions)
    assert max(functions) < schedule


def test_all_builds_begin_before_the_first_is_waited_for(should: Desired) -> None:
    said = sentences(should, NOTHING)
    begun = [i for i, sentence in enumerate(said) if "create the function" in sentence]
    waits = [i for i, sentence in enumerate(said) if sentence.startswith("wait for the function")]
    assert len(begun) == len(waits) == 3
    assert max(begun) < min(waits)


def test_every_function_has_an_account_of_its_own_and_only_the_api_reads_the_keys(should: Desired) -> None:
    emails = [function.config["serviceConfig"]["serviceAccountEmail"] for function in should.functions]
    assert len(set(emails)) == 3
    keys = next(resource for resource in should.resources if resource.service == "secretmanager")
    assert keys.grants == {
        (
            "roles/secretmanager.secretAccessor",
            "serviceAccount:serverless-ml-dev-api@demo-1.iam.gserviceaccount.com",
        )
    }


def test_only_the_api_is_open_and_every_function_is_capped(should: Desired) -> None:
    open_to_all = [f.name for f in should.functions if ("roles/run.invoker", "allUsers") in f.callers]
    assert open_to_all == ["serverless-ml-dev-api"]
    assert all(
        1 <= function.config["serviceConfig"]["maxInstanceCount"] <= 10 for function in should.functions
    )


def test_no_right_is_granted_on_the_whole_project(should: Desired) -> None:
    """Each grant stands on one resource; nothing even asks for the project's policy."""
    paths = [resource.path for resource in should.resources if resource.grants]
    assert all(re.search(r"/(serviceAccounts|queues|secrets)/", path) for path in paths)


def test_another_region_or_stage_shares_no_name_with_this_one(service: Service) -> None:
    this, other = desired(service, QUEUE), desired(make_service(stage="prod"), QUEUE)
    mine = {each.path for each in [*this.resources, *this.schedules]}
    theirs = {each.path for each in [*other.resources, *other.schedules]}
    assert {path for path in mine & theirs if "/queues/" not in path} == set()


@pytest.mark.parametrize("stage", ["dev", "a", "a-very-long-stage-name-of-30-ch"[:30].rstrip("-")])
def test_account_ids_keep_to_googles_limits_whatever_the_stage(stage: str) -> None:
    names = names_of(make_service(stage=stage))
    ids = [names.account(role) for role in ("api", "train", "sweep", "caller")]
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", each) for each in ids)


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ({"project": ""}, "no Google Cloud project: set GOOGLE_CLOUD_PROJECT"),
        ({"stage": "Dev"}, "stage: expected a lower-case letter, then at most 29 letters"),
        ({"project": "no_such"}, "hyphens on Google Cloud, got 'no_such'"),
    ],
)
def test_a_name_that_cannot_be_is_one_clear_line(provider: dict[str, Any], said: str) -> None:
    with pytest.raises(DeploymentFailed, match=re.escape(said)):
        names_of(make_service(**provider))


@pytest.mark.parametrize(
    ("wanted", "found", "where"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"a": "1"}, []),
        ({"a": False}, {}, []),
        ({"a": 1}, {}, ["a"]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 3}]}, ["a[0].b"]),
        ({"a": {"b": 1}}, None, ["a.b"]),
    ],
)
def test_differences_name_what_is_not_as_wanted(wanted: object, found: object, where: list[str]) -> None:
    assert differences(wanted, found) == where


def test_an_existing_queue_is_kept_and_a_new_one_never_takes_an_old_name() -> None:
    assert queue_name("s-dev", ["s-dev-train-a", "other-train-b"], 1) == "s-dev-train-a"
    assert queue_name("s-dev", ["s-prod-train-a"], 255) == "s-dev-train-ff"


def test_nothing_is_removed_where_nothing_is(should: Desired) -> None:
    assert plan_remove(should, NOTHING, KeptByOthers()) == []
