"""The function that runs graphs, called through Lambda's own API: who may invoke it is said by its roles.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

from ml_core.errors import Unavailable
from providers.aws.runtime import json_api
from providers.kept_connections import KeptConnections

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping

    from providers.http import Answer

# The function has 28 seconds, `api` 29: who waited longer would be ended before it could say so.
SECONDS = 27.5
MOST_PAYLOAD_BYTES = 6_291_456
_LAMBDA = json_api.JsonService("lambda", "", "")
_OK = 200
_REFUSALS = {
    403: "this function's role may not invoke it",
    404: "it is not there; deploy with --param onnx=yes",
    413: "the call is too long for it",
    429: "it is called more often at once than it may run (onnxConcurrency)",
}


class LambdaGraphs:
    """Calls the function `function` (its name or ARN).

    `env` holds credentials and region, as Lambda's environment does.
    """

    def __init__(self, function: str, env: Mapping[str, str]) -> None:
        from urllib.parse import quote

        self._function, self._env = function, env
        self._endpoint = json_api.endpoint(_LAMBDA, env).rstrip("/")
        asked = f"the function {function}"
        self._connections = KeptConnections(self._endpoint, asked, SECONDS, json_api.amazons_roots)
        self._path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
        # Of every service but S3 a path is encoded once more where it is signed.
        self._signed_path = quote(self._path)

    def call(self, payload: bytes) -> bytes:
        """What the function answers.

        Raises `Unavailable`, which says why: refused, throttled, timed out, not there, failed.
        """
        if len(payload) > MOST_PAYLOAD_BYTES:
            raise Unavailable(
                f"the function {self._function} was not called: expected at most {MOST_PAYLOAD_BYTES} bytes, "
                f"got {len(payload)}"
            )
        answer = self._connections.post(self._path, self._headers(payload), payload)
        if answer.status != _OK:
            said = _REFUSALS.get(answer.status, f"Lambda answered {answer.status}")
            raise Unavailable(f"the function {self._function} did not answer: {said}")
        if "x-amz-function-error" in answer.headers:
            raise Unavailable(f"the function {self._function} failed: {_error(answer)}")
        return answer.body

    def _headers(self, payload: bytes) -> dict[str, str]:
        import time

        headers = {
            "content-type": "application/json",
            "host": self._endpoint.partition("://")[2],
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        }
        return json_api.signed(headers, payload, "lambda", self._env, path=self._signed_path)


def _error(answer: Answer) -> str:
    """The kind of error alone: its message may repeat what the function was given."""
    from ml_core import json_text

    try:
        said = json_text.loads(answer.body)
        message, kind = str(said.get("errorMessage", "")), str(said.get("errorType", ""))
    except (ValueError, AttributeError):
        message = kind = ""
    return "timed out" if "timed out" in message else kind[:80] or "it did not say why"
