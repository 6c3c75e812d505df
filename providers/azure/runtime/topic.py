"""A topic of Event Grid that is told of what happens, in the app's own name."""

import json
import os
from collections.abc import Callable, Mapping

from ml_core.errors import Unavailable
from providers.azure.runtime.identity import token
from providers.http import call

RESOURCE = "https://eventgrid.azure.net"
OK = 200


class EventGridTopic:
    """Tells the topic at an endpoint, in Event Grid's own schema, which a topic has unless it says another.

    Args:
        endpoint: `https://<topic>.<region>-1.eventgrid.azure.net/api/events`.
        env: names the identity, where it is not the app's own.
        bearer: gives a token for Event Grid.
    """

    def __init__(
        self,
        endpoint: str,
        env: Mapping[str, str] = os.environ,
        bearer: Callable[[str | None], str] = lambda client_id: token(client_id, RESOURCE),
    ) -> None:
        self._endpoint = endpoint
        self._client_id = env.get("ML_STORAGE__clientId")
        self._bearer = bearer

    @property
    def name(self) -> str:
        """The topic's endpoint."""
        return self._endpoint

    def send(self, notice_id: str, body: bytes) -> None:
        """Publish a notice as an event with its id and type. Raises `Unavailable`."""
        notice = json.loads(body)
        data = notice["data"]
        event = {
            "id": notice_id,
            "eventType": notice["type"],
            "subject": f"models/{data['model']}" if "model" in data else notice["type"],
            "eventTime": notice["timestamp"],
            "data": data,
            "dataVersion": "1",
        }
        headers = {
            "Authorization": f"Bearer {self._bearer(self._client_id)}",
            "Content-Type": "application/json",
        }
        url = f"{self._endpoint}?api-version=2018-01-01"
        answer = call("POST", url, headers, json.dumps([event]).encode())
        if answer.status != OK:
            raise Unavailable(f"Event Grid did not take the notice (HTTP {answer.status})")
