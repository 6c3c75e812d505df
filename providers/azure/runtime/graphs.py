"""The app that runs graphs, called over HTTPS. It asks for no identity: a signed address proves who asks.

Flex Consumption checks none of Azure's identities without an app registration. Each call holds the address of
an artifact that only who may sign for this storage account can have made, and the app asks the storage first.
"""

from urllib.parse import urlsplit

from ml_core.errors import Unavailable
from providers.kept_connections import KeptConnections

# The app has 28 seconds.
SECONDS = 27.5
_OK = 200
_REFUSALS = {
    403: "it is stopped, or answers in another network only",
    404: "it is not there; deploy with --param onnx=yes",
    413: "the call is too long for it",
    429: "it is called more often at once than it may run (onnxInstances)",
    504: "timed out",
}


class FunctionAppGraphs:
    """Calls the app at `address`."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._target = parts.path or "/"
        origin = f"{parts.scheme}://{parts.netloc}"
        self._connections = KeptConnections(origin, "the app that runs graphs", SECONDS)

    def call(self, payload: bytes) -> bytes:
        """What the app answers. Raises `Unavailable`: stopped, throttled, timed out, not there, failed."""
        answer = self._connections.post(self._target, {"Content-Type": "application/json"}, payload)
        if answer.status != _OK:
            said = _REFUSALS.get(answer.status, f"HTTP {answer.status}")
            raise Unavailable(f"the app that runs graphs did not answer: {said}")
        return answer.body
