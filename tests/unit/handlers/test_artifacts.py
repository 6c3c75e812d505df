"""A version's artifact is taken away by a signed address, which the laptop's server answers itself."""

import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest

from handlers.rest.answers import ANSWERS
from handlers.services import Services
from handlers.settings import read_settings
from ml_core import predict
from ml_core.errors import NotConfigured
from ml_core.model.model import Model
from ml_core.registry.artifacts import EXPIRY
from ml_core.registry.registry import artifact_key
from providers.local.runtime.signer import LocalSigner
from tests.unit.handlers.conftest import IRIS, REQUESTS, asking, copy_of, services_over, serving

ARTIFACT = "/v1/models/iris/versions/1/artifact"


class Got(NamedTuple):
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    copy_of(trained, tmp_path / "root")
    return services_over(tmp_path / "root")


@pytest.fixture
def address(services: Services) -> Iterator[tuple[str, int]]:
    with serving(services) as address:
        yield address


def ask(address: tuple[str, int], method: str, target: str, body: bytes | None = None) -> Got:
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request(method, target, body)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Got(answer.status, headers, answer.read())
    finally:
        connection.close()


def signed(address: tuple[str, int], target: str = ARTIFACT) -> tuple[dict[str, Any], str]:
    """What the service says, and the path and query of the address in it."""
    got = ask(address, "GET", target)
    assert got.status == 200, got
    found: dict[str, Any] = json.loads(got.body)
    parts = urlsplit(found["url"])
    assert (parts.scheme, parts.hostname, parts.port) == ("http", *address)
    return found, f"{parts.path}?{parts.query}"


@pytest.mark.parametrize("model", REQUESTS)
def test_a_model_is_taken_away_whole_and_predicts_as_it_did(
    services: Services, address: tuple[str, int], model: str
) -> None:
    before = time.time()
    found, target = signed(address, f"/v1/models/{model}/versions/1/artifact")
    jsonschema.validate(found, ANSWERS["Download"])
    assert (found["method"], found["headers"]) == ("GET", {})
    lasts = datetime.fromisoformat(found["expires"]).timestamp() - before
    assert EXPIRY - 2 <= lasts <= EXPIRY + 2
    got = ask(address, "GET", target)
    assert got.status == 200
    assert got.headers["content-disposition"] == f'attachment; filename="{model}-1.safetensors"'
    assert got.headers["content-type"] == "application/octet-stream"
    assert (len(got.body), hashlib.sha256(got.body).hexdigest()) == (found["size"], found["sha256"])
    version = json.loads(ask(address, "GET", f"/v1/models/{model}/versions/1").body)
    assert (found["size"], found["sha256"]) == (version["size"], version["sha256"])
    body = json.dumps({"instances": IRIS}).encode()
    answered = json.loads(asking(services)("POST", f"/v1/models/{model}:predict", body).body)["predictions"]
    labels = [each["label"] if isinstance(each, dict) else each for each in answered]
    assert predict(Model.from_bytes(got.body), IRIS) == labels


@pytest.mark.parametrize(
    "version",
    ["nobody/versions/1", "IRIS/versions/1", "iris/versions/9", "iris/versions/0", "iris/versions/x"],
)
def test_what_is_not_there_is_not_there_in_the_words_of_the_version_itself(
    services: Services, version: str
) -> None:
    reply = asking(services)
    expected, found = (reply("GET", f"/v1/models/{version}{tail}") for tail in ("", "/artifact"))
    assert found.status == 404
    assert json.loads(found.body) == json.loads(expected.body)


def test_of_a_deleted_version_there_is_no_address_until_it_is_restored(services: Services) -> None:
    reply = asking(services)
    assert reply("DELETE", "/v1/models/iris/versions/1").status == 204
    refused = reply("GET", ARTIFACT)
    assert (refused.status, json.loads(refused.body)["code"]) == (404, "version_not_found")
    assert reply("POST", "/v1/models/iris/versions/1:restore").status == 200
    assert reply("GET", ARTIFACT).status == 200


def test_an_address_of_a_file_that_is_gone_leads_nowhere(
    services: Services, address: tuple[str, int]
) -> None:
    _, target = signed(address)
    services.store.delete(artifact_key(services.registry.model("iris").pick(1).job))
    got = ask(address, "GET", target)
    assert got.status == 404
    assert "error" in json.loads(got.body)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("{path}", ""),
        ("{path}", "{named}&expires=9999999999&signature={signature}"),
        ("{path}", "{named}&expires={expires}&signature={signature}0"),
        ("{path}", "{named}&expires={expires}"),
        ("{path}", "expires={expires}&signature={signature}"),
        ("{path}", "response-content-disposition=inline&expires={expires}&signature={signature}"),
        ("{path}", "response-content-disposition=a%0D%0Ab:c&expires={expires}&signature={signature}"),
        ("{path}", "response-content-disposition=%FF&expires=%C3%BC&signature=%FF"),
        ("{path}0", "{named}&expires={expires}&signature={signature}"),
        ("/downloads/models/iris.json", "{named}&expires={expires}&signature={signature}"),
        ("/downloads/~upload-secret", "{named}&expires={expires}&signature={signature}"),
        ("/downloads/../keys.json", "{named}&expires={expires}&signature={signature}"),
        ("/downloads/%2e%2e/keys.json", "{named}&expires={expires}&signature={signature}"),
        ("/downloads//etc/passwd", "{named}&expires={expires}&signature={signature}"),
        ("/downloads/", "{named}&expires={expires}&signature={signature}"),
        ("/downloads/a%0Ab", "{named}&expires={expires}&signature={signature}"),
    ],
)
def test_only_what_was_signed_is_read(address: tuple[str, int], path: str, query: str) -> None:
    found, target = signed(address)
    parts = urlsplit(target)
    given = dict(parse_qsl(parts.query))
    assert set(given) == {"response-content-disposition", "expires", "signature"}
    named = parts.query.partition("&")[0]
    got = ask(address, "GET", f"{path}?{query}".format(path=parts.path, named=named, **given))
    assert got.status == 403
    assert "not signed" in json.loads(got.body)["error"]
    assert "content-disposition" not in got.headers
    assert found["sha256"] not in got.body.decode()


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_an_address_is_for_reading(services: Services, address: tuple[str, int], method: str) -> None:
    _, target = signed(address)
    key = artifact_key(services.registry.model("iris").pick(1).job)
    before = services.store.get(key)
    assert ask(address, method, target, b"new" if method in {"PUT", "POST"} else None).status in (404, 405)
    assert services.store.get(key) == before


def test_a_signature_to_read_does_not_write_at_the_place_of_uploads(
    services: Services, address: tuple[str, int]
) -> None:
    _, target = signed(address)
    key = artifact_key(services.registry.model("iris").pick(1).job)
    before = services.store.get(key)
    assert ask(address, "PUT", target.replace("/downloads/", "/uploads/"), b"new").status == 403
    upload = services.signer.sign_upload(key, 60).url
    assert ask(address, "GET", upload).status == 404
    assert ask(address, "GET", upload.replace("/uploads/", "/downloads/")).status == 403
    assert services.store.get(key) == before


def test_a_signature_ends_with_its_time_and_is_the_folders_own(tmp_path: Path) -> None:
    now = [1000.0]
    signer = LocalSigner(str(tmp_path / "a"), clock=lambda: now[0])
    query = urlsplit(signer.sign_download("artifacts/a", "a-1.safetensors", 60).url).query
    assert signer.allows("GET", "artifacts/a", query)
    assert not signer.allows("PUT", "artifacts/a", query)
    assert not signer.allows("GET", "artifacts/b", query)
    assert not LocalSigner(str(tmp_path / "b"), clock=lambda: now[0]).allows("GET", "artifacts/a", query)
    now[0] = 1060
    assert not signer.allows("GET", "artifacts/a", query)


def test_no_log_line_holds_an_address(address: tuple[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    _, target = signed(address)
    ask(address, "GET", target)
    said = capsys.readouterr().out
    assert '"event": "download"' in said
    assert dict(parse_qsl(urlsplit(target).query))["signature"] not in said


def test_a_deployment_that_signs_nothing_says_so() -> None:
    services = Services(
        read_settings({}),
        store=lambda: pytest.fail("no store is needed"),
        queue=lambda: pytest.fail("no queue is needed"),
        key_records=None,
    )
    with pytest.raises(NotConfigured, match="signs no addresses"):
        _ = services.signer
