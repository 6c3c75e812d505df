"""The plan for Google Cloud: pure, complete, and empty where nothing is to be done."""

import re
from typing import Any

import pytest

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from providers.google.deploying.control_plane import ObservedProject
from providers.google.deploying.desired import Desired, desired
from providers.google.deploying.names import GoogleNames, names_of
from providers.google.deploying.planning import (
    KeptByOthers,
    differences,
    plan_deploy,
    plan_remove,
    queue_name,
)
from providers.google.deploying.policies import Grant
from tests.google import limits
from tests.google.conftest import make_service

NOTHING = ObservedProject({}, {}, None, {})
QUEUE = "serverless-ml-dev-train-1"


@pytest.fixture
def should(service: Service) -> Desired:
    return desired(service, names_of(service), QUEUE)


def packages(should: Desired) -> dict[str, bytes]:
    return {function.name: b"zip" for function in should.functions}


def sentences(should: Desired, now: ObservedProject) -> list[str]:
    return [step.title for step in plan_deploy(should, packages(should), now)]


def test_everything_is_made_before_what_refers_to_it(should: Desired) -> None:
    said = sentences(should, NOTHING)
    kinds = [re.sub(r"(serverless-ml|demo-1)[\w-]*", "…", sentence) for sentence in said]
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


def test_every_function_has_an_account_of_its_own_and_the_trainer_reads_no_keys(should: Desired) -> None:
    emails = [function.config["serviceConfig"]["serviceAccountEmail"] for function in should.functions]
    assert len(set(emails)) == 3
    accounts = [names_of(make_service()).member(each) for each in ("api", "sweep")]
    keys = next(resource for resource in should.resources if resource.service == "secretmanager")
    assert keys.grants == {Grant("roles/secretmanager.secretAccessor", each) for each in accounts}


def test_only_the_api_is_open_and_every_function_is_capped(should: Desired) -> None:
    open_to_all = [f.name for f in should.functions if f.public]
    assert open_to_all == ["serverless-ml-dev-api"]
    assert all(
        1 <= function.config["serviceConfig"]["maxInstanceCount"] <= 10 for function in should.functions
    )


def test_no_function_has_a_right_on_the_whole_project(should: Desired) -> None:
    """Each grant stands on one resource, but for those of builds; where another account builds, none does."""
    whole = [
        each
        for each in should.resources
        if not re.search(r"/(serviceAccounts|queues|secrets|topics)/", each.path)
    ]
    (project,) = whole
    assert {grant.member for grant in project.grants} == {names_of(make_service()).member("build")}
    given = make_service(buildAccount="builds@demo-1.iam.gserviceaccount.com")
    others = desired(given, names_of(given), QUEUE)
    assert not any(each.service == "cloudresourcemanager" for each in others.resources)
    assert {each.config["buildConfig"]["serviceAccount"] for each in others.functions} == {
        "projects/demo-1/serviceAccounts/builds@demo-1.iam.gserviceaccount.com"
    }


@pytest.mark.parametrize("other", [make_service(stage="prod"), make_service(region="us-central1")])
def test_another_region_or_stage_shares_no_name_with_this_one(service: Service, other: Service) -> None:
    this, that = desired(service, names_of(service), QUEUE), desired(other, names_of(other), QUEUE)
    mine = {each.path for each in [*this.resources, *this.schedules] if each.ours}
    theirs = {each.path for each in [*that.resources, *that.schedules] if each.ours}
    assert {path for path in mine & theirs if "/queues/" not in path} == set()
    assert this.bucket.name != that.bucket.name


LONG = "a-very-long-stage-name-of-30-ch"[:30].rstrip("-")


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("stage", ["dev", "a", LONG])
@pytest.mark.parametrize("name", ["m", "serverless-ml", LONG])
def test_names_keep_to_googles_limits_however_long_their_parts_are(
    name: str, stage: str, shared: bool
) -> None:
    """Ids of accounts have 6 to 30 characters, names of buckets 3 to 63, ids of secrets and topics 255."""
    names = GoogleNames(name, stage, "a-project-of-thirty-characters", "northamerica-northeast2", shared)
    ids = [names.account(role) for role in ("api", "train", "sweep", "caller", "build")]
    assert len(set(ids)) == 5
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", each) for each in ids)
    if not shared:
        assert re.fullmatch(limits.BUCKET, names.bucket)
    assert all(len(each) <= 255 for each in (names.secret, names.topic))


def test_names_that_look_alike_are_not_the_same() -> None:
    """`ml` at `a-b` and `ml-a` at `b`, and regions whose names are cut: a digest holds all parts apart."""
    parts = [("ml", "a-b", "europe-west1"), ("ml-a", "b", "europe-west1"), ("ml", "a-b", "europe-west10")]
    accounts = {GoogleNames(*each[:2], "demo-1", each[2]).account("api") for each in parts}
    assert len(accounts) == 3
    long = [
        GoogleNames(LONG, LONG, "a-project-of-thirty-characters", each) for each in ("us-east1", "us-east4")
    ]
    assert len({each.bucket for each in long}) == 2


def test_a_function_whose_name_is_too_long_is_refused_before_anything_is_built() -> None:
    with pytest.raises(
        DeploymentFailed, match="a function's name of at most 63 characters on Google Cloud, got"
    ):
        names_of(make_service(stage=LONG)._replace(name=LONG))


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
