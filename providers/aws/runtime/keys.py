"""The records of the keys in AWS's Parameter Store, as a function reads them: at its start, without boto3."""

from __future__ import annotations

from ml_core.errors import Unavailable
from providers.aws.runtime import json_api

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

type Records = list[dict[str, Any]]


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
    return records_in(parameter, answer["Parameter"]["Value"])


def records_in(parameter: str, value: str) -> Records:
    """The records in a parameter's value. Raises `Unavailable` when it holds something else."""
    import json

    try:
        records = json.loads(value)
    except ValueError:
        records = None
    if not isinstance(records, list):
        raise Unavailable(f"the parameter {parameter} does not hold key records")
    return records
