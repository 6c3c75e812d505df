"""The keys' records as a function reads them: a parameter for each, and the one of earlier versions."""

import json
from typing import Any

import pytest

from ml_core.errors import Unavailable
from providers.aws.runtime.json_api import ServiceError
from providers.aws.runtime.keys import read_records
from tests.unit.aws.test_json_api import refusal, service

OLD = [{"id": "a", "role": "admin", "sha256": "0" * 64}, {"id": "b", "role": "predict", "sha256": "1" * 64}]
NEW = [{"id": f"{number:08x}", "role": "train", "sha256": "2" * 64} for number in range(12)]
NOTHING = (200, '{"Parameters": []}')
NONE = (400, refusal("ParameterNotFound"))
REFUSED = (400, refusal("AccessDeniedException"))


def page(records: list[Any], *more: str, token: str | None = None) -> tuple[int, str]:
    """An answer of GetParametersByPath: records under their ids, and parameters of other names and values."""
    values = [{"Name": f"/keys/{each['id']}", "Value": json.dumps(each)} for each in records]
    others = [dict(zip(("Name", "Value"), each.split("=", 1), strict=True)) for each in more]
    return 200, json.dumps({"Parameters": values + others, **({"NextToken": token} if token else {})})


def one(value: str) -> tuple[int, str]:
    return 200, json.dumps({"Parameter": {"Value": value}})


def test_the_ordinary_case_is_one_request_and_decrypted() -> None:
    with service(page(NEW[:3])) as running:
        assert read_records("/keys", running.env) == NEW[:3]
        assert running.targets == ["AmazonSSM.GetParametersByPath"]
        assert running.bodies == [{"Path": "/keys", "WithDecryption": True}]


def test_every_page_is_read_and_an_empty_one_is_not_the_last() -> None:
    with service(page(NEW[:10], token="2"), page([], token="3"), page(NEW[10:])) as running:
        assert read_records("/keys", running.env) == NEW
        assert [body.get("NextToken") for body in running.bodies] == [None, "2", "3"]


def test_no_parameter_means_no_keys() -> None:
    with service(NOTHING, NONE) as running:
        assert read_records("/keys", running.env) is None


def test_records_of_earlier_versions_are_read_while_there_is_nothing_else() -> None:
    with service(NOTHING, one(json.dumps(OLD))) as running:
        assert read_records("/keys", running.env) == OLD
        assert running.bodies[1] == {"Name": "/keys", "WithDecryption": True}


def test_both_are_read_where_a_note_says_so_and_what_is_revoked_is_left_out() -> None:
    note = '/keys/a={"id": "a", "revoked": "2026-11-26T00:00:00Z"}'
    with service(page(NEW[:1], "/keys/earlier={}", note), one(json.dumps(OLD))) as running:
        assert read_records("/keys", running.env) == [OLD[1], NEW[0]]


def test_a_note_that_outlived_what_it_is_about_does_no_harm() -> None:
    with service(page(NEW[:1], "/keys/earlier={}"), NONE) as running:
        assert read_records("/keys", running.env) == NEW[:1]


def test_new_code_with_an_earlier_role_reads_what_that_role_may_read() -> None:
    """`deploy function` changes the code alone."""
    with service(REFUSED, one(json.dumps(OLD))) as running:
        assert read_records("/keys", running.env) == OLD


@pytest.mark.parametrize("then", [NONE, REFUSED])
def test_a_role_that_may_not_read_is_no_service_without_keys(then: tuple[int, str]) -> None:
    with service(REFUSED, then) as running, pytest.raises(ServiceError, match="AccessDenied"):
        read_records("/keys", running.env)


@pytest.mark.parametrize("value", ["not JSON", "[]", "1"])
def test_a_parameter_that_holds_no_record_is_unavailable_not_open(value: str) -> None:
    with (
        service(page(NEW[:1], f"/keys/b={value}")) as running,
        pytest.raises(Unavailable, match="/keys/b does not hold a key record"),
    ):
        read_records("/keys", running.env)


@pytest.mark.parametrize("value", ["not JSON", '{"id": "a"}'])
def test_an_earlier_parameter_that_holds_something_else_is_unavailable_not_open(value: str) -> None:
    with (
        service(NOTHING, one(value)) as running,
        pytest.raises(Unavailable, match="does not hold key records"),
    ):
        read_records("/keys", running.env)
