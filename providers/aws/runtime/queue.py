"""The job queue on SQS."""

from collections.abc import Mapping

from providers.aws.runtime import json_api

# SQS hides a message for at most twelve hours.
_LONGEST_DEFERRAL = 43_200


class SqsQueue:
    """`JobQueue` on the queue at `url`. A message's body is `{"job": "<id>"}`.

    Args:
        url: the queue's.
        dead_letters: the URL of the queue for what nobody can work off.
        env: credentials and region, as Lambda's environment holds them.
    """

    def __init__(self, url: str, dead_letters: str, env: Mapping[str, str]) -> None:
        self._url = url
        self._dead_letters = dead_letters
        self._env = env

    def submit(self, job_id: str) -> None:
        """Send a message that names the job. Raises `Unavailable`."""
        import json

        self._call("SendMessage", {"MessageBody": json.dumps({"job": job_id})})

    def defer(self, delivery: str, seconds: float) -> None:
        """Show the message with the receipt handle `delivery` again after `seconds`. Raises `Unavailable`."""
        hidden = min(max(round(seconds), 0), _LONGEST_DEFERRAL)
        self._call("ChangeMessageVisibility", {"ReceiptHandle": delivery, "VisibilityTimeout": hidden})

    def bury(self, message: str) -> None:
        """Send a message to the dead letters, as it came. Raises `Unavailable`."""
        self._call("SendMessage", {"QueueUrl": self._dead_letters, "MessageBody": message})

    def _call(self, operation: str, parameters: dict[str, object]) -> None:
        json_api.call(json_api.SQS, operation, {"QueueUrl": self._url, **parameters}, self._env)
