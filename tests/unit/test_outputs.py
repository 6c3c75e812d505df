"""Where results may be written: what the setting names, and nothing else, once and whole."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from handlers.addresses import SCHEMES
from handlers.local.services import folder_services
from handlers.settings import read_settings
from ml_core.datasets.outputs import OutputPlaces
from ml_core.datasets.sources import allow_list
from ml_core.errors import AccessRefused, InvalidInput, NotConfigured, ObjectExists, ObjectNotFound
from providers.local.runtime.data_folder import DataFolder

ALLOWED = "s3://lake/scores/, gs://out, az://c@account/a/b, file:scores"


def never(*_: object) -> Any:
    raise AssertionError("opened")


def places(tmp_path: Path, allowed: str = ALLOWED) -> OutputPlaces:
    return OutputPlaces(
        allow_list(allowed, SCHEMES, files=True),
        SCHEMES,
        lambda: DataFolder(str(tmp_path / "data")),
        lambda scheme, name: DataFolder(str(tmp_path / scheme / name)),
    )


@pytest.mark.parametrize(
    "uri",
    [
        "s3://lake/scores/",
        "s3://lake/scores/of customers/2026/",
        "gs://out/",
        "gs://out/a/",
        "az://c@account/a/b/",
        "file:scores/",
        "file:scores/a/",
        "scores/",
    ],
)
def test_a_folder_that_is_allowed_may_be_written_to(tmp_path: Path, uri: str) -> None:
    assert str(places(tmp_path).check(uri)) == (uri if ":" in uri else f"file:{uri}")


@pytest.mark.parametrize(
    "uri",
    [
        None,
        7,
        "",
        "s3://lake/scores",
        "s3://lake/scores/part.parquet",
        "s3://lake/",
        "s3://lake/scoresmore/",
        "s3://lake/scores/../secret/",
        "s3://lake/scores//",
        "s3://out/",
        "gs://lake/scores/",
        "gs://out",
        "az://c/a/b/",
        "az://c@account/a/",
        "az://c@other/a/b/",
        "dataset://scores/",
        "dataset://scores",
        "http://lake/scores/",
        "file:",
        "file:other/",
        "file:scores",
        "file:scores/../",
        "file:/scores/",
        "file:///scores/",
        "../scores/",
    ],
)
def test_any_other_address_is_refused_before_anything_is_opened(uri: Any) -> None:
    guarded = OutputPlaces(allow_list(ALLOWED, SCHEMES, files=True), SCHEMES, never, never)
    with pytest.raises(InvalidInput) as refused:
        guarded.check(uri)
    assert refused.value.faults[0].path == "$.to.uri"
    with pytest.raises(InvalidInput) as refused:
        guarded.check(uri, "$.here")
    assert refused.value.faults[0].path == "$.here"


@pytest.mark.parametrize("uri", ["s3://lake/secret/a", "file:other/a", "dataset://scores/a", "gs://lake/a"])
def test_what_is_not_allowed_is_not_written_either(uri: str) -> None:
    guarded = OutputPlaces(allow_list(ALLOWED, SCHEMES, files=True), SCHEMES, never, never)
    for work in (guarded.open, guarded.size, lambda uri: guarded.put_if_absent(uri, b"x")):
        with pytest.raises(InvalidInput, match="ML_OUTPUT_BUCKETS"):
            work(uri)


def test_nothing_is_allowed_that_is_not_named(tmp_path: Path) -> None:
    for uri in ("s3://lake/scores/", "file:scores/"):
        with pytest.raises(InvalidInput, match="ML_OUTPUT_BUCKETS"):
            places(tmp_path, "").check(uri)
    cloud = OutputPlaces(allow_list(ALLOWED, SCHEMES, files=True), SCHEMES, None, never)
    with pytest.raises(InvalidInput, match="local server only"):
        cloud.check("file:scores/")


@pytest.mark.parametrize("uri", ["s3://lake/scores/job/part-00000.csv", "file:scores/job/part-00000.csv"])
def test_an_object_is_written_once(tmp_path: Path, uri: str) -> None:
    outputs = places(tmp_path)
    with pytest.raises(ObjectNotFound):
        outputs.size(uri)
    outputs.put_if_absent(uri, b"first")
    with pytest.raises(ObjectExists):
        outputs.put_if_absent(uri, b"second")
    assert outputs.size(uri) == len(b"first")
    place, key = outputs.open(uri)
    assert b"".join(place.opened(key).chunks) == b"first"
    (folder,) = tmp_path.rglob("job")
    assert [found.name for found in folder.iterdir()] == ["part-00000.csv"], "nothing else is left"


def test_who_may_only_add_is_told_what_is_there_already(tmp_path: Path) -> None:
    class AddsOnly(DataFolder):
        def put_if_absent(self, key: str, data: bytes) -> str:
            try:
                return super().put_if_absent(key, data)
            except ObjectExists as error:
                raise AccessRefused("storage.objects.delete") from error

    class Closed(DataFolder):
        def put_if_absent(self, key: str, data: bytes) -> str:  # noqa: ARG002
            raise AccessRefused("storage.objects.create")

    allowed = allow_list("gs://out", SCHEMES)
    outputs = OutputPlaces(allowed, SCHEMES, None, lambda *_: AddsOnly(str(tmp_path)))
    outputs.put_if_absent("gs://out/a", b"1")
    with pytest.raises(ObjectExists):
        outputs.put_if_absent("gs://out/a", b"2")
    closed = OutputPlaces(allowed, SCHEMES, None, lambda *_: Closed(str(tmp_path)))
    with pytest.raises(InvalidInput, match="the trainer may not write gs://out/b: it lacks the permission"):
        closed.put_if_absent("gs://out/b", b"1")


def test_links_are_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "data" / "scores").mkdir(parents=True)
    (tmp_path / "data" / "scores" / "linked").symlink_to(tmp_path / "secret")
    (tmp_path / "data" / "scores" / "link.csv").symlink_to(tmp_path / "secret" / "a.csv")
    (tmp_path / "data" / "scores" / "plain").write_text("x")
    outputs = places(tmp_path)
    for uri in ("file:scores/linked/a.csv", "file:scores/plain/a.csv"):
        with pytest.raises(InvalidInput, match="may not write"):
            outputs.put_if_absent(uri, b"x")
    with pytest.raises(ObjectExists):
        outputs.put_if_absent("file:scores/link.csv", b"x")
    assert list((tmp_path / "secret").iterdir()) == []


def test_what_an_interrupted_writer_leaves_is_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    outputs = places(tmp_path)
    outputs.put_if_absent("file:scores/a.csv", b"x")
    monkeypatch.setattr(os, "link", killed)
    monkeypatch.setattr(os, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        outputs.put_if_absent("file:scores/b.csv", b"half")
    services = folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=None)
    assert [file.uri for file in services.data.files("file:scores/")] == ["file:scores/a.csv"]


def test_the_laptops_setting_names_folders_of_its_data(tmp_path: Path) -> None:
    told = {"ML_ROOT": str(tmp_path), "ML_OUTPUT_BUCKETS": "file:scores/, file:more"}
    services = folder_services(read_settings(told), key_records=None)
    assert services.reopening is not None
    outputs = services.reopening.open().outputs
    outputs.put_if_absent("file:more/a.csv", b"x")
    assert (tmp_path / "data" / "more" / "a.csv").read_bytes() == b"x"
    assert str(services.outputs.check("file:scores/")) == "file:scores/"


@pytest.mark.parametrize("entry", ["file:", "file:/", "file:../x", "lake", "dataset://x", "s3://../x"])
def test_a_setting_that_names_no_place_is_the_deployments_fault(tmp_path: Path, entry: str) -> None:
    told = read_settings({"ML_ROOT": str(tmp_path), "ML_OUTPUT_BUCKETS": entry})
    services = folder_services(told, key_records=None)
    with pytest.raises(NotConfigured, match=re.escape("ML_OUTPUT_BUCKETS cannot be read")):
        services.outputs.check("file:x/")
