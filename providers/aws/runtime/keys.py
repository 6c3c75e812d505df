"""The records of the keys in AWS's Parameter Store, as a function reads them: at its start, without boto3.

Each key is a parameter of its own below one path, so that two people who change keys at once change nothing
of each other's: Parameter Store cannot compare before it writes. Earlier versions kept all records in one
parameter, which has the path for its name. It is still read where it is there, and never written again: a key
of it is revoked by a note below the path. docs/decisions/0033-a-parameter-for-each-key.md has the reasons.
"""

from __future__ import annotations

from ml_core import json_text
from ml_core.errors import Unavailable
from providers.aws.runtime import json_api

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

type Records = list[dict[str, Any]]

# Below the path: says that the one parameter of earlier versions has to be read as well.
EARLIER = "earlier"
# The member of a note that revokes a key of the one parameter.
REVOKED = "revoked"


def read_records(path: str, env: Mapping[str, str]) -> Records | None:
    """The records, or None when there are none. Raises `Unavailable`.

    Args:
        path: below which the parameters are; also the name of the one parameter of earlier versions.
        env: credentials and region, as Lambda's environment holds them.
    """
    try:
        values = _below(path, env)
    except json_api.ServiceError as error:
        if error.service_code != "AccessDeniedException":
            raise
        # New code in a stack of an earlier version, whose role may read the one parameter alone.
        earlier = _value(path, env)
        if earlier is None:
            raise
        return records_in(path, earlier)
    return combined(path, values, lambda: _value(path, env))


def combined(path: str, values: Mapping[str, str], earlier: Callable[[], str | None]) -> Records | None:
    """The records of all keys; None when there never was one. Raises `Unavailable` for what is no record.

    Args:
        path: below which the parameters are.
        values: of the parameters below it, by their names.
        earlier: reads the one parameter of earlier versions, and is called only where there may be one.
    """
    records: Records = []
    revoked = set()
    for name, value in values.items():
        if name == f"{path}/{EARLIER}":
            continue
        try:
            record = json_text.loads(value)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise Unavailable(f"the parameter {name} does not hold a key record")
        if REVOKED in record:
            revoked.add(record.get("id"))
        else:
            records.append(record)
    if values and f"{path}/{EARLIER}" not in values:
        return records
    value_before = earlier()
    if value_before is None:
        return records if values else None
    return [each for each in records_in(path, value_before) if each.get("id") not in revoked] + records


def records_in(parameter: str, value: str) -> Records:
    """The records in the one parameter's value. Raises `Unavailable` when it holds something else."""
    try:
        records = json_text.loads(value)
    except ValueError:
        records = None
    if not isinstance(records, list):
        raise Unavailable(f"the parameter {parameter} does not hold key records")
    return records


def _below(path: str, env: Mapping[str, str]) -> dict[str, str]:
    """The values of the parameters below a path, by their names. A page holds ten at most, or none."""
    asked: dict[str, Any] = {"Path": path, "WithDecryption": True}
    values: dict[str, str] = {}
    while True:
        answer = json_api.call(json_api.SSM, "GetParametersByPath", asked, env)
        values.update((each["Name"], each["Value"]) for each in answer["Parameters"])
        if not answer.get("NextToken"):
            return values
        asked["NextToken"] = answer["NextToken"]


def _value(parameter: str, env: Mapping[str, str]) -> str | None:
    asked = {"Name": parameter, "WithDecryption": True}
    try:
        answer = json_api.call(json_api.SSM, "GetParameter", asked, env)
    except json_api.ServiceError as error:
        if error.service_code == "ParameterNotFound":
            return None
        raise
    value: str = answer["Parameter"]["Value"]
    return value
