"""Origins and base paths: a function, both kinds of deployer and the framework's file take the same texts."""

import json
import os
import subprocess
from shutil import which

import pytest

from handlers.settings import SettingInvalid, read_settings
from handlers.web import base_path_fault, origins_fault
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


def service_of(**provider: str) -> Service:
    return Service("s", "dev", "google", ROOT, dict(provider), {}, [])


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


@pytest.mark.skipif(which("node") is None, reason="Node is not installed")
def test_the_frameworks_file_says_the_same() -> None:
    program = (
        "const web = require('./providers/aws/web.js');"
        "const [origins, paths] = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify([origins.map(web.originsFault), paths.map(web.basePathFault)]));"
    )
    texts = [ORIGINS + NO_ORIGINS, BASE_PATHS + NO_BASE_PATHS]
    said = subprocess.run(
        ["node", "-e", program], input=json.dumps(texts), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for given, faults, of in zip(texts, json.loads(said), (origins_fault, base_path_fault), strict=True):
        for text, fault in zip(given, faults, strict=True):
            # The quotes and what JavaScript counts as a character are its own.
            assert fault.partition(", got")[0] == of(text).partition(", got")[0], text
