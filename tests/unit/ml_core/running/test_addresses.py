"""Which addresses are asked, and which are believed."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from ml_core.errors import NotConfigured
from ml_core.graphs.call import ADDRESS, DAMAGED, UNREACHABLE, GraphCall, GraphFailure
from ml_core.running import addresses as module
from ml_core.running.addresses import LARGEST_ARTIFACT, VERIFIED_SECONDS, ArtifactAddresses
from tests.unit.ml_core.running.storage import Storage, running_storage

SHA256 = "ab" * 32
DATA = bytes(range(256)) * 9000  # more than is read at once


@pytest.fixture
def storage() -> Iterator[Storage]:
    with running_storage() as storage:
        yield storage


def refusal(storage: Storage, call: GraphCall) -> GraphFailure:
    """How it is refused, by both ways of asking; nothing of the address is told."""
    addresses = ArtifactAddresses(storage.place)
    failures = []
    for ask in (addresses.opened, addresses.verify):
        with pytest.raises(GraphFailure) as caught:
            ask(call)
        failures.append(caught.value)
        assert "secret" not in str(caught.value)
        assert storage.at not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert len({(failure.reason, str(failure)) for failure in failures}) == 1
    assert not addresses.is_verified(call)
    return failures[0]


def test_an_artifact_is_fetched_as_it_is(storage: Storage) -> None:
    call = storage.call(DATA, SHA256, {})
    addresses = ArtifactAddresses(storage.place)
    with addresses.opened(call) as download:
        assert download.read(lambda: 1.0) == DATA
    assert storage.asked == [("/bucket/artifacts/01.safetensors?signature=secret", None)]
    assert storage.headers[0]["accept-encoding"] == "identity"


PLACE = "https://bucket.s3.eu-central-1.amazonaws.com/artifacts/"
GOOD = (
    PLACE + "01AB-c_d.safetensors?X-Amz-Signature=0a&X=a%2Fb%20c&response-content-disposition=attachment%3B"
)
# Addresses that are not fetched, whatever a parser might make of them.
OTHERS = [
    "",
    PLACE,
    PLACE + "01.safetensors",
    PLACE + "?x=1",
    PLACE[:-1],
    GOOD.replace("https", "http"),
    GOOD.replace("https", "HTTPS"),
    GOOD.replace("https://", "https:"),
    GOOD.replace("https://", "https:///"),
    GOOD.replace("https://", "https://user:word@"),
    GOOD.replace("https://", "https://169.254.169.254@"),
    GOOD.replace("https://", "https://169.254.169.254/"),
    GOOD.replace("https://", "https://169.254.169.254\\@"),
    GOOD.replace("https://", "https://evil.example#"),
    GOOD.replace("https://", "https://evil.example?"),
    GOOD.replace("https://bucket", "https://evil"),
    GOOD.replace("amazonaws.com", "amazonaws.com.evil.example"),
    GOOD.replace("amazonaws.com", "amazonaws.com:8080"),
    GOOD.replace("amazonaws.com", "amazonaws.com:443"),
    GOOD.replace("amazonaws.com", "amazonaws.com."),
    GOOD.replace("amazonaws.com", "AMAZONAWS.com"),
    GOOD.replace("artifacts/", "models/"),
    GOOD.replace("artifacts/", "artifacts"),
    GOOD.replace("artifacts/", "Artifacts/"),
    GOOD.replace("artifacts/", "artifacts//"),
    GOOD.replace("artifacts/", "artifacts/../models/"),
    GOOD.replace("artifacts/", "artifacts/%2e%2e/models/"),
    GOOD.replace("artifacts/", "artifacts/..%2fmodels/"),
    GOOD.replace("artifacts/", "artifacts/..\\models/"),
    GOOD.replace("artifacts/", "artifacts/./"),
    GOOD.replace("artifacts/", "artifacts/x/"),
    GOOD.replace("01AB", "..01"),
    GOOD.replace("01AB", "0%31"),
    GOOD.replace("01AB", "0;1"),
    GOOD.replace("01AB", "0\\1"),
    GOOD.replace("01AB", "0\t1"),
    GOOD.replace("01AB", "ü"),
    GOOD.replace("01AB", ".hidden"),
    GOOD.replace("?", "%3f"),
    GOOD.replace("?", "#"),
    GOOD + "#part",
    GOOD + " HTTP/1.1",
    GOOD + "\r\nHost: evil.example",
    GOOD + "\n",
    GOOD + "&x=\0",
    GOOD + "&x=ü",
    GOOD + "&x=" + "a" * 9000,
    " " + GOOD,
    "\n" + GOOD,
    "file:///etc/passwd",
    "ftp://bucket.s3.eu-central-1.amazonaws.com/artifacts/01?x=1",
]


@pytest.mark.parametrize("url", OTHERS)
def test_another_address_is_not_asked_at_all(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise AssertionError("it was asked")

    addresses = ArtifactAddresses(PLACE)
    monkeypatch.setattr(http.client, "HTTPSConnection", nowhere)
    monkeypatch.setattr(http.client, "HTTPConnection", nowhere)
    for ask in (addresses.opened, addresses.verify):
        with pytest.raises(GraphFailure) as caught:
            ask(GraphCall(url, {}, SHA256, 5, {}, (), 1.0))
        assert caught.value.reason == ADDRESS
        assert url not in str(caught.value) or not url


def test_a_good_address_is_asked_of_the_host_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one address above from which the others are made."""
    asked: list[object] = []

    def connection(*at: object, **_: object) -> None:
        asked.append(at)
        raise OSError

    monkeypatch.setattr(http.client, "HTTPSConnection", lambda *at, **_: connection(*at))
    with pytest.raises(OSError, match=r"^$"):
        ArtifactAddresses(PLACE).opened(GraphCall(GOOD, {}, SHA256, 5, {}, (), 1.0))
    assert asked == [("bucket.s3.eu-central-1.amazonaws.com", None)]


@pytest.mark.parametrize(
    "place",
    [
        "",
        "/",
        "artifacts/",
        "https://",
        "https:///artifacts/",
        "https://host",
        "https://host/",
        "https://host/artifacts",
        "ftp://host/artifacts/",
        "https://user@host/artifacts/",
        "https://host/artifacts/?x=1",
        "https://host/artifacts/#x",
        "https://host/a/../artifacts/",
        "https://host/a//artifacts/",
        "https://ho st/artifacts/",
        "https://host:port/artifacts/",
        "https://host/artifacts/\n",
    ],
)
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(NotConfigured, match="expected ML_ARTIFACTS"):
        ArtifactAddresses(place)


@pytest.mark.parametrize(
    "place",
    [
        PLACE,
        "https://storage.googleapis.com/a-bucket/artifacts/",
        "https://account.blob.core.windows.net/container/artifacts/",
        "http://127.0.0.1:10000/devstoreaccount1/container/artifacts/",
    ],
)
def test_the_places_of_the_clouds_are_taken(place: str) -> None:
    ArtifactAddresses(place)


NAMES = ["", "iris-1.safetensors", SHA256, f"{SHA256}.runs", f"x{SHA256}.run", "cd" * 32 + ".run", "x.run"]


@pytest.mark.parametrize("name", NAMES)
def test_an_address_that_was_signed_for_something_else_is_not_believed(storage: Storage, name: str) -> None:
    """`GET …/artifact` gives addresses too, to whoever may read the model."""
    assert refusal(storage, storage.call(DATA, SHA256, {}, name=name)).reason == ADDRESS


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 409, 410, 416, 301, 302, 303, 307, 308, 304, 204, 201]
)
def test_what_the_storage_refuses_is_refused_and_no_redirect_is_followed(
    storage: Storage, status: int
) -> None:
    other = storage.call(DATA, SHA256, {}, key="02.safetensors")
    call = storage.call(DATA, SHA256, {}, status=status, location=other.url)
    assert refusal(storage, call).reason == ADDRESS
    assert {target.partition("?")[0] for target, _ in storage.asked} == {"/bucket/artifacts/01.safetensors"}


@pytest.mark.parametrize("status", module._PASSING)
def test_a_storage_that_is_busy_is_asked_once_more(storage: Storage, status: int) -> None:
    assert refusal(storage, storage.call(DATA, SHA256, {}, status=status)).reason == UNREACHABLE
    assert len(storage.asked) == 4
    call = storage.call(DATA, SHA256, {}, status=status, times=1)
    with ArtifactAddresses(storage.place).opened(call) as download:
        assert download.read(lambda: 1.0) == DATA


@pytest.mark.parametrize("size", [0, -1, LARGEST_ARTIFACT + 1, 1 << 60])
def test_a_size_that_no_artifact_has_is_not_asked_for(storage: Storage, size: int) -> None:
    call = storage.call(DATA, SHA256, {})._replace(size=size)
    with pytest.raises(GraphFailure) as caught:
        ArtifactAddresses(storage.place).opened(call)
    assert caught.value.reason == DAMAGED
    assert storage.asked == []


@pytest.mark.parametrize(
    ("said", "length", "reason"),
    [
        (len(DATA) - 1, None, DAMAGED),  # longer than said
        (1, None, DAMAGED),
        (len(DATA) + 1, None, DAMAGED),  # shorter
        (len(DATA), len(DATA) + 1, UNREACHABLE),  # cut off on the way
        (len(DATA), len(DATA) - 1, DAMAGED),
    ],
)
def test_an_artifact_of_another_length_is_not_taken(
    storage: Storage, said: int, length: int | None, reason: str
) -> None:
    call = storage.call(DATA, SHA256, {}, length=length)._replace(size=said)
    with (
        ArtifactAddresses(storage.place).opened(call) as download,
        pytest.raises(GraphFailure) as caught,
    ):
        download.read(lambda: 1.0)
    assert caught.value.reason == reason


def test_what_comes_after_all_time_is_not_read(storage: Storage) -> None:
    def none() -> float:
        raise TimeoutError

    with (
        ArtifactAddresses(storage.place).opened(storage.call(DATA, SHA256, {})) as download,
        pytest.raises(GraphFailure) as caught,
    ):
        download.read(none)
    assert caught.value.reason == UNREACHABLE


def test_a_storage_that_is_not_there_is_told(storage: Storage) -> None:
    call = storage.call(DATA, SHA256, {})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"http://127.0.0.1:{free.getsockname()[1]}/bucket/artifacts/"
    with pytest.raises(GraphFailure) as caught:
        ArtifactAddresses(place).opened(call._replace(url=f"{place}01?x=1"))
    assert caught.value.reason == UNREACHABLE


SAID = [
    b"",
    b"\0" * 50,
    b"SSH-2.0\r\n",
    b"HTTP/1.1 200\r\nContent-Length: x\r\n\r\n",
    b"HTTP/1.1 99999 x\r\n\r\n",
]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_storage_that_speaks_otherwise_is_told(said: bytes, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(said)

        serving = threading.Thread(target=serve)
        serving.start()
        place = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/bucket/artifacts/"
        with pytest.raises(GraphFailure) as caught:
            ArtifactAddresses(place).opened(GraphCall(f"{place}01?x=1", {}, SHA256, 5, {}, (), 1.0))
        if b"Content-Length: x" in said and scheme == "http":
            with socket.create_connection(server.getsockname()) as last:  # one attempt was enough
                last.sendall(b"x")
                last.recv(1)
        serving.join()
    assert caught.value.reason in {UNREACHABLE, ADDRESS}


def test_a_storage_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:  # the system accepts, and nobody answers
        place = f"http://127.0.0.1:{server.getsockname()[1]}/bucket/artifacts/"
        with pytest.raises(GraphFailure) as caught:
            ArtifactAddresses(place).opened(GraphCall(f"{place}01?x=1", {}, SHA256, 5, {}, (), 1.0))
    assert caught.value.reason == UNREACHABLE


def test_certificates_are_checked() -> None:
    connection = ArtifactAddresses(PLACE)._connection()
    context = connection._context  # type: ignore[attr-defined]  # what it connects with
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer x"},
        {"host": "evil.example"},
        {"range": "bytes=0-0"},
        {"cookie": "x"},
        {"metadata-flavor": "Google"},
        {"x-ms-version": "1\r\nhost: evil.example"},
        {"x-ms-version": ""},
        {"x-ms-version ": "1"},
        {"x-ms-version\r\nhost": "1"},
        {"": ""},
    ],
)
def test_no_other_header_is_sent(storage: Storage, headers: dict[str, str]) -> None:
    call = storage.call(DATA, SHA256, {})._replace(headers=headers)
    assert refusal(storage, call).reason == ADDRESS
    assert storage.asked == []


def test_a_header_that_a_signature_may_ask_for_is_sent(storage: Storage) -> None:
    call = storage.call(DATA, SHA256, {})._replace(headers={"X-Ms-Version": "2026-02-06"})
    ArtifactAddresses(storage.place).verify(call)
    assert storage.headers[0]["x-ms-version"] == "2026-02-06"


def test_a_verified_address_is_not_asked_again_for_a_while(storage: Storage) -> None:
    """By a clock that goes on while the platform has the process stand still."""
    now = [1_000_000.0]
    addresses = ArtifactAddresses(storage.place, clock=lambda: now[0])
    call = storage.call(DATA, SHA256, {})
    for _ in range(3):
        addresses.verify(call)
    assert storage.asked == [("/bucket/artifacts/01.safetensors?signature=secret", "bytes=0-0")]
    for later, asked in ((VERIFIED_SECONDS - 1, 1), (VERIFIED_SECONDS, 2), (VERIFIED_SECONDS - 1, 3)):
        now[0] = 1_000_000.0 + later  # the last is a clock that was set back
        addresses.verify(call)
        assert len(storage.asked) == asked


def test_what_is_verified_is_the_whole_of_it(storage: Storage) -> None:
    addresses = ArtifactAddresses(storage.place)
    call = storage.call(DATA, SHA256, {})
    addresses.verify(call)
    assert addresses.is_verified(call)
    for other in (
        call._replace(url=f"{call.url}0"),
        call._replace(sha256="cd" * 32),
        call._replace(headers={"x-ms-version": "1"}),
    ):
        assert not addresses.is_verified(other)
    with pytest.raises(GraphFailure):  # another model by the address of this one
        addresses.verify(call._replace(sha256="cd" * 32))


def test_an_artifact_that_was_fetched_is_verified(storage: Storage) -> None:
    addresses = ArtifactAddresses(storage.place)
    call = storage.call(DATA, SHA256, {})
    with addresses.opened(call):
        pass
    addresses.verify(call)
    assert len(storage.asked) == 1


def test_what_is_kept_of_addresses_is_bounded_and_none_can_be_read(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_VERIFIED", 5)
    addresses = ArtifactAddresses(storage.place)
    calls = [storage.call(DATA, SHA256, {}, key=f"{number}.safetensors") for number in range(8)]
    for call in calls:
        addresses.verify(call)
    assert [addresses.is_verified(call) for call in calls] == [*[False] * 3, *[True] * 5]
    assert "secret" not in repr(addresses._verified)
