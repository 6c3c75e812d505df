"""Which service is asked, and with which key: profiles, the environment and the options."""

import os
import stat
from pathlib import Path

import pytest
from serverless_ml import BadConnection, connection, profiles
from serverless_ml.profiles import Profile

from client.tests.command_line.conftest import Guarded
from client.tests.command_line.running import on_terminal, run
from client.tests.service import ROOT, Service

URL, KEY, PROFILE = connection.URL, connection.KEY, connection.PROFILE
DEV, PROD = "https://dev.example", "https://prod.example/stage"


def asked(
    url: str | None = None,
    key: str | None = None,
    profile: str | None = None,
    **said: str,
) -> tuple[str, str | None]:
    """The address and the header that the service is asked with."""
    found = connection.connection(url, key, profile, environment=said)
    return found.url, None if found.key is None else found.key.header().removeprefix("Bearer ")


@pytest.fixture
def kept() -> None:
    """Two profiles, of which `dev` is the current one."""
    profiles.write(Profile("prod", PROD, "of-prod"))
    profiles.write(Profile("dev", DEV, "of-dev"))


@pytest.mark.usefixtures("kept")
def test_the_first_that_names_an_address_decides() -> None:
    assert asked() == (DEV, "of-dev")
    assert asked(**{PROFILE: "prod"}) == (PROD, "of-prod")
    assert asked(profile="prod", **{PROFILE: "dev"}) == (PROD, "of-prod")
    assert asked(**{URL: "https://env.example", KEY: "of-env"}) == ("https://env.example", "of-env")
    assert asked(profile="prod", **{URL: "https://env.example", KEY: "of-env"}) == (PROD, "of-prod")
    assert asked("https://arg.example", "of-arg", **{URL: DEV, KEY: "of-env"}) == (
        "https://arg.example",
        "of-arg",
    )
    with pytest.raises(BadConnection, match="no profile 'gone'"):
        asked(profile="gone")


@pytest.mark.usefixtures("kept")
def test_no_key_crosses_from_one_place_to_another() -> None:
    other = "https://other.example"
    assert asked(other) == (other, None), "the profile's key is for the profile's address"
    assert asked(other, **{URL: PROD, KEY: "of-env"}) == (other, None)
    assert asked(other, profile="prod") == (other, None)
    assert asked(**{URL: other}) == (other, None)
    assert asked(**{KEY: "of-env"}) == (DEV, "of-dev"), "a key without an address is for no profile"
    assert asked(profile="prod", **{KEY: "of-env"}) == (PROD, "of-prod")
    for near in (
        "http://dev.example",
        "https://dev.example:8443",
        "https://dev.example.evil",
        "https://ev.example",
    ):
        assert asked(near) == (near, None)


@pytest.mark.usefixtures("kept")
def test_a_key_goes_to_its_own_service_however_that_is_written() -> None:
    for same in ("https://DEV.example", "https://dev.example:443/", "https://dev.example/v"):
        assert asked(same)[1] == "of-dev"
    assert asked(PROD + "/", profile="prod") == (PROD, "of-prod")
    assert asked(DEV + "/", **{URL: DEV, KEY: "of-env"}) == (DEV, "of-env")
    assert asked(DEV, "of-arg") == (DEV, "of-arg")
    assert asked(key="of-arg") == (DEV, "of-arg"), "both are of one command"
    assert asked("https://ci.example", **{KEY: "of-env"}) == ("https://ci.example", "of-env")


def test_a_service_that_is_only_looked_for_gets_no_key_of_the_environment() -> None:
    assert asked(**{KEY: "of-env"}) == (connection.LOCAL, None)


def test_a_profile_that_nobody_asked_for_is_in_nobodys_way() -> None:
    place = profiles.write(Profile("dev", DEV, "of-dev"))
    place.chmod(0o644)
    assert asked("https://other.example") == ("https://other.example", None)
    with pytest.raises(profiles.ProfileError, match="chmod 600"):
        asked("https://other.example", profile="dev")


def test_login_keeps_what_was_tried_and_shows_no_key(guarded: Guarded) -> None:
    said = ("--url", guarded.url, "--key-stdin")
    ran = run("login", *said, stdin=b"wrong\n")
    assert (ran.code, ran.out) == (4, "")
    assert profiles.names() == [], "what does not work is not kept"
    ran = run("login", *said, "--profile", "there", "--json", stdin=guarded.admin.encode() + b"\n")
    assert ran.code == 0, ran.err
    assert ran.json == {"profile": "there", "url": guarded.url, "key": True}
    assert guarded.admin not in ran.out + ran.err
    assert stat.S_IMODE(profiles.path().stat().st_mode) == 0o600
    ran = run("login", *said, "--profile", "none", stdin=b"\n")
    assert ran.code == 4, "no key is tried where none is said, whatever else is known"
    assert run("jobs").code == 0
    ran = run("profiles")
    assert ran.cells == [["there", guarded.url, "key", "*"]]
    assert run("logout").cells == [["removed", "there"]]
    ran = run("logout")
    assert (ran.code, ran.out) == (8, "")
    assert guarded.admin not in profiles.path().read_text()


def test_login_asks_on_a_terminal_and_hides_the_key(guarded: Guarded) -> None:
    typed = {"address of the service": guarded.url + "\n", "key for": guarded.admin + "\n"}
    ran = on_terminal("login", typed=typed)
    assert ran.code == 0, ran.out
    assert guarded.url in ran.out
    assert guarded.admin not in ran.out
    assert profiles.read() == Profile("default", guarded.url, guarded.admin)


def test_login_without_a_terminal_says_what_to_say() -> None:
    ran = run("login")
    assert ran.code == 2
    assert "--url" in ran.err
    ran = run("login", "--url", "http://127.0.0.1:9")
    assert ran.code == 2
    assert "--key-stdin" in ran.err


def test_a_home_that_cannot_be_written_is_told(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    ran = run("login", "--url", service.url, "--key-stdin", environment={"XDG_CONFIG_HOME": str(file)})
    assert ran.code == 8
    assert "Traceback" not in ran.err
    if os.getuid():  # root may write everywhere
        tmp_path.chmod(0o500)
        environment = {"XDG_CONFIG_HOME": str(tmp_path / "new")}
        assert run("login", "--url", service.url, "--key-stdin", environment=environment).code == 8
        tmp_path.chmod(0o700)


def test_profiles_that_cannot_be_read_are_told(service: Service) -> None:
    place = profiles.write(Profile("dev", service.url, "sk-secret"))
    place.write_text("current = 'dev'\n[profiles.dev]\nkey = 'sk-secret'\n")
    ran = run("models")
    assert (ran.code, ran.out) == (8, "")
    assert str(place) in ran.err
    assert "sk-secret" not in ran.err


def test_tables_are_drawn_on_a_terminal_alone(service: Service, churn: str) -> None:
    drawn = on_terminal("versions", churn, url=service.url)
    assert drawn.code == 0, drawn.out
    assert "\x1b[" in drawn.out
    assert "accuracy" in drawn.out
    plain = on_terminal("versions", churn, url=service.url, environment={"NO_COLOR": "1"})
    assert "accuracy" in plain.out
    assert "\x1b[3" not in plain.out
    piped = run("versions", churn, url=service.url)
    assert "\x1b" not in piped.out
    assert "accuracy" not in piped.out


def test_progress_is_drawn_on_a_terminal_alone(service: Service) -> None:
    file = ROOT / "examples" / "churn.csv"
    drawn = on_terminal("train", file, "--target", "churned", "--model", "drawn", url=service.url)
    assert drawn.code == 0, drawn.out
    assert "\r\x1b[K" in drawn.out or "\x1b[K" in drawn.out
    assert "drawn  " in drawn.out
    ran = run("train", file, "--target", "churned", "--model", "drawn", url=service.url)
    assert "\x1b" not in ran.out + ran.err
    assert ran.cells[0] == ["model", "drawn"]


def test_the_shell_completes_names_and_never_fails(service: Service, churn: str) -> None:
    words = {"COMP_WORDS": f"serverless-ml versions {churn[:2]}", "COMP_CWORD": "2"}
    bash = {**words, "_SERVERLESS_ML_COMPLETE": "complete_bash"}
    assert run(url=service.url, environment=bash).out.split() == [churn]
    ran = run(url="http://127.0.0.1:9", environment=bash)
    assert (ran.code, ran.out.strip(), ran.err) == (0, "", "")
    bash = {**bash, "COMP_WORDS": "serverless-ml pre", "COMP_CWORD": "1"}
    assert run(environment=bash).out.split() == ["predict"]
    for shell in ("bash", "zsh", "fish"):
        ran = run(
            "--show-completion", shell, environment={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
        )
        assert ran.code == 0, ran.err
        assert "_SERVERLESS_ML_COMPLETE" in ran.out


def test_a_key_is_told_what_it_may(guarded: Guarded) -> None:
    told = run("whoami", "--url", guarded.url, "--key", guarded.predict)
    members = dict(line.split("\t") for line in told.out.splitlines())
    assert members.pop("key")
    assert members == {
        "url": guarded.url,
        "roles": "predict",
        "rights": "predict,schema",
        "models": "*",
        "datasets": "*",
        "expires": "",
    }
    shown = on_terminal("whoami", "--url", guarded.url, "--key", guarded.admin)
    assert "admin" in shown.out
    assert "never" in shown.out
