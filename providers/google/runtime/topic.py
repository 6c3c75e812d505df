"""A topic of Pub/Sub that is told of what happens: one small REST call, as for the queue."""

import json
from binascii import b2a_base64
from collections.abc import Mapping

from ml_core.errors import Unavailable
from providers import http
from providers.google.runtime import endpoints
from providers.google.runtime.identity import Identity

OK = 200


class PubSubTopic:
    """Tells a topic.

    Args:
        topic: `projects/<project>/topics/<topic>`.
        env: where the endpoint may be overridden.
    """

    def __init__(self, topic: str, env: Mapping[str, str]) -> None:
        self._topic = topic
        self._url = f"{endpoints.url('pubsub', env)}/v1/{topic}:publish"
        self._identity = Identity(env)

    @property
    def name(self) -> str:
        """The topic's path."""
        return self._topic

    def send(self, notice_id: str, body: bytes) -> None:
        """Publish a notice, with its id and type as attributes to filter by. Raises `Unavailable`."""
        attributes = {"id": notice_id, "type": json.loads(body)["type"]}
        message = {"data": b2a_base64(body, newline=False).decode(), "attributes": attributes}
        headers = {"Authorization": f"Bearer {self._identity.token()}", "Content-Type": "application/json"}
        answer = http.call("POST", self._url, headers, json.dumps({"messages": [message]}).encode())
        if answer.status != OK:
            raise Unavailable(f"Pub/Sub did not take the notice (HTTP {answer.status})")
