"""A table is scored by what was decided when its request came; its files are for who may see the job."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.jobs import train_now, trainer_context
from handlers.rest.answers import ANSWERS
from handlers.services import Services
from ml_core.jobs.jobs import Job
from ml_core.jobs.trainer import run_job
from ml_core.scoring.places import PartCounts, counts_key, file_key
from ml_core.scoring.request import ScoringRequest
from tests.unit.handlers.conftest import REQUESTS, ROWS, Ask, asking, copy_of, services_over

SCORE = "/v1/models/iris:score"
TABLE = "x0,x1,x2,x3,id\n" + "".join(f"{','.join(map(str, row))},r{n}\n" for n, row in enumerate(ROWS))
BODY: dict[str, Any] = {"data": {"uri": "dataset://rows"}, "keep": ["id"], "format": "csv"}


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    copy_of(trained, tmp_path / "root")
    services = services_over(tmp_path / "root")
    services.store.put_if_absent(f"datasets/rows/{'1' * 28}", TABLE.encode())
    return services


@pytest.fixture
def ask(services: Services) -> Ask:
    return asking(services)


def told(answer: Any, status: int = 200, schema: str = "") -> Any:
    assert answer.status == status, answer
    said = json.loads(answer.body)
    if schema:
        jsonschema.validate(said, ANSWERS[schema])
    return said


def send(ask: Ask, body: Any = BODY, path: str = SCORE, status: int = 202, **headers: str) -> Any:
    return told(ask("POST", path, json.dumps(body).encode(), **headers), status)


def run(services: Services, job: dict[str, Any]) -> Job:
    ended = run_job(job["id"], trainer_context(services)).job
    assert ended is not None
    return ended


def stored(services: Services, job: dict[str, Any]) -> ScoringRequest:
    return ScoringRequest.from_bytes(services.store.get(f"jobs/{job['id']}/input").data)


def test_version_and_upload_are_those_of_when_it_came(services: Services, ask: Ask) -> None:
    """Whatever is promoted and uploaded after it."""
    job = send(ask)
    services.store.put_if_absent(f"datasets/rows/{'0' * 28}", b"x0\nnothing\n")  # a newer one
    kept = stored(services, job)
    version = services.registry.model("iris").pick(1)
    assert (kept.version, kept.job, kept.sha256) == (1, version.job, version.sha256)
    assert kept.uri == f"dataset://rows/{'1' * 28}"
    ended = run(services, job)
    assert (ended.state, ended.result and ended.result["rows"]) == ("succeeded", len(ROWS))
    files = told(ask("GET", f"/v1/jobs/{job['id']}/files", host="h"), schema="JobFiles")["files"]
    written = services.store.get(file_key(job["id"], files[0]["name"])).data.decode().split()
    answers = told(ask("POST", "/v1/models/iris:predict", json.dumps({"instances": ROWS}).encode()))
    assert written[1:] == [f"r{n},{label}" for n, label in enumerate(answers["predictions"])]


def test_a_retry_is_the_same_job_whatever_was_moved_or_uploaded(services: Services, ask: Ask) -> None:
    path = "/v1/models/iris/aliases/live:score"
    services.aliases.set("iris", "live", 1)
    first = send(ask, path=path, idempotency_key="k")
    services.store.put_if_absent(f"datasets/rows/{'0' * 28}", b"x0\n1\n")
    assert train_now(services, {"model": "iris", **REQUESTS["iris"]}).version == 2
    services.aliases.set("iris", "live", 2)
    assert send(ask, path=path, idempotency_key="k")["id"] == first["id"]
    assert stored(services, first).version == 1
    for other in (SCORE, "/v1/models/iris/versions/1:score"):
        assert send(ask, path=other, status=422, idempotency_key="k")["code"] == "idempotency_mismatch"


def test_what_is_done_is_listed_while_it_runs(services: Services, ask: Ask) -> None:
    job = send(ask)
    path = f"/v1/jobs/{job['id']}/files"
    assert told(ask("GET", path)) == {"files": [], "next_after": None}
    for part, rejects in ((0, 0), (2, 7)):
        counts = PartCounts(10, rejects, 100, 30 * bool(rejects))
        services.store.put_if_absent(counts_key(job["id"], part), counts.to_bytes())
    listed = told(ask("GET", path, host="localhost:1"), schema="JobFiles")
    assert [(each["name"], each["kind"], each["rows"], each["size"]) for each in listed["files"]] == [
        ("part-00000.csv", "scores", 10, 100),
        ("part-00002.csv", "scores", 10, 100),
        ("rejects-00002.csv", "rejects", 7, 30),
    ]
    assert all(each["url"].startswith("http://localhost:1/downloads/scores/") for each in listed["files"])
    assert all("iris-part" in each["url"] or "iris-rejects" in each["url"] for each in listed["files"])


def test_pages_go_from_file_to_file(services: Services, ask: Ask) -> None:
    job = send(ask)
    for part in range(3):
        services.store.put_if_absent(counts_key(job["id"], part), PartCounts(1, 1, 1, 1).to_bytes())
    names: list[str] = []
    after = ""
    while True:
        page = told(ask("GET", f"/v1/jobs/{job['id']}/files?limit=1{after}"))
        names += [each["name"] for each in page["files"]]
        if page["next_after"] is None:
            break
        after = f"&after={page['next_after']}"
    kinds = ("part", "rejects")
    assert names == [f"{kind}-{part:05}.csv" for part in range(3) for kind in kinds]


def test_files_in_a_bucket_have_their_address_there(trained: Path, tmp_path: Path) -> None:
    copy_of(trained, tmp_path / "root")
    services = services_over(tmp_path / "root", ML_OUTPUT_BUCKETS="file:out")
    services.store.put_if_absent(f"datasets/rows/{'1' * 28}", TABLE.encode())
    ask = asking(services)
    job = send(ask, {**BODY, "to": {"uri": "file:out/deep/"}})
    assert run(services, job).result == {
        "rows": len(ROWS),
        "rejected": 0,
        "files": 1,
        "bytes": (tmp_path / "root" / "data" / "out" / "deep" / job["id"] / "part-00000.csv").stat().st_size,
        "uri": f"file:out/deep/{job['id']}/",
    }
    (file,) = told(ask("GET", f"/v1/jobs/{job['id']}/files"), schema="JobFiles")["files"]
    assert file["uri"] == f"file:out/deep/{job['id']}/part-00000.csv"
    assert "url" not in file
    refused = send(ask, {**BODY, "to": {"uri": "file:other/"}}, status=422)
    assert refused["faults"][0]["path"] == "$.to.uri"


def test_a_model_in_another_spelling_is_not_found(ask: Ask) -> None:
    assert send(ask, path="/v1/models/IRIS:score", status=404)["code"] == "model_not_found"
