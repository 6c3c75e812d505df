"""Which versions were made from a dataset, and a dataset that is erased with them."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.auth import Records, digest
from handlers.jobs import deliver, train_now
from handlers.local.services import folder_services
from handlers.rest.answers import ANSWERS
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.datasets.sources import newest_upload, upload_key
from ml_core.jobs.leases import claim
from ml_core.jobs.sweep import sweep as jobs_sweep
from ml_core.ports import every_object
from ml_core.registry.origins import erase_uploads, is_pending, note_job, time_part
from ml_core.registry.registry import artifact_key, manifest_key
from providers.local.runtime.queue import FolderQueue
from tests.contract.faults import FaultyStore, fail_before
from tests.unit.handlers.conftest import Ask, asking, services_over

CSV = b"age,plan,churned\n" + b"31,basic,yes\n,pro,no\n45.5,,yes\n22,basic,no\n" * 10


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return services_over(tmp_path)


@pytest.fixture
def send(services: Services) -> Ask:
    return asking(services)


def upload(services: Services, name: str, content: bytes = CSV) -> str:
    """Upload a file; the upload's id."""
    upload_id = services.datasets.begin(name).uri.rpartition("/")[2]
    services.store.put_if_absent(upload_key(name, upload_id), content)
    return upload_id


def train(services: Services, model: str, data: str, algorithm: str = "logistic_regression") -> int:
    """Train on a dataset; the version."""
    about = {"uri": f"dataset://{data}", "target": "churned"}
    job = train_now(services, {"model": model, "algorithm": algorithm, "data": about})
    assert (job.state, job.error) == ("succeeded", None)
    assert job.version is not None
    return job.version


def copy_version(services: Services, send: Ask, model: str, version: int, to: str) -> int:
    """Register a download of a version's artifact under another model; the version there."""
    job = services.registry.model(model).pick(version).job
    begun = read(send("POST", f"/v1/models/{to}:upload"), 201)
    upload_id = begun["uri"].rpartition("/")[2]
    artifact = services.store.get(artifact_key(job)).data
    services.store.put_if_absent(f"uploads/{to}/{upload_id}.safetensors", artifact)
    queued = read(send("POST", f"/v1/models/{to}:register", json.dumps({"uri": begun["uri"]}).encode()), 202)
    work_off(services)
    ended = services.jobs.get(queued["id"])
    assert (ended.state, ended.error) == ("succeeded", None)
    assert ended.version is not None
    return ended.version


def work_off(services: Services) -> None:
    queue = FolderQueue(services.settings.root)
    for message in queue.due()[0]:
        deliver(services, message)
        queue.forget(message)


def read(response: Any, status: int = 200) -> Any:
    body = json.loads(response.body) if response.body else None
    assert response.status == status, body
    return body


def made(send: Ask, dataset: str, query: str = "") -> dict[str, Any]:
    """What was made from a dataset, as it is listed."""
    listed: dict[str, Any] = read(send("GET", f"/v1/datasets/{dataset}/versions{query}"))
    jsonschema.validate(listed, ANSWERS["MadeVersions"])
    return listed


def names(listed: dict[str, Any]) -> list[tuple[str, int]]:
    return [(each["model"], each["version"]) for each in listed["versions"]]


def test_versions_are_listed_with_the_upload_that_they_are_of_newest_first(
    services: Services, send: Ask
) -> None:
    first = upload(services, "churn")
    assert made(send, "churn") == {"versions": [], "next_after": None, "complete": True}
    train(services, "one", "churn")
    services.datasets._clock = lambda: 4e9
    second = upload(services, "churn")
    train(services, "two", "churn", "svm")
    upload(services, "other")
    train(services, "one", "other")
    services.aliases.set("one", "production", 1)
    listed = made(send, "churn")
    assert names(listed) == [("two", 1), ("one", 1)]
    newest, oldest = listed["versions"]
    assert [each["data"]["uri"] for each in (newest, oldest)] == [
        f"dataset://churn/{second}",
        f"dataset://churn/{first}",
    ]
    assert oldest["data"]["revision"] == services.versions.get("one", 1)["data"]["revision"]
    assert (newest["contains_training_rows"], oldest["contains_training_rows"]) == (True, False)
    assert (newest["aliases"], oldest["aliases"]) == ([], ["production"])
    assert not any(each["copy"] or each["deleted"] for each in listed["versions"])


def test_what_was_deleted_is_told_as_deleted_and_what_was_purged_as_purged(
    services: Services, send: Ask
) -> None:
    upload(services, "churn")
    for _ in range(3):
        train(services, "m", "churn")
    services.deletion.delete_version("m", 1)
    services.deletion.delete_version("m", 2, purge=True)
    listed = {each["version"]: each for each in made(send, "churn")["versions"]}
    assert listed[1]["restorable_until"] > listed[1]["deleted"]
    assert listed[2]["deleted"]
    assert listed[2]["restorable_until"] is None
    assert listed[3]["deleted"] is None
    services.deletion.delete_model("m", purge=True)
    assert all(each["deleted"] for each in made(send, "churn")["versions"]), "also of a model that is gone"


def test_a_dataset_that_is_gone_still_has_its_versions_listed(services: Services, send: Ask) -> None:
    assert send("GET", "/v1/datasets/churn/versions").status == 404
    upload(services, "churn")
    train(services, "m", "churn")
    assert send("DELETE", "/v1/datasets/churn").status == 204
    assert names(made(send, "churn")) == [("m", 1)]
    assert send("GET", "/v1/datasets/Churn/versions").status == 404, "another spelling is another name"


def test_pages_are_cut_at_the_limit_and_go_on(services: Services, send: Ask) -> None:
    upload(services, "churn")
    for model in ("a", "b", "c"):
        train(services, model, "churn")
    found, after = [], ""
    while True:
        page = made(send, "churn", f"?limit=1{after}")
        found += names(page)
        if page["next_after"] is None:
            break
        after = f"&after={page['next_after']}"
    assert found == [("c", 1), ("b", 1), ("a", 1)]


def test_copies_are_followed_whatever_model_they_are_under(services: Services, send: Ask) -> None:
    upload(services, "churn")
    train(services, "m", "churn", "svm")
    copy_version(services, send, "m", 1, "elsewhere")
    copy_version(services, send, "elsewhere", 1, "further")
    listed = made(send, "churn")
    assert names(listed) == [("further", 1), ("elsewhere", 1), ("m", 1)]
    assert [each["copy"] for each in listed["versions"]] == [True, True, False]
    assert {each["data"]["uri"] for each in listed["versions"]} == {listed["versions"][2]["data"]["uri"]}


def test_what_an_earlier_release_made_is_found_by_the_first_who_asks(services: Services, send: Ask) -> None:
    """It wrote nothing down: what is below the index is taken away."""
    upload(services, "churn")
    train(services, "m", "churn")
    copy_version(services, send, "m", 1, "copied")
    train(services, "m", "churn")
    services.deletion.delete_version("m", 2)
    before = made(send, "churn")
    forget(services)
    assert made(send, "churn") == before


def test_a_first_round_that_is_not_over_says_so_and_goes_on(services: Services, send: Ask) -> None:
    upload(services, "churn")
    for model in ("a", "b", "c"):
        train(services, model, "churn")
    forget(services)
    told = []
    for _ in range(20):
        scan = services.origin_scan(0)
        looks = iter([False])
        told.append(scan._replace(is_over=lambda looks=looks: next(looks, True)).first_round())  # type: ignore[misc]
        if told[-1]:
            break
    assert told[-1]
    assert len(told) > 3, "each did a part"
    assert len(made(send, "churn")["versions"]) == 3


def test_a_sweep_finds_what_an_earlier_release_made_after_the_first_round(
    services: Services, send: Ask
) -> None:
    upload(services, "churn")
    assert made(send, "churn")["complete"]
    train(services, "m", "churn")
    for found in list(every_object(services.store, "registry/made-from/churn/")):
        services.store.delete(found.key)
    assert made(send, "churn")["versions"] == []
    services.jobs.clock = lambda: newest_upload(services.store, "churn").modified + 2 * 86400  # type: ignore[union-attr]
    services.origin_scan(60).sweep()
    assert names(made(send, "churn")) == [("m", 1)]


def test_a_key_for_some_models_is_told_of_their_versions_alone(tmp_path: Path, services: Services) -> None:
    upload(services, "churn")
    for model in ("mine-1", "theirs", "mine-2"):
        train(services, model, "churn")
    record = {"id": "k", "roles": ["train"], "sha256": digest("key"), "created": "2026-11-26T00:00:00Z"}
    records: Records = [{**record, "models": ["mine-*"]}]
    ask = asking(folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=lambda: records))

    def send(query: str) -> Any:
        return read(ask("GET", f"/v1/datasets/churn/versions{query}", x_api_key="key"))

    assert names(send("")) == [("mine-2", 1), ("mine-1", 1)]
    page = send("?limit=1")
    assert names(page) == [("mine-2", 1)]
    assert names(send(f"?limit=1&after={page['next_after']}")) == [("mine-1", 1)]


def forget(services: Services) -> None:
    """Leave nothing of what is written down of what came of datasets."""
    for found in list(every_object(services.store, "registry/made-from/")):
        services.store.delete(found.key)


def erase(send: Ask, dataset: str, status: int = 200) -> dict[str, Any]:
    """Delete a dataset with its versions; the report."""
    report: dict[str, Any] = read(send("DELETE", f"/v1/datasets/{dataset}?with_versions=true"), status)
    jsonschema.validate(report, ANSWERS["Erasure"])
    return report


def numbers(report: dict[str, Any], part: str) -> dict[str, int]:
    return {line["what"]: line["number"] for line in report[part]}


def sweep(services: Services, days: float = 0) -> None:
    services.jobs.clock = lambda: time.time() + days * 86400
    swept = jobs_sweep(services.jobs, services.registry)
    assert swept is not None


def left_of(services: Services, *needles: bytes) -> list[str]:
    """The keys of all objects in which one of the needles is."""
    return [
        found.key
        for found in every_object(services.store, "")
        if any(needle in services.store.get(found.key).data for needle in needles)
    ]


def test_a_dataset_goes_with_every_version_that_was_made_from_it(services: Services, send: Ask) -> None:
    upload(services, "churn")
    services.datasets._clock = lambda: 4e9
    upload(services, "churn")
    send("GET", "/v1/datasets/churn")
    work_off(services)
    train(services, "m", "churn")
    train(services, "m", "churn", "svm")
    train(services, "other", "churn")
    copy_version(services, send, "m", 2, "copied")
    services.deletion.delete_version("m", 1)
    upload(services, "kept")
    train(services, "m", "kept")
    read(send("PATCH", "/v1/models/m/versions/2", b'{"description": "made from churn"}'))
    report = erase(send, "churn")
    assert report["complete"]
    assert numbers(report, "gone") == {"uploads": 2, "descriptions": 1, "versions": 4, "cancelled_jobs": 0}
    assert numbers(report, "going") == {"artifacts": 4, "job_files": 3}
    assert sorted((each["model"], each["version"]) for each in report["versions"]) == [
        ("copied", 1),
        ("m", 1),
        ("m", 2),
        ("other", 1),
    ]
    for model, version in (("copied", 1), ("m", 1), ("m", 2), ("other", 1)):
        assert send("GET", f"/v1/models/{model}/versions/{version}").status == 404
        assert send("POST", f"/v1/models/{model}/versions/{version}:restore").status == 409
    assert send("GET", "/v1/models/m/versions/3").status == 200, "what was made from another stays"
    assert send("GET", "/v1/datasets/churn").status == 404
    sweep(services)
    assert sorted(key for key in keys(services, "artifacts/")) == sorted(
        [artifact_key(services.registry.model("m").pick(3).job), manifest_key_of(services, "m", 3)]
    )
    assert left_of(services, b"made from churn") == []
    assert keys(services, "datasets/churn/") == keys(services, "descriptions/") == []
    again = erase(send, "churn")
    assert (again["complete"], again["going"], again["versions"]) == (True, [], report["versions"])


def test_what_stays_and_what_expires_is_named(tmp_path: Path) -> None:
    services = services_over(tmp_path, ML_OLD_STATES_DAYS="30", ML_LOG_DAYS="14", ML_MONITORING_DAYS="0")
    upload(services, "churn")
    report = erase(asking(services), "churn")
    days = {line["what"]: line["days"] for line in report["expires"]}
    assert days == {
        "old_states": 30,
        "job_documents": 30,
        "upload_records": 1,
        "artifact_uploads": 7,
        "logs": 14,
        "running_instances": 1,
    }
    assert {line["what"] for line in report["stays"]} == {
        "downloads",
        "other_deployments",
        "backups",
        "same_rows",
        "names",
    }
    assert all(line["detail"] for part in ("gone", "going", "expires", "stays") for line in report[part])


def test_nothing_is_deleted_while_aliases_point_at_versions_and_all_are_named(
    services: Services, send: Ask
) -> None:
    upload(services, "churn")
    for model in ("a", "b", "b"):
        train(services, model, "churn")
    services.aliases.set("a", "production", 1)
    services.aliases.set("b", "canary", {"1": 90, "2": 10})
    made(send, "churn")
    before = keys(services, "")
    problem = read(send("DELETE", "/v1/datasets/churn?with_versions=true"), 409)
    assert problem["code"] == "version_in_use"
    told = "model 'a': 'production' (version 1); model 'b': 'canary' (version 1), 'canary' (version 2)"
    assert told in problem["detail"]
    assert keys(services, "") == before
    services.aliases.delete("a", "production")
    services.aliases.delete("b", "canary")
    assert erase(send, "churn")["complete"]


def test_jobs_on_it_are_cancelled_and_a_running_one_is_waited_for(services: Services, send: Ask) -> None:
    upload(services, "churn")
    about = {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "churned"}}
    queued, running = (
        read(send("POST", "/v1/models/m:train", json.dumps(about).encode()), 202)["id"] for _ in range(2)
    )
    lease = claim(services.jobs, running).lease
    assert lease is not None
    report = erase(send, "churn", 202)
    assert (report["complete"], report["waiting_for"]) == (False, [running])
    assert numbers(report, "gone")["cancelled_jobs"] == 2
    assert services.jobs.get(queued).state == "cancelled"
    assert services.jobs.get(running).cancelling
    waiting = FolderQueue(services.settings.root).due()[0]
    assert numbers(erase(send, "churn", 202), "gone")["cancelled_jobs"] == 0
    assert FolderQueue(services.settings.root).due()[0] == waiting, "who asks again sends no more messages"
    lease.cancel()
    assert erase(send, "churn")["complete"]
    sweep(services)
    assert keys(services, "jobs/") == [f"jobs/{id_}.json" for id_ in sorted((queued, running))]


def test_what_is_registered_meanwhile_does_not_survive(services: Services, send: Ask) -> None:
    """A trainer has fitted when the dataset is erased, and does not see that its job is cancelled."""
    upload(services, "churn")
    about = {"uri": "dataset://churn", "target": "churned"}
    body = {"model": "m", "algorithm": "svm", "data": about}

    begun: list[str] = []
    real = services.store.put_if_absent

    def erase_first(key: str, data: bytes) -> str:
        if key.startswith("registry/made-from/churn/versions/") and not begun:
            begun.append(key)
            erase(send, "churn", 202)
        return real(key, data)

    services.store.put_if_absent = erase_first  # type: ignore[method-assign]
    job = train_now(services, body)
    assert begun
    assert (job.state, job.error and job.error["code"]) == ("failed", "data_erased")
    assert send("GET", "/v1/models/m").status == 404
    erase(send, "churn")
    sweep(services)
    assert keys(services, "artifacts/") == []
    assert keys(services, "registry/made-from/churn/") == []


def test_a_download_of_an_erased_version_cannot_be_registered_again(services: Services, send: Ask) -> None:
    upload(services, "churn")
    train(services, "m", "churn", "svm")
    artifact = services.store.get(artifact_key(services.registry.model("m").pick(1).job)).data
    erase(send, "churn")
    sweep(services)
    begun = read(send("POST", "/v1/models/back:upload"), 201)
    services.store.put_if_absent(f"uploads/back/{begun['uri'].rpartition('/')[2]}.safetensors", artifact)
    queued = read(send("POST", "/v1/models/back:register", json.dumps({"uri": begun["uri"]}).encode()), 202)
    work_off(services)
    ended = services.jobs.get(queued["id"])
    assert (ended.state, ended.error and ended.error["code"]) == ("failed", "data_erased")
    assert send("GET", "/v1/models/back").status == 404
    sweep(services)
    assert keys(services, "artifacts/") == []


def test_a_later_dataset_of_the_name_is_one_that_nobody_erased(services: Services, send: Ask) -> None:
    upload(services, "churn")
    train(services, "m", "churn")
    erase(send, "churn")
    services.datasets._clock = lambda: time.time() + 60
    upload(services, "churn", CSV + b"1,basic,no\n")
    assert train(services, "m", "churn") == 2
    sweep(services)
    assert send("GET", "/v1/models/m/versions/2").status == 200
    assert [each["version"] for each in made(send, "churn")["versions"] if not each["deleted"]] == [2]


def test_scores_of_it_go_with_the_next_sweep_and_those_elsewhere_are_named(tmp_path: Path) -> None:
    services = services_over(tmp_path, ML_OUTPUT_BUCKETS="file:scores")
    send = asking(services)
    upload(services, "churn")
    upload(services, "other")
    train(services, "m", "other")
    scored = []
    for more in ({}, {"to": {"uri": "file:scores/"}}):
        body = {"data": {"uri": "dataset://churn"}, "keep": ["age"], **more}
        scored.append(read(send("POST", "/v1/models/m:score", json.dumps(body).encode()), 202)["id"])
    work_off(services)
    assert [services.jobs.get(job).state for job in scored] == ["succeeded", "succeeded"]
    assert keys(services, f"scores/{scored[0]}/")
    report = erase(send, "churn")
    places = [line["detail"] for line in report["stays"] if line["what"] == "scores_elsewhere"]
    assert places == [f"scores that a job wrote to another bucket: file:scores/{scored[1]}/"]
    assert report["versions"] == [], "the model is of other rows"
    sweep(services)
    assert keys(services, "scores/") == []
    again = [line["detail"] for line in erase(send, "churn")["stays"] if line["what"] == "scores_elsewhere"]
    assert again == places
    assert send("GET", "/v1/models/m/versions/1").status == 200


def test_a_limited_key_erases_what_is_its_own_alone(tmp_path: Path, services: Services) -> None:
    upload(services, "churn")
    train(services, "mine", "churn")
    upload(services, "shared")
    for model in ("mine", "theirs"):
        train(services, model, "shared")
    record = {"id": "k", "roles": ["admin"], "sha256": digest("key"), "created": "2026-11-26T00:00:00Z"}
    records: Records = [{**record, "models": ["mine"], "datasets": ["churn", "shared"]}]
    ask = asking(folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=lambda: records))

    def send(method: str, path: str) -> Any:
        return ask(method, path, x_api_key="key")

    made(asking(services), "churn")
    before = keys(services, "")
    refused = read(send("DELETE", "/v1/datasets/shared?with_versions=true"), 403)
    assert "theirs" not in refused["detail"]
    assert send("DELETE", "/v1/datasets/secret?with_versions=true").status == 403
    assert keys(services, "") == before
    assert read(send("DELETE", "/v1/datasets/churn?with_versions=true"))["complete"]


def test_killed_before_any_operation_the_next_request_finishes(tmp_path: Path) -> None:
    """Every operation of the deletion fails once, and nothing after it is done; then it is asked again."""
    root = tmp_path / "whole"
    services = services_over(root)
    send = asking(services)
    upload(services, "churn")
    send("GET", "/v1/datasets/churn")
    work_off(services)
    train(services, "m", "churn")
    copy_version(services, send, "m", 1, "copied")
    made(send, "churn")
    nth, killed = 0, True
    while killed:
        nth += 1
        copied = tmp_path / str(nth)
        shutil.copytree(root, copied)
        broken = services_over(copied)
        faulty = FaultyStore(broken.store, nth, fail_before, lasting=True)
        broken._store = faulty
        answer = asking(broken)("DELETE", "/v1/datasets/churn?with_versions=true")
        killed = len(faulty.operations) >= nth
        # The last operation only writes down that all is done, so that it is answered all the same.
        written = [place for place, each in enumerate(faulty.operations, 1) if each.endswith(" audit")]
        done = nth in written[1:]
        assert (answer.status == 503) == (killed and not done), answer.body
        whole = services_over(copied)
        ask = asking(whole)
        if killed:
            assert erase(ask, "churn")["complete"]
        sweep(whole)
        assert keys(whole, "datasets/") == keys(whole, "descriptions/") == keys(whole, "artifacts/") == []
        assert all(each["deleted"] for each in made(ask, "churn")["versions"])
        assert len(made(ask, "churn")["versions"]) == 2
        shutil.rmtree(copied)
    assert nth > 20


def test_killed_once_it_is_written_down_the_sweep_finishes_but_for_the_uploads(
    services: Services, send: Ask
) -> None:
    upload(services, "churn")
    train(services, "m", "churn")
    erase_uploads(services.store, "churn", time_part(time.time()))
    sweep(services)
    assert keys(services, "artifacts/") == []
    assert send("GET", "/v1/models/m/versions/1").status == 404
    assert erase(send, "churn")["complete"]


def test_a_damaged_document_keeps_no_other_from_being_swept(services: Services, send: Ask) -> None:
    upload(services, "churn")
    train(services, "m", "churn")
    upload(services, "broken")
    train(services, "n", "broken")
    forget(services)
    manifest = manifest_key_of(services, "n", 1)
    job = services.registry.model("n").pick(1).job
    for key in (manifest, f"jobs/{job}.json"):
        services.store.write_stream(key, [b"{"])
    assert names(made(send, "churn")) == [("m", 1)], "the manifest of another model is damaged"
    bound = time_part(time.time())
    note_job(services.store, job, "n", {"data": {"uri": f"dataset://broken/{bound}"}})
    for dataset in ("broken", "churn"):
        erase_uploads(services.store, dataset, bound)
    services.store.write_stream("registry/made-from/-erased/bad.json", [b"{"])
    services.store.put_if_absent("registry/made-from/-pending/bad", b"{}")
    sweep(services)
    assert send("GET", "/v1/models/m/versions/1").status == 404
    assert is_pending(services.store, "broken")
    assert not is_pending(services.store, "churn")


def keys(services: Services, prefix: str) -> list[str]:
    """What is stored, but for who asked for it."""
    stored = [found.key for found in every_object(services.store, prefix)]
    return [key for key in stored if not key.startswith("audit/")]


def manifest_key_of(services: Services, model: str, version: int) -> str:
    return manifest_key(services.registry.model(model).pick(version).job)
