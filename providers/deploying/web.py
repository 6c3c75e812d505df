"""The parameters `corsOrigins`, `customDomains`, `basePath` and `documentation`, checked before deploying.

All but `customDomains` become settings of the function that answers HTTP, and `handlers/web.py` says
what they may be; one table of texts tests both. The origins, and those of the own domains, become
rules of the bucket or container that signed addresses lead to.
"""

import re
from typing import NamedTuple

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service

# What a page does at a signed address, and for how many seconds a browser need not ask again.
STORAGE_METHODS = ("GET", "HEAD", "PUT")
STORAGE_SECONDS = 7200

_ORIGIN = re.compile(r"(https?)://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")
_OWN_PORT = {"http": ":80", "https": ":443"}
_BASE_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_ADDRESS = re.compile(r"https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~-]+)*/?")
_DOMAIN = re.compile(r"(?=.{4,248}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
_MOST_ORIGINS, _MOST_DOMAINS, _LONGEST = 64, 16, 256


class Web(NamedTuple):
    """Whose pages may call, what is before every path, its domains' origins, where the documentation is."""

    origins: tuple[str, ...]
    base_path: str
    own: tuple[str, ...] = ()
    documentation: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """The variables of the function that answers HTTP."""
        return {
            "ML_CORS_ORIGINS": ",".join(self.origins),
            "ML_BASE_PATH": self.base_path,
            "ML_DOCUMENTATION": self.documentation,
        }


def web_of(service: Service) -> Web:
    """What the service's parameters say.

    Raises:
        DeploymentFailed: for an entry that is no origin, and a domain, path or address that is none.
    """
    origins = _entries(service, "corsOrigins")
    if len(origins) > _MOST_ORIGINS:
        raise DeploymentFailed(f"corsOrigins: expected at most {_MOST_ORIGINS} origins, got {len(origins)}")
    if "*" in origins and len(origins) > 1:
        raise DeploymentFailed("corsOrigins: expected * alone or origins, got both")
    for entry in origins:
        if entry != "*" and not _is_origin(entry):
            raise DeploymentFailed(
                "corsOrigins: expected origins as browsers send them (https://app.example.com: lower case, "
                "no path, no slash at the end, no wildcard, no port that is the scheme's own) or *, "
                f"separated by commas, got {entry[:80]!r}"
            )
    base = str(service.provider.get("basePath") or "").strip()
    if base and (len(base) > _LONGEST or not _BASE_PATH.fullmatch(base)):
        raise DeploymentFailed(
            "basePath: expected a slash and a name, such as /ml or /team/ml (letters, digits, and . _ ~ - "
            f"inside; no slash at the end), got {base[:80]!r}"
        )
    own = tuple(f"https://{domain}" for domain in _domains(service))
    return Web(origins, base, own, _documentation(service))


def _documentation(service: Service) -> str:
    """Where the documentation is served; empty for nowhere."""
    address = str(service.provider.get("documentation") or "").strip()
    if address and (len(address) > _LONGEST or not _ADDRESS.fullmatch(address)):
        raise DeploymentFailed(
            "documentation: expected the address below which the documentation's pages are, such as "
            f"https://docs.example.com/ml (https, no user, no ? and no #), got {address[:80]!r}"
        )
    return address


def _entries(service: Service, parameter: str) -> tuple[str, ...]:
    """What a parameter lists, separated by commas, each once."""
    text = str(service.provider.get(parameter) or "")
    return tuple(dict.fromkeys(entry.strip() for entry in text.split(",") if entry.strip()))


def _domains(service: Service) -> tuple[str, ...]:
    """The host names that lead to the deployment beside the cloud's own."""
    domains = _entries(service, "customDomains")
    if len(domains) > _MOST_DOMAINS:
        raise DeploymentFailed(f"customDomains: expected at most {_MOST_DOMAINS} names, got {len(domains)}")
    for entry in domains:
        if not _DOMAIN.fullmatch(entry):
            raise DeploymentFailed(
                "customDomains: expected host names, such as api.example.com (lower case, no scheme, no port,"
                f" no path), separated by commas, got {entry[:80]!r}"
            )
    return domains


def _is_origin(text: str) -> bool:
    found = _ORIGIN.fullmatch(text) if len(text) <= _LONGEST else None
    port = (found[4] or "") if found else ""
    return found is not None and port != _OWN_PORT[found[1]] and int(port[1:] or 0) <= 65535
