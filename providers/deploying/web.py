"""The parameters `corsOrigins` and `basePath`, checked before anything is deployed.

They become settings of the function that answers HTTP, and `corsOrigins` a rule of the bucket or container
that signed addresses lead to. `handlers/web.py` says what they may be; one table of texts tests both.
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
_MOST_ORIGINS, _LONGEST = 64, 256


class Web(NamedTuple):
    """Whose pages may call, and what is before every path."""

    origins: tuple[str, ...]
    base_path: str

    @property
    def settings(self) -> dict[str, str]:
        """The variables of the function that answers HTTP."""
        return {"ML_CORS_ORIGINS": ",".join(self.origins), "ML_BASE_PATH": self.base_path}


def web_of(service: Service) -> Web:
    """What the service's parameters say.

    Raises:
        DeploymentFailed: for an entry that is no origin, or a path that is none.
    """
    text = str(service.provider.get("corsOrigins") or "")
    origins = tuple(dict.fromkeys(entry.strip() for entry in text.split(",") if entry.strip()))
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
    return Web(origins, base)


def _is_origin(text: str) -> bool:
    found = _ORIGIN.fullmatch(text) if len(text) <= _LONGEST else None
    port = (found[4] or "") if found else ""
    return found is not None and port != _OWN_PORT[found[1]] and int(port[1:] or 0) <= 65535
