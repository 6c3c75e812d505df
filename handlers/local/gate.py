"""Who may call the laptop's server while it asks for no key."""

from collections.abc import Mapping

from handlers.auth import ADMIN, OPEN, Caller
from ml_core.errors import ServerlessMLError


class LoopbackGate:
    """Admits callers on this machine, but no page of another site that is open in their browser.

    Such a page reaches a loopback address too: under a name of its own (DNS rebinding), or by a request that
    the user's browser sends for it. The headers Host and Origin tell.
    """

    def admit(self, headers: Mapping[str, str], access: str) -> Caller:
        """Admit anyone on this machine as an admin. Raises `ForeignOrigin`."""
        host = headers.get("host", "")
        if access != OPEN and not is_loopback(host.rpartition(":")[0] if _has_port(host) else host):
            raise _foreign(f"Host {host[:80]!r}")
        origin = headers.get("origin")
        if access != OPEN and origin is not None and origin != f"http://{host}":
            raise _foreign(f"Origin {origin[:80]!r}")
        return Caller("", ADMIN)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that name or address."""
    from ipaddress import ip_address

    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _has_port(host: str) -> bool:
    """Whether a Host header ends in a port: an IPv6 address has colons of its own, in brackets."""
    return ":" in host.rpartition("]")[2]


def _foreign(header: str) -> ServerlessMLError:
    from handlers.errors import ForeignOrigin

    return ForeignOrigin(
        f"{header} is not allowed: without API keys the server accepts loopback requests only"
    )
