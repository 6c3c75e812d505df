"""The function that runs graphs, called over HTTPS with an identity token: Cloud Run asks for one."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from ml_core.errors import Unavailable
from providers.google.runtime.identity import Identity
from providers.kept_connections import KeptConnections

# The function has 28 seconds.
SECONDS = 27.5
_OK = 200
_REFUSED = (401, 403)
_REFUSALS = {
    **dict.fromkeys(_REFUSED, "this function's account may not invoke it"),
    404: "it is not there; deploy with --param onnx=yes",
    413: "the call is too long for it",
    429: "it is called more often at once than it may run (onnxInstances)",
    504: "timed out",
}


class CloudRunGraphs:
    """Calls the function at `address`, in the name of this function's account.

    `env` says where the metadata server is, if it is another than Google's.
    """

    def __init__(self, address: str, env: Mapping[str, str]) -> None:
        parts = urlsplit(address)
        self._address, self._target = address, parts.path or "/"
        origin = f"{parts.scheme}://{parts.netloc}"
        self._connections = KeptConnections(origin, "the function that runs graphs", SECONDS)
        self._identity = Identity(env)

    def call(self, payload: bytes) -> bytes:
        """What the function answers.

        Raises `Unavailable`, which says why: refused, throttled, timed out, not there, failed.
        """
        headers = {
            "Authorization": f"Bearer {self._identity.identity_token(self._address)}",
            "Content-Type": "application/json",
        }
        answer = self._connections.post(self._target, headers, payload)
        if answer.status != _OK:
            said = _REFUSALS.get(answer.status, f"HTTP {answer.status}")
            raise Unavailable(f"the function that runs graphs did not answer: {said}")
        return answer.body
