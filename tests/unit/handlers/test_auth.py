"""Who is let in."""

from typing import Any

import pytest

from handlers import auth
from handlers.auth import (
    ADMIN,
    FEEDBACK,
    INSPECT,
    KEY,
    OPEN,
    PREDICT,
    READ,
    ROLES,
    SCHEMA,
    TRAIN,
    VISITOR,
    KeyGate,
    Records,
    is_record,
    roles_for,
)
from ml_core.errors import Forbidden, NotConfigured, Unauthenticated, Unavailable
from providers.deploying import keys
from providers.deploying.keys import KeyLimits, new_key


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


RIGHTS = (KEY, SCHEMA, PREDICT, FEEDBACK, READ, INSPECT, TRAIN, ADMIN)
PREDICT_KEY, TRAIN_KEY, ADMIN_KEY = (new_key(role) for role in (PREDICT, TRAIN, ADMIN))


@pytest.fixture
def parameter() -> Parameter:
    return Parameter(PREDICT_KEY.record, TRAIN_KEY.record, ADMIN_KEY.record)


@pytest.mark.parametrize(
    ("roles", "rights"),
    [
        ((PREDICT,), {SCHEMA, PREDICT}),
        ((FEEDBACK,), {FEEDBACK}),
        ((INSPECT,), {SCHEMA, READ, INSPECT}),
        ((TRAIN,), {SCHEMA, PREDICT, READ, INSPECT, TRAIN}),
        ((ADMIN,), {SCHEMA, PREDICT, READ, INSPECT, FEEDBACK, TRAIN, ADMIN}),
        ((PREDICT, FEEDBACK), {SCHEMA, PREDICT, FEEDBACK}),
        ((FEEDBACK, INSPECT, PREDICT), {SCHEMA, PREDICT, FEEDBACK, READ, INSPECT}),
    ],
)
def test_a_key_may_do_what_its_roles_give(roles: tuple[str, ...], rights: set[str]) -> None:
    made = new_key(*roles)
    gate = KeyGate(Parameter(made.record), ttl=60)
    for right in RIGHTS:
        if right in rights | {KEY}:
            caller = gate.admit(_bearer(made.key), right)
            assert (caller.id, caller.roles, caller.limited) == (made.record["id"], roles, False)
        else:
            with pytest.raises(Forbidden) as refused:
                gate.admit(_bearer(made.key), right)
            expected = " or ".join(map(repr, roles_for(right)))
            assert str(refused.value) == (
                f"expected a key with the right {expected}; this key has: {', '.join(roles)}"
            )


def test_a_refusal_names_the_least_role_that_would_do() -> None:
    assert {right: roles_for(right) for right in RIGHTS} == {
        KEY: [PREDICT, FEEDBACK, INSPECT],
        SCHEMA: [PREDICT, INSPECT],
        PREDICT: [PREDICT],
        FEEDBACK: [FEEDBACK],
        READ: [INSPECT],
        INSPECT: [INSPECT],
        TRAIN: [TRAIN],
        ADMIN: [ADMIN],
    }


def test_the_command_line_and_the_gate_know_the_same_roles() -> None:
    assert [*keys.ROLES] == [*ROLES]


@pytest.mark.parametrize("role", [TRAIN, ADMIN])
def test_what_an_earlier_release_can_read_is_written_as_it_reads_it(role: str) -> None:
    """Whose functions are rolled back is not locked out."""
    assert new_key(role).record["role"] == role
    assert auth._EARLIER[role] == ROLES[role]
    for made in (new_key(role, PREDICT), new_key(role, limits=KeyLimits(models=["a"]))):
        assert "role" not in made.record, "an earlier release would take it for more than it is"


SOUND: dict[str, Any] = {"id": "a", "roles": [PREDICT], "sha256": "0" * 64, "created": "2026-11-26T07:00:00Z"}
EARLIER: dict[str, Any] = {"id": "a", "role": PREDICT, "sha256": "0" * 64}
NO_TIMES = [
    *(None, "", 0, 1e9, "2026-12-31", "2026-12-31T00:00:00", "2026-12-31T00:00:00+00:00"),
    *("2026-12-31 00:00:00Z", "\uff1202612-31T00:00:00Z", "9999-12-31T00:00:0-Z"),
]
CHANGES: list[tuple[dict[str, Any], str, list[Any]]] = [
    (SOUND, "roles", [[], "predict", None, ["king"], [PREDICT, "king"], [[PREDICT]], [1]]),
    (SOUND, "models", [None, "churn", [1], {}, [None]]),
    (SOUND, "datasets", [None, "churn", [["a"]]]),
    (SOUND, "expires", NO_TIMES),
    (SOUND, "role", [PREDICT]),
    (SOUND, "addresses", [["10.0.0.0/8"]]),
    (SOUND, "sha256", ["0" * 63, "é" * 64, None]),
    (SOUND, "id", [None, 1]),
    (EARLIER, "role", ["king", None, [PREDICT], FEEDBACK, INSPECT]),
    (EARLIER, "models", [["a"]]),
    (EARLIER, "datasets", [["a"]]),
    (EARLIER, "expires", ["2026-12-31T23:59:59Z"]),
    (EARLIER, "roles", [[PREDICT]]),
]
DAMAGED: list[Any] = [
    *({**record, name: value} for record, name, values in CHANGES for value in values),
    *({name: SOUND[name] for name in SOUND if name != missing} for missing in ("id", "roles", "sha256")),
    *(None, 1, "x", [], [SOUND]),
]


def test_a_damaged_record_and_one_with_anything_unknown_admit_nobody() -> None:
    """What is not known here may be a limit of a later release."""
    for sound in (
        SOUND,
        EARLIER,
        {**EARLIER, "note": "as before"},
        {**SOUND, "models": [], "datasets": ["a*"], "expires": "2026-12-31T23:59:59Z"},
    ):
        assert is_record(sound)
    assert [record for record in DAMAGED if is_record(record)] == []


class TestExpiry:
    made = new_key(PREDICT, limits=KeyLimits(expires="2026-12-31T23:59:59Z"))
    end = 1798761599.0

    def gate(self, clock: Clock, ttl: float = 60) -> tuple[KeyGate, Parameter]:
        parameter = Parameter(self.made.record)
        return KeyGate(parameter, ttl, clock), parameter

    def test_a_key_is_valid_until_its_time_and_says_which_it_was(self) -> None:
        clock = Clock()
        gate, _ = self.gate(clock)
        for clock.now in (0.0, 1000.0, self.end - 1):
            assert gate.admit(_bearer(self.made.key), PREDICT).id == self.made.record["id"]
        clock.now = self.end
        with pytest.raises(Unauthenticated) as refused:
            gate.admit(_bearer(self.made.key), PREDICT)
        assert str(refused.value) == (
            f"the key {self.made.record['id']} expired on 2026-12-31T23:59:59Z; "
            "`python -m providers keys new` makes one"
        )

    def test_records_that_are_kept_do_not_outlive_it(self) -> None:
        """Neither those of an instance that read them before, nor while they cannot be read again."""
        clock = Clock()
        clock.now = self.end - 0.5
        gate, parameter = self.gate(clock, ttl=3600)
        gate.admit(_bearer(self.made.key), PREDICT)
        parameter.broken = True
        clock.now = self.end + 0.5
        with pytest.raises(Unauthenticated, match="expired"):
            gate.admit(_bearer(self.made.key), PREDICT)
        assert parameter.reads == 1

    def test_a_key_without_any_right_here_is_told_first_that_it_expired(self) -> None:
        clock = Clock()
        clock.now = self.end
        with pytest.raises(Unauthenticated, match="expired"):
            self.gate(clock)[0].admit(_bearer(self.made.key), ADMIN)

    def test_where_all_keys_have_expired_nothing_opens(self) -> None:
        clock = Clock()
        clock.now = self.end
        gate, _ = self.gate(clock)
        with pytest.raises(Unauthenticated, match="not known"):
            gate.admit(_bearer("sml_stranger"), KEY)


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
    assert KeyGate(parameter, ttl=60).admit(headers, PREDICT).roles == (PREDICT,)


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
    caller = KeyGate(parameter, ttl=60).admit({}, VISITOR)
    assert (caller.id, caller.rights) == ("", ())


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
    assert gate.admit(_bearer(ADMIN_KEY.key), ADMIN).roles == (ADMIN,)


def test_while_the_parameter_store_is_down_known_records_serve_for_a_while(parameter: Parameter) -> None:
    clock = Clock()
    gate = KeyGate(parameter, 60, clock)
    gate.admit(_bearer(PREDICT_KEY.key), PREDICT)
    parameter.broken = True
    clock.now += 599
    assert gate.admit(_bearer(PREDICT_KEY.key), PREDICT).roles == (PREDICT,)
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
