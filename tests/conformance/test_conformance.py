"""The same requests to the laptop and to every cloud get equal answers: status, headers and body."""

import hashlib
import os
import threading
from contextlib import ExitStack
from math import fsum
from typing import Any, NamedTuple

import pytest

from ml_core.monitoring.parts import PARTS, Counted, read_part
from ml_core.ports import every_object
from tests.conformance.case import (
    ADMIN,
    ASKING,
    ASKING_AND_TELLING,
    DAMAGED,
    EXPIRED,
    LIMITED,
    LOOKING,
    PREDICT,
    TELLING,
    TRAIN,
)
from tests.conformance.cases.explanation import PREDICTED
from tests.conformance.cases.jobs import MOST_OPEN
from tests.conformance.cases.long_bodies import TWINS
from tests.conformance.cases.state import ASKED, PLANS
from tests.conformance.cases.web import BASE, ORIGINS
from tests.conformance.cloud import LAPTOP, Running, cloud, clouds
from tests.conformance.comparison import TRACE, differences
from tests.conformance.deviations import ADDED_HEADERS, DEVIATIONS, AddedHeader
from tests.conformance.run import answers, cases

CASES = cases()
OTHERS = [name for name in clouds() if name != LAPTOP]
ALL_ROLES = ["predict", "feedback", "inspect", "train", "admin"]
MAY: dict[str, dict[str, Any]] = {
    **{role: {"role": role} for role in (PREDICT, TRAIN, ADMIN)},
    ASKING: {"roles": ["predict"]},
    TELLING: {"roles": ["feedback"]},
    LOOKING: {"roles": ["inspect"]},
    ASKING_AND_TELLING: {"roles": ["predict", "feedback"]},
    LIMITED: {"roles": ALL_ROLES, "models": ["iris", "FL*"], "datasets": ["none", "wine*"]},
    EXPIRED: {"roles": ["admin"], "expires": "2026-01-01T00:00:00Z"},
    DAMAGED: {"roles": ["admin"], "addresses": ["127.0.0.1"]},
}
# Else the laptop's service would link to the site that it serves, where that was built.
DOCUMENTATION = "https://docs.example.com"
KEYS = {name: f"sml_{name}_0123456789abcdef" for name in MAY}
RECORDS = [
    {"id": name, **MAY[name], "sha256": hashlib.sha256(key.encode()).hexdigest()}
    for name, key in KEYS.items()
]
# Nothing is remembered from one case to the next, and a busy machine has time to train.
# Of one key so many jobs are open at once as some cases have, and no more: others see the bound.
# What this machine tells OpenBLAS of its processor holds for every function: other kernels round otherwise.
SETTINGS = {
    "ML_ALIAS_TTL": "0",
    "ML_KEY_TTL": "0",
    "ML_MAX_WAIT": "50",
    "ML_MAX_KEY_JOBS": str(MOST_OPEN),
    "ML_DOCUMENTATION": DOCUMENTATION,
} | {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
# By default no page may call, nothing is said of traces, and imported models are run here; this is for the
# cases of a service where it is otherwise.
WEB = {"ML_CORS_ORIGINS": ", ".join(ORIGINS), "ML_BASE_PATH": BASE, "ML_TRACES": "0", "ML_ONNX": ""}


class Asked(NamedTuple):
    """What came of asking each cloud: the answers by the cases' names, and the objects of counts."""

    answers: dict[str, dict[str, Any]]
    monitoring: dict[str, dict[str, bytes]]


@pytest.fixture(scope="session")
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """All clouds are asked, side by side, each case after case."""
    found: dict[str, dict[str, Any]] = {}
    counts: dict[str, dict[str, bytes]] = {}
    with ExitStack() as stack:
        running: dict[str, Running] = {}
        for name in clouds():
            folder = str(tmp_path_factory.mktemp(f"conformance-{name}"))
            running[name] = stack.enter_context(cloud(name).started(request, folder, RECORDS, SETTINGS, WEB))

        def ask(name: str) -> None:
            found[name] = answers(running[name], KEYS, CASES)
            store = running[name].store
            counts[name] = {info.key: store.get(info.key).data for info in every_object(store, "monitoring/")}

        asking = [threading.Thread(target=ask, args=(name,)) for name in running]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
    return Asked(found, counts)


@pytest.fixture(scope="session")
def answered(asked: Asked) -> dict[str, Any]:
    """Every cloud's answers by the cases' names."""
    return asked.answers


def answer_of(answered: dict[str, Any], cloud: str, case: str) -> Any:
    answer = answered[cloud][case]
    assert not isinstance(answer, Exception), f"{cloud} did not answer: {answer!r}"
    return answer


@pytest.mark.parametrize("name", CASES)
def test_the_laptop_answers_as_the_case_says(answered: dict[str, Any], name: str) -> None:
    case, answer = CASES[name], answer_of(answered, LAPTOP, name)
    assert answer["status"] == case.status, answer
    if case.code:
        assert answer["body"]["code"] == case.code, answer
    if case.at:
        assert answer["body"]["faults"][0]["path"] == case.at, answer
    if answer["status"] >= 400 and answer["body"]:
        assert case.code or case.request.method == "HEAD", f"the case does not say {answer['body']['code']}"


@pytest.mark.parametrize("cloud", clouds())
def test_an_answer_is_for_no_page_but_where_its_origin_was_named(
    answered: dict[str, Any], cloud: str
) -> None:
    for name, case in CASES.items():
        told = answer_of(answered, cloud, name)["headers"].get("access-control-allow-origin", "")
        assert told == case.told, name


@pytest.mark.parametrize("cloud", clouds())
def test_the_description_says_where_the_documentation_is(answered: dict[str, Any], cloud: str) -> None:
    for case in ("algorithms: the description", "web: openapi.json without the base path"):
        # Where, is not compared: each answer has addresses of its own.
        assert answer_of(answered, cloud, case)["body"]["externalDocs"].keys() == {"description", "url"}


@pytest.mark.parametrize("cloud", clouds())
def test_an_answer_says_where_it_is_in_a_trace_and_nothing_else_that_came_with_it(
    answered: dict[str, Any], cloud: str
) -> None:
    """Without being recorded, whatever the caller's flag is: in a span that is not the caller's."""
    for name, case in CASES.items():
        headers = answer_of(answered, cloud, name)["headers"]
        said = f"00-{TRACE if case.traced else '<new>'}-<new>-00" if case.web else None
        assert headers.get("traceparent") == said, name
        assert headers.get("tracestate", "") == case.state, name
        assert "baggage" not in headers, name


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("cloud", OTHERS)
def test_a_cloud_answers_as_the_laptop_does(answered: dict[str, Any], cloud: str, name: str) -> None:
    expected, answer = answer_of(answered, LAPTOP, name), answer_of(answered, cloud, name)
    found = list(differences(expected, without_added(cloud, answer)))
    declared = [each for each in DEVIATIONS if (each.cloud, each.case) == (cloud, name)]
    if declared:
        assert found, f"{cloud} does as the laptop: the declared deviation is to be removed"
        assert answer["status"] == declared[0].status, answer
    else:
        assert not found, "\n".join(found)


@pytest.mark.parametrize("cloud", clouds())
def test_a_long_body_is_answered_as_a_short_one(answered: dict[str, Any], cloud: str) -> None:
    for long, short in TWINS.items():
        found = list(differences(answer_of(answered, cloud, short), answer_of(answered, cloud, long)))
        assert not found, "\n".join([long, *found])


def without_added(cloud: str, answer: Any) -> Any:
    """The answer without the headers that the cloud is declared to add."""
    added = {
        each.header
        for each in ADDED_HEADERS
        if (each.cloud, each.status) == (cloud, answer["status"]) and each.header in answer["headers"]
    }
    return {
        **answer,
        "headers": {name: each for name, each in answer["headers"].items() if name not in added},
    }


@pytest.mark.parametrize("cloud", clouds())
def test_explanations_add_up(answered: dict[str, Any], cloud: str) -> None:
    found = [
        each
        for name, case in CASES.items()
        if ":explain" in case.request.target and case.status == 200
        for each in answer_of(answered, cloud, name)["body"]["explanations"]
        if each["exact"]
    ]
    assert len(found) > 100
    for each in found:
        parts = [each["base"], *each["attributions"].values(), each.get("rest", 0.0)]
        largest = max(1.0, *map(abs, parts))
        assert fsum(parts) == pytest.approx(each["margin"], abs=1e-9 * largest), each
        assert each["additivity_error"] <= 1e-9 * largest, each


@pytest.mark.parametrize("path", PREDICTED)
@pytest.mark.parametrize("cloud", clouds())
def test_a_margin_is_what_is_predicted(answered: dict[str, Any], cloud: str, path: str) -> None:
    told = answer_of(answered, cloud, f"explanation: of {path}")["body"]
    predicted = answer_of(answered, cloud, f"explanation: of {path} with what is predicted")["body"]
    assert told["predictions"] == [row["label"] for row in predicted["predictions"]]
    for each, row in zip(told["explanations"], predicted["predictions"], strict=True):
        if "distance" in row:
            own, other = (row["distance"][each[side]] for side in ("label", "against"))
            margin = other**2 - own**2
        elif isinstance(row["decision"], list):
            own, other = (row["decision"][predicted["classes"].index(each[s])] for s in ("label", "against"))
            margin = own - other
        else:
            margin = row["decision"] * (1 if each["label"] == predicted["classes"][1] else -1)
        assert each["margin"] == pytest.approx(margin, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("added", ADDED_HEADERS, ids=str)
def test_a_header_that_a_cloud_is_declared_to_add_is_really_added(
    answered: dict[str, Any], added: AddedHeader
) -> None:
    laptop, there = answered[LAPTOP], answered[added.cloud]
    alike = [name for name in CASES if there[name]["status"] == added.status]
    assert alike
    assert all(added.header in there[name]["headers"] for name in alike)
    assert not any(added.header in laptop[name]["headers"] for name in alike)


def test_no_deviation_is_declared_of_a_case_or_cloud_that_is_not_there() -> None:
    known = {(cloud, name) for cloud in OTHERS for name in CASES}
    assert {(each.cloud, each.case) for each in DEVIATIONS} <= known
    assert all(each.reason for each in DEVIATIONS)
    assert all(each.reason for each in ADDED_HEADERS)


def test_every_cloud_was_asked_everything(answered: dict[str, Any]) -> None:
    assert sorted(answered) == sorted(clouds())
    assert all(list(each) == list(CASES) for each in answered.values())


@pytest.mark.parametrize("cloud", clouds())
def test_the_sweep_trained_compared_and_moved(answered: dict[str, Any], cloud: str) -> None:
    """What was alike everywhere is also what guards are for."""
    told = {
        name.removeprefix("guards: "): answer["body"]
        for name, answer in answered[cloud].items()
        if name.startswith("guards: ")
    }
    compared = told["both versions on the same rows"]["comparison"]
    assert (compared["against"], compared["reason"]) == (1, None)
    assert compared["low"] < compared["difference"] < compared["high"]
    (run,) = told["the first step was made"]["runs"]
    assert (run["trigger"], run["outcome"], run["version"]) == ("upload", "started", 2)
    assert told["the first step was made"]["guard"]["at"] == "climbing"
    assert told["the alias shares its traffic"]["weights"] == {"1": 90, "2": 10}
    (first, *_) = told["its history says why"]["changes"]
    assert first["by"] == "schedule"
    assert first["reason"].startswith("log_loss ")
    assert told["which ends it"]["guard"]["at"] == "ended"
    assert [change["by"] == "schedule" for change in told["and stays"]["changes"]] == [False, True, False]


@pytest.mark.parametrize("cloud", clouds())
def test_what_is_predicted_is_counted(asked: Asked, cloud: str) -> None:
    """At least the first prediction of all, which is stored at once."""
    first: list[Counted] = []
    for key, data in asked.monitoring[cloud].items():
        versions = read_part(data) if key.startswith(PARTS) else {}
        assert versions is not None
        first += [counted for counted in versions.values() if counted.model == "visits"]
    assert len(first) == 1
    counts = first[0].counts
    assert (counts.requests, counts.refused, counts.errors) == (1, 0, 0)
    assert (counts.predictions, sum(counts.labels), sum(counts.probability)) == (4, 4, 4)
    visits, plans = counts.columns
    assert counts.counted == 4
    assert (visits[-3:], sum(visits[:-3])) == ([1, 1, 1], 3), "missing, far below, far above"
    assert plans == [1, 1, 0, 1, 1], "the two words, no other one of the model's, a new one, missing"


@pytest.mark.parametrize("cloud", clouds())
def test_no_value_is_in_what_is_counted(asked: Asked, cloud: str) -> None:
    assert asked.monitoring[cloud]
    values = [value for row in ASKED for value in row if value not in (None, *PLANS)]
    for key, data in asked.monitoring[cloud].items():
        for value in values:
            assert str(value).lower().encode() not in data.lower(), f"{value!r} is in {key}"
