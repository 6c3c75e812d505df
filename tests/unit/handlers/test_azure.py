"""Azure's requests, as its worker hands them over."""

from urllib.parse import urlsplit

import pytest

func = pytest.importorskip("azure.functions")

from handlers.clouds.azure import from_azure  # noqa: E402


def _path_and_query(url: str) -> tuple[str, dict[str, str]]:
    read = from_azure(func.HttpRequest("GET", url, body=b""), "r1")
    return read.path, read.query


@pytest.mark.parametrize("host", ["a\u2100b.net", "[::1", "a]b", "\uff0fx", "a@b:c", ""])
def test_any_host_leads_to_its_path(host: str) -> None:
    """`urlsplit` raises for some of them: U+2100 becomes `a/c` when it is normalised."""
    assert _path_and_query(f"https://{host}/v1/models?limit=1#x") == ("/v1/models", {"limit": "1"})


@pytest.mark.parametrize(
    "url",
    [
        "https://a.net",
        "https://a.net/",
        "https://a.net?limit=1",
        "https://a.net/?limit=1",
        "https://a.net/v1/models?x=a?b&y=/z://",
        "https://a.net/v1#a?b",
        "https://a.net//v1//models",
        "https://a.net:443/v1/models/a%2Fb?x=%20",
    ],
)
def test_it_is_what_the_standard_library_finds(url: str) -> None:
    path, query = _path_and_query(url)
    found = urlsplit(url)
    assert path == (found.path.replace("%2F", "/") or "/")
    assert ("x" in query or "limit" in query) == bool(found.query)
