"""The job queue on SQS."""

from collections.abc import Mapping

from providers.aws.runtime import json_api

# SQS keeps a new message back for at most a quarter of an hour.
_LONGEST_DELAY = 900


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

    def defer(self, job_id: str, seconds: float) -> None:
        """Send the job's message anew, to come later; the present one is done with.

        Were that one shown again, SQS would count it as received once more, and after some hundred times lay
        it among the dead letters; it would also be gone four days after it was sent. A job may be continued
        for longer. Raises `Unavailable`.
        """
        import json

        delay = min(max(round(seconds), 0), _LONGEST_DELAY)
        self._call("SendMessage", {"MessageBody": json.dumps({"job": job_id}), "DelaySeconds": delay})

    def hide(self, receipt: str, seconds: float) -> None:
        """Show the message with this receipt handle again after `seconds`, as one that failed.

        Raises `Unavailable`.
        """
        self._call("ChangeMessageVisibility", {"ReceiptHandle": receipt, "VisibilityTimeout": round(seconds)})

    def bury(self, message: str) -> None:
        """Send a message to the dead letters, as it came. Raises `Unavailable`."""
        self._call("SendMessage", {"QueueUrl": self._dead_letters, "MessageBody": message})

    def _call(self, operation: str, parameters: dict[str, object]) -> None:
        json_api.call(json_api.SQS, operation, {"QueueUrl": self._url, **parameters}, self._env)
