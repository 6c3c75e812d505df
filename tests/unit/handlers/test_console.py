"""`GET /`: the console for a browser, `{"status": "alive"}` for everyone else, over each way in."""

import base64
import gzip
import hashlib
import http.client
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.clouds import aws, bootstrap
from handlers.local.services import folder_services
from handlers.rest import pages
from handlers.rest.accepting import weight
from handlers.rest.api import Api
from handlers.rest.endpoints import console
from handlers.rest.http import Request, Response
from handlers.settings import read_settings
from providers.aws.runtime.signer import S3Signer
from providers.azure.runtime.connection import Connection
from providers.azure.runtime.signer import BlobSigner
from providers.google.runtime.signer import GoogleSigner
from tests.unit.handlers.conftest import services_over, serving
from tests.unit.handlers.test_aws import Context, event

ALIVE = {"status": "alive"}
CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
SAFARI = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
BROWSERS = [CHROMIUM, FIREFOX, SAFARI, "text/html", "TEXT/HTML", "text/html;charset=utf-8", "*/*, text/html"]
# curl and KServe's client; requests; nothing; fetch; clients that would rather have JSON; nonsense.
OTHERS = [
    *["*/*", "", "application/json", "application/json, text/plain, */*", "text/*", "text/plain"],
    *["application/json, text/html", "text/html;q=0.5, application/json;q=0.9", "text/html;q=0"],
    *[
        "text/html;q=0.000, */*",
        "text/html; q=0.0",
        "text/html;level=1;q=0",
        "text/html;q=x",
        ";,;q=,=",
        "q=1",
    ],
]
PAGE = Path(console._PAGE).read_bytes()


def asked(root: Path, accept: str = CHROMIUM, method: str = "GET", **more: str) -> Response:
    """What the service answers there; settings are upper case, headers lower."""
    settings = {name: value for name, value in more.items() if name.isupper()}
    headers = {name.replace("_", "-"): value for name, value in more.items() if name.islower()}
    named = {"accept": accept} if accept else {}
    return Api(services_over(root, **settings)).handle(
        Request(method, "/", {}, {**named, **headers}, b"", "r1")
    )


@pytest.mark.parametrize("accept", BROWSERS)
def test_a_browser_gets_the_console(tmp_path: Path, accept: str) -> None:
    answer = asked(tmp_path, accept)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.body == PAGE
    assert answer.headers["vary"] == "accept, accept-encoding"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("accept", OTHERS)
def test_every_other_client_is_told_that_the_service_is_alive(tmp_path: Path, accept: str) -> None:
    answer = asked(tmp_path, accept, accept_encoding="gzip")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert json.loads(answer.body) == ALIVE
    assert answer.headers["vary"] == "accept, accept-encoding"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        *[(header, 1.0) for header in ("gzip", "GZIP", "deflate, gzip;q=1.0", "br , gzip", "gzip;q=2")],
        *[
            (header, 0.0)
            for header in ("", "identity", "gzip;q=0", "gzip; Q=0.000", "*", "x-gzip", "gzip;q=")
        ],
        ("br;q=1.0, gzip;q=0.8", 0.8),
    ],
)
def test_what_a_header_wants_is_read_with_its_weight(header: str, wanted: float) -> None:
    assert weight(header, "gzip") == wanted


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_is_compressed_where_that_is_accepted(tmp_path: Path, method: str) -> None:
    plain, packed = (
        asked(tmp_path, method=method, accept_encoding=each) for each in ("gzip;q=0", "br, gzip")
    )
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["etag"] != plain.headers["etag"], "another representation has another tag"
    lengths = [
        int(asked(tmp_path, method="HEAD", accept_encoding=each).headers["content-length"])
        for each in ("", "gzip")
    ]
    if method == "HEAD":
        assert (plain.body, packed.body) == (b"", b"")
    else:
        assert gzip.decompress(packed.body) == plain.body == PAGE
        assert [len(plain.body), len(packed.body)] == lengths
    assert packed == asked(tmp_path, method=method, accept_encoding="br, gzip"), "the same bytes each time"


def test_a_browser_that_has_it_is_not_sent_it_again(tmp_path: Path) -> None:
    first = asked(tmp_path, accept_encoding="gzip")
    again = asked(tmp_path, accept_encoding="gzip", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    for name in ("etag", "vary", "cache-control"):
        assert again.headers[name] == first.headers[name]
    assert "no-cache" in first.headers["cache-control"], "a new release is seen at once"
    weakened = asked(tmp_path, accept_encoding="gzip", if_none_match=f"W/{first.headers['etag']}")
    assert weakened.status == 304, "a gateway may have weakened it"
    assert asked(tmp_path, if_none_match=first.headers["etag"]).status == 200, "that one is not compressed"


@pytest.mark.parametrize(
    ("origins", "vary"),
    [
        ("", "accept, accept-encoding"),
        ("*", "accept, accept-encoding"),
        ("https://app.example.com", "accept, accept-encoding, Origin"),
    ],
)
def test_what_other_origins_are_told_takes_nothing_from_vary(tmp_path: Path, origins: str, vary: str) -> None:
    for accept in (CHROMIUM, "*/*"):
        answer = asked(tmp_path, accept, ML_CORS_ORIGINS=origins, origin="https://app.example.com")
        assert answer.headers["vary"] == vary
    tag = answer.headers.get("etag") or asked(tmp_path, ML_CORS_ORIGINS=origins).headers["etag"]
    assert asked(tmp_path, ML_CORS_ORIGINS=origins, if_none_match=tag).headers["vary"] == vary


# --- what the page may do ------------------------------------------------------------------------


def policy(answer: Response) -> dict[str, str]:
    """The directives of an answer's policy."""
    directives = answer.headers["content-security-policy"].split("; ")
    return {name: sources for name, _, sources in (each.partition(" ") for each in directives)}


def test_the_page_runs_its_own_script_alone_and_asks_its_own_server_alone(tmp_path: Path) -> None:
    told = policy(asked(tmp_path))
    for element in ("script", "style"):
        (content,) = re.findall(rb"<%b>(.*?)</%b>" % ((element.encode(),) * 2), PAGE, re.DOTALL)
        assert PAGE.count(b"<" + element.encode()) == 1
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert told.pop(f"{element}-src") == f"'sha256-{digest}'"
    assert told == {
        "default-src": "'none'",
        "connect-src": "'self'",
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_nothing_in_the_page_needs_what_the_policy_forbids() -> None:
    before_script = PAGE.partition(b"<script>")[0]
    assert not re.search(rb"<[^>]*\s(style|on\w+)=", before_script)
    assert b"unsafe" not in repr(pages.page_headers(PAGE)).encode()


AZURE = Connection("account", "https://account.blob.core.windows.net", "", None, None)
ENV = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "x"}
SIGNERS: dict[str, tuple[Any, str]] = {
    "aws": (S3Signer("models-of-mine", ENV), "https://s3.eu-west-1.amazonaws.com/models-of-mine/"),
    "google": (GoogleSigner("models-of-mine", {}), "https://storage.googleapis.com/models-of-mine/"),
    "azure": (BlobSigner(AZURE, "models"), "https://account.blob.core.windows.net/models/"),
}


@pytest.mark.parametrize("cloud", SIGNERS)
def test_on_a_cloud_it_may_also_ask_the_storage_of_its_deployment(tmp_path: Path, cloud: str) -> None:
    signer, below = SIGNERS[cloud]
    services = services_over(tmp_path)
    services._signer = signer
    answer = Api(services).handle(Request("GET", "/", {}, {"accept": CHROMIUM}, b"", "r1"))
    assert policy(answer)["connect-src"] == f"'self' {below}"
    assert answer.headers["etag"] != asked(tmp_path).headers["etag"], "with another policy it is sent again"


def test_what_is_signed_begins_as_the_policy_says() -> None:
    """On AWS; the others ask their cloud for a signature."""
    signer, below = SIGNERS["aws"]
    assert signer.below == below
    assert signer.sign_upload("datasets/a/b", 60).url.startswith(below)
    assert signer.sign_download("artifacts/a", "a", 60).url.startswith(below)


def test_a_deployment_without_storage_shows_the_page_all_the_same(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    services._make_signer = None
    answer = Api(services).handle(Request("GET", "/", {}, {"accept": CHROMIUM}, b"", "r1"))
    assert policy(answer)["connect-src"] == "'self'"


def test_no_key_is_asked_for_and_none_is_looked_up(tmp_path: Path) -> None:
    def unreachable() -> Any:
        raise AssertionError("keys were read")

    services = folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=unreachable)
    answer = Api(services).handle(
        Request("GET", "/", {}, {"accept": CHROMIUM, "authorization": "Bearer nobody"}, b"", "r1")
    )
    assert (answer.status, answer.body) == (200, PAGE)


# --- each way in ---------------------------------------------------------------------------------


def over_gateway(payload: str, accept: str, encoding: str, method: str) -> dict[str, Any]:
    """An event as a gateway of that payload sends it for `GET /`."""
    sent = event(payload)
    named = {"accept": accept, "accept-encoding": encoding}
    if payload == "rest_api_predict":
        sent.update(path="/", resource="/", httpMethod=method, headers=named)
        sent["multiValueHeaders"] = {name.title(): [value] for name, value in named.items()}
        sent["requestContext"].update(path="/", httpMethod=method)
    else:
        stage = sent["requestContext"]["stage"]
        sent.update(rawPath="/" if stage == "$default" else f"/{stage}/", headers=named)
        sent["requestContext"]["http"] = {"method": method, "path": sent["rawPath"]}
    return {**sent, "body": None, "isBase64Encoded": False}


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's adapter over an empty folder."""
    monkeypatch.setattr(bootstrap, "_SERVICES", [services_over(tmp_path)])
    monkeypatch.setattr(aws, "_API", [])


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("encoding", ["gzip, br", "identity"])
@pytest.mark.parametrize("payload", ["http_api_predict", "http_api_named_stage", "rest_api_predict"])
def test_on_aws_it_comes_over_either_payload(payload: str, encoding: str, method: str) -> None:
    answer = aws.api(over_gateway(payload, CHROMIUM, encoding, method), Context())
    assert answer["statusCode"] == 200
    packed = "gzip" in encoding
    assert answer["isBase64Encoded"] is packed
    body = base64.b64decode(answer["body"]) if packed else answer["body"].encode()
    if method == "HEAD":
        assert body == b""
    else:
        assert (gzip.decompress(body) if packed else body) == PAGE
    plain = aws.api(over_gateway(payload, "*/*", encoding, "GET"), Context())
    assert (plain["isBase64Encoded"], json.loads(plain["body"])) == (False, ALIVE)


def test_under_invoke_local_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_SERVICES", [])
    monkeypatch.setattr(aws, "_API", [])
    monkeypatch.setenv("IS_LOCAL", "true")
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    answer = aws.api(over_gateway("http_api_predict", CHROMIUM, "identity", "GET"), Context())
    assert answer["body"].encode() == PAGE
    assert "connect-src 'self';" in answer["headers"]["content-security-policy"]


def test_on_azure_it_comes_as_the_worker_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from azure import functions

    from handlers.clouds import azure

    monkeypatch.setattr(azure, "_API", [Api(services_over(tmp_path))])

    called: Any = SimpleNamespace(invocation_id="r1")
    for encoding in ("gzip", "identity"):
        headers = {"Accept": CHROMIUM, "Accept-Encoding": encoding}
        answer = azure.api(functions.HttpRequest("GET", "https://a.net/", headers=headers, body=b""), called)
        body = answer.get_body()
        assert (gzip.decompress(body) if encoding == "gzip" else body) == PAGE
        assert answer.headers["vary"] == "accept, accept-encoding"


def over_http(
    place: tuple[str, int], method: str, path: str, headers: Mapping[str, str]
) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection(*place, timeout=20)
    connection.request(method, path, headers=dict(headers))
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize("base", ["", "/ml"])
def test_on_the_laptop_it_comes_below_a_proxys_path_too(tmp_path: Path, base: str) -> None:
    with serving(services_over(tmp_path, ML_BASE_PATH=base)) as place:
        for path in {"/", f"{base}/", base or "/"}:
            status, headers, body = over_http(
                place, "GET", path, {"Accept": FIREFOX, "Accept-Encoding": "gzip, deflate"}
            )
            assert (status, headers["content-encoding"]) == (200, "gzip")
            assert gzip.decompress(body) == PAGE
            known = {"Accept": FIREFOX, "Accept-Encoding": "gzip", "If-None-Match": headers["etag"]}
            assert over_http(place, "GET", path, known)[::2] == (304, b"")
            status, headers, body = over_http(place, "HEAD", path, {"Accept": FIREFOX})
            assert (status, int(headers["content-length"]), body) == (200, len(PAGE), b"")
            assert json.loads(over_http(place, "GET", path, {"Accept": "*/*"})[2]) == ALIVE
