"""What the settings for the web may hold: origins, a custom domain's base path, the documentation's address.

`providers/deploying/web.py` and `providers/aws/web.js` say the same to whoever deploys: a function holds
nothing of deploying. One table of texts tests all three.
"""

import re

# As browsers write it into the header Origin: lower case, no path, and no port that the scheme has by itself.
_ORIGIN = re.compile(r"(https?)://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")
_OWN_PORT = {"http": ":80", "https": ":443"}
_BASE_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_ADDRESS = re.compile(r"https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~-]+)*/?")
MOST_ORIGINS = 64  # what Azure's storage takes
LONGEST = 256


def origins_of(text: str) -> list[str]:
    """The entries of a list that commas separate, in its order, each once."""
    return list(dict.fromkeys(entry.strip() for entry in text.split(",") if entry.strip()))


def origins_fault(text: str) -> str:
    """What is wrong with a list of origins; empty when it is one.

    Args:
        text: origins, separated by commas; `*` alone; or nothing.
    """
    entries = origins_of(text)
    if len(entries) > MOST_ORIGINS:
        return f"expected at most {MOST_ORIGINS} origins, got {len(entries)}"
    if "*" in entries and len(entries) > 1:
        return "expected * alone or origins, got both"
    for entry in entries:
        if entry != "*" and not _is_origin(entry):
            return (
                "expected origins as browsers send them (https://app.example.com: lower case, no path, no "
                "slash at the end, no wildcard, no port that is the scheme's own) or *, separated by commas, "
                f"got {entry[:80]!r}"
            )
    return ""


def base_path_fault(text: str) -> str:
    """What is wrong with a base path; empty when it is one, or nothing."""
    if not text or (len(text) <= LONGEST and _BASE_PATH.fullmatch(text)):
        return ""
    return (
        "expected a slash and a name, such as /ml or /team/ml (letters, digits, and . _ ~ - inside; no slash "
        f"at the end), got {text[:80]!r}"
    )


def documentation_fault(text: str) -> str:
    """What is wrong with the documentation's address; empty when it is one, or nothing."""
    if not text or (len(text) <= LONGEST and _ADDRESS.fullmatch(text)):
        return ""
    return (
        "expected the address below which the documentation's pages are, such as https://docs.example.com/ml "
        f"(https, no user, no ? and no #), got {text[:80]!r}"
    )


def _is_origin(text: str) -> bool:
    found = _ORIGIN.fullmatch(text) if len(text) <= LONGEST else None
    port = (found[4] or "") if found else ""
    return found is not None and port != _OWN_PORT[found[1]] and int(port[1:] or 0) <= 65535
