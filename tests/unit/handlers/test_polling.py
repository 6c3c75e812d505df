"""What is looked at again and again says with 304 that it is as it was, and sends nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.rest.http import Response
from handlers.rest.routes import ROUTES
from handlers.services import Services
from ml_core.datasets.sources import upload_key
from ml_core.documents import update
from ml_core.jobs.jobs import job_key
from tests.unit.handlers.conftest import ROWS, Ask, asking, copy_of, services_over

DATASET, JOB = "rows", "{job}"
PATHS = [
    "/v1/jobs",
    "/v1/jobs?limit=1",
    "/v1/jobs/{job}",
    "/v1/models",
    "/v1/models?limit=1",
    "/v1/models/iris",
    "/v1/models/iris/versions",
    "/v1/models/iris/versions/1",
    "/v1/models/iris/versions/1/monitoring",
    "/v1/models/iris/aliases/live",
    "/v1/models/iris/aliases/live/monitoring",
    "/v1/datasets",
    "/v1/datasets/rows",
]
POLLED = pytest.mark.parametrize("path", PATHS)


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    """A folder with a dataset, an alias, and jobs that are over."""
    found = services_over(copy_of(trained, tmp_path / "copy"))
    found.store.put_if_absent(upload_key(DATASET, "0" * 28), b"a,b\n1,2\n")
    return found


@pytest.fixture
def ask(services: Services) -> Ask:
    ask = asking(services)
    assert ask("PUT", "/v1/models/iris/aliases/live", b'{"version": 1}').status == 200
    return ask


def read(response: Response) -> Any:
    assert response.status == 200, response.body
    return json.loads(response.body)


def filled(ask: Ask, path: str) -> str:
    """The path with the newest job."""
    return path.replace(JOB, read(ask("GET", "/v1/jobs"))["jobs"][0]["id"]) if JOB in path else path


def submit(services: Services, model: str = "iris") -> str:
    return services.jobs.submit(model, b"{}", {"algorithm": "svm"}, submitter="someone").id


@POLLED
def test_what_is_as_it_was_is_not_sent_again(ask: Ask, path: str) -> None:
    path = filled(ask, path)
    first = ask("GET", path)
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = ask("GET", path, if_none_match=condition)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == "private, no-cache"
        assert "content-type" not in again.headers
    for condition in ('"other"', f'"x{etag[1:]}'):
        answer = ask("GET", path, if_none_match=condition)
        assert (answer.status, answer.body, answer.headers["etag"]) == (200, first.body, etag)
    assert ask("HEAD", path, if_none_match=etag).status == 304


def test_every_route_that_may_say_so_reads_the_condition() -> None:
    for route in ROUTES:
        assert ((304, "") in route.answers) == ("if-none-match" in route.headers and route.method == "GET")


def test_each_list_tells_what_is_new(services: Services, ask: Ask) -> None:
    before = {path: ask("GET", path).headers["etag"] for path in ("/v1/jobs", "/v1/models", "/v1/datasets")}
    job = submit(services)
    services.store.put_if_absent(upload_key("more", "0" * 28), b"a,b\n1,2\n")
    assert ask("PATCH", "/v1/models/iris", b'{"description": "new"}').status == 200
    for path, etag in before.items():
        assert ask("GET", path, if_none_match=etag).status == 200, path
    etag = ask("GET", f"/v1/jobs/{job}").headers["etag"]
    assert ask("GET", f"/v1/jobs/{job}", if_none_match=etag).status == 304
    assert ask("DELETE", f"/v1/jobs/{job}").status == 200
    changed = ask("GET", f"/v1/jobs/{job}", if_none_match=etag)
    assert read(changed)["state"] == "cancelled"
    assert changed.headers["etag"] != etag


def test_a_trainers_sign_of_life_is_nothing_to_see(services: Services, ask: Ask) -> None:
    """The document's revision grows with each; what is shown stays."""
    job = submit(services)
    etag = ask("GET", f"/v1/jobs/{job}").headers["etag"]
    update(services.store, job_key(job), lambda body: body)
    assert ask("GET", f"/v1/jobs/{job}", if_none_match=etag).status == 304


def test_what_was_predicted_changes_what_is_told_of_it(ask: Ask) -> None:
    paths = ["/v1/models/iris/versions/1/monitoring", "/v1/models/iris/aliases/live/monitoring"]
    before = {path: ask("GET", path).headers["etag"] for path in paths}
    body = json.dumps({"instances": ROWS[:3]}).encode()
    assert ask("POST", "/v1/models/iris/versions/1:predict", body).status == 200
    for path, etag in before.items():
        assert ask("GET", path, if_none_match=etag).status == 200, path


def test_what_is_indented_is_the_same_answer(ask: Ask) -> None:
    plain, indented = ask("GET", "/v1/models"), ask("GET", "/v1/models?pretty=true")
    assert (plain.headers["etag"], json.loads(plain.body)) == (
        indented.headers["etag"],
        json.loads(indented.body),
    )
    assert ask("GET", "/v1/models?pretty=true", if_none_match=plain.headers["etag"]).status == 304


def test_what_is_refused_has_none(ask: Ask) -> None:
    for path in ("/v1/jobs/" + "0" * 28, "/v1/datasets/nothing", "/v1/models?limit=x"):
        answer = ask("GET", path, if_none_match="*")
        assert answer.status in (404, 422)
        assert "etag" not in answer.headers
