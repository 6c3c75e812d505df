"""Training jobs as messages of an Azure storage queue.

Two REST calls need no SDK: the api app imports none (docs/decisions/0014-azure-queue.md).
"""

from ml_core.errors import Unavailable
from providers.azure.runtime import identity
from providers.azure.runtime.connection import Connection
from providers.http import call

VERSION = "2021-12-02"
CREATED = 201
POISON = "-poison"  # the host's own name for where it puts what failed too often
# The service's own bound on how long a message may stay out of sight.
MOST_SECONDS = 7 * 24 * 3600


class StorageQueue:
    """The `JobQueue` port."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def submit(self, job_id: str) -> None:
        """Send a message that names the job. Raises `Unavailable`."""
        self._put(job_id, 0)

    def defer(self, job_id: str, seconds: float) -> None:
        """Send the job's message anew, out of sight for a while; the trigger deletes the present one.

        Changing the present message would take it away from the Functions host, which holds its receipt. A
        crash between the two leaves two messages, and a job that is over ignores the second. Raises
        `Unavailable`.
        """
        self._put(job_id, min(max(int(seconds), 1), MOST_SECONDS))

    def bury(self, message: str) -> None:
        """Put a message where the host puts those that it gives up. Raises `Unavailable`."""
        self._send(f"{self._name}{POISON}", message, 0)

    def _put(self, job_id: str, seconds: int) -> None:
        self._send(self._name, f'{{"job": "{job_id}"}}', seconds)

    def _send(self, queue: str, message: str, seconds: int) -> None:
        import time
        from binascii import b2a_base64

        # The trigger expects Base64 unless host.json says otherwise; it needs no escaping in XML.
        text = b2a_base64(message.encode(), newline=False).decode()
        body = f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>".encode()
        headers = {
            "x-ms-version": VERSION,
            "x-ms-date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
            "content-type": "application/xml",
        }
        url = f"{self._connection.queue_endpoint}/{queue}/messages"
        headers["authorization"] = self._authorization("POST", url, headers)
        # A message that outlived seven days of failures would otherwise vanish: -1 keeps it.
        answer = call("POST", f"{url}?visibilitytimeout={seconds}&messagettl=-1", headers, body)
        if answer.status != CREATED:
            code = answer.headers.get("x-ms-error-code", "no code")
            raise Unavailable(f"the queue {queue} answered {answer.status} ({code})")

    def _authorization(self, method: str, url: str, headers: dict[str, str]) -> str:
        if self._connection.key is None:
            return f"Bearer {identity.token(self._connection.client_id)}"
        return shared_key_lite(method, url, headers, self._connection.account, self._connection.key)


def shared_key_lite(method: str, url: str, headers: dict[str, str], account: str, key: str) -> str:
    """The Authorization header of an account key (Shared Key Lite, as for Blob, Queue and File services).

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """
    from base64 import b64decode, b64encode
    from hashlib import sha256
    from hmac import digest

    path = "/" + url.partition("://")[2].partition("/")[2]
    own = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-ms-"))
    to_sign = f"{method}\n\n{headers['content-type']}\n\n{own}/{account}{path}"
    signature = b64encode(digest(b64decode(key), to_sign.encode(), sha256)).decode()
    return f"SharedKeyLite {account}:{signature}"
