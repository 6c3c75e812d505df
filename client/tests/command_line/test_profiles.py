"""Profiles on disk: who may read them, and what is refused."""

import os
import stat
import sys
from pathlib import Path

import pytest
from serverless_ml import profiles
from serverless_ml.profiles import Profile, ProfileError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of configuration that nobody has used."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_nothing_is_there_at_first() -> None:
    assert profiles.read() is None
    assert profiles.read("prod") is None
    assert profiles.names() == []
    assert not profiles.path().parent.exists(), "reading makes no folder"


def test_a_profile_is_read_as_it_was_written_by_its_user_alone() -> None:
    place = profiles.write(Profile("dev", "https://dev.example", "sk-1"))
    profiles.write(Profile("prod", "https://prod.example", None), choose=False)
    assert profiles.read() == Profile("dev", "https://dev.example", "sk-1")
    assert profiles.read("prod") == Profile("prod", "https://prod.example", None)
    assert profiles.names() == ["dev", "prod"]
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert [each.name for each in place.parent.iterdir()] == ["profiles.toml"], "no temporary file is left"


def test_a_key_is_in_no_repr() -> None:
    assert "sk-secret" not in repr(Profile("dev", "https://dev.example", "sk-secret"))


def test_the_current_one_is_chosen_and_removed() -> None:
    profiles.write(Profile("dev", "https://dev.example", "a"))
    profiles.write(Profile("prod", "https://prod.example", "b"))
    assert profiles.current() == "prod"
    profiles.choose("dev")
    assert profiles.current() == "dev"
    assert profiles.remove() == "dev"
    assert profiles.read() is None, "no other becomes current by itself: its service would be asked unawares"
    assert profiles.names() == ["prod"]
    with pytest.raises(ProfileError, match=r"no profile is the current one.*prod"):
        profiles.remove()
    with pytest.raises(ProfileError, match="there is no profile 'dev'"):
        profiles.choose("dev")


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 65])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ProfileError, match="expected a profile's name"):
        profiles.write(Profile(name, "https://dev.example"))


def test_a_file_that_others_may_read_is_refused() -> None:
    place = profiles.write(Profile("dev", "https://dev.example", "a"))
    place.chmod(0o640)
    with pytest.raises(ProfileError, match="chmod 600"):
        profiles.read()
    with pytest.raises(ProfileError, match="chmod 600"):
        profiles.write(Profile("prod", "https://prod.example", "b"))


def test_a_folder_that_others_may_write_into_is_refused() -> None:
    place = profiles.write(Profile("dev", "https://dev.example", "a"))
    place.parent.chmod(0o770)
    with pytest.raises(ProfileError, match="chmod 700"):
        profiles.read()


def test_a_link_is_refused_and_not_written_through(home: Path) -> None:
    place = profiles.write(Profile("dev", "https://dev.example", "a"))
    elsewhere = home / "elsewhere.toml"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    with pytest.raises(ProfileError, match="is a link"):
        profiles.read()
    with pytest.raises(ProfileError, match="is a link"):
        profiles.write(Profile("prod", "https://prod.example", "b"))
    assert "prod" not in elsewhere.read_text()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_refused() -> None:
    place = profiles.write(Profile("dev", "https://dev.example", "a"))
    os.chown(place, 12345, 12345)
    with pytest.raises(ProfileError, match="belongs to another user"):
        profiles.read()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("current = ", "cannot be read"),
        ("profiles = 3", "tables"),
        ("[profiles]\ndev = 3", "profiles.dev to be a table"),
        ("[profiles.dev]\nkey = 'sk-secret'", "profiles.dev to have a `url`"),
        ("[profiles.dev]\nurl = 'https://dev.example'\nkey = 3", "profiles.dev"),
        (b"\xff", "cannot be read"),
    ],
)
def test_what_is_no_profile_is_told_without_what_it_holds(content: str | bytes, why: str) -> None:
    place = profiles.write(Profile("dev", "https://dev.example", "a"))
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ProfileError, match=why) as caught:
        profiles.read()
    assert str(place) in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_a_current_one_that_is_not_there_is_none() -> None:
    place = profiles.write(Profile("dev", "https://dev.example", "a"))
    place.write_text("current = 'gone'\n" + place.read_text().partition("\n")[2])
    assert profiles.read() is None
    assert profiles.names() == ["dev"]


def test_a_folder_that_is_a_file_is_told() -> None:
    profiles.path().parent.parent.mkdir()
    profiles.path().parent.write_text("")
    with pytest.raises(ProfileError, match="cannot be read"):
        profiles.read()
