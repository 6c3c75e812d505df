"""Training on a table by its address: what may be read, what becomes of it, and what is refused."""

import csv
import io
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from handlers.addresses import SCHEMES
from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.datasets import sources as data_sources
from ml_core.datasets.reopening import Reopening
from ml_core.datasets.sources import DataFile, DataSources, allow_list, location_of, upload_key
from ml_core.errors import (
    AccessRefused,
    ArtifactInvalid,
    InvalidInput,
    NotConfigured,
    ObjectNotFound,
    RevisionMismatch,
)
from ml_core.inputs.rows import Limits
from ml_core.objects import LARGEST_PAGE, ObjectInfo, Opened, Page
from ml_core.tables.memory import NO_BUDGET, Budget
from ml_core.training.notebook import TrainingRequest, check_request, fit
from ml_core.training.reference import TableReference, table_of
from ml_core.training.table import read_rows
from providers.local.runtime.data_folder import DataFolder
from providers.local.runtime.store import FolderStore
from tests.unit.ml_core.reference import learnt
from tests.unit.test_features import NAMES, table


class Bucket:
    """A bucket of another kind of store, in memory: a revision is what was stored."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def opened(self, key: str) -> Opened:
        data = self._found(key)
        return Opened(len(data), data.hex(), iter([data]))

    def listed(self, prefix: str, *, after: str | None = None, limit: int = LARGEST_PAGE) -> Page:
        below = [key for key in sorted(self.objects, key=str.encode) if key.startswith(prefix)]
        found = [key for key in below if key.encode() > (after or "").encode()]
        infos = [ObjectInfo(key, len(self.objects[key]), 0.0, self.objects[key].hex()) for key in found]
        return Page(infos[:limit], found[limit - 1] if len(found) > limit else None)

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        if self._found(key).hex() != revision:
            raise RevisionMismatch(key)
        return self._found(key)[begin:end]

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        read = self.part(key, begin, begin + len(to), revision)
        to[: len(read)] = read
        return len(read)

    def _found(self, key: str) -> bytes:
        if key not in self.objects:
            raise ObjectNotFound(key)
        return self.objects[key]


BUCKETS = {("s3", "lake"): Bucket({"exports/a.csv": b"a,b\n1,2\n", "secret/a.csv": b"x"})}


def sources(root: Path, allowed: str = "s3://lake/exports/, gs://other") -> DataSources:
    return DataSources(
        uploads=lambda: FolderStore(str(root / "store")),
        folder=lambda: DataFolder(str(root / "data")),
        bucket=lambda scheme, name: BUCKETS[scheme, name],
        schemes=SCHEMES,
        allowed=allow_list(allowed, SCHEMES),
    )


HOSTILE = [
    None,
    3,
    "",
    "http://example.com/a.csv",
    "https://example.com/a.csv",
    "http://169.254.169.254/latest/meta-data/",
    "s3://169.254.169.254/latest",
    "s3://lake:80/exports/a.csv",
    "s3://user@lake/exports/a.csv",
    "s3://lake/secret/a.csv",
    "s3://lake/exports%2F..%2Fsecret/a.csv",
    "s3://lake/exports/../secret/a.csv",
    "s3://lake/%65xports/a.csv",
    "s3://lake-evil/exports/a.csv",
    "s3://lake.evil/exports/a.csv",
    "s3://evil/lake/exports/a.csv",
    "s3://other/a.csv",
    "az://exports@",
    "az://exports@another/a.csv",
    "az://exports@ours.blob.core.windows.net/a.csv",
    "az://a@b@ours/a.csv",
    "gs://exports@ours/a.csv",
    "s3://lake/exports",
    "s3://lake/exportsmore/a.csv",
    "s3://lake/exports/../secret/a.csv",
    "s3://lake/exports//a.csv",
    "s3://lake/exports/./a.csv",
    "s3://lake/",
    "s3://lake",
    "s3://lake/exports//",
    "s3://lake/exports/../",
    "s3://lake/secret/",
    "s3://another/",
    "az://exports@another/",
    "dataset://churn/",
    "dataset://churn/01/",
    "file:",
    "file:/",
    "file:./",
    "file:../",
    "file:a//",
    "/",
    "s3:lake/exports/a.csv",
    "s3:///exports/a.csv",
    "S3://lake/exports/a.csv",
    "s3://Lake/exports/a.csv",
    "s3://another/exports/a.csv",
    "gs://lake/exports/a.csv",
    "az://lake/exports/a.csv",
    "ftp://lake/exports/a.csv",
    "gopher://lake/a",
    "data:text/csv,a",
    "jar:file:///a",
    "dataset://",
    "dataset://../jobs",
    "dataset://a/../../jobs/x",
    "dataset://a.",
    "dataset://.a",
    "dataset://..",
    "dataset:a",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "file:/etc/passwd",
    "/etc/passwd",
    "../secret.csv",
    "a/../../secret.csv",
    "a//b",
    ".",
    "..",
    "a\\..\\b",
    "a\0b",
    "a\nb",
    "\ud800",
    "x" * 2000,
    "s3://lake/exports/" + "x" * 2000,
]


@pytest.mark.parametrize("uri", HOSTILE)
def test_an_address_that_is_not_allowed_is_refused_before_anything_is_opened(uri: Any) -> None:
    def never(*_: object) -> Any:
        raise AssertionError("opened")

    guarded = DataSources(
        uploads=never,
        folder=never,
        bucket=never,
        schemes=SCHEMES,
        allowed=allow_list("s3://lake/exports/,gs://other,az://exports@ours", SCHEMES),
    )
    with pytest.raises(InvalidInput) as refused:
        guarded.check(uri)
    assert refused.value.faults[0].path == "$.data.uri"
    assert len(str(refused.value)) < 400


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_is_an_address_that_leaves_its_place(text: str) -> None:
    for uri in (text, f"file:{text}", f"s3://lake/{text}", f"dataset://{text}"):
        try:
            found = location_of(uri, SCHEMES)
        except InvalidInput:
            continue
        assert ".." not in found.key.split("/")
        assert not found.key.startswith("/")


def test_without_an_allow_list_no_bucket_is_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="ML_DATA_BUCKETS"):
        sources(tmp_path, "").check("s3://lake/exports/a.csv")


@pytest.mark.parametrize("entry", ["lake", "http://lake", "file:lake", "s3://", "s3://../x"])
def test_an_allow_list_of_anything_but_buckets_is_refused(entry: str) -> None:
    with pytest.raises(InvalidInput):
        allow_list(entry, SCHEMES)


def content(opened: Opened) -> bytes:
    return b"".join(opened.chunks)


def test_what_is_allowed_is_read(tmp_path: Path) -> None:
    reading = sources(tmp_path)
    assert content(reading.open("s3://lake/exports/a.csv")[1]) == b"a,b\n1,2\n"
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "ü b.csv").write_bytes(b"x")
    for uri in ("file:deep/ü b.csv", "deep/ü b.csv"):
        assert content(reading.open(uri)[1]) == b"x"
    store = FolderStore(str(tmp_path / "store"))
    store.put_if_absent(upload_key("churn", "02"), b"older")
    store.put_if_absent(upload_key("churn", "01"), b"newer")
    store.put_if_absent(upload_key("churn-2", "00"), b"another")
    location, opened = reading.open("dataset://churn")
    assert (str(location), content(opened), opened.size) == ("dataset://churn/01", b"newer", 5)
    assert content(reading.open("dataset://churn/02")[1]) == b"older"


def test_what_may_not_be_read_is_said_to_the_caller_and_not_tried_again(tmp_path: Path) -> None:
    class Closed(Bucket):
        def opened(self, key: str) -> Opened:
            raise AccessRefused(f"no right to {key}")

        def listed(self, prefix: str, *, after: str | None = None, limit: int = LARGEST_PAGE) -> Page:  # noqa: ARG002
            raise AccessRefused(f"no right to {prefix}")

        def part(self, key: str, begin: int, end: int, revision: str) -> bytes:  # noqa: ARG002
            raise AccessRefused(f"no right to {key}")

    closed = DataSources(
        uploads=lambda: FolderStore(str(tmp_path)),
        bucket=lambda *_: Closed({}),
        schemes=SCHEMES,
        allowed=allow_list("s3://lake", SCHEMES),
    )
    file = DataFile("s3://lake/a.csv", 1, "r")
    refused = r"the trainer may not read s3://lake/a\.csv: it lacks"
    for read in (closed.open, closed.files):
        with pytest.raises(InvalidInput, match=refused):
            read(file.uri)
    with pytest.raises(InvalidInput, match=refused):
        closed.part(file, 0, 1)
    with pytest.raises(InvalidInput, match=r"the trainer may not read s3://lake/day/: it lacks"):
        closed.files("s3://lake/day/")


def test_an_allow_list_that_cannot_be_read_is_the_deployments_fault(tmp_path: Path) -> None:
    services = folder_services(
        read_settings({"ML_ROOT": str(tmp_path), "ML_DATA_BUCKETS": "lake"}), key_records=None
    )
    with pytest.raises(NotConfigured, match="ML_DATA_BUCKETS"):
        services.data.check("s3://lake/a.csv")


def test_a_container_may_be_of_another_storage_account() -> None:
    allowed = allow_list("az://exports@ours/daily, az://archive", SCHEMES)
    assert [(found.place, found.key) for found in allowed] == [("exports@ours", "daily"), ("archive", "")]
    found = location_of("az://exports@ours/daily/a.csv", SCHEMES)
    assert (found.place, found.key, str(found)) == (
        "exports@ours",
        "daily/a.csv",
        "az://exports@ours/daily/a.csv",
    )


@pytest.mark.parametrize(
    "uri",
    ["s3://lake/exports/b.csv", "file:none.csv", "none/none.csv", "dataset://none", "dataset://churn/0"],
)
def test_what_is_not_there_is_said_so(tmp_path: Path, uri: str) -> None:
    (tmp_path / "data").mkdir()
    FolderStore(str(tmp_path / "store")).put_if_absent(upload_key("churn", "01"), b"x")
    with pytest.raises(InvalidInput, match="nothing was found at"):
        sources(tmp_path).open(uri)


@pytest.mark.parametrize(
    ("uri", "hinted"),
    [("s3://lake/exports/b", True), ("file:daily", True), ("file:a.csv", False), ("dataset://none", False)],
)
def test_an_address_like_a_folders_is_told_how_one_ends(tmp_path: Path, uri: str, hinted: bool) -> None:
    (tmp_path / "data" / "daily").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="nothing was found at") as refused:
        sources(tmp_path).open(uri)
    assert ("the address of a folder ends with a slash" in str(refused.value)) == hinted


NO_FILES = [
    "file:none.csv",
    "none.csv",
    "file:/etc/hosts",
    "file:///etc/hosts",
    "file:../a.csv",
    "file:a\n.csv",
]


@pytest.mark.parametrize("variable", ["", "ML_DATA_ROOT"])
@pytest.mark.parametrize("uri", NO_FILES)
def test_who_names_a_file_in_vain_is_told_where_it_was_looked_for(
    tmp_path: Path, uri: str, variable: str
) -> None:
    given = {"ML_ROOT": str(tmp_path), **({variable: str(tmp_path / "mine")} if variable else {})}
    services = folder_services(read_settings(given), key_records=None)
    place = tmp_path / ("mine" if variable else "data")
    for exists in (False, True):
        if exists:
            place.mkdir()
        with pytest.raises(InvalidInput) as refused:
            services.data.open(uri)
        (fault,) = refused.value.faults
        assert f"files are looked for below {place}, and ML_DATA_ROOT names" in fault.message


@pytest.mark.parametrize("uri", ["s3://lake/exports/b.csv", "s3://lake/../b.csv", "dataset://none", 7])
def test_who_names_something_else_in_vain_is_told_of_no_folder(tmp_path: Path, uri: Any) -> None:
    told = DataSources(
        uploads=lambda: FolderStore(str(tmp_path / "store")),
        folder=lambda: DataFolder(str(tmp_path / "data")),
        place=str(tmp_path / "data"),
        bucket=lambda scheme, name: BUCKETS[scheme, name],
        schemes=SCHEMES,
        allowed=allow_list("s3://lake/exports/", SCHEMES),
    )
    with pytest.raises(InvalidInput) as refused:
        told.open(uri)
    assert str(tmp_path) not in str(refused.value)


def test_a_cloud_says_no_folder_of_its_own(tmp_path: Path) -> None:
    cloud = DataSources(uploads=lambda: FolderStore(str(tmp_path)), schemes=SCHEMES)
    for uri in NO_FILES:
        with pytest.raises(InvalidInput) as refused:
            cloud.check(uri)
        assert "looked for" not in str(refused.value)


def test_links_pipes_and_folders_below_the_root_are_not_read(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.csv").write_text("a,b\n1,2\n")
    (root / "plain.csv").write_text("x")
    (root / "link.csv").symlink_to(tmp_path / "secret" / "a.csv")
    (root / "inside.csv").symlink_to(root / "plain.csv")
    (root / "folder").symlink_to(tmp_path / "secret")
    os.mkfifo(root / "pipe")
    folder = DataFolder(str(root))
    assert content(folder.opened("plain.csv")) == b"x"
    for key in ("link.csv", "inside.csv", "folder/a.csv", "folder", "pipe", "plain.csv/x", "none"):
        with pytest.raises(ObjectNotFound):
            folder.opened(key)
    (tmp_path / "alias").symlink_to(root)
    assert content(DataFolder(str(tmp_path / "alias")).opened("plain.csv")) == b"x"


def test_a_folder_is_read_file_by_file_in_the_order_of_the_names(tmp_path: Path) -> None:
    lake = {
        "exports/day=2/b.csv": b"22",
        "exports/day=2/a.csv": b"1",
        "exports/day=10/_SUCCESS": b"no data",
        "exports/_temporary/c.csv": b"no data",
        "exports/.b.csv.crc": b"no data",
        "exports/day=2/empty.csv": b"",
        "exportsmore/a.csv": b"another folder",
        "other.csv": b"beside it",
    }
    (tmp_path / "data").mkdir()
    for key, content in lake.items():
        (tmp_path / "data" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / key).write_bytes(content)
    reading = DataSources(
        uploads=lambda: FolderStore(str(tmp_path / "store")),
        folder=lambda: DataFolder(str(tmp_path / "data")),
        bucket=lambda *_: Bucket(lake),
        schemes=SCHEMES,
        allowed=allow_list("s3://lake,az://c@account/exports", SCHEMES),
    )
    for folder in ("s3://lake/exports/", "az://c@account/exports/", "file:exports/", "exports/"):
        assert str(reading.check(folder)) == folder if ":" in folder else f"file:{folder}"
        assert reading.settled(folder).endswith("exports/")
        found = reading.files(folder)
        begin = folder if ":" in folder else f"file:{folder}"
        assert [file.uri for file in found] == [f"{begin}day=2/a.csv", f"{begin}day=2/b.csv"]
        assert [file.size for file in found] == [1, 2]
        assert [reading.part(file, 0, 9) for file in found] == [b"1", b"22"]
        assert reading.files(found[1].uri) == found[1:]
        with pytest.raises(InvalidInput, match="expected the address of a file, got that of a folder"):
            reading.open(folder)
    assert [file.uri for file in reading.files("s3://lake/")] == [
        "s3://lake/exports/day=2/a.csv",
        "s3://lake/exports/day=2/b.csv",
        "s3://lake/exportsmore/a.csv",
        "s3://lake/other.csv",
    ]
    for nothing in ("s3://lake/none/", "s3://lake/exports/day=10/", "file:none/", "file:other.csv/"):
        with pytest.raises(InvalidInput, match="no files were found in"):
            reading.files(nothing)
    with pytest.raises(InvalidInput, match="no files were found in file:none/"):
        reading.settled("file:none/")


def test_a_part_of_a_file_that_changed_or_went_away_is_not_read(tmp_path: Path) -> None:
    objects = {"a.csv": b"abc", "gone.csv": b"abc"}
    store = FolderStore(str(tmp_path / "store"))
    store.put_if_absent(upload_key("churn", "01"), b"abc")
    reading = DataSources(
        uploads=lambda: store,
        bucket=lambda *_: Bucket(objects),
        schemes=SCHEMES,
        allowed=allow_list("s3://lake", SCHEMES),
    )
    (upload,) = reading.files("dataset://churn")
    assert upload.uri == "dataset://churn/01"
    files = [*reading.files("s3://lake/"), upload]
    assert [reading.part(file, 1, 3) for file in files] == [b"bc", b"bc", b"bc"]
    for file in files:
        memory = bytearray(4)
        assert reading.part_into(file, 1, memoryview(memory)) == 2
        assert memory == b"bc\0\0"
    objects["a.csv"] = b"abd"
    del objects["gone.csv"]
    store.write_stream(upload_key("churn", "01"), [b"abc"])
    for file in files:
        with pytest.raises(RevisionMismatch, match="changed, or went away"):
            reading.part(file, 0, 3)
    with pytest.raises(InvalidInput, match="ML_DATA_BUCKETS"):
        reading.part(DataFile("s3://secret/a.csv", 1, "r"), 0, 1)


def test_a_folder_with_more_files_than_are_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_sources, "MOST_FILES", 3)
    (tmp_path / "data" / "many").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "data" / "many" / f"{number}.csv").write_text("a")
    assert len(sources(tmp_path).files("file:many/")) == 3
    (tmp_path / "data" / "many" / "4.csv").write_text("a")
    with pytest.raises(InvalidInput, match="expected at most 3 files in file:many/, got more"):
        sources(tmp_path).files("file:many/")


@pytest.mark.parametrize("name", [b"a\nb.csv", b"a\\b.csv", b"\xff.csv"])
def test_a_file_that_no_address_names_is_not_left_out_without_a_word(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "data" / "odd").mkdir(parents=True)
    (tmp_path / "data" / "odd" / os.fsdecode(name)).write_text("a")
    with pytest.raises(InvalidInput, match="whose names can be in an address, got"):
        sources(tmp_path).files("file:odd/")


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "data"
    (root / "in").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.csv").write_text("x")
    (root / "in" / "plain.csv").write_text("x")
    (root / "in" / "link.csv").symlink_to(tmp_path / "secret" / "a.csv")
    (root / "in" / "folder").symlink_to(tmp_path / "secret")
    (root / "linked").symlink_to(tmp_path / "secret")
    os.mkfifo(root / "in" / "pipe")
    reading = sources(tmp_path)
    assert [file.uri for file in reading.files("file:in/")] == ["file:in/plain.csv"]
    with pytest.raises(InvalidInput, match="no files were found"):
        reading.files("file:linked/")
    folder = DataFolder(str(root))
    for key in ("in/link.csv", "in/folder/a.csv", "in/pipe", "linked/a.csv"):
        with pytest.raises(ObjectNotFound):
            folder.part(key, 0, 1, "r")


def test_what_is_looked_at_is_not_kept_open(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_bytes(b"abc")
    reading = sources(tmp_path)
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        (file,) = reading.files("file:a.csv")
        assert reading.settled(file.uri) == file.uri
        assert reading.part(file, 0, 3) == content(reading.open(file.uri)[1])
        with pytest.raises(ValueError, match="no range"):
            reading.part(file, 2, 1)
    assert len(os.listdir("/dev/fd")) <= before + 1


def test_another_process_opens_the_same_stores(tmp_path: Path) -> None:
    """By values of JSON alone, from whatever folder it runs in."""
    services = folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=None)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_bytes(b"abc")
    services.store.put_if_absent("k", b"v")
    reopening = services.reopening
    assert reopening is not None
    told = json.loads(json.dumps(reopening._asdict()))
    assert Reopening(**told) == reopening == pickle.loads(pickle.dumps(reopening))  # noqa: S301 - our own
    stores = reopening.open()
    assert reopening.open() is stores
    assert stores.store.get("k").data == b"v"
    (file,) = stores.data.files("file:a.csv")
    assert stores.data.part(file, 1, 2) == b"b"


def written(rows: list[dict[str, Any]], targets: list[Any]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["churned", *NAMES])
    for row, target in zip(rows, targets, strict=True):
        writer.writerow([target, *("" if value is None else value for value in row.values())])
    return text.getvalue()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    (tmp_path / "data").mkdir()
    return folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=None)


def test_a_model_is_trained_on_a_file_by_naming_its_target(services: Services, tmp_path: Path) -> None:
    """The whole way: fetched, read in the fitting process, registered with its lineage, and asked."""
    rows, targets = table(200, 0.1, 9)
    (tmp_path / "data" / "churn.csv").write_text(written(rows, targets))
    body = {"algorithm": "logistic_regression", "data": {"uri": "file:churn.csv", "target": "churned"}}
    job = train_now(services, {"model": "churn", **body})
    assert (job.state, job.error) == ("succeeded", None)
    version = services.versions.get("churn", 1)
    assert version["data"]["uri"] == "file:churn.csv"
    assert version["data"]["size"] == (tmp_path / "data" / "churn.csv").stat().st_size
    assert len(version["data"]["sha256"]) == 64
    assert version["features"] == NAMES
    assert [entry["kind"] for entry in version["encoding"]] == [
        "number",
        "number",
        "category",
        "boolean",
        "category",
    ]
    model = services.models.resolve("churn").model
    inline = {"algorithm": "logistic_regression", "instances": rows, "targets": targets}
    assert train_now(services, {"model": "inline", **inline}).state == "succeeded"
    same = services.models.resolve("inline").model
    *told, parameters, tensors = learnt(model)
    *also, same_parameters, same_tensors = learnt(same)
    assert told == also, "the same rows give the same model, however they came"
    # To the last digit where numpy's arrays lie alike in memory: on some processors BLAS sums by that.
    assert parameters["intercepts"] == pytest.approx(same_parameters["intercepts"], rel=1e-9)
    assert parameters.keys() == same_parameters.keys()
    assert tensors.keys() == same_tensors.keys()
    for name, packed in tensors.items():
        assert np.frombuffer(packed) == pytest.approx(np.frombuffer(same_tensors[name]), rel=1e-9)


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        ({"uri": "file:none.csv", "target": "y"}, "$.data.uri", "nothing was found at"),
        (
            {"uri": "file:t.csv", "target": "z"},
            "$.data.target",
            "has no column 'z'; it has 'a', 'y', 'f', 'd', 'id'",
        ),
        ({"uri": "file:t.csv", "target": "f"}, "$.data.target", "looks like a quantity"),
        ({"uri": "file:t.csv", "target": "d"}, "$.data.target", "of type date"),
        (
            {"uri": "file:t.csv", "target": "y", "features": ["a", "q"]},
            "$.data.features[1]",
            "no such column",
        ),
        (
            {"uri": "file:t.csv", "target": "y", "format": "parquet"},
            "$.data.format",
            "by its content it is csv",
        ),
    ],
)
def test_a_job_whose_table_does_not_fit_fails_and_says_where(
    services: Services, tmp_path: Path, data: dict[str, Any], path: str, says: str
) -> None:
    lines = "".join(f"{row},{row % 2},{row}.5,2024-01-{row % 28 + 1:02},id-{row}\n" for row in range(60))
    (tmp_path / "data" / "t.csv").write_text("a,y,f,d,id\n" + lines)
    job = train_now(services, {"model": "m", "algorithm": "logistic_regression", "data": data})
    assert job.state == "failed"
    assert job.error is not None
    assert [fault["path"] for fault in job.error["faults"]] == [path]
    assert says in job.error["message"]


def test_a_file_that_is_no_table_fails_the_job_at_once(services: Services, tmp_path: Path) -> None:
    (tmp_path / "data" / "t").write_bytes(b"PK\x03\x04")
    data = {"uri": "file:t", "target": "y"}
    job = train_now(services, {"model": "m", "algorithm": "logistic_regression", "data": data})
    assert job.error is not None
    assert (job.state, len(job.attempts)) == ("failed", 1)
    assert "Excel" in job.error["message"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"data": "file:a.csv"}, "$.data"),
        ({"data": {"uri": "file:a.csv"}}, "$.data.target"),
        ({"data": {"uri": "file:a.csv", "target": ""}}, "$.data.target"),
        ({"data": {"uri": "http://a", "target": "y"}}, "$.data.uri"),
        ({"data": {"target": "y"}}, "$.data.uri"),
        ({"data": {"uri": "a.csv", "target": "y", "format": "xlsx"}}, "$.data.format"),
        ({"data": {"uri": "a.csv", "target": "y", "features": []}}, "$.data.features"),
        ({"data": {"uri": "a.csv", "target": "y", "features": ["a", "a"]}}, "$.data.features"),
        ({"data": {"uri": "a.csv", "target": "y", "features": ["y"]}}, "$.data.features"),
        ({"data": {"uri": "a.csv", "target": "y", "features": [1]}}, "$.data.features[0]"),
        ({"data": {"uri": "a.csv", "target": "y", "url": 1}}, "$.data.url"),
        ({"instances": [[1]]}, "$.instances"),
        ({"feature_names": ["a"]}, "$.feature_names"),
        ({"algorithm": "kmeans"}, "$.data.target"),
    ],
)
def test_a_request_about_data_is_checked_before_it_is_a_job(
    tmp_path: Path, change: dict[str, Any], path: str
) -> None:
    body = {"algorithm": "svm", "data": {"uri": "a.csv", "target": "y"}, **change}
    with pytest.raises(InvalidInput) as refused:
        check_request(body, Limits(), sources(tmp_path).check)
    assert [fault.path for fault in refused.value.faults] == [path]


def request_for(**data: Any) -> TrainingRequest:
    body = {"algorithm": "logistic_regression", "data": {"uri": "a.csv", "target": "y", **data}}
    request = check_request(body, Limits(), lambda uri: None)  # noqa: ARG005
    assert isinstance(request.data, TableReference)
    return request


def test_a_stored_request_about_data_is_the_request() -> None:
    request = request_for(features=["a", "b"], format="csv")
    stored = request.to_bytes()
    assert table_of(stored) == request.data
    assert TrainingRequest.from_bytes(stored) == request
    assert json.loads(json.dumps(request.summary()))["data"]["uri"] == "a.csv"
    for broken in (b'{"data": 1}', b'{"data":{}}', b'{"data":'):
        with pytest.raises(ArtifactInvalid):
            TrainingRequest.from_bytes(broken)


def read_back(tmp_path: Path, text: str, **data: Any) -> TrainingRequest:
    path = tmp_path / "t"
    path.write_text(text)
    return TrainingRequest.from_bytes(request_for(**data).to_bytes()).with_rows(str(path), NO_BUDGET)


def test_rows_without_a_target_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    request = read_back(tmp_path, "a,y\n" + "1,p\n2,q\n3,\n" * 10)
    assert list(request.targets or ()) == ["p", "q"] * 10
    assert np.frombuffer(request.rows.packed).tolist() == [1, 2] * 10
    assert "10 rows have no target and are left out" in request.warnings


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["1", "0"], [1, 0]),
        (["1.0", "2.0"], [1, 2]),
        (["true", "false"], [True, False]),
        (["yes", "no"], ["yes", "no"]),
    ],
)
def test_labels_come_back_as_they_are_in_the_table(
    tmp_path: Path, cells: list[str], labels: list[Any]
) -> None:
    request = read_back(tmp_path, "a,y\n" + "".join(f"{row},{cells[row % 2]}\n" for row in range(20)))
    assert list(request.targets or ()) == labels * 10
    assert set(map(type, request.targets or ())) == set(map(type, labels))


@pytest.mark.parametrize(
    ("words", "sign"),
    [(["1", "0"], "?"), (["1", "0"], "NA"), (["true", "false"], "-"), (["Mild", "Severe"], "None")],
)
def test_what_makes_a_word_for_no_target_a_class_does_so(tmp_path: Path, words: list[str], sign: str) -> None:
    text = "a,y\n" + "".join(f"{row},{[*words, sign][row % 3]}\n" for row in range(30))
    (told,) = (each for each in read_back(tmp_path, text).warnings if "have no target" in each)
    said = told.partition("missing value; ")[2].removesuffix(" makes them classes").split(" with ")
    options = json.loads("{" + ", ".join(said) + "}")
    assert set(read_back(tmp_path, text, **options).targets or ()) == {*words, sign}


def test_what_only_names_rows_is_left_out_unless_it_is_asked_for(tmp_path: Path) -> None:
    text = "id,a,y\n" + "".join(f"customer {row},{row % 7},{row % 2}\n" for row in range(60))
    request = read_back(tmp_path, text)
    assert request.features == ("a",)
    assert any(
        "'id' is left out: it holds another word in each row" in warning for warning in request.warnings
    )
    assert read_back(tmp_path, text, features=["id", "a"]).features == ("id", "a")


@pytest.mark.parametrize(
    ("words", "is_text"),
    [
        ([f"a film of the year {row}" for row in range(60)], True),
        ([f"重さと大きさと色について{row}" * 4 for row in range(60)], True),
        ([f"a film of the year {row % 58}" for row in range(60)], True),
        ([f"customer {row}" for row in range(60)], False),
        ([f"name{row % 58}" for row in range(60)], False),
    ],
)
def test_texts_that_are_left_out_are_said_to_be_for_rnn(
    tmp_path: Path, words: list[str], *, is_text: bool
) -> None:
    text = "t,a,y\n" + "".join(f"{word},{row % 7},{row % 2}\n" for row, word in enumerate(words))
    (told,) = (each for each in read_back(tmp_path, text).warnings if each.startswith("column 't'"))
    assert "is left out" in told
    assert told.endswith("; rnn can read it as text") == is_text


def test_a_column_without_any_value_is_left_out_as_sheets_write_them(tmp_path: Path) -> None:
    """Else each row of a prediction would have to have it."""
    text = "a,fax,y,,\r\n" + "".join(f"{row % 7},NA,{'pq'[row % 2]},,\r\n" for row in range(20))
    request = read_back(tmp_path, text)
    assert request.features == ("a",)
    for name in ("fax", "x3", "x4"):
        assert f"column '{name}' is left out: it holds no value in any row" in request.warnings
    assert "column 4 is called 'x3': the file gives it no name" in request.warnings
    assert read_back(tmp_path, text, features=["a", "fax"]).features == ("a", "fax")


def test_a_table_without_a_column_to_train_on_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInput, match="\"features\" in data can name some of them; column 'a' is left out"
    ):
        read_back(tmp_path, "a,y\n" + "".join(f",{'pq'[row % 2]}\n" for row in range(20)))


def test_the_features_are_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    request = read_back(tmp_path, "a,b,c,y\n" + "1,2,3,p\n4,5,6,q\n" * 5, features=["c", "a"])
    assert request.features == ("c", "a")
    assert np.frombuffer(request.rows.packed).tolist()[:4] == [3, 1, 6, 4]


def test_a_category_seen_only_in_the_rows_held_out_is_unknown_to_the_model(tmp_path: Path) -> None:
    targets = ["p", "q"] * 20
    _, test = train_test_split(range(40), test_size=0.2, random_state=0, stratify=targets)
    words = ["rare" if row == test[0] else "common" for row in range(40)]
    lines = "".join(
        f"{word},{row % 7},{target}\n" for row, (word, target) in enumerate(zip(words, targets, strict=True))
    )
    trained = fit(read_back(tmp_path, "w,a,y\n" + lines), lambda *_: None)
    encoding: Any = trained.manifest["encoding"]
    assert encoding[0]["words"] == ["common"]


def test_a_table_that_will_not_fit_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("a,y\n" + "1,p\n2,q\n" * 1000)
    with pytest.raises(Exception, match="fewer columns"):
        request_for().with_rows(str(tmp_path / "t"), Budget(1 << 20))


def test_versions_that_read_text_by_other_rules_are_warned_of(services: Services, tmp_path: Path) -> None:
    rows = [{"spend": 1000.5 + row % 7, "word": "ab"[row % 2], "y": "pq"[row % 3 == 0]} for row in range(40)]
    cells = "".join(f'"{row["spend"]:,}",{row["word"]},{row["y"]}\n' for row in rows)
    (tmp_path / "data" / "t.csv").write_text("spend,word,y\n" + cells)
    (tmp_path / "data" / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for file in ("t.csv", "t.csv", "t.jsonl"):
        data = {"uri": f"file:{file}", "target": "y"}
        body = {"model": "m", "algorithm": "logistic_regression", "data": data}
        assert train_now(services, body).state == "succeeded"
    assert services.versions.warnings("m", [1, 2]) == []
    (told,) = services.versions.warnings("m", [1, 3])
    assert "by other rules in version 3 than in version 1, such as column 'spend'" in told


@pytest.mark.parametrize("content", ["a,b\n,1\n,2\n,3\n", '{"a": null, "b": 1}\n{"b": 2}\n'])
def test_a_target_without_any_value_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "t").write_text(content)
    reference = TableReference("file:t", target="a", types={"a": "category"})
    with pytest.raises(InvalidInput, match="no row has a value in column 'a'"):
        read_rows(reference, str(tmp_path / "t"), NO_BUDGET)
