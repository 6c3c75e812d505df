"""Who may call the laptop's server while it asks for no key."""

from collections.abc import Container, Mapping

from handlers.auth import ANYONE, OPEN, Caller
from ml_core.errors import ServerlessMLError


class LoopbackGate:
    """Admits callers on this machine, but no page of another site that is open in their browser.

    Such a page reaches a loopback address too: under a name of its own (DNS rebinding), or by a request that
    the user's browser sends for it. The headers Host and Origin tell. A Host with another port than the
    server's was meant for another server.

    Args:
        origins: those whose pages may call all the same. `*` is none of them: without keys it would let
            whatever page the user opens do anything.
    """

    def __init__(self, origins: Container[str] = ()) -> None:
        self._origins = origins
        self.port: int | None = None  # that the server listens on; None admits requests to any

    def admit(self, headers: Mapping[str, str], access: str) -> Caller:
        """Admit anyone on this machine as an admin. Raises `ForeignOrigin`."""
        if access == OPEN:
            return ANYONE
        host = headers.get("host", "")
        name, port = _name_and_port(host)
        if not is_loopback(name):
            raise _foreign(f"Host {host[:80]!r}", "loopback requests only")
        if self.port is not None and port != str(self.port):
            raise _foreign(f"Host {host[:80]!r}", f"requests to port {self.port} only")
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}" and origin not in self._origins:
            accepted = "loopback requests only, and pages of origins that ML_CORS_ORIGINS names"
            raise _foreign(f"Origin {origin[:80]!r}", accepted)
        return ANYONE


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that name or address."""
    from ipaddress import ip_address

    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _name_and_port(host: str) -> tuple[str, str]:
    """The two parts of a Host header: an IPv6 address has colons of its own, in brackets."""
    if ":" not in host.rpartition("]")[2]:
        return host, "80"
    name, _, port = host.rpartition(":")
    return name, port or "80"


def _foreign(header: str, accepted: str) -> ServerlessMLError:
    from handlers.errors import ForeignOrigin

    return ForeignOrigin(f"{header} is not allowed: without API keys the server accepts {accepted}")
