"""What of a built site leads nowhere, or to another server."""

from pathlib import Path

import pytest

from documenting.built import broken

PAGE = '<h1 id="a">A</h1><a href="b.html#c">b</a><img src="d.png"><a href="https://example.com">e</a>'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "b.html").write_text('<h1 id="c">C</h1><a href="index.html#a">a</a>', encoding="utf-8")
    (tmp_path / "d.png").write_bytes(b"")
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    return tmp_path


def test_a_whole_site_has_nothing_broken(site: Path) -> None:
    assert broken(site) == []


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<a href="no.html">', "no.html: there is no such file"),
        ('<a href="b.html#no">', "b.html#no: there is no such anchor"),
        ('<a href="#no">', "#no: there is no such anchor"),
        ('<img src="no.png">', "no.png: there is no such file"),
        ('<a href="./">', "./: there is no such file"),
        ('<a href="../b.html">', "../b.html: leads out of the site"),
        ('<a href="/b.html">', "/b.html: leads out of the site"),
        (
            '<script src="https://example.com/x.js"></script>',
            "https://example.com/x.js: is fetched from another server",
        ),
        (
            '<link rel="stylesheet" href="//example.com/x.css">',
            "//example.com/x.css: is fetched from another server",
        ),
        ('<img src="http://example.com/x.png">', "http://example.com/x.png: is fetched from another server"),
    ],
)
def test_what_is_broken_is_told_with_its_page(site: Path, html: str, said: str) -> None:
    (site / "index.html").write_text(PAGE + html, encoding="utf-8")
    assert broken(site) == [f"index.html: {said}"]
