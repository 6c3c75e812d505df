"""Webhooks, as a deployment names them: addresses of https, and nothing that could lead elsewhere."""

import re
from typing import NamedTuple

from ml_core.errors import InvalidInput, shown

MOST = 10  # webhooks of a deployment
_LONGEST = 500  # characters of an address
_HOST = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)
_ADDRESS = re.compile(r"https://([^/:?#@\\\s]+)(?::([0-9]{1,5}))?(/[!-\[\]^-~]*)?")
_EXPECTED = "expected https://, the name of a host, and a path, such as https://hooks.example.com/ml"


class Hook(NamedTuple):
    """Where notices are sent: a host's name in lower case, a port, and a path with its query."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The host as the header names it: with its port, where that is not the usual one."""
        return self.host if self.port == 443 else f"{self.host}:{self.port}"


def hooks(text: str) -> tuple[Hook, ...]:
    """The webhooks of a list that is separated by commas, each once.

    Raises `InvalidInput` where one is no address of https with a host's name: no IP address, no user, no
    fragment.
    """
    found = tuple(dict.fromkeys(_hook(each.strip()) for each in text.split(",") if each.strip()))
    if len(found) > MOST:
        raise InvalidInput.at("webhooks", f"expected at most {MOST} addresses, got {len(found)}")
    return found


def _hook(address: str) -> Hook:
    parts = _ADDRESS.fullmatch(address) if len(address) <= _LONGEST else None
    if parts is None or "#" in address:
        raise InvalidInput.at("webhooks", f"{_EXPECTED}, got {shown(address)}")
    host, port = parts[1].lower(), int(parts[2] or 443)
    if not _HOST.fullmatch(host) or not 1 <= port <= 65_535:
        raise InvalidInput.at("webhooks", f"{_EXPECTED}, got {shown(address)}")
    return Hook(host, port, parts[3] or "/")
