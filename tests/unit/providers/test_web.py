"""Origins, domains and base paths: functions, deployers and the framework's file take the same texts."""

import json
import os
import subprocess
from shutil import which

import pytest

from handlers.settings import SettingInvalid, read_settings
from handlers.web import base_path_fault, documentation_fault, origins_fault
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from providers.deploying.web import Web, web_of

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LONG = "https://" + "a" * 248

ORIGINS = [
    "",
    " ",
    "*",
    "https://app.example.com",
    "http://localhost:3000",
    " https://a.example ,https://b.example:8443, ",
    "https://a.example,https://a.example",
    "http://127.0.0.1:5173",
    "http://[::1]:3000",
    "https://xn--bcher-kva.example",
    "http://my_host:1",
    "http://a.example:443",
    ",".join(f"https://a{number}.example" for number in range(64)),
    LONG,
]
NO_ORIGINS = [
    "app.example.com",
    "null",
    "https://app.example.com/",
    "https://app.example.com/page",
    "https://*.example.com",
    "https://APP.example.com",
    "HTTPS://app.example.com",
    "https://app.example.com:443",
    "http://app.example.com:80",
    "https://app.example.com:0",
    "https://app.example.com:65536",
    "https://app.example.com:",
    "https://user@app.example.com",
    "https://app.example.com?x",
    "https://app..example.com",
    "https://app.example.com.",
    "https://bücher.example",
    "https://",
    "https://a.example https://b.example",
    "https://a.example;https://b.example",
    "https://a.example\nhttps://b.example",
    "ftp://a.example",
    "file://",
    "*,https://a.example",
    "**",
    "https://a.example,x",
    ",".join(f"https://a{number}.example" for number in range(65)),
    f"{LONG}a",
]
DOMAINS = [
    "",
    " ",
    "api.example.com",
    " api.example.com, ml.example.co.uk,",
    "a.io",
    "xn--bcher-kva.example",
    "1-2.example.com",
    "api.xn--p1ai",
    ",".join(f"a{number}.example" for number in range(16)),
    ".".join(["a" * 63] * 3 + ["a" * 56]),
]
NO_DOMAINS = [
    "https://api.example.com",
    "api.example.com/",
    "api.example.com/ml",
    "api.example.com:8443",
    "API.example.com",
    "localhost",
    "*.example.com",
    "*",
    "api..example.com",
    ".example.com",
    "api.example.com.",
    "-api.example.com",
    "api-.example.com",
    "127.0.0.1",
    "[::1]",
    "bücher.example",
    "a_b.example.com",
    "api.example.com ml.example.com",
    "api.example.com\nml.example.com",
    "user@api.example.com",
    "api.example.com,x",
    ",".join(f"a{number}.example" for number in range(17)),
    ".".join(["a" * 63] * 4),
    "a" * 64 + ".example",
]
BASE_PATHS = ["", "/ml", "/v1", "/team/ml", "/a.b_c~d-e", "/ML", "/" + "a" * 255]
NO_BASE_PATHS = [
    "ml",
    "/",
    "/ml/",
    "//ml",
    "/ml//x",
    "/ml?x",
    "/m l",
    "/ml#x",
    "/m%6C",
    "/.",
    "/..",
    "/ml/../x",
    "/mül",
    "https://api.example.com/ml",
    "/ml\n",
    "/{x}",
    "/" + "a" * 256,
]
ADDRESSES = [
    "",
    "https://docs.example.com",
    "https://docs.example.com/",
    "https://someone.github.io/serverless-ml",
    "https://docs.example.com:8443/a/b.c/v1_2~x-y/",
    "https://Docs.example.com/ML",
    "https://" + "a" * 248,
]
NO_ADDRESSES = [
    "docs.example.com",
    "/documentation",
    "http://docs.example.com",
    "HTTPS://docs.example.com",
    "javascript:alert(1)",
    "https://",
    "https:///docs",
    "https://user@docs.example.com",
    "https://docs.example.com/?page=",
    "https://docs.example.com/#top",
    "https://docs.example.com//ml",
    "https://docs.example.com/a b",
    "https://docs.example.com/%2e%2e",
    'https://docs.example.com/"onload="x',
    "https://docs.example.com:0",
    "https://docs..example.com",
    "https://docs.example.com/ml\nx",
    "https://" + "a" * 249,
]


def service_of(**provider: str) -> Service:
    return Service("s", "dev", "google", ROOT, dict(provider), {}, [])


def domains_fault(text: str) -> str:
    try:
        web_of(service_of(customDomains=text))
    except DeploymentFailed as refused:
        return str(refused).removeprefix("customDomains: ")
    return ""


@pytest.mark.parametrize("text", ORIGINS)
def test_what_is_a_list_of_origins_is_taken(text: str) -> None:
    assert origins_fault(text) == ""
    assert read_settings({"ML_CORS_ORIGINS": text}).cors_origins == text.strip()
    origins = web_of(service_of(corsOrigins=text)).origins
    assert list(origins) == list(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    assert origins_fault(web_of(service_of(corsOrigins=text)).settings["ML_CORS_ORIGINS"]) == ""


@pytest.mark.parametrize("text", NO_ORIGINS)
def test_what_is_none_is_one_clear_line(text: str) -> None:
    with pytest.raises(SettingInvalid, match=r"^ML_CORS_ORIGINS: expected .*, got ") as raised:
        read_settings({"ML_CORS_ORIGINS": text})
    with pytest.raises(DeploymentFailed) as refused:
        web_of(service_of(corsOrigins=text))
    assert str(refused.value) == str(raised.value).replace("ML_CORS_ORIGINS", "corsOrigins")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", DOMAINS)
def test_what_is_a_list_of_domains_is_taken_as_the_origins_of_the_services_own_pages(text: str) -> None:
    web = web_of(service_of(customDomains=text))
    assert web.own == tuple(f"https://{each.strip()}" for each in text.split(",") if each.strip())
    assert origins_fault(",".join(web.own)) == "", "as browsers send them"
    assert web.settings == Web((), "").settings, "their pages need no leave to call"


@pytest.mark.parametrize("text", NO_DOMAINS)
def test_what_is_no_domain_is_one_clear_line(text: str) -> None:
    with pytest.raises(DeploymentFailed, match=r"^customDomains: expected .*, got ") as refused:
        web_of(service_of(customDomains=text))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", BASE_PATHS)
def test_what_is_a_base_path_is_taken(text: str) -> None:
    assert base_path_fault(text) == ""
    assert read_settings({"ML_BASE_PATH": text}).base_path == text
    assert web_of(service_of(basePath=text)) == Web((), text)


@pytest.mark.parametrize("text", [each for each in NO_BASE_PATHS if each == each.strip()])
def test_what_is_no_base_path_is_one_clear_line(text: str) -> None:
    with pytest.raises(SettingInvalid, match=r"^ML_BASE_PATH: expected .*, got ") as raised:
        read_settings({"ML_BASE_PATH": text})
    with pytest.raises(DeploymentFailed) as refused:
        web_of(service_of(basePath=text))
    assert str(refused.value) == str(raised.value).replace("ML_BASE_PATH", "basePath")


@pytest.mark.parametrize("text", ADDRESSES)
def test_what_is_an_address_of_the_documentation_is_taken(text: str) -> None:
    assert documentation_fault(text) == ""
    assert read_settings({"ML_DOCUMENTATION": text}).documentation == text
    web = web_of(service_of(documentation=text))
    assert web == Web((), "", documentation=text)
    assert web.settings["ML_DOCUMENTATION"] == text


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_of_the_documentation_is_one_clear_line(text: str) -> None:
    with pytest.raises(SettingInvalid, match=r"^ML_DOCUMENTATION: expected .*, got ") as raised:
        read_settings({"ML_DOCUMENTATION": text})
    with pytest.raises(DeploymentFailed) as refused:
        web_of(service_of(documentation=text))
    assert str(refused.value) == str(raised.value).replace("ML_DOCUMENTATION", "documentation")
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(which("node") is None, reason="Node is not installed")
def test_the_frameworks_file_says_the_same() -> None:
    program = (
        "const web = require('./providers/aws/web.js');"
        "const [origins, domains, paths, addresses] = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify([origins.map(web.originsFault), domains.map(web.domainsFault),"
        " paths.map(web.basePathFault), addresses.map(web.documentationFault)]));"
    )
    texts = [ORIGINS + NO_ORIGINS, DOMAINS + NO_DOMAINS, BASE_PATHS + NO_BASE_PATHS, ADDRESSES + NO_ADDRESSES]
    said = subprocess.run(
        ["node", "-e", program], input=json.dumps(texts), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    of_ours = (origins_fault, domains_fault, base_path_fault, documentation_fault)
    for given, faults, of in zip(texts, json.loads(said), of_ours, strict=True):
        for text, fault in zip(given, faults, strict=True):
            # The quotes and what JavaScript counts as a character are its own.
            assert fault.partition(", got")[0] == of(text).partition(", got")[0], text
