"""Which service is asked, and with which key.

A key goes to the service that it was said for: an address from one place gets no key from another, unless
both are of the same origin (scheme, host and port). `SERVERLESS_ML_KEY` alone goes to an address that an
argument names, and to no profile's.

The first of these that says an address decides: the arguments; `SERVERLESS_ML_URL` with `SERVERLESS_ML_KEY`;
the profile that is named, by argument or `SERVERLESS_ML_PROFILE`, or that `serverless-ml login` chose; and a
service on this machine.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from serverless_ml.errors import BadConnection, ServerlessMLError

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

    Raises:
        BadConnection: the address or the key cannot be one, or there is no profile of that name.
    """
    said = os.environ if environment is None else environment
    asked = profile or said.get(PROFILE) or None
    address = url if url is not None else (said.get(URL) or None) if profile is None else None
    if address is not None:
        checked = _checked(address)
        return Connection(checked, key_of(key or _key_for(checked, said, asked, named=profile is not None)))
    stored = _profile(asked)
    if stored is not None:
        return Connection(_checked(stored[0]), key_of(key or stored[1]))
    return Connection(LOCAL, key_of(key), found=True)


def _key_for(url: str, said: Mapping[str, str], profile: str | None, *, named: bool) -> str | None:
    """The key that somebody said for this service, where only its address was named.

    A profile that is not asked for and cannot be read says nothing.
    """
    theirs = said.get(URL)
    if said.get(KEY) and (not theirs or _origin(theirs) == _origin(url)):
        return said[KEY]
    try:
        stored = _profile(profile)
    except ServerlessMLError:
        if named:
            raise
        return None
    return stored[1] if stored is not None and _origin(stored[0]) == _origin(url) else None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """What has to be the same for two addresses to be of one service."""
    parts = _split(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def travels_open(url: str) -> bool:
    """Whether what is sent to an address can be read on the way: it leaves this machine unencrypted."""
    from ipaddress import ip_address

    parts = _split(url)
    try:
        here = ip_address(parts.hostname or "").is_loopback
    except ValueError:
        here = parts.hostname == "localhost"
    return parts.scheme == "http" and not here


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
