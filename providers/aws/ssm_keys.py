"""The records of the keys in AWS's Parameter Store: one SecureString for each service and stage.

A function reads them at its cold start and has no boto3. A person's command line reads and writes them
with the credentials that boto3 finds.
"""

from collections.abc import Mapping
from typing import Any

from ml_core.errors import Unavailable
from providers.aws import json_api

Records = list[dict[str, Any]]


def parameter_name(service: str, stage: str) -> str:
    """Where config.yml has the functions look."""
    return f"/{service}/{stage}/keys"


def read_records(parameter: str, env: Mapping[str, str]) -> Records | None:
    """The records, or None when there are none. Raises `Unavailable`.

    Args:
        parameter: the parameter's name.
        env: credentials and region, as Lambda's environment holds them.
    """
    asked = {"Name": parameter, "WithDecryption": True}
    try:
        answer = json_api.call(json_api.SSM, "GetParameter", asked, env)
    except json_api.ServiceError as error:
        if error.service_code == "ParameterNotFound":
            return None
        raise
    return _records(parameter, answer["Parameter"]["Value"])


class SsmKeys:
    """The key store of one deployment, for the command line.

    Args:
        parameter: the parameter's name.
        region: the deployment's region; None is the one that boto3 finds.
    """

    def __init__(self, parameter: str, region: str | None = None) -> None:
        import boto3

        self._parameter = parameter
        self._client: Any = boto3.client("ssm", region_name=region)

    @property
    def place(self) -> str:
        """The parameter and its region."""
        return f"parameter {self._parameter}, {self._client.meta.region_name}"

    @property
    def warning(self) -> str | None:
        """Why no deployed function reads there; None when one does."""
        return None

    def read(self) -> Records | None:
        """The records, or None when there are none. Raises `Unavailable`."""
        try:
            answer = self._client.get_parameter(Name=self._parameter, WithDecryption=True)
        except self._client.exceptions.ParameterNotFound:
            return None
        except _foreign() as error:
            raise Unavailable(f"the keys cannot be read: {error}") from error
        return _records(self._parameter, answer["Parameter"]["Value"])

    def write(self, records: Records) -> None:
        """Replace the records; an empty list leaves no parameter behind. Raises `Unavailable`."""
        import json

        try:
            if records:
                # Intelligent tiering: past 4 KB, some thirty keys, the parameter costs five cents a month.
                self._client.put_parameter(
                    Name=self._parameter,
                    Value=json.dumps(records, separators=(",", ":")),
                    Type="SecureString",
                    Tier="Intelligent-Tiering",
                    Overwrite=True,
                )
            elif self.read() is not None:
                self._client.delete_parameter(Name=self._parameter)
        except _foreign() as error:
            raise Unavailable(f"the keys cannot be written: {error}") from error


def _records(parameter: str, value: str) -> Records:
    import json

    try:
        records = json.loads(value)
    except ValueError:
        records = None
    if not isinstance(records, list):
        raise Unavailable(f"the parameter {parameter} does not hold key records")
    return records


def _foreign() -> tuple[type[Exception], ...]:
    """What boto3 raises: the service's refusals, and everything before them."""
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError)
