"""The job queue on Cloud Tasks: one small REST call, for the official client costs too much at cold start."""

import json
import os
import time
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ml_core.errors import Unavailable
from providers import http
from providers.google.runtime import endpoints
from providers.google.runtime.identity import Identity

if TYPE_CHECKING:
    from ml_core.ports import ObjectStore

OK = 200
DEAD_LETTERS = "dead-letters/"
# Cloud Tasks gives an HTTP target at most 30 minutes to answer.
LONGEST_DEADLINE = 1800


class TasksQueue:
    """Messages that Cloud Tasks delivers to the train function, one HTTP request each.

    Args:
        queue: `projects/<project>/locations/<region>/queues/<queue>`.
        target: the train function's URL.
        caller: the service account in whose name Cloud Tasks calls it.
        env: where the endpoint may be overridden.
        store: makes the object store, for dead letters: Cloud Tasks drops what it gives up.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        queue: str,
        target: str,
        caller: str,
        env: Mapping[str, str],
        *,
        store: "Callable[[], ObjectStore]",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = f"{endpoints.url('cloudtasks', env)}/v2/{queue}/tasks"
        self._target, self._caller = target, caller
        self._identity = Identity(env)
        self._store = store
        self._clock = clock

    def submit(self, job_id: str) -> None:
        """Send a message that names the job. Raises `Unavailable`."""
        self._create(self._task(job_id))

    def defer(self, job_id: str, seconds: float) -> None:
        """Have the job come again later: as a new task; the present one is acknowledged."""
        due = time.gmtime(self._clock() + max(seconds, 1.0))
        self._create({**self._task(job_id), "scheduleTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", due)})

    def bury(self, message: str) -> None:
        """Write a message to `dead-letters/` in the bucket, as it came. Raises `Unavailable`."""
        when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock()))
        self._store().put_if_absent(f"{DEAD_LETTERS}{when}-{os.urandom(4).hex()}", message.encode())

    def _task(self, job_id: str) -> dict[str, object]:
        message = json.dumps({"job": job_id}).encode()
        return {
            "dispatchDeadline": f"{LONGEST_DEADLINE}s",
            "httpRequest": {
                "url": self._target,
                "httpMethod": "POST",
                "headers": {"Content-Type": "application/json"},
                "body": b2a_base64(message, newline=False).decode(),
                "oidcToken": {"serviceAccountEmail": self._caller, "audience": self._target},
            },
        }

    def _create(self, task: dict[str, object]) -> None:
        """Create the task; one that is created twice is a duplicate message, which is harmless."""
        headers = {"Authorization": f"Bearer {self._identity.token()}", "Content-Type": "application/json"}
        answer = http.call("POST", self._url, headers, json.dumps({"task": task}).encode())
        if answer.status != OK:
            raise Unavailable(f"Cloud Tasks did not take the message (HTTP {answer.status})")
