"""Which object a signed address of the laptop's server is for, and whether its signature holds."""

from typing import Protocol

from handlers.rest.http import Response, json_response
from ml_core.objects import check_key


class Verifier(Protocol):
    """Checks the signatures of addresses."""

    def allows(self, method: str, key: str, query: str) -> bool:
        """Whether the method was signed of the object `key` with this query, and is in time."""
        ...


def tail_of(path: str, folder: str, base: str) -> str | None:
    """What a path has after a folder of signed addresses; None where it leads elsewhere.

    Args:
        path: a request's.
        folder: such as `/uploads/`.
        base: what a proxy may have left before it, as the setting `ML_BASE_PATH` says.
    """
    for start in (folder, f"{base}{folder}"):
        if path.startswith(start):
            return path[len(start) :]
    return None


def signed_key(verifier: Verifier, method: str, tail: str, query: str) -> str | None:
    """The key that an address was signed for; None where it was not, for this method, or has expired.

    Args:
        verifier: checks the signature.
        method: the request's.
        tail: the path after the folder of addresses; WSGI hands its bytes over as characters.
        query: as it was sent.
    """
    key = tail.encode("latin-1").decode("utf-8", "replace")
    try:
        check_key(key)
    except ValueError:
        return None
    return key if verifier.allows(method, key, query) else None


def unsigned(what: str) -> Response:
    """The refusal of an address that is none: 403. `what` is the kind of address that was expected."""
    return refusal(
        403, f"expected a signed {what} address, got one that is not signed for this file or has expired"
    )


def refusal(status: int, reason: str) -> Response:
    """An answer like a storage's: it is no part of the REST contract."""
    return json_response({"error": reason}, status=status)
