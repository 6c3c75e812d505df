"""A topic of SNS that is told of what happens: one small signed request, as for the queue."""

import json
from collections.abc import Mapping

from ml_core.errors import Unavailable
from providers.aws.runtime import json_api
from providers.http import call

_SNS = json_api.JsonService("sns", "", "")
_OK = 200
# SNS takes 256 KB of a message; a notice has some hundred bytes.


class SnsTopic:
    """Tells the topic with an ARN.

    Args:
        arn: the topic's.
        env: credentials and region, as Lambda's environment holds them.
    """

    def __init__(self, arn: str, env: Mapping[str, str]) -> None:
        self._arn = arn
        self._env = {**env, "AWS_REGION": arn.split(":")[3]}  # the topic's, which may be another

    @property
    def name(self) -> str:
        """The topic's ARN."""
        return self._arn

    def send(self, notice_id: str, body: bytes) -> None:
        """Publish a notice, with its id and type as attributes to filter by. Raises `Unavailable`."""
        import time
        from urllib.parse import urlencode, urlsplit

        kind = json.loads(body)["type"]
        form = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": self._arn, "Message": body.decode()}
        for place, (name, value) in enumerate((("id", notice_id), ("type", kind)), 1):
            entry = f"MessageAttributes.entry.{place}"
            form |= {
                f"{entry}.Name": name,
                f"{entry}.Value.DataType": "String",
                f"{entry}.Value.StringValue": value,
            }
        data = urlencode(form).encode()
        url = json_api.endpoint(_SNS, self._env)
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "host": urlsplit(url).netloc,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        }
        answer = call("POST", f"{url}/", json_api.signed(headers, data, "sns", self._env), data)
        if answer.status != _OK:
            raise Unavailable(f"SNS did not take the notice (HTTP {answer.status})")
