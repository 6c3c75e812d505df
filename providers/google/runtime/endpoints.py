"""Where Google's services are, and how a test or an emulator says otherwise.

`GOOGLE_ENDPOINT_URL` moves every service, `GOOGLE_ENDPOINT_URL_<SERVICE>` one of them (`CLOUDTASKS`,
`STORAGE`, …: the first part of its host name). Cloud Storage's own `STORAGE_EMULATOR_HOST` and the metadata
server's own `GCE_METADATA_HOST` are honoured too.
"""

from collections.abc import Mapping


def override(service: str, env: Mapping[str, str]) -> str | None:
    """The URL that replaces `https://<service>.googleapis.com`, None when nothing does."""
    found = env.get(f"GOOGLE_ENDPOINT_URL_{service.upper()}")
    if not found and service == "storage" and (host := env.get("STORAGE_EMULATOR_HOST")):
        found = host if "://" in host else f"http://{host}"
    return (found or env.get("GOOGLE_ENDPOINT_URL") or "").rstrip("/") or None


def url(service: str, env: Mapping[str, str]) -> str:
    """The service's URL, without a slash at the end."""
    return override(service, env) or f"https://{service}.googleapis.com"
