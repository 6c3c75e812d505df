"""What people write about models and versions: who may, what it may be, and how long it stays."""

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.local.services import folder_services
from handlers.rest.http import Response
from handlers.settings import read_settings
from ml_core.documents import update
from ml_core.registry.about import about_model_key, about_version_key
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry, manifest_key, model_key
from ml_core.registry.retention import DAY, RETENTION
from ml_core.registry.sweeping import Sweeper
from tests.contract.faults import Clock
from tests.counting_store import CountingStore
from tests.unit.handlers.conftest import Ask, asking, copy_of, services_over
from tests.unit.handlers.test_listed_models import Listed

MODEL, VERSION = "/v1/models/iris", "/v1/models/iris/versions/1"
BOTH = pytest.mark.parametrize("path", [MODEL, VERSION])
NOTHING: dict[str, Any] = {"description": None, "tags": {}, "about_etag": "a0"}


@pytest.fixture
def ask(trained: Path, tmp_path: Path) -> Ask:
    return asking(services_over(copy_of(trained, tmp_path / "copy")))


def patch(ask: Ask, path: str, body: Any, **headers: str) -> Response:
    return ask("PATCH", path, json.dumps(body).encode(), **headers)


def read(response: Response, status: int = 200) -> Any:
    assert response.status == status, response.body
    return json.loads(response.body)


def about(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in NOTHING}


@BOTH
def test_a_patch_is_merged(ask: Ask, path: str) -> None:
    assert about(read(ask("GET", path))) == NOTHING
    kinds = {"content_type": "application/merge-patch+json"}
    first = read(
        patch(ask, path, {"description": "Lilies.\nOf three kinds.", "tags": {"team": "a"}}, **kinds)
    )
    assert first == about(read(ask("GET", path)))
    assert first == {"description": "Lilies.\nOf three kinds.", "tags": {"team": "a"}, "about_etag": "a1"}
    for body, expected in (
        ({}, (first["description"], {"team": "a"}, "a1")),
        ({"tags": {"team": "a", "none": None}}, (first["description"], {"team": "a"}, "a1")),
        (
            {"tags": {"Stage": "é", "a": ""}},
            (first["description"], {"Stage": "é", "a": "", "team": "a"}, "a2"),
        ),
        ({"description": None, "tags": {"team": None}}, (None, {"Stage": "é", "a": ""}, "a3")),
        ({"description": ""}, (None, {"Stage": "é", "a": ""}, "a3")),
        ({"tags": None}, (None, {}, "a4")),
    ):
        told = read(patch(ask, path, body))
        assert (told["description"], told["tags"], told["about_etag"]) == expected
        assert about(read(ask("GET", path))) == told


@BOTH
def test_a_lost_race_is_412_and_without_a_condition_the_last_one_wins(ask: Ask, path: str) -> None:
    etag = read(ask("GET", path))["about_etag"]
    first = read(patch(ask, path, {"description": "one"}, if_match=f'"{etag}"'))
    problem = read(patch(ask, path, {"description": "two"}, if_match=f'"{etag}"'), 412)
    assert first["about_etag"] in problem["detail"]
    assert read(ask("GET", path))["description"] == "one"
    for condition in (f'W/"{first["about_etag"]}"', '"other"', f'"{read(ask("GET", path))["name"]}"'):
        assert patch(ask, path, {"description": "two"}, if_match=condition).status == 412
    assert read(patch(ask, path, {"description": "two"}, if_match=f'"x", "{first["about_etag"]}"'))
    assert read(patch(ask, path, {"description": "three"}, if_match="*"))
    assert read(patch(ask, path, {"description": "four"}))["description"] == "four"


@BOTH
def test_the_etag_of_what_is_shown_changes_with_it(ask: Ask, path: str) -> None:
    before = ask("GET", path).headers["etag"]
    assert ask("GET", path, if_none_match=before).status == 304
    patch(ask, path, {"description": "new"})
    after = ask("GET", path, if_none_match=before)
    assert (read(after)["description"], after.headers["etag"] == before) == ("new", False)
    assert ask("GET", path, if_none_match=after.headers["etag"]).status == 304
    patch(ask, path, {"description": None})
    assert read(ask("GET", path, if_none_match=after.headers["etag"]))["description"] is None
    assert ask("GET", path).headers["etag"] != before, "it may be shown with another about_etag"


def test_models_are_listed_with_it_and_versions_stay_as_they_were(ask: Ask, tmp_path: Path) -> None:
    manifests = {path.name: path.read_bytes() for path in tmp_path.rglob("artifacts.d/*.json")}
    assert manifests
    document = next(tmp_path.rglob("models.d/iris.json"))
    before = document.read_bytes()
    patch(ask, MODEL, {"description": "Lilies.", "tags": {"team": "a"}})
    patch(ask, VERSION, {"description": "The first."})
    entries = {each["name"]: each for each in read(ask("GET", "/v1/models"))["entries"]}
    assert (entries["iris"]["description"], entries["iris"]["tags"]) == ("Lilies.", {"team": "a"})
    assert (entries["groups"]["description"], entries["groups"]["tags"]) == (None, {})
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("artifacts.d/*.json")} == manifests
    assert document.read_bytes() == before


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"description": "x" * 2001}, "$.description"),
        ({"description": 1}, "$.description"),
        ({"description": "\ud800"}, "$.description"),
        ({"description": "a\x00b"}, "$.description"),
        ({"tags": []}, "$.tags"),
        ({"tags": "a"}, "$.tags"),
        ({"tags": {"a b": "c"}}, '$.tags["a b"]'),
        ({"tags": {"": "c"}}, '$.tags[""]'),
        ({"tags": {"a b": None}}, '$.tags["a b"]'),
        ({"tags": {"\ud800": "c"}}, '$.tags["\ud800"]'),
        ({"tags": {"a": 1}}, "$.tags.a"),
        ({"tags": {"a": {}}}, "$.tags.a"),
        ({"tags": {"a": "x" * 101}}, "$.tags.a"),
        ({"tags": {"a": "two\nlines"}}, "$.tags.a"),
        ({"tags": {"a": "\udfff"}}, "$.tags.a"),
        ({"tags": {f"t{number}": "" for number in range(21)}}, "$.tags"),
        ({"name": "other"}, "$"),
        ({"Description": "x"}, "$"),
        ([], "$"),
        (None, "$"),
        ("text", "$"),
    ],
)
@BOTH
def test_what_is_no_patch_is_refused(ask: Ask, path: str, body: Any, at: str) -> None:
    problem = read(patch(ask, path, body), 422)
    assert problem["faults"][0]["path"].encode("utf-8", "replace") == at.encode("utf-8", "replace")
    assert about(read(ask("GET", path))) == NOTHING


def test_bounds_are_as_they_are_said(ask: Ask) -> None:
    tags = {f"t{number:02d}": "é" * 100 for number in range(20)}
    assert read(patch(ask, MODEL, {"description": "é" * 2000, "tags": tags}))["tags"] == tags
    assert read(patch(ask, MODEL, {"tags": {"more": "x"}}), 422)["faults"][0]["path"] == "$.tags"
    assert len(read(patch(ask, MODEL, {"tags": {"more": "x", "t00": None}}))["tags"]) == 20


def test_what_is_not_there_is_not_described(ask: Ask) -> None:
    for path, code in (
        ("/v1/models/nobody", "model_not_found"),
        ("/v1/models/IRIS", "model_not_found"),
        ("/v1/models/nobody/versions/1", "model_not_found"),
        ("/v1/models/iris/versions/9", "version_not_found"),
        ("/v1/models/iris/versions/x", "version_not_found"),
    ):
        assert read(patch(ask, path, {"description": "x"}), 404)["code"] == code
    assert patch(ask, "/v1/models", {}).status == 405
    assert ask("PATCH", MODEL, b"{").status == 400
    assert ask("PATCH", MODEL, b"").status == 400
    assert ask("PATCH", MODEL, b"{}", content_type="text/plain").status == 415
    assert "PATCH" in ask("OPTIONS", MODEL).headers["allow"]
    assert "PATCH" in ask("OPTIONS", VERSION).headers["allow"]


class Kept(Listed):
    """A model `fruit` of which, and of whose version, something is written; its clock is set by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.registry = Registry(self.store, self.clock)
        self.deletion = Deletion(self.registry)
        self.add("f1")
        assert read(patch(self.ask, "/v1/models/fruit", {"description": "of the model"}))
        assert read(patch(self.ask, "/v1/models/fruit/versions/1", {"description": "of the version"}))

    def add(self, job: str, name: str = "fruit") -> int:
        self.store.put_if_absent(manifest_key(job), json.dumps({"task": "x"}).encode())
        return self.registry.register(name, job, sha256="0" * 64, size=1, algorithm="svm")

    def told(self, path: str) -> str | None:
        found: str | None = read(self.ask("GET", f"/v1/models/{path}"))["description"]
        return found

    def sweep(self) -> None:
        Sweeper(self.registry, lambda: False, set(), lambda _: None).sweep()

    def written(self) -> str:
        """All that is stored of what was written."""
        keys = [info.key for info in self.store.list("registry/about/").objects]
        return b"".join(self.store.get(key).data for key in keys).decode()


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_a_restored_version_has_it_again(kept: Kept) -> None:
    kept.deletion.delete_version("fruit", 1)
    assert patch(kept.ask, "/v1/models/fruit/versions/1", {"description": "x"}).status == 404
    kept.sweep()
    kept.deletion.restore("fruit", 1)
    assert kept.told("fruit/versions/1") == "of the version"
    kept.deletion.delete_model("fruit")
    kept.sweep()
    kept.deletion.restore("fruit", 1)
    assert (kept.told("fruit"), kept.told("fruit/versions/1")) == ("of the model", "of the version")


@pytest.mark.parametrize("way", ["purged version", "retention of version"])
def test_it_goes_with_the_version(kept: Kept, way: str) -> None:
    kept.add("f2")
    kept.deletion.delete_version("fruit", 1, purge=way.startswith("purged"))
    kept.clock.ahead += 2 * DAY if way.startswith("purged") else RETENTION + DAY
    kept.sweep()
    assert "of the version" not in kept.written()
    assert kept.told("fruit") == "of the model"


@pytest.mark.parametrize("way", ["purged", "retention", "purged after it was deleted"])
def test_it_goes_with_the_model(kept: Kept, way: str) -> None:
    kept.deletion.delete_model("fruit", purge=way == "purged")
    kept.sweep()
    if way == "retention":
        assert "of the model" in kept.written(), "it can be restored"
    if way == "purged after it was deleted":
        kept.deletion.delete_model("fruit", purge=True)
    kept.clock.ahead += 2 * DAY if way != "retention" else RETENTION + DAY
    kept.sweep()
    assert "of the" not in kept.written()


@pytest.mark.parametrize("name", ["fruit", "FRUIT"])
@pytest.mark.parametrize("purged", [True, False])
def test_a_later_model_of_that_name_does_not_inherit_it(kept: Kept, name: str, purged: bool) -> None:
    kept.deletion.delete_model("fruit", purge=purged)
    kept.clock.ahead += RETENTION + DAY
    kept.add("f3", name)
    assert kept.told(name) is None
    assert kept.told(f"{name}/versions/2") is None
    assert read(patch(kept.ask, f"/v1/models/{name}", {"tags": {"new": "one"}}))["description"] is None
    kept.clock.ahead += DAY
    kept.sweep()
    assert read(kept.ask("GET", f"/v1/models/{name}"))["tags"] == {"new": "one"}


def test_a_damaged_one_stands_in_nobodys_way(kept: Kept) -> None:
    for key in (about_model_key("fruit"), about_version_key("f1")):
        kept.store.put_if_unchanged(key, b"{", kept.store.get(key).revision)
    assert (kept.told("fruit"), kept.told("fruit/versions/1")) == (None, None)
    assert kept.entry("fruit")["description"] is None
    assert read(patch(kept.ask, "/v1/models/fruit", {"description": "again"}))["description"] == "again"


def test_of_two_at_once_none_is_lost() -> None:
    """A writer that comes between is seen, and what it wrote stays."""

    class Between(CountingStore):
        first = True

        def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
            if self.first and key == about_model_key("fruit"):
                self.first = False
                update(self, key, lambda body: {**(body or {}), "tags": {"theirs": "x"}})
            return super().put_if_unchanged(key, data, revision)

    kept = Kept()
    between = Between()
    between.fill((info.key, kept.store.get(info.key).data) for info in kept.store.list("").objects)
    kept.store.__dict__, kept.store.__class__ = between.__dict__, Between
    told = read(patch(kept.ask, "/v1/models/fruit", {"tags": {"ours": "y"}}))
    assert told["tags"] == {"ours": "y", "theirs": "x"}


def test_what_is_long_takes_more_pages(trained: Path, tmp_path: Path) -> None:
    """Nobody makes the list too long for others to read by what is written."""
    root = copy_of(trained, tmp_path / "copy")
    settings = read_settings({"ML_ROOT": str(root), "ML_MAX_ANSWER_BYTES": "20000"})
    ask = asking(folder_services(settings, key_records=None))
    names = read(ask("GET", "/v1/models"))["models"]
    for name in names:
        assert read(patch(ask, f"/v1/models/{name}", {"description": "é" * 2000}))
    found: list[str] = []
    after = ""
    while True:
        page = read(ask("GET", f"/v1/models{after}"))
        assert len(json.dumps(page["entries"])) < 20_000
        found += page["models"]
        if page["next_after"] is None:
            break
        after = f"?after={page['next_after']}"
    assert found == names


def test_a_page_of_models_reads_it_once_a_model(kept: Kept) -> None:
    for number in range(10):
        kept.register(f"m-{number}", 0.5)
    kept.store.forget()
    assert len(kept.listed()["entries"]) == 11
    requests = kept.store.requests
    assert (requests["list models"], requests["get models"], requests["get registry"]) == (1, 11, 11)
    assert requests.total() == 23
    kept.store.forget()
    kept.registry.model("fruit").pick()
    assert dict(kept.store.requests) == {"get models": 1}, "a prediction does not read it"
    assert model_key("fruit").startswith("models/")
