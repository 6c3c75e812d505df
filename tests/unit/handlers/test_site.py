"""The documentation's site on a laptop: the files of one folder, and nothing else of the machine."""

import os
import re
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from handlers.local import site
from handlers.local.server import _server
from handlers.local.site import SiteFiles
from handlers.rest.http import Request
from handlers.services import Services
from tests.unit.handlers.conftest import services_over

SECRET = b"what is outside of the site"
SCRIPT = "if (1 < 2 && '&amp;') start()"
PAGE = f"""<!doctype html><title>first</title><link rel="stylesheet" href="./a.css">
<script>{SCRIPT}</script><script id="__config" type="application/json">{{"base":"."}}</script>
<script src="./a.js"></script><p style="color: red">"""
FILES = {
    "index.html": PAGE,
    "404.html": "<!doctype html><title>missing</title>",
    "docs/reference/errors.html": "<!doctype html><title>errors</title>",
    "docs/index.html": "<!doctype html><title>docs</title>",
    "a.css": "p {}",
    "a.js": "start = () => {}",
    "search.json": "{}",
    "sitemap.xml": "<urlset/>",
    "picture.svg": "<svg/>",
    "picture.png": "PNG",
    "letters.woff2": "wOF2",
    "what.ever": "?",
    ".hidden": "hidden",
    ".git/config": "hidden",
}
TYPES = {
    "": "text/html; charset=utf-8",
    "index.html": "text/html; charset=utf-8",
    "docs/": "text/html; charset=utf-8",
    "docs/reference/errors.html": "text/html; charset=utf-8",
    "a.css": "text/css; charset=utf-8",
    "a.js": "text/javascript; charset=utf-8",
    "search.json": "application/json",
    "sitemap.xml": "application/xml",
    "picture.svg": "image/svg+xml",
    "picture.png": "image/png",
    "letters.woff2": "font/woff2",
    "what.ever": "application/octet-stream",
}
OUTSIDE = [
    "../secret.txt",
    "docs/../../secret.txt",
    "docs/../index.html",
    "./index.html",
    "docs/./index.html",
    "..",
    "../",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "%252e%252e%252fsecret.txt",
    "..%5csecret.txt",
    "..\\secret.txt",
    "docs\\..\\..\\secret.txt",
    "%00",
    "index.html%00",
    "index.html%00.css",
    "index.html%0a",
    "/index.html",
    "//index.html",
    "docs//index.html",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "C:/secret.txt",
    "file:secret.txt",
    ".hidden",
    ".git/config",
    "%2egit/config",
    "link-to-file.txt",
    "link-to-folder/secret.txt",
    "docs/link-up/secret.txt",
    "loop",
    "broken",
    "pipe",
    "docs",
    "index.html/",
    "index.html/x",
    "a" * 5000,
    "%ff%fe",
    "nowhere.html",
]


class Sent(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site, with a secret beside it to which links of every kind lead."""
    built = tmp_path / "built" / "site"
    for name, text in FILES.items():
        (built / name).parent.mkdir(parents=True, exist_ok=True)
        (built / name).write_text(text)
    outside = tmp_path / "outside"
    outside.mkdir()
    for place in (outside, built.parent):
        (place / "secret.txt").write_bytes(SECRET)
    (built / "link-to-file.txt").symlink_to(outside / "secret.txt")
    (built / "link-to-folder").symlink_to(outside)
    (built / "docs" / "link-up").symlink_to("../..")
    (built / "loop").symlink_to("loop")
    (built / "broken").symlink_to("nothing")
    os.mkfifo(built / "pipe")
    return built


@contextmanager
def serving(services: Services, folder: str) -> Iterator[int]:
    """The laptop's server with that site; its port."""
    server = _server(services, "127.0.0.1", 0, folder)
    running = threading.Thread(target=server.run, daemon=True)
    running.start()
    try:
        yield server.port
    finally:
        server.stop()
        running.join(60)


def asked(port: int, path: str, method: str = "GET", **headers: str) -> Sent:
    """An answer to a target as it stands: clients would tidy it up."""
    named = {"Host": f"127.0.0.1:{port}", "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        with connection.makefile("rb") as file:
            answer = file.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *told = head.decode().split("\r\n")
    return Sent(
        int(first.split()[1]),
        {name.lower(): value for name, value in (line.split(": ", 1) for line in told)},
        body,
    )


@pytest.mark.parametrize("base", ["", "/ml"])
def test_a_file_is_sent_as_what_it_is(tmp_path: Path, folder: Path, base: str) -> None:
    settings = {"ML_BASE_PATH": base} if base else {}
    with serving(services_over(tmp_path / "root", **settings), str(folder)) as port:
        for before in {"", base}:
            for name, kind in TYPES.items():
                sent = asked(port, f"{before}/documentation/{name}")
                file = f"{name}index.html" if name in ("", "docs/") else name
                assert (sent.status, sent.headers["content-type"]) == (200, kind), name
                assert sent.body == (folder / file).read_bytes()
                assert sent.headers["x-content-type-options"] == "nosniff"
            moved = asked(port, f"{before}/documentation")
            assert (moved.status, moved.headers["location"]) == (308, f"{before}/documentation/")


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_else_is_sent_whatever_is_asked_for(tmp_path: Path, folder: Path, name: str) -> None:
    with serving(services_over(tmp_path / "root"), str(folder)) as port:
        sent = asked(port, f"/documentation/{name}")
        assert sent.status in (400, 404), sent
        assert SECRET not in sent.body
        assert b"hidden" not in sent.body
        assert b"first" not in sent.body
        assert asked(port, "/documentation/").status == 200, "it goes on"


def test_a_link_within_the_site_and_one_to_the_site_are_followed(tmp_path: Path, folder: Path) -> None:
    (folder / "same.html").symlink_to("index.html")
    (tmp_path / "linked").symlink_to(folder)
    with serving(services_over(tmp_path / "root"), str(tmp_path / "linked")) as port:
        assert asked(port, "/documentation/same.html").body == PAGE.encode()


def test_a_page_runs_its_own_scripts_and_no_others(tmp_path: Path, folder: Path) -> None:
    with serving(services_over(tmp_path / "root"), str(folder)) as port:
        policy = asked(port, "/documentation/").headers["content-security-policy"]
        of_style = asked(port, "/documentation/a.css").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    hashes = [
        f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
        for text in re.findall(r"<script(?! src)[^>]*>(.*?)</script>", PAGE)
    ]
    assert rules["script-src"].split() == ["'self'", *hashes]
    assert len(hashes) == 2
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & {*rules["script-src"].split()}
    assert "sha256" not in of_style


def test_what_is_not_there_is_the_sites_own_page_or_a_problem(tmp_path: Path, folder: Path) -> None:
    with serving(services_over(tmp_path / "root"), str(folder)) as port:
        missing = asked(port, "/documentation/nowhere.html")
        assert (missing.status, missing.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert b"missing" in missing.body
        (folder / "404.html").unlink()
        assert b'"code":"route_not_found"' in asked(port, "/documentation/nowhere.html").body


def test_only_the_site_is_below_its_path_and_is_only_read(tmp_path: Path, folder: Path) -> None:
    with serving(services_over(tmp_path / "root"), str(folder)) as port:
        for path in ("/documentationx", "/documentation.html", "/Documentation/", "/x/documentation/"):
            sent = asked(port, path)
            assert (sent.status, b"route_not_found" in sent.body) == (404, True), path
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert asked(port, "/documentation/", method, Content_Length="0").status == 404
        head = asked(port, "/documentation/", "HEAD")
        assert (head.status, head.headers["content-length"], head.body) == (200, str(len(PAGE)), b"")
        tag = asked(port, "/documentation/").headers["etag"]
        known = asked(port, "/documentation/", If_None_Match=tag)
        assert (known.status, known.body) == (304, b"")


def test_no_page_of_another_site_reads_it(tmp_path: Path, folder: Path) -> None:
    with serving(services_over(tmp_path / "root"), str(folder)) as port:
        assert asked(port, "/documentation/", Origin="https://evil.example").status == 403
        assert asked(port, "/documentation/", Host=f"evil.example:{port}").status == 403


def test_without_a_site_its_path_is_none(tmp_path: Path) -> None:
    with serving(services_over(tmp_path / "root"), "") as port:
        for path in ("/documentation", "/documentation/", "/documentation/index.html"):
            assert b"route_not_found" in asked(port, path).body


def test_a_folder_is_a_site_once_its_first_page_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.FOLDER.endswith(os.path.join("", "build", "site"))
    monkeypatch.setattr(site, "FOLDER", str(tmp_path))
    assert site.site_folder() == ""
    (tmp_path / "index.html").write_text(PAGE)
    assert site.site_folder() == str(tmp_path)


@pytest.mark.parametrize(
    ("method", "path", "base", "concerned"),
    [
        ("GET", "/documentation", "", True),
        ("HEAD", "/documentation/a.css", "", True),
        ("GET", "/ml/documentation/a.css", "/ml", True),
        ("GET", "/ml/documentation/a.css", "", False),
        ("POST", "/documentation/", "", False),
        ("GET", "/documentations", "", False),
    ],
)
def test_whose_path_it_is(tmp_path: Path, method: str, path: str, base: str, concerned: bool) -> None:
    pages = SiteFiles(str(tmp_path), services_over(tmp_path).gate, base)
    assert pages.concerns(Request(method, path, {}, {}, b"", "r1")) is concerned
