"""Which service is asked, and with which key."""

import pickle
import pprint
import warnings

import pytest
from serverless_ml import BadConnection, Client, profiles
from serverless_ml.connection import KEY, LOCAL, PROFILE, URL, Connection, connection
from serverless_ml.errors import UnencryptedWarning

from client.tests.misbehaving import Misbehaving, Says

SECRET = "sml_0123_do-not-tell"


def said(found: Connection) -> tuple[str, str | None]:
    return found.url, None if found.key is None else found.key.header()


def test_an_argument_comes_before_the_environment() -> None:
    environment = {URL: "https://other", KEY: "other"}
    assert said(connection("https://host", SECRET, environment=environment)) == (
        "https://host",
        f"Bearer {SECRET}",
    )
    assert said(connection(environment=environment)) == ("https://other", "Bearer other")
    assert said(connection(key=SECRET, environment=environment)) == ("https://other", f"Bearer {SECRET}")


def test_a_key_of_the_environment_is_for_its_address_alone() -> None:
    environment = {URL: "https://other/ml", KEY: "other"}
    assert connection("https://host", environment=environment).key is None
    assert connection("http://other", environment=environment).key is None
    assert said(connection("https://other:443/b", environment=environment)) == (
        "https://other:443/b",
        "Bearer other",
    )
    assert said(connection("https://host", environment={KEY: "other"})) == ("https://host", "Bearer other")
    assert connection(environment={KEY: "other"}).key is None


def test_a_key_of_a_profile_is_for_its_address_alone() -> None:
    profiles.write(profiles.Profile("dev", "https://dev", "of-dev"))
    profiles.write(profiles.Profile("prod", "https://prod", "of-prod"))
    environment = {KEY: "other"}
    assert said(connection(environment=environment)) == ("https://prod", "Bearer of-prod")
    assert said(connection(profile="dev", environment=environment)) == ("https://dev", "Bearer of-dev")
    assert said(connection(environment={PROFILE: "dev"})) == ("https://dev", "Bearer of-dev")
    assert said(connection(key="k", profile="dev", environment={})) == ("https://dev", "Bearer k")
    assert said(connection("https://prod/", environment={})) == ("https://prod", "Bearer of-prod")
    assert connection("https://dev", environment={}).key is None
    assert said(connection("https://dev", profile="dev", environment={})) == ("https://dev", "Bearer of-dev")
    both = {URL: "https://other", KEY: "other"}
    assert said(connection(environment=both)) == ("https://other", "Bearer other")
    assert said(connection(profile="dev", environment=both)) == ("https://dev", "Bearer of-dev")
    with pytest.raises(BadConnection, match="'test'"):
        connection(profile="test", environment=both)


def test_without_anything_it_is_this_machine() -> None:
    assert connection(environment={}) == Connection(LOCAL, None, found=True)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://host", "https://host"),
        ("https://host/", "https://host"),
        (" https://host/ml// ", "https://host/ml"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("HTTPS://Host/Ml", "https://Host/Ml"),
    ],
)
def test_what_does_not_matter_in_an_address_is_left_out(url: str, found: str) -> None:
    assert connection(url, environment={}).url == found


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "ftp://host",
        "https://",
        "https://host:99999",
        "https://user:pw@host",
        "https://host?a=b",
        "https://host#x",
        "https://[::1",
        "//host",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadConnection) as caught:
        connection(url, environment={})
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("key", ["a b", "a\nb", "schlüssel", "a\x00"])
def test_what_is_no_key_is_refused_without_telling_it(key: str) -> None:
    with pytest.raises(BadConnection) as caught:
        connection("https://host", key, environment={})
    assert key not in str(caught.value)


def test_a_key_is_shown_nowhere() -> None:
    found = connection("https://host", SECRET, environment={})
    with Client("https://host", key=SECRET) as client:
        shown = [repr(found), str(found.key), repr(client), pprint.pformat(vars(client)), f"{found!r:>200}"]
        shown += [repr(vars(client._requests)), repr(client.model("churn")), repr(client.dataset("churn"))]
    assert not any(SECRET in each for each in shown)
    with pytest.raises(TypeError):
        pickle.dumps(found.key)


@pytest.mark.parametrize(
    ("url", "open_"),
    [
        ("http://host", True),
        ("http://10.0.0.1:8080", True),
        ("http://127.0.0.1.example.com", True),
        ("https://host", False),
        ("http://localhost:8080", False),
        ("http://127.0.0.2", False),
        ("http://[::1]:1", False),
    ],
)
def test_a_key_that_others_can_read_is_warned_of(url: str, open_: bool) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Client(url, key=SECRET).close()
        Client(url).close()
    assert [each.category for each in told] == [UnencryptedWarning] * open_
    assert not any(SECRET in str(each.message) for each in told)


def test_where_no_service_answers_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with Misbehaving() as other:
        other.always = Says(200, b"<html>another program</html>")
        monkeypatch.setattr("serverless_ml.connection.LOCAL", other.url)  # where `make serve` would be
        monkeypatch.setattr("serverless_ml._sync.requests.LOCAL", other.url)
        with Client(key=SECRET, retries=0) as client, pytest.raises(BadConnection) as caught:
            client.models()
        assert all("authorization" not in came.headers for came in other.came)
    for what in ("SERVERLESS_ML_URL", "serverless-ml login", "make serve"):
        assert what in str(caught.value)


def test_a_service_on_this_machine_is_found(monkeypatch: pytest.MonkeyPatch, ml: Client, fruit: str) -> None:
    monkeypatch.setattr("serverless_ml.connection.LOCAL", ml.url)
    monkeypatch.setattr("serverless_ml._sync.requests.LOCAL", ml.url)
    with Client() as client:
        assert fruit in client.models()
