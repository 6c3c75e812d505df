"""A version on this machine: fetched, kept, and predicting as the service does."""

import asyncio
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
import serverless_ml
from serverless_ml import (
    AsyncClient,
    Client,
    InvalidInput,
    NotConnected,
    NotFound,
    ServerlessMLError,
    UnexpectedAnswer,
    artifact_cache,
)

from client.tests.service import ROOT


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    table: pd.DataFrame = pd.read_csv(ROOT / "examples" / "churn.csv").drop(columns="churned")
    return table


def test_what_was_loaded_answers_as_the_service(ml: Client, churn: str, frame: pd.DataFrame) -> None:
    model = ml.load(churn)
    assert model.predict(frame).tolist() == list(ml.predict(churn, frame))
    assert model.predict(frame.iloc[::-1]).tolist() == model.predict(frame).tolist()[::-1]
    assert "churned" not in model.features
    explained = model.explain(frame.head(3))
    assert {"age", "plan"} <= set(explained[0].attributions)
    assert hashlib.sha256(model.to_bytes()).hexdigest() == ml.model(churn).version().sha256


def test_each_way_to_name_a_version_gives_that_version(ml: Client, fruit: str, tmp_path: Path) -> None:
    sums = {version.version: version.sha256 for version in ml.model(fruit).versions()}
    assert sums[1] != sums[2]
    ml.model(fruit).promote(1, alias="first")

    def loaded(name: str) -> str:
        return hashlib.sha256(ml.load(name).to_bytes()).hexdigest()

    assert loaded(f"{fruit}@first") == loaded(f"{fruit}@1") == sums[1]
    assert loaded(f"{fruit}@2") == sums[2]
    path = ml.model(fruit).download(tmp_path / "fruit.safetensors", version=1)
    assert hashlib.sha256(serverless_ml.load_file(path).to_bytes()).hexdigest() == sums[1]
    with pytest.raises(NotFound):
        ml.load(f"{fruit}@99")
    with pytest.raises(NotFound):
        ml.load("nobody")


def test_the_asynchronous_client_loads_the_same(ml: Client, fruit: str) -> None:
    async def load() -> Any:
        async with AsyncClient(ml.url, progress=False) as client:
            return await client.load(f"{fruit}@2")

    assert asyncio.run(load()).to_bytes() == ml.load(f"{fruit}@2").to_bytes()


def test_a_refusal_offline_has_the_clients_root_and_its_places(ml: Client, fruit: str) -> None:
    with pytest.raises(ServerlessMLError) as refused:
        ml.load(fruit).predict([[1.0, "red"]])
    assert [fault.path for fault in refused.value.faults] == ["X[0][1]"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80\x04pickle", b"PK\x03\x04", b"\x08" + b"\0" * 30],
    ids=["empty", "pickle", "zip", "text"],
)
def test_what_is_no_artifact_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="this is no artifact of a version"):
        serverless_ml.load_file(path)
    with pytest.raises(FileNotFoundError):
        serverless_ml.load_file(tmp_path / "nothing")


def test_numpy_is_not_bound_to_one_thread() -> None:
    """A function's first import of `_core` does that; here it would slow down all that a person computes."""
    program = (
        "import sys; from serverless_ml import offline; assert 'numpy' not in sys.modules; "
        "offline.check_installed(); assert 'numpy' in sys.modules; "
        "assert 'serverless_ml._core.arithmetic.vectorised' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


# --- the files that are kept ----------------------------------------------------------------------


class Storage:
    """A service and its storage that say what they are told to; `asked` has every request, with its key."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.content = b""
        self.sha256 = ""
        self.size: int | None = None
        self.broken_off = 0
        storage = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                storage.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def hold(self, content: bytes, *, sha256: str | None = None) -> None:
        self.content = content
        self.sha256 = hashlib.sha256(content).hexdigest() if sha256 is None else sha256

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        import json

        self.asked.append((request.path.partition("?")[0], request.headers.get("authorization")))
        body = self.content
        declared = len(body)
        if request.path.startswith("/v1/"):
            size = len(self.content) if self.size is None else self.size
            signed = {
                "url": f"{self.url}/signed?secret=1",
                "headers": {},
                "sha256": self.sha256,
                "size": size,
            }
            body = json.dumps(signed).encode()
            declared = len(body)
        elif self.broken_off:
            self.broken_off -= 1
            body = body[: len(body) // 2]
        request.send_response(200)
        request.send_header("content-length", str(declared))
        request.end_headers()
        request.wfile.write(body)

    @property
    def fetched(self) -> int:
        return sum(path == "/signed" for path, _ in self.asked)


@pytest.fixture
def storage() -> Iterator[Storage]:
    made = Storage()
    thread = Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def other(storage: Storage) -> Iterator[Client]:
    with Client(storage.url, key="its-own-key", progress=False) as client:
        yield client


@pytest.fixture
def content(ml: Client, fruit: str) -> bytes:
    return ml.model(fruit).artifact(1)


def _kept() -> list[Path]:
    return sorted(artifact_cache.folder().iterdir()) if artifact_cache.folder().exists() else []


def test_a_version_is_fetched_once_and_asked_for_each_time(
    storage: Storage, other: Client, content: bytes
) -> None:
    storage.hold(content)
    for _ in range(3):
        assert other.load("fruit@1").to_bytes() == content
    assert storage.fetched == 1
    assert [path for path, _ in storage.asked].count("/v1/models/fruit/versions/1/artifact") == 3
    assert {key for path, key in storage.asked if path == "/signed"} == {None}
    [kept] = _kept()
    assert kept.name == f"{storage.sha256}.safetensors"
    if os.name == "posix":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("left", [b"", b"half", None], ids=["emptied", "cut off", "one byte changed"])
def test_a_kept_file_that_is_another_one_is_fetched_again(
    left: bytes | None, storage: Storage, other: Client, content: bytes
) -> None:
    storage.hold(content)
    other.load("fruit@1")
    [kept] = _kept()
    kept.write_bytes(bytes([content[0] ^ 1]) + content[1:] if left is None else left)
    assert other.load("fruit@1").to_bytes() == content
    assert storage.fetched == 2
    assert kept.read_bytes() == content


def test_a_connection_that_breaks_off_is_tried_again_and_nothing_of_it_is_kept(
    storage: Storage, other: Client, content: bytes
) -> None:
    storage.hold(content)
    storage.broken_off = 1
    assert other.load("fruit@1").to_bytes() == content
    assert storage.fetched == 2
    storage.hold(content, sha256="0" * 64)
    with pytest.raises(UnexpectedAnswer, match="of another one"):
        other.load("fruit@1")
    assert len(_kept()) == 1


def test_a_file_that_is_longer_than_it_was_said_to_be_is_not_read_to_its_end(
    storage: Storage, other: Client, content: bytes
) -> None:
    storage.hold(content + b"\0" * (4 << 20))
    storage.size = len(content)
    with pytest.raises(UnexpectedAnswer, match="got more"):
        other.load("fruit@1")
    assert _kept() == []


@pytest.mark.parametrize("said", ["../../outside", "", "0" * 63, "A" * 64, "0" * 64 + "\n"])
def test_what_is_no_checksum_names_no_file(said: str, tmp_path: Path) -> None:
    artifact_cache.keep(said, b"content")
    assert artifact_cache.find(said) is None
    assert list(tmp_path.rglob("*outside*")) == []
    assert _kept() == []


def test_a_disk_that_takes_nothing_only_means_that_it_is_fetched_again(
    storage: Storage, other: Client, content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    storage.hold(content)
    (tmp_path / "file").write_text("no folder")
    for place in (tmp_path / "file", Path("/dev/full"), Path("/proc/nothing")):
        monkeypatch.setattr(artifact_cache, "folder", lambda place=place: place)
        assert other.load("fruit@1").to_bytes() == content
    assert storage.fetched == 3


def test_a_disk_that_fills_up_leaves_nothing_half(content: bytes) -> None:
    """As where a process may write no more: a write that is cut off, and then an error."""
    pytest.importorskip("resource")
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, before[1]))
    try:
        artifact_cache.keep(hashlib.sha256(content).hexdigest(), content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert _kept() == []
    artifact_cache.keep(hashlib.sha256(content).hexdigest(), content)
    assert len(_kept()) == 1


def test_what_a_killed_process_left_is_read_by_nobody(content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    artifact_cache.folder().mkdir(parents=True)
    left = artifact_cache.folder() / ".abc.part"
    left.write_bytes(content[:10])
    assert artifact_cache.find(digest) is None
    artifact_cache.keep(digest, content)
    assert artifact_cache.find(digest) == content


def test_the_longest_unused_goes_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_cache, "MOST_BYTES", 25)
    contents = [bytes([65 + number]) * 10 for number in range(4)]
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    for number, (digest, content) in enumerate(zip(digests[:3], contents[:3], strict=True)):
        artifact_cache.keep(digest, content)
        os.utime(artifact_cache.folder() / f"{digest}.safetensors", (number, number))
    os.utime(artifact_cache.folder() / f"{digests[0]}.safetensors", (9, 9))  # was used since
    artifact_cache.keep(digests[3], contents[3])
    found = [artifact_cache.find(digest) for digest in digests]
    assert found == [contents[0], None, contents[2], contents[3]]


def test_without_a_network_a_downloaded_file_predicts(
    ml: Client, churn: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    path = ml.model(churn).download(tmp_path)
    with Client("http://127.0.0.1:1", retries=0, progress=False) as nobody, pytest.raises(NotConnected):
        nobody.load(churn)
    assert serverless_ml.load_file(path).predict(frame).tolist() == list(ml.predict(churn, frame))
