"""Which service is asked, and with which key.

The first of these that says an address decides: the arguments, an address or a profile; then
`SERVERLESS_ML_URL`; the profile of `SERVERLESS_ML_PROFILE`, or the one that `serverless-ml login` chose; and
a service on this machine.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from serverless_ml.errors import BadConnection

LOCAL = "http://127.0.0.1:8080"
"""Where `make serve` answers."""
URL, KEY, PROFILE = "SERVERLESS_ML_URL", "SERVERLESS_ML_KEY", "SERVERLESS_ML_PROFILE"
WHAT_TO_DO = (
    f"name one, as Client('https://…', key=…) or in the environment as {URL} and {KEY}; log in to one with "
    "`serverless-ml login`; or start one on this machine with `make serve`"
)


class Key:
    """A key that is shown to nobody: its `repr` and `str` say only that it is there."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not (text and text.isascii() and text.isprintable() and " " not in text):
            raise BadConnection("expected a key of printable ASCII characters without spaces")
        self._text = text

    def header(self) -> str:
        """What a request says in `Authorization`."""
        return f"Bearer {self._text}"

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written to a file")


class Connection(NamedTuple):
    """A service's address, without a slash at its end, and a key. `found`: nobody named it."""

    url: str
    key: Key | None = None
    found: bool = False


def connection(
    url: str | None = None,
    key: str | None = None,
    profile: str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> Connection:
    """Decide which service to ask. Asks nobody.

    A key that is an argument goes to whatever address is decided on. Any other goes to the address that it
    was kept beside, and to one of the same scheme, host and port that is an argument. `SERVERLESS_ML_KEY`
    without `SERVERLESS_ML_URL` goes to an address that is an argument.

    Raises:
        BadConnection: the address or the key cannot be one, or there is no profile of that name.
        ProfileError: the file of profiles cannot be read.
    """
    said = os.environ if environment is None else environment
    variables = said.get(URL) or None, said.get(KEY) or None
    named = profile or said.get(PROFILE) or None
    if url is not None:
        address = _checked(url)
        return Connection(address, key_of(key or _kept(address, variables, named)))
    if profile is None and variables[0] is not None:
        return Connection(_checked(variables[0]), key_of(key or variables[1]))
    stored = _profile(named)
    if stored is not None:
        return Connection(_checked(stored[0]), key_of(key or stored[1]))
    return Connection(LOCAL, key_of(key), found=True)


def _kept(address: str, variables: tuple[str | None, str | None], profile: str | None) -> str | None:
    """The key that is kept for an address: in the environment, or in a profile."""
    url, key = variables
    if key is not None and (url is None or _origin(url) == _origin(address)):
        return key
    stored = _profile(profile)
    return stored[1] if stored is not None and _origin(stored[0]) == _origin(address) else None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = _split(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def key_of(text: str | None) -> Key | None:
    """The key, where there is one. Raises `BadConnection`."""
    return Key(text.strip()) if text else None


def _profile(name: str | None) -> tuple[str, str | None] | None:
    """Address and key of the profile of that name, or of the one that is used; None for none."""
    from serverless_ml import profiles

    found = profiles.read(name)
    if found is None and name is not None:
        raise BadConnection(
            f"there is no profile {name!r}: make it with `serverless-ml login --profile {name}`"
        )
    return None if found is None else (found.url, found.key)


def _checked(url: str) -> str:
    """The address without what does not matter. Raises `BadConnection`."""
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadConnection(f"expected an address such as https://host/path, got {_without_secrets(url)!r}")
    if parts.username is not None or parts.password is not None:
        raise BadConnection("expected an address without a user or a password: say the key as key=…")
    if parts.query or parts.fragment:
        raise BadConnection(f"expected an address without ? and #, got {_without_secrets(url)!r}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # checked when it is asked for
    except ValueError as error:
        raise BadConnection(f"expected an address such as https://host/path: {error}") from None
    return parts


def _without_secrets(url: str) -> str:
    """An address as a message shows it: a query may hold a signature, and what is before @ a password."""
    return url.partition("?")[0].rpartition("@")[2]
