"""The suite asks enough, of every cloud there is."""

import os
import re
from urllib.parse import unquote

import pytest

from handlers.auth import OPEN
from handlers.rest.router import find
from handlers.rest.routes import ROUTES, Route
from tests.conformance.case import Case
from tests.conformance.cloud import LAPTOP, ROOT, cloud, clouds
from tests.conformance.comparison import differences
from tests.conformance.run import cases

CASES = cases()
_NOTE = re.compile(r"\{\w+\}")


def test_the_clouds_are_the_laptop_and_every_folder_with_a_config() -> None:
    assert {LAPTOP, "aws", "azure", "google"} <= set(clouds())
    folders = {
        entry.name
        for entry in os.scandir(os.path.join(ROOT, "providers"))
        if os.path.isdir(os.path.join(entry.path, "runtime"))
    }
    assert set(clouds()) == folders, "a cloud is a folder of providers/ with a config.yml"


@pytest.mark.parametrize("name", clouds())
def test_each_of_them_can_be_started(name: str) -> None:
    assert callable(cloud(name).started), f"tests/conformance/clouds/{name}.py is missing"
    adapter = ("local", "server.py") if name == LAPTOP else ("clouds", f"{name}.py")
    assert os.path.exists(os.path.join(ROOT, "handlers", *adapter))


def test_no_cloud_is_under_conformance_that_cannot_be_deployed_to() -> None:
    modules = os.listdir(os.path.join(ROOT, "tests", "conformance", "clouds"))
    assert sorted(name.removesuffix(".py") for name in modules if name.endswith(".py")) == sorted(clouds())


def test_there_are_at_least_300_cases() -> None:
    assert len(CASES) >= 300


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_endpoint_is_asked_for_each_of_its_answers_and_for_a_refusal(route: Route) -> None:
    asked = {case.status for case in CASES.values() if endpoint_of(case) is route}
    declared = {status for status, _ in route.answers}
    if route.target == "jobs:cancel":
        declared.remove(202)  # of a job while it runs: by then it may be over
    if route.target == "erasing:delete_dataset":
        declared.remove(202)  # while a job runs that reads it, as above
    assert declared <= asked
    assert route.access == OPEN or any(status >= 400 for status in asked)


def endpoint_of(case: Case) -> Route | None:
    """What answers a case's request; its notes are ids of some job. Of a file's upload it is the storage."""
    if case.signed:
        return None
    path = unquote(_NOTE.sub("f" * 28, case.request.target.partition("?")[0]))
    found = find(path).get(case.request.method)
    return found[0] if found else None


def test_equal_is_equal_but_for_the_last_digits_of_a_float() -> None:
    one = {"body": [1, 1.0, "a", True, None]}
    assert list(differences(one, {"body": [1, 1.0 + 2e-13, "a", True, None]})) == []
    for index, other in enumerate([2, 1.0 + 1e-11, "b", False, 0]):
        changed = {"body": [*one["body"][:index], other, *one["body"][index + 1 :]]}
        assert len(list(differences(one, changed))) == 1, changed
    assert list(differences(one, {"body": [1.0, 1.0, "a", True, None]})), "an integer is no float"
    assert list(differences(one, {})), "a member is missing"
    assert list(differences({}, one)), "a member is new"
    assert list(differences([1], [1, 2])), "an item is new"
