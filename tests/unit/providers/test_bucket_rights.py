"""What functions may write and delete in the bucket is the same on AWS and on Google Cloud."""

import os
import re
from typing import Any

import pytest
import yaml

from ml_core.objects import check_key
from providers.deploying.bucket_rights import DELETES, GOOGLE_ALONE, ONLY_ADDED, WRITES
from providers.google.deploying.policies import (
    ADDS_OBJECTS,
    CHANGES_OBJECTS,
    READS_OBJECTS,
    bucket_grants,
)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
ACTIONS = {"s3:PutObject": WRITES, "s3:DeleteObject": DELETES}
ROLES = {"api": "ApiRole", "train": "TrainRole", "sweep": "SweepRole"}


def aws_statements(role: str) -> list[dict[str, Any]]:
    """The statements of a role of providers/aws/config.yml; conditional policies are of other buckets."""
    with open(os.path.join(ROOT, "providers", "aws", "config.yml"), encoding="utf-8") as file:
        policies = yaml.safe_load(file)["resources"]["Resources"][role]["Properties"]["Policies"]
    return [
        statement
        for policy in policies
        if "PolicyDocument" in policy
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def aws_prefixes(role: str, action: str) -> set[str]:
    """Where in the bucket a role may do something."""
    found = set()
    for statement in aws_statements(role):
        actions = statement["Action"]
        if action in (actions if isinstance(actions, list) else [actions]):
            resources = statement["Resource"]
            for each in resources if isinstance(resources, list) else [resources]:
                named = re.fullmatch(r"\$\{Models\.Arn\}/(.+/)\*", each.get("Fn::Sub", ""))
                assert named, f"{role}: expected a prefix of the bucket, got {each}"
                found.add(named[1])
    return found


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("function", ROLES)
def test_the_roles_on_aws_say_what_the_tables_say(function: str, action: str) -> None:
    table = set(ACTIONS[action].get(function, ())) - set(GOOGLE_ALONE)
    assert aws_prefixes(ROLES[function], action) == table


def allowed(function: str, key: str) -> set[str]:
    """The roles that the account of a function has on an object."""
    roles = set()
    for grant in bucket_grants("b", {each: f"serviceAccount:{each}" for each in ROLES}):
        if grant.member != f"serviceAccount:{function}":
            continue
        name = f"projects/_/buckets/b/objects/{key}"
        starts = (
            re.findall(r'startsWith\("([^"]+)"\)', grant.condition.expression) if grant.condition else [""]
        )
        if any(name.startswith(start) for start in starts):
            roles.add(grant.role)
    return roles


@pytest.mark.parametrize("function", ROLES)
def test_an_account_on_google_changes_what_its_function_changes_and_reads_the_rest(function: str) -> None:
    prefixes = {each for table in (WRITES, DELETES) for of in table.values() for each in of}
    for prefix in prefixes:
        key = f"{prefix}x.json"
        check_key(key)
        mine = any(prefix.startswith(each) for each in (*WRITES[function], *DELETES[function]))
        adds = prefix in ONLY_ADDED and prefix in WRITES[function] and prefix not in DELETES[function]
        assert (CHANGES_OBJECTS in allowed(function, key)) is (mine and not adds), (function, key)
        assert (ADDS_OBJECTS in allowed(function, key)) is adds, (function, key)
        assert READS_OBJECTS in allowed(function, key)


def test_a_condition_has_no_more_operators_than_iam_takes() -> None:
    for grant in bucket_grants("b", {each: f"serviceAccount:{each}" for each in ROLES}):
        assert grant.condition is None or grant.condition.expression.count("||") <= 12


def test_the_api_adds_to_the_trail_of_changes_and_changes_nothing_of_it() -> None:
    assert allowed("api", f"audit/{'0' * 28}") == {READS_OBJECTS, ADDS_OBJECTS}
    assert allowed("train", f"audit/{'0' * 28}") == {READS_OBJECTS}


def test_conditions_of_one_account_have_titles_of_their_own() -> None:
    grants = bucket_grants("b", {each: f"serviceAccount:{each}" for each in ROLES})
    told = [(each.member, each.condition.title) for each in grants if each.condition]
    assert len(told) == len({*told}) > len(ROLES)


def test_the_api_deletes_no_artifact_and_no_dead_letter() -> None:
    for key in ("artifacts/01.safetensors", "dead-letters/x", "elsewhere"):
        assert allowed("api", key) == {READS_OBJECTS}
