"""Datasets are uploaded past the service by a signed address, described by the trainer, and trained on."""

import hashlib
import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import numpy as np
import pytest
import sklearn.datasets

from handlers.jobs import deliver, job_of, train_now
from handlers.rest import openapi
from handlers.rest.answers import ANSWERS
from handlers.rest.forms import FORMS
from handlers.services import Services
from ml_core.datasets import describing
from ml_core.datasets.datasets import KEPT, description_request, left_behind
from ml_core.datasets.looking import check_look, look_schema
from ml_core.errors import DatasetNotFound, InvalidInput, MalformedInput, Unavailable
from ml_core.tables.description import describe
from ml_core.tables.options import read_options
from ml_core.tables.reading import read
from providers.local.runtime.queue import FolderQueue
from providers.local.runtime.signer import LocalSigner
from tests.unit.broken_parquet import ABORTING
from tests.unit.handlers.conftest import asking, services_over, serving

CSV = "age,plan,churned\n" + "31,basic,yes\n,pro,no\n45.5,,yes\n22,basic,no\n" * 10


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return services_over(tmp_path)


@pytest.fixture
def address(services: Services) -> Iterator[tuple[str, int]]:
    """A server over the services, on a free port."""
    with serving(services) as address:
        yield address


def ask(address: tuple[str, int], method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request(method, path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None
    finally:
        connection.close()


def upload(address: tuple[str, int], name: str, content: bytes) -> dict[str, Any]:
    status, begun = ask(address, "POST", f"/v1/datasets/{name}:upload")
    assert status == 201
    jsonschema.validate(begun, ANSWERS["Upload"])
    parts = urlsplit(begun["url"])
    assert (parts.hostname, parts.port) == address
    assert ask(address, begun["method"], f"{parts.path}?{parts.query}", content) == (200, None)
    uploaded: dict[str, Any] = begun
    return uploaded


def work_off(services: Services, root: Path) -> None:
    queue = FolderQueue(str(root))
    for message in queue.due()[0]:
        assert deliver(services, message) is None
        queue.forget(message)


def test_a_file_is_uploaded_described_and_trained_on(
    services: Services, address: tuple[str, int], tmp_path: Path
) -> None:
    begun = upload(address, "churn", CSV.encode())
    status, listed = ask(address, "GET", "/v1/datasets")
    jsonschema.validate(listed, ANSWERS["Datasets"])
    (newest,) = listed["datasets"]
    assert (newest["name"], newest["uri"], newest["size"]) == ("churn", begun["uri"], len(CSV))
    status, described = ask(address, "GET", "/v1/datasets/churn")
    assert (status, described["state"], described["size"]) == (200, "describing", len(CSV))
    work_off(services, tmp_path)
    status, described = ask(address, "GET", "/v1/datasets/churn")
    jsonschema.validate(described, ANSWERS["Dataset"])
    assert described["state"] == "described"
    assert described["uri"] == begun["uri"]
    assert described["sha256"] == hashlib.sha256(CSV.encode()).hexdigest()
    columns = {column["name"]: column for column in described["description"]["columns"]}
    assert columns["age"]["missing"] == 10
    assert columns["churned"]["values"] == [{"value": "no", "rows": 20}, {"value": "yes", "rows": 20}]
    job = train_now(
        services,
        {
            "model": "churn",
            "algorithm": "logistic_regression",
            "data": {"uri": "dataset://churn", "target": "churned"},
        },
    )
    assert (job.state, job.error) == ("succeeded", None)
    lineage = services.versions.get("churn", 1)["data"]
    assert lineage["uri"] == begun["uri"], "it says which upload it was"
    assert (lineage["size"], lineage["sha256"]) == (len(CSV), described["sha256"])
    assert lineage["revision"] == described["revision"], "and which of the files that were put there"


def test_the_newest_upload_counts_and_the_older_stays_readable(
    services: Services, address: tuple[str, int]
) -> None:
    first = upload(address, "t", b"a,b\n1,2\n")
    services.datasets._clock = lambda: 4e9
    second = upload(address, "t", b"a,b\n1,2\n3,4\n")
    _, described = ask(address, "GET", "/v1/datasets/t")
    assert described["uri"] == second["uri"]
    assert services.data.open(first["uri"])[1].size == 8


def test_a_file_that_is_no_table_is_called_unreadable(
    services: Services, address: tuple[str, int], tmp_path: Path
) -> None:
    upload(address, "t", b"PAR1" + b"\xff" * 60 + b"\x10\0\0\0PAR1")
    ask(address, "GET", "/v1/datasets/t")
    work_off(services, tmp_path)
    _, described = ask(address, "GET", "/v1/datasets/t")
    jsonschema.validate(described, ANSWERS["Dataset"])
    assert described["state"] == "unreadable"
    assert "broken" in described["error"]


def test_a_job_is_about_the_upload_that_was_the_newest_when_it_was_accepted(
    services: Services, address: tuple[str, int], tmp_path: Path
) -> None:
    """Tried again or not, whatever is uploaded meanwhile; and a retry with its key is the same request."""
    first = upload(address, "churn", CSV.encode())
    body = {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "churned"}}
    reply = asking(services)

    def submit() -> Any:
        return reply("POST", "/v1/models/m:train", json.dumps(body).encode(), idempotency_key="once")

    accepted = submit()
    assert accepted.status == 202
    job = json.loads(accepted.body)
    assert job["request"]["data"]["uri"] == first["uri"]
    services.datasets._clock = lambda: time.time() + 60
    upload(address, "churn", b"a,b\n1,2\n")
    again = submit()
    assert (again.status, json.loads(again.body)["id"]) == (202, job["id"])
    work_off(services, tmp_path)
    assert services.jobs.get(job["id"]).state == "succeeded"
    assert services.versions.get("m", 1)["data"]["uri"] == first["uri"]


@pytest.mark.parametrize(
    "uri", ["dataset://none", f"dataset://there/{'0' * 28}", "file:none.csv", "none.csv"]
)
def test_data_that_is_not_there_is_refused_before_there_is_a_job(
    services: Services, address: tuple[str, int], uri: str
) -> None:
    upload(address, "there", b"a,b\n1,2\n")
    (Path(services.settings.root) / "data").mkdir()
    body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "data": {"uri": uri}}
    answer = asking(services)("POST", "/v1/models/m:train", json.dumps(body).encode())
    assert answer.status == 422
    fault = json.loads(answer.body)["faults"][0]
    assert fault["path"] == "$.data.uri"
    assert "nothing was found at" in str(fault)


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"types": {"\ud800": "number"}}, "$.data.types"),
        ({"missing": ["NA", "\ud800"]}, "$.data.missing[1]"),
        ({"exclude": ["\ud800"]}, "$.data.exclude[0]"),
        ({"features": ["age", "\ud800"]}, "$.data.features[1]"),
        ({"target": "\ud800"}, "$.data.target"),
        ({"target": ["churned"], "features": ["age"]}, "$.data.target"),
        ({"target": {}, "features": ["age"]}, "$.data.target"),
    ],
)
def test_what_no_column_can_be_called_is_refused_by_a_training(
    address: tuple[str, int], data: dict[str, Any], path: str
) -> None:
    upload(address, "churn", CSV.encode())
    body = {"algorithm": "svm", "data": {"uri": "dataset://churn", "target": "churned", **data}}
    status, problem = ask(address, "POST", "/v1/models/m:train", json.dumps(body).encode())
    assert (status, [fault["path"] for fault in problem["faults"]]) == (422, [path])


def test_a_description_is_of_the_bytes_that_are_there(
    services: Services, address: tuple[str, int], tmp_path: Path
) -> None:
    """An address may be used again while it works; what was said of the one file is not said of the next."""
    begun = upload(address, "t", b"a,b\n1,2\n")
    ask(address, "GET", "/v1/datasets/t")
    work_off(services, tmp_path)
    _, first = ask(address, "GET", "/v1/datasets/t")
    assert [each["name"] for each in first["description"]["columns"]] == ["a", "b"]
    parts = urlsplit(begun["url"])
    assert ask(address, "PUT", f"{parts.path}?{parts.query}", b"c,d\n1,2\n")[0] == 200
    services.datasets._asked.clear()  # a quarter of a minute later
    _, second = ask(address, "GET", "/v1/datasets/t")
    assert (second["state"], second["sha256"], second["description"]) == ("describing", None, None)
    assert second["revision"] != first["revision"]
    work_off(services, tmp_path)
    _, second = ask(address, "GET", "/v1/datasets/t")
    assert [each["name"] for each in second["description"]["columns"]] == ["c", "d"]


def test_an_upload_that_takes_the_trainer_down_is_called_unreadable_in_the_end(
    services: Services, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often its message comes again, nobody reads it for ever."""
    upload(address, "t", b"a,b\n1,2\n")
    found = services.datasets.get("t")
    begun = []

    class Killed(BaseException):
        pass

    def die(*_: object) -> Any:
        begun.append(1)
        raise Killed

    monkeypatch.setattr(describing, "_read", die)
    for _ in range(describing.MOST_ATTEMPTS):
        with pytest.raises(Killed):
            deliver(services, f"d{found.upload}")
    assert deliver(services, f"d{found.upload}") is None
    assert deliver(services, f"d{found.upload}") is None
    assert len(begun) == describing.MOST_ATTEMPTS
    _, described = ask(address, "GET", "/v1/datasets/t")
    assert described["state"] == "unreadable"
    assert "ended the trainer 3 times" in described["error"]


@pytest.mark.parametrize("megabytes", [64, 160])
def test_a_file_that_takes_more_memory_than_there_is_is_called_unreadable(
    tmp_path: Path, megabytes: int
) -> None:
    """The process that reads it ends alone, at whatever point, and the reason is told."""
    path = tmp_path / "data"
    path.write_bytes(
        b"a,b,c\n" + b"".join(b"%d,%d,%d\n" % (row, row * 7, row % 11) for row in range(900_000))
    )
    told = describing._described_apart("dataset://t", str(path), megabytes << 20)
    assert told is not None
    assert told["description"] is None
    assert "memory" in told["error"]


def test_a_store_that_fails_is_not_held_against_the_file(
    services: Services, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(address, "t", b"a,b\n1,2\n")
    message = f"d{services.datasets.get('t').upload}"
    with monkeypatch.context() as failing:

        def fail(*_: object) -> Any:
            raise Unavailable("the store was made to fail")

        failing.setattr(describing, "_read", fail)
        for _ in range(2 * describing.MOST_ATTEMPTS):
            assert deliver(services, message) is None
    deliver(services, message)
    assert ask(address, "GET", "/v1/datasets/t")[1]["state"] == "described"


def test_a_deleted_dataset_leaves_nothing_but_what_versions_say(
    services: Services, address: tuple[str, int], tmp_path: Path
) -> None:
    for content in (b"a,b\n1,2\n", CSV.encode()):
        upload(address, "churn", content)
    upload(address, "churn-2", b"a,b\n1,2\n")
    ask(address, "GET", "/v1/datasets/churn")
    work_off(services, tmp_path)
    data = {"uri": "dataset://churn", "target": "churned"}
    train_now(services, {"model": "churn", "algorithm": "logistic_regression", "data": data})
    before = services.versions.get("churn", 1)
    assert ask(address, "DELETE", "/v1/datasets/churn") == (204, None)
    assert ask(address, "GET", "/v1/datasets/churn")[0] == 404
    assert ask(address, "DELETE", "/v1/datasets/churn")[0] == 404
    assert [found.key.split("/")[1] for found in services.store.list("datasets/").objects] == ["churn-2"]
    assert services.store.list("descriptions/").objects == []
    assert services.versions.get("churn", 1) == before


def test_what_belongs_to_no_upload_is_swept(services: Services, address: tuple[str, int]) -> None:
    upload(address, "kept", b"a,b\n1,2\n")
    kept = services.datasets.get("kept").upload
    services.datasets.begin("never-sent")
    for upload_id in (kept, "0" * 28):
        services.store.put_if_absent(f"descriptions/{upload_id}.json", b"{}")
    assert list(left_behind(services.store, 0.0)) == [f"descriptions/{'0' * 28}.json"]
    records = {found.key for found in services.store.list("uploads/").objects}
    assert set(left_behind(services.store, time.time() + 60)) == {
        f"descriptions/{'0' * 28}.json",
        *(records - {f"uploads/{kept}.json"}),
    }


def look(address: tuple[str, int], said: Any, name: str = "churn") -> dict[str, Any]:
    """The answer to a description that is asked under options."""
    status, described = ask(address, "POST", f"/v1/datasets/{name}:describe", json.dumps(said).encode())
    assert status == 200, described
    jsonschema.validate(described, ANSWERS["Dataset"])
    answer: dict[str, Any] = described
    return answer


def seen(services: Services, address: tuple[str, int], said: Any, name: str = "churn") -> dict[str, Any]:
    """The same once the trainer has worked off what it was told."""
    look(address, said, name)
    work_off(services, Path(services.settings.root))
    return look(address, said, name)


def columns_of(described: dict[str, Any]) -> dict[str, Any]:
    assert described["state"] == "described", described
    return {column["name"]: column for column in described["description"]["columns"]}


def look_keys(services: Services) -> list[str]:
    return [each.key for each in services.store.list("descriptions/").objects if each.key.count(".") == 2]


OPTIONS: list[dict[str, Any]] = [
    {"types": {"age": "category"}},
    {"types": {"age": "ignore", "plan": "category"}, "missing": ["basic"]},
    {"missing": []},
    {"header": False},
    {"exclude": ["age"]},
    {"encoding": "cp1252", "delimiter": ",", "decimal": ".", "format": "csv"},
]


def test_a_person_sees_what_each_option_does_before_training(
    services: Services, address: tuple[str, int]
) -> None:
    upload(address, "churn", CSV.encode())
    plain = columns_of(seen(services, address, {}))
    assert (plain["age"]["type"], plain["plan"]["missing"]) == ("number", 10)
    as_words = columns_of(seen(services, address, OPTIONS[0]))["age"]
    assert (as_words["type"], as_words["missing"]) == ("category", 10)
    said_missing = columns_of(seen(services, address, OPTIONS[1]))
    assert "age" not in said_missing
    assert said_missing["plan"]["missing_words"]["basic"] == 20
    headless = seen(services, address, OPTIONS[3])
    assert headless["description"]["rows"] == 41
    assert "age" not in columns_of(headless)


@pytest.mark.parametrize("said", OPTIONS, ids=json.dumps)
def test_what_is_described_under_options_is_what_reading_with_them_gives(
    services: Services, address: tuple[str, int], tmp_path: Path, said: dict[str, Any]
) -> None:
    upload(address, "churn", CSV.encode())
    described = seen(services, address, said)
    assert described["options"] == said
    file = tmp_path / "churn.csv"
    file.write_text(CSV, encoding="utf-8")
    options = {name: value for name, value in said.items() if name != "format"}
    assert described["description"] == describe(read(str(file), options=read_options(options)))
    assert described["faults"] == []


@pytest.mark.parametrize("table", ["iris", "wine", "breast_cancer"])
def test_tables_of_scikit_learn_are_described_as_they_are_read(
    services: Services, address: tuple[str, int], tmp_path: Path, table: str
) -> None:
    bunch = getattr(sklearn.datasets, f"load_{table}")()
    lines = [[*bunch.feature_names, "target"], *np.column_stack([bunch.data, bunch.target]).tolist()]
    file = tmp_path / "table.csv"
    file.write_text("".join(",".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
    upload(address, table, file.read_bytes())
    for said in (
        {"types": {"target": "category", bunch.feature_names[0]: "ignore"}, "missing": ["1.0"]},
        {"header": False, "exclude": ["x0"]},
    ):
        described = seen(services, address, said, table)
        assert described["description"] == describe(read(str(file), options=read_options(said)))
        assert len(columns_of(described)) == len(bunch.feature_names)


def test_other_formats_take_the_options_that_mean_something_there(
    services: Services, address: tuple[str, int]
) -> None:
    upload(address, "t", b"".join(b'{"x": %d, "y": "a"}\n' % row for row in range(9)))
    described = seen(services, address, {"types": {"x": "category"}, "format": "jsonl"}, "t")
    assert columns_of(described)["x"]["type"] == "category"
    refused = seen(services, address, {"header": False, "delimiter": ","}, "t")
    assert refused["state"] == "options_refused"
    assert {fault["path"] for fault in refused["faults"]} == {"$.header", "$.delimiter"}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"types": {}, "exclude": [], "header": null}'])
def test_who_says_nothing_gets_the_description_of_a_get(
    services: Services, address: tuple[str, int], tmp_path: Path, body: bytes
) -> None:
    upload(address, "churn", CSV.encode())
    ask(address, "GET", "/v1/datasets/churn")
    work_off(services, tmp_path)
    got = ask(address, "GET", "/v1/datasets/churn")
    assert got[1]["state"] == "described"
    assert got[1]["options"] == {}
    assert ask(address, "POST", "/v1/datasets/churn:describe", body) == got
    assert look_keys(services) == []
    assert FolderQueue(str(tmp_path)).due() == ([], None)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"types": {"plan": "number"}}, "$.types.plan"),
        ({"types": {"plan": "date"}}, "$.types.plan"),
        ({"types": {"gone": "number"}}, "$.types.gone"),
        ({"exclude": ["age", "gone"]}, "$.exclude[1]"),
        ({"format": "parquet"}, "$.format"),
        ({"header": False, "types": {"age": "number"}}, "$.types.age"),
    ],
)
def test_options_that_the_content_does_not_bear_are_told_at_their_place(
    services: Services, address: tuple[str, int], said: dict[str, Any], path: str
) -> None:
    upload(address, "churn", CSV.encode())
    described = seen(services, address, said)
    assert (described["state"], described["description"]) == ("options_refused", None)
    assert [fault["path"] for fault in described["faults"]] == [path]
    assert described["error"] == f"{path}: {described['faults'][0]['message']}"
    assert "$.data" not in json.dumps(described)
    assert described["options"] == said
    work_off(services, Path(services.settings.root))
    assert seen(services, address, {})["state"] == "described", "the file is not to blame"


def test_of_many_faults_it_is_said_that_there_are_more(services: Services, address: tuple[str, int]) -> None:
    upload(address, "churn", CSV.encode())
    described = seen(services, address, {"exclude": [f"c{number}" for number in range(30)]})
    assert len(described["faults"]) == InvalidInput.MOST_FAULTS
    assert described["faults_omitted"] >= 1


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"types": {"age": "float"}}, "$.types.age"),
        ({"types": ["age"]}, "$.types"),
        ({"missing": "NA"}, "$.missing"),
        ({"missing": [1]}, "$.missing[0]"),
        ({"missing": ["\ud800"]}, "$.missing[0]"),
        ({"exclude": ["\ud800"]}, "$.exclude[0]"),
        ({"types": {"\ud800": "number"}}, "$.types"),
        ({"header": "no"}, "$.header"),
        ({"encoding": "none"}, "$.encoding"),
        *(({"encoding": name}, "$.encoding") for name in ("idna", "punycode", "undefined", "utf-8 " * 9)),
        ({"format": "xlsx"}, "$.format"),
        ({"format": ["csv"]}, "$.format"),
        ({"thousands": "."}, "$.thousands"),
        ({"target": "churned"}, "$.target"),
        ({"uri": "dataset://churn"}, "$.uri"),
        (["age"], "$"),
        (None, "$"),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_asked(
    services: Services, address: tuple[str, int], tmp_path: Path, said: Any, path: str
) -> None:
    upload(address, "churn", CSV.encode())
    status, problem = ask(address, "POST", "/v1/datasets/churn:describe", json.dumps(said).encode())
    assert (status, problem["code"]) == (422, "invalid_input")
    assert [fault["path"] for fault in problem["faults"]] == [path]
    assert services.store.list("descriptions/").objects == []
    assert FolderQueue(str(tmp_path)).due() == ([], None)


def test_the_example_of_the_contract_works_on_the_readmes_table(
    services: Services, address: tuple[str, int]
) -> None:
    upload(address, "churn", Path("examples/churn.csv").read_bytes())
    (example,) = openapi.document()["components"]["schemas"]["DescribeRequest"]["examples"]
    jsonschema.validate(example, openapi.look_body())
    columns = columns_of(seen(services, address, example))
    assert "customer" not in columns
    assert set(columns["plan"]["missing_words"]) == {"team"}


def test_the_options_of_several_do_not_disturb_each_other(
    services: Services, address: tuple[str, int], tmp_path: Path
) -> None:
    """Asked before any is described, and each kept as long as the others are asked."""
    upload(address, "churn", CSV.encode())
    for said in ({}, *OPTIONS):
        assert look(address, said)["state"] == "describing"
    assert len(FolderQueue(str(tmp_path)).due()[0]) == 1 + len(OPTIONS)
    work_off(services, tmp_path)
    found = [look(address, said) for said in OPTIONS]
    assert [each["options"] for each in found] == OPTIONS
    assert len({json.dumps(each["description"]) for each in found}) >= len(OPTIONS) - 1
    assert look(address, {})["options"] == {}
    backwards = {"missing": ["basic"], "types": {"plan": "category", "age": "ignore"}}
    assert look(address, backwards)["state"] == "described", "whoever says the same in another order"
    assert FolderQueue(str(tmp_path)).due() == ([], None)


def test_a_description_under_options_is_of_the_bytes_that_are_there(
    services: Services, address: tuple[str, int]
) -> None:
    begun = upload(address, "t", b"a,b\n1,2\n")
    said = {"types": {"a": "category"}}
    assert columns_of(seen(services, address, said, "t"))["a"]["values"] == [{"value": "1", "rows": 1}]
    parts = urlsplit(begun["url"])
    assert ask(address, "PUT", f"{parts.path}?{parts.query}", b"a,b\n3,2\n")[0] == 200
    services.datasets._asked.clear()  # a quarter of a minute later
    assert look(address, said, "t")["state"] == "describing"
    work_off(services, Path(services.settings.root))
    assert columns_of(look(address, said, "t"))["a"]["values"] == [{"value": "3", "rows": 1}]


def test_each_set_of_options_has_attempts_of_its_own(
    services: Services, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    upload(address, "churn", CSV.encode())
    look(address, OPTIONS[0])
    (message,) = FolderQueue(str(tmp_path)).due()[0]

    class Killed(BaseException):
        pass

    def die(*_: object) -> Any:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(describing, "_read", die)
        for _ in range(describing.MOST_ATTEMPTS):
            with pytest.raises(Killed):
                deliver(services, message)
        deliver(services, message)
    FolderQueue(str(tmp_path)).forget(message)
    assert look(address, OPTIONS[0])["state"] == "unreadable"
    assert seen(services, address, OPTIONS[1])["state"] == "described"
    assert seen(services, address, {})["state"] == "described"


def test_a_description_is_waited_for(services: Services, address: tuple[str, int]) -> None:
    upload(address, "churn", CSV.encode())
    reply, answers = asking(services), []
    body = json.dumps(OPTIONS[0]).encode()

    def wait() -> None:
        answers.append(reply("POST", "/v1/datasets/churn:describe", body, prefer="wait=20"))

    waiting = threading.Thread(target=wait)
    waiting.start()
    while waiting.is_alive():
        work_off(services, Path(services.settings.root))
        waiting.join(0.05)
    assert columns_of(json.loads(answers[0].body))["age"]["type"] == "category"


def test_of_one_upload_the_newest_options_are_kept(services: Services, address: tuple[str, int]) -> None:
    """And those that somebody may be waiting for just now, however many they are."""
    upload(address, "churn", CSV.encode())
    seen(services, address, {})
    for number in range(KEPT + 5):
        look(address, {"missing": [f"word {number}"]})
    assert len(look_keys(services)) == KEPT + 5
    services.datasets._clock = lambda: time.time() + 3600
    look(address, {"missing": ["one more"]})
    assert len(look_keys(services)) == KEPT
    assert look(address, {})["state"] == "described"
    work_off(services, Path(services.settings.root))
    assert look(address, {"missing": ["one more"]})["state"] == "described"
    assert len(look_keys(services)) == KEPT, "a message whose options are gone writes nothing"


def test_options_that_nobody_asks_any_more_are_swept_and_deleted_with_the_dataset(
    services: Services, address: tuple[str, int]
) -> None:
    upload(address, "churn", CSV.encode())
    for said in ({}, *OPTIONS[:3]):
        seen(services, address, said)
    keys = look_keys(services)
    assert len(keys) == 3
    assert list(left_behind(services.store, time.time() - 60)) == []
    assert list(left_behind(services.store, time.time() + 60)) == keys
    assert ask(address, "DELETE", "/v1/datasets/churn") == (204, None)
    assert services.store.list("descriptions/").objects == []


def test_a_description_that_is_deleted_while_it_is_made_stays_deleted(
    services: Services, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    upload(address, "churn", CSV.encode())
    for said in ({}, OPTIONS[0]):
        look(address, said)
    really = describing._read

    def delete_first(*given: Any) -> Any:
        found = really(*given)
        for each in services.store.list("descriptions/").objects:
            services.store.delete(each.key)
        return found

    monkeypatch.setattr(describing, "_read", delete_first)
    work_off(services, tmp_path)
    assert services.store.list("descriptions/").objects == []


def test_what_earlier_commits_wrote_and_sent_is_understood(
    services: Services, address: tuple[str, int]
) -> None:
    upload(address, "t", b"a,b\n1,2\n")
    found = services.datasets.get("t")
    assert description_request(f"d{found.upload}") == (found.upload, "")
    assert job_of(json.dumps({"job": f"d{found.upload}"})) == f"d{found.upload}"
    body = {"of": found.revision, "sha256": None, "description": None, "error": "no table", "attempts": 1}
    stored = json.dumps({**body, "revision": 2, "writers": []}).encode()
    services.store.put_if_absent(f"descriptions/{found.upload}.json", stored)
    _, described = ask(address, "GET", "/v1/datasets/t")
    jsonschema.validate(described, ANSWERS["Dataset"])
    assert (described["state"], described["options"], described["faults"]) == ("unreadable", {}, [])


@pytest.mark.parametrize("message", ["d", "d" + "0" * 29, "d" + "../" * 20, "d" + "0" * 28 + "/" * 32])
def test_a_message_that_names_no_upload_is_a_dead_letter(message: str) -> None:
    assert description_request(message) is None
    with pytest.raises(MalformedInput):
        job_of(json.dumps({"job": message}))


def test_only_a_signed_upload_may_be_long(services: Services, address: tuple[str, int]) -> None:
    """What is not let in is refused before its body is read, and kept nowhere."""
    _, begun = ask(address, "POST", "/v1/datasets/t:upload")
    parts = urlsplit(begun["url"])
    long = 10 * 1024**3
    for target in (
        "/v1/datasets/t:upload",
        "/v1/models/m:train",
        parts.path,
        f"{parts.path}?expires=9&signature=0",
    ):
        for method in ("POST", "PUT"):
            assert answer_to_headers(address, method, target, 100 * 1024**2) == 413
    signed = f"{parts.path}?{parts.query}"
    assert answer_to_headers(address, "PUT", signed, long) == 413
    assert answer_to_headers(address, "POST", signed, 100 * 1024**2) == 413
    assert services.store.list("datasets/").objects == []


def answer_to_headers(address: tuple[str, int], method: str, target: str, length: int) -> int:
    """The status of what is answered to a request of which no byte of the body is sent."""
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.putrequest(method, target)
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


def test_half_an_upload_leaves_nothing(services: Services, address: tuple[str, int]) -> None:
    _, begun = ask(address, "POST", "/v1/datasets/t:upload")
    parts = urlsplit(begun["url"])
    half = http.client.HTTPConnection(*address, timeout=30)
    half.putrequest("PUT", f"{parts.path}?{parts.query}")
    half.putheader("Content-Length", "1000000")
    half.endheaders(b"a,b\n" * 100_000)
    half.close()
    assert ask(address, "PUT", f"{parts.path}?{parts.query}", b"a,b\n1,2\n")[0] == 200
    assert services.datasets.get("t").size == 8


def test_a_file_of_unknown_length_is_uploaded_in_chunks(services: Services, address: tuple[str, int]) -> None:
    _, begun = ask(address, "POST", "/v1/datasets/t:upload")
    parts = urlsplit(begun["url"])
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request(
        "PUT",
        f"{parts.path}?{parts.query}",
        iter([b"a,b\n", b"1,2\n"]),
        encode_chunked=True,
        headers={"Transfer-Encoding": "chunked"},
    )
    assert connection.getresponse().status == 200
    connection.close()
    assert services.datasets.get("t").size == 8


def test_an_upload_is_no_request_and_has_no_limit_of_one(
    services: Services, address: tuple[str, int]
) -> None:
    content = b"a,b\n" + b"1,2\n" * 2_000_000
    assert len(content) > services.settings.max_body_bytes
    upload(address, "large", content)
    assert services.datasets.get("large").size == len(content)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("{path}", ""),
        ("{path}", "expires=9999999999&signature={signature}"),
        ("{path}", "expires={expires}&signature={signature}0"),
        ("{path}", "expires={expires}"),
        ("{path}", "expires=%C3%BC&signature=%FF"),
        ("{path}0", "expires={expires}&signature={signature}"),
        ("/uploads/models/iris.json", "expires={expires}&signature={signature}"),
        ("/uploads/datasets/t/../../models/iris.json", "expires={expires}&signature={signature}"),
        ("/uploads//x", "expires={expires}&signature={signature}"),
    ],
)
def test_only_what_was_signed_is_written(
    services: Services, address: tuple[str, int], path: str, query: str
) -> None:
    _, begun = ask(address, "POST", "/v1/datasets/t:upload")
    parts = urlsplit(begun["url"])
    signed = {"path": parts.path, **dict(parse_qsl(parts.query))}
    status, refused = ask(address, "PUT", f"{path}?{query}".format(**signed), b"x")
    assert status == 403
    assert "not signed" in refused["error"]
    assert services.store.list("datasets/").objects == []
    with pytest.raises(DatasetNotFound):
        services.datasets.get("t")


def test_a_signature_ends_with_its_time_and_is_the_folders_own(tmp_path: Path) -> None:
    now = [1000.0]
    signer = LocalSigner(str(tmp_path / "a"), clock=lambda: now[0])
    query = urlsplit(signer.sign_upload("datasets/a/b", 60).url).query
    assert signer.allows("PUT", "datasets/a/b", query)
    assert not signer.allows("GET", "datasets/a/b", query)
    assert LocalSigner(str(tmp_path / "a"), clock=lambda: now[0]).allows("PUT", "datasets/a/b", query)
    assert not LocalSigner(str(tmp_path / "b"), clock=lambda: now[0]).allows("PUT", "datasets/a/b", query)
    now[0] = 1060
    assert not signer.allows("PUT", "datasets/a/b", query)
    assert (tmp_path / "a" / "~upload-secret").stat().st_mode & 0o077 == 0


def test_the_list_of_datasets_is_paged(services: Services) -> None:
    names = ["a", "a-1", "a0", "b", "churn", "churn-2"]
    for name in names:
        for number in range(3):
            services.store.put_if_absent(f"datasets/{name}/{number:028x}", b"x")
    seen: list[str] = []
    after = None
    while True:
        page = services.datasets.list(2, after)
        assert len(page.datasets) <= 2
        seen += [each.name for each in page.datasets]
        after = page.next_after
        if after is None:
            break
    assert sorted(seen) == names
    assert len(seen) == len(names)


def test_what_was_never_uploaded_is_not_found(services: Services) -> None:
    reply = asking(services)
    assert reply("GET", "/v1/datasets/none").status == 404
    assert reply("GET", "/v1/datasets/NO").status == 404
    assert reply("POST", "/v1/datasets/no.:upload").status == 422
    services.datasets.begin("begun")
    assert reply("GET", "/v1/datasets/begun").status == 404
    with pytest.raises(InvalidInput, match="nothing was found at"):
        services.data.open("dataset://begun")


def test_a_model_says_what_a_row_of_it_is(services: Services) -> None:
    rows = [{"age": age, "plan": plan, "active": True} for age in (1.5, None, 3) for plan in ("a", None, "b")]
    body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}}
    train_now(services, {"model": "mixed", **body, "instances": rows})
    train_now(services, {"model": "plain", **body, "instances": [[1, 2], [3, 4], [5, 6]]})
    reply = asking(services)
    for path in ("/v1/models/mixed/schema", "/v1/models/mixed/versions/1/schema"):
        schema = json.loads(reply("GET", path).body)
        jsonschema.Draft202012Validator.check_schema(schema)
        for said in ("`instances`", *(f"`{form}`" for form in FORMS), '"unknown_columns": "ignore"'):
            assert said in schema["description"]
        for row in (*rows, [1, "never seen", False], [None, None, None]):
            jsonschema.validate(row, schema)
        for row in ({"age": 1}, [1, "a"], {**rows[0], "age": "1"}, {**rows[0], "x": 1}, [True, "a", True]):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(row, schema)
    plain = json.loads(reply("GET", "/v1/models/plain/schema").body)
    jsonschema.validate([1, 2.5], plain)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([1, None], plain)
    assert reply("GET", "/v1/models/none/schema").status == 404
    assert reply("GET", "/v1/models/plain/versions/2/schema").status == 404


@pytest.mark.parametrize("how", ABORTING)
def test_a_file_that_makes_its_reader_abort_is_called_broken_and_nothing_of_memory(
    services: Services, address: tuple[str, int], tmp_path: Path, how: str
) -> None:
    """Once, by the description and by a job."""
    upload(address, "t", ABORTING[how])
    assert ask(address, "GET", "/v1/datasets/t")[1]["state"] == "describing"
    work_off(services, tmp_path)
    _, described = ask(address, "GET", "/v1/datasets/t")
    assert described["state"] == "unreadable"
    request = {"algorithm": "logistic_regression", "data": {"uri": "dataset://t", "target": "late"}}
    job = train_now(services, {"model": "m", **request})
    assert job.error is not None
    assert (job.state, job.error["code"], len(job.attempts)) == ("failed", "malformed_input", 1)
    for message in (described["error"], job.error["message"]):
        assert "cannot be read" in message
        assert "memory" not in message


def test_a_reader_that_is_killed_from_outside_is_not_held_against_the_file(
    services: Services, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(address, "t", b"a,b\n1,2\n")
    message = f"d{services.datasets.get('t').upload}"
    kill = "import os; print('reading', flush=True); os.kill(os.getpid(), 9)"
    with monkeypatch.context() as killing:
        killing.setattr(describing, "_COMMAND", (sys.executable, "-c", kill))
        deliver(services, message)
    assert ask(address, "GET", "/v1/datasets/t")[1]["state"] == "describing"
    deliver(services, message)
    assert ask(address, "GET", "/v1/datasets/t")[1]["state"] == "described"


def test_an_error_that_a_reader_does_not_foresee_is_the_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = (
        "import runpy, sys; from ml_core.tables import reading\n"
        "def read(*_, **__): raise TypeError('secret 17')\n"
        "reading.read = read; sys.argv = ['describe_process', *sys.argv[1:]]\n"
        "runpy.run_module('ml_core.datasets.describe_process', run_name='__main__')"
    )
    monkeypatch.setattr(describing, "_COMMAND", (sys.executable, "-c", broken))
    data = tmp_path / "data"
    data.write_bytes(b"a,b\n1,2\n")
    told = describing._described_apart("dataset://t", str(data), 0)
    assert told is not None
    assert told["error"].startswith("the file cannot be read: the reader failed")
    assert "dataset://t" in caplog.text
    assert "TypeError" in caplog.text
    assert "secret" not in caplog.text + told["error"]


def test_examples_of_options_are_taken() -> None:
    for example in look_schema()["examples"]:
        assert check_look(example).said() == example
