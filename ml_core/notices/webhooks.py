"""Who is told by a webhook: each notice as JSON, signed, with an id by which a second copy is known."""

import time
from collections.abc import Callable

from ml_core.digests import sha256
from ml_core.errors import Unavailable
from ml_core.notices.connection import post
from ml_core.notices.hooks import Hook
from ml_core.notices.signing import headers

_GOOD = range(200, 300)


# Sends a body to a webhook, with headers; the status of the answer. Raises `Unavailable`.
type Post = Callable[[Hook, dict[str, str], bytes], int]


class WebhookSender:
    """Tells one webhook.

    Args:
        hook: where.
        secret: what signatures are made with.
        by: sends it.
        clock: seconds since the epoch.
    """

    def __init__(
        self, hook: Hook, secret: bytes, *, by: Post = post, clock: Callable[[], float] = time.time
    ) -> None:
        self._hook = hook
        self._secret = secret
        self._post = by
        self._clock = clock

    @property
    def name(self) -> str:
        """Of the host, and a digest of the rest: paths may hold tokens, and names are logged."""
        return f"{self._hook.authority} ({sha256(self._hook.path.encode())[:8]})"

    def send(self, notice_id: str, body: bytes) -> None:
        """Send a notice. Raises `Unavailable` for any answer but one of success."""
        signed = headers(self._secret, notice_id, int(self._clock()), body)
        sent = {**signed, "content-type": "application/json", "user-agent": "serverless-ml"}
        status = self._post(self._hook, sent, body)
        if status not in _GOOD:
            raise Unavailable(f"the webhook at {self._hook.authority} answered {status // 100}xx")
