"""Services that `serverless-ml login` keeps: an address and a key for each, by name.

They are in one TOML file in the user's configuration folder (`path()`), which nobody else may read. A file
that is a link, that belongs to somebody else or that others may read is refused: what is in it may be no
secret any more, or not the user's own.
"""

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serverless_ml.errors import ServerlessMLError

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class ProfileError(ServerlessMLError):
    """The file of profiles cannot be used; the message says which, why and what to do."""


@dataclass(frozen=True)
class Profile:
    """A service and the key that it is asked with, which no `repr` shows."""

    name: str
    url: str
    key: str | None = field(default=None, repr=False)


@dataclass
class _Stored:
    """What is in the file."""

    current: str | None
    profiles: dict[str, Profile]


def path() -> Path:
    """The file that profiles are in, whether it is there or not."""
    from platformdirs import user_config_path

    return user_config_path("serverless-ml", appauthor=False) / "profiles.toml"


def read(name: str | None = None) -> Profile | None:
    """The profile of that name, or the current one; None where there is none.

    Raises `ProfileError` for a file that cannot be used.
    """
    stored = _load()
    wanted = stored.current if name is None else name
    return None if wanted is None else stored.profiles.get(wanted)


def names() -> list[str]:
    """The names of all profiles, in order. Raises `ProfileError`."""
    return sorted(_load().profiles)


def current() -> str | None:
    """The name of the profile that is used where none is named. Raises `ProfileError`."""
    return _load().current


def write(profile: Profile, *, choose: bool = True) -> Path:
    """Keep a profile, in the place of one of its name; `choose` makes it the current one.

    Returns where it is kept. Raises `ProfileError`.
    """
    if not _NAME.fullmatch(profile.name):
        raise ProfileError(
            f"expected a profile's name of 1 to 64 letters, digits, '.', '_' and '-', got {profile.name!r}"
        )
    stored = _load()
    stored.profiles[profile.name] = profile
    if choose or stored.current is None:
        stored.current = profile.name
    return _store(stored)


def choose(name: str) -> None:
    """Make a profile the current one. Raises `ProfileError`, also where there is none of that name."""
    stored = _load()
    if name not in stored.profiles:
        raise ProfileError(_unknown(name, stored))
    stored.current = name
    _store(stored)


def remove(name: str | None = None) -> str:
    """Forget a profile, or the current one; no other becomes the current one for it.

    Returns its name. Raises `ProfileError`, also where there is none of that name.
    """
    stored = _load()
    wanted = stored.current if name is None else name
    if wanted is None or wanted not in stored.profiles:
        raise ProfileError(_unknown(wanted, stored))
    del stored.profiles[wanted]
    if stored.current == wanted:
        stored.current = None
    _store(stored)
    return wanted


def _unknown(name: str | None, stored: _Stored) -> str:
    known = ", ".join(sorted(stored.profiles)) or "none"
    what = "no profile is the current one" if name is None else f"there is no profile {name!r}"
    return f"{what}; profiles in {path()}: {known}"


def _load() -> _Stored:
    place = path()
    content = _content(place)
    if content is None:
        return _Stored(None, {})
    try:
        members = tomllib.loads(content.decode())
        return _parsed(members)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, _Unreadable) as error:
        raise ProfileError(
            f"{place} cannot be read: {error}. Correct it, or remove it and log in again"
        ) from None


class _Unreadable(Exception):
    """What is in the file is not what profiles are."""


def _parsed(members: dict[str, Any]) -> _Stored:
    current, given = members.get("current"), members.get("profiles", {})
    if not isinstance(current, str | None) or not isinstance(given, dict):
        raise _Unreadable("expected `current` to be a name and `profiles` to be tables")
    profiles = {}
    for name, each in given.items():
        if not isinstance(each, dict):
            raise _Unreadable(f"expected profiles.{name} to be a table")
        url, key = each.get("url"), each.get("key")
        if not isinstance(url, str) or not isinstance(key, str | None):
            raise _Unreadable(f"expected profiles.{name} to have a `url`, and perhaps a `key`, as text")
        profiles[name] = Profile(name, url, key)
    return _Stored(current if current in profiles else None, profiles)


def _content(place: Path) -> bytes | None:
    """What the file holds, and None where it is not there. Raises `ProfileError`."""
    try:
        opened = os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        if place.is_symlink():
            raise ProfileError(f"{place} is a link, and keys are read from no link: remove it") from None
        raise ProfileError(f"{place} cannot be read: {error.strerror}") from None
    with os.fdopen(opened, "rb") as file:
        _check(place, os.fstat(opened))
        _check_folder(place.parent)
        try:
            return file.read()
        except OSError as error:
            raise ProfileError(f"{place} cannot be read: {error.strerror}") from None


def _check(place: Path, status: os.stat_result) -> None:
    """Raises `ProfileError` for a file that holds no secret of this user."""
    if not stat.S_ISREG(status.st_mode):
        raise ProfileError(f"{place} is no file: remove it")
    if not hasattr(os, "getuid"):  # Windows: the folder is in the user's own profile
        return
    if status.st_uid != os.getuid():
        raise ProfileError(f"{place} belongs to another user: remove it, and log in again")
    if status.st_mode & _OTHERS:
        raise ProfileError(f"{place} can be read or changed by other users: chmod 600 '{place}'")


def _check_folder(folder: Path) -> None:
    """Raises `ProfileError` for a folder in which others could put a file of theirs."""
    if not hasattr(os, "getuid"):
        return
    status = folder.stat()
    if status.st_uid != os.getuid():
        raise ProfileError(f"the folder {folder} belongs to another user: remove it, and log in again")
    if status.st_mode & _OTHERS_WRITE:
        raise ProfileError(f"other users may write into the folder {folder}: chmod 700 '{folder}'")


def _store(stored: _Stored) -> Path:
    """Write the file as a whole: whoever reads it meanwhile has the old one or the new one."""
    import tempfile

    import tomli_w

    place = path()
    members: dict[str, Any] = {} if stored.current is None else {"current": stored.current}
    members["profiles"] = {
        name: {"url": each.url} | ({} if each.key is None else {"key": each.key})
        for name, each in sorted(stored.profiles.items())
    }
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_folder(place.parent)
        # Made for this user alone, before anything is in it.
        opened, temporary = tempfile.mkstemp(dir=place.parent, prefix=".profiles-")
        try:
            with os.fdopen(opened, "wb") as file:
                file.write(tomli_w.dumps(members).encode())
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(place)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ProfileError(f"{place} cannot be written: {error.strerror}") from None
    return place
