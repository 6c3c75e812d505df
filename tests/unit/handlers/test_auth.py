"""Who is let in."""

from typing import Any

import pytest

from handlers import auth
from handlers.auth import ADMIN, OPEN, PREDICT, TRAIN, VISITOR, Caller, KeyGate, Records
from ml_core.errors import Forbidden, NotConfigured, Unauthenticated, Unavailable
from providers.deploying import keys
from providers.deploying.keys import new_key


class Parameter:
    """A place for records that counts how often it is read, and can be out of order."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self.records: Records | None = list(records)
        self.reads = 0
        self.broken = False

    def __call__(self) -> Records | None:
        self.reads += 1
        if self.broken:
            raise Unavailable("the parameter store does not answer")
        return self.records


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


PREDICT_KEY, TRAIN_KEY, ADMIN_KEY = (new_key(role) for role in auth.ROLES)


@pytest.fixture
def parameter() -> Parameter:
    return Parameter(PREDICT_KEY.record, TRAIN_KEY.record, ADMIN_KEY.record)


@pytest.mark.parametrize("key", [PREDICT_KEY, TRAIN_KEY, ADMIN_KEY])
@pytest.mark.parametrize("access", auth.ROLES)
def test_each_role_includes_those_before_it(parameter: Parameter, key: keys.NewKey, access: str) -> None:
    gate = KeyGate(parameter, ttl=60)
    role = key.record["role"]
    if auth.ROLES.index(role) >= auth.ROLES.index(access):
        assert gate.admit(_bearer(key.key), access) == Caller(key.record["id"], role)
    else:
        with pytest.raises(Forbidden, match=role):
            gate.admit(_bearer(key.key), access)


def test_the_command_line_and_the_gate_know_the_same_roles() -> None:
    assert keys.ROLES == auth.ROLES


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"bearer {PREDICT_KEY.key}"},
        {"authorization": f"  BEARER   {PREDICT_KEY.key} "},
        {"x-api-key": PREDICT_KEY.key},
        {"authorization": "Basic dTpw", "x-api-key": PREDICT_KEY.key},
        {"authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "x-api-key": PREDICT_KEY.key},
        {"authorization": f"Bearer {PREDICT_KEY.key}", "x-api-key": " "},
    ],
)
def test_a_key_comes_as_bearer_or_in_its_own_header(parameter: Parameter, headers: dict[str, str]) -> None:
    assert KeyGate(parameter, ttl=60).admit(headers, PREDICT).role == PREDICT


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": PREDICT_KEY.key},
        {"authorization": f"Bearer {PREDICT_KEY.key[:-1]}"},
        {"authorization": f"Bearer {PREDICT_KEY.key} x"},
        {"x-api-key": "x" * 100_000},
        {"x-api-key": "no", "authorization": f"Bearer {PREDICT_KEY.key}"},
        {"x-api-key": "ключ"},
        {"x-api-key": "\udc80"},
        {"x-api-key": PREDICT_KEY.record["sha256"]},
    ],
)
def test_no_key_or_a_wrong_one_is_unauthenticated(parameter: Parameter, headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        KeyGate(parameter, ttl=60).admit(headers, PREDICT)


@pytest.mark.parametrize(
    "records", [None, [], [{}], ["x"], [{"id": "a", "role": "king", "sha256": "0" * 64}]]
)
@pytest.mark.parametrize("access", [VISITOR, PREDICT, TRAIN, ADMIN])
def test_without_a_sound_record_all_but_health_is_closed(records: Any, access: str) -> None:
    parameter = Parameter()
    parameter.records = records
    with pytest.raises(NotConfigured):
        KeyGate(parameter, ttl=60).admit(_bearer(ADMIN_KEY.key), access)


def test_health_asks_for_nothing_and_reads_nothing() -> None:
    parameter = Parameter()
    KeyGate(parameter, ttl=60).admit({}, OPEN)
    assert parameter.reads == 0


def test_a_visitor_needs_no_key_once_there_is_one(parameter: Parameter) -> None:
    assert KeyGate(parameter, ttl=60).admit({}, VISITOR) == Caller("", VISITOR)


def test_records_are_read_once_within_their_time(parameter: Parameter) -> None:
    clock = Clock()
    gate = KeyGate(parameter, 60, clock)
    for clock.now in (1000.0, 1030.0, 1059.0):
        gate.admit(_bearer(PREDICT_KEY.key), PREDICT)
    assert parameter.reads == 1
    clock.now = 1060.0
    gate.admit(_bearer(PREDICT_KEY.key), PREDICT)
    assert parameter.reads == 2


def test_a_revoked_key_is_refused_when_its_time_is_over(parameter: Parameter) -> None:
    clock = Clock()
    gate = KeyGate(parameter, 60, clock)
    gate.admit(_bearer(PREDICT_KEY.key), PREDICT)
    parameter.records = [ADMIN_KEY.record]
    clock.now += 60
    with pytest.raises(Unauthenticated):
        gate.admit(_bearer(PREDICT_KEY.key), PREDICT)


def test_a_new_key_is_valid_after_seconds_and_strangers_cause_few_reads(parameter: Parameter) -> None:
    clock = Clock()
    gate = KeyGate(parameter, 60, clock)
    gate.admit(_bearer(PREDICT_KEY.key), PREDICT)
    made = new_key(TRAIN)
    parameter.records = [*(parameter.records or []), made.record]
    clock.now += 6
    assert gate.admit(_bearer(made.key), TRAIN).id == made.record["id"]
    for _ in range(50):
        with pytest.raises(Unauthenticated):
            gate.admit(_bearer("sml_stranger"), PREDICT)
    assert parameter.reads == 2


def test_the_first_key_opens_within_seconds() -> None:
    parameter, clock = Parameter(), Clock()
    gate = KeyGate(parameter, 60, clock)
    for clock.now in (1000.0, 1004.0):
        with pytest.raises(NotConfigured):
            gate.admit(_bearer(ADMIN_KEY.key), ADMIN)
    assert parameter.reads == 1
    parameter.records = [ADMIN_KEY.record]
    clock.now = 1006.0
    assert gate.admit(_bearer(ADMIN_KEY.key), ADMIN).role == ADMIN


def test_while_the_parameter_store_is_down_known_records_serve_for_a_while(parameter: Parameter) -> None:
    clock = Clock()
    gate = KeyGate(parameter, 60, clock)
    gate.admit(_bearer(PREDICT_KEY.key), PREDICT)
    parameter.broken = True
    clock.now += 599
    assert gate.admit(_bearer(PREDICT_KEY.key), PREDICT).role == PREDICT
    clock.now += 2
    with pytest.raises(Unavailable):
        gate.admit(_bearer(PREDICT_KEY.key), PREDICT)


def test_a_clock_that_goes_back_reads_again(parameter: Parameter) -> None:
    clock = Clock()
    gate = KeyGate(parameter, 60, clock)
    gate.admit(_bearer(PREDICT_KEY.key), PREDICT)
    clock.now -= 500
    gate.admit(_bearer(PREDICT_KEY.key), PREDICT)
    assert parameter.reads == 2
