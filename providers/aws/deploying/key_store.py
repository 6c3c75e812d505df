"""Where `python -m providers keys` finds a deployment's keys on AWS: a SecureString of Parameter Store."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ml_core.errors import AccessRefused
from providers.aws.deploying import stack
from providers.aws.deploying.identity import AwsIdentity, aws_errors, identify, region_of
from providers.aws.runtime.keys import Records, records_in

if TYPE_CHECKING:
    from providers.deploying.keys import Target

OPTIONS = ("region", "profile")


def key_store(target: "Target", env: Mapping[str, str]) -> "SsmKeys":
    """The parameter where the deployed function reads; without a deployment, the one where it will.

    Raises `Unavailable` when there are no credentials or AWS does not answer.
    """
    region = target.options.get("region") or region_of(env)
    identity = identify(env, region, stage=target.stage, profile=target.options.get("profile"))
    name = f"{target.service}-{target.stage}"
    configured = f"/{target.service}/{target.stage}/keys"  # as config.yml has it
    try:
        found = stack.find(identity, name)
    except AccessRefused as error:
        return SsmKeys(
            identity, configured, f"could not check whether a function reads this parameter: {error}"
        )
    if found is None:
        missing = f"nothing is deployed as {name} in {identity}"
        return SsmKeys(identity, configured, f"{missing}: if it is elsewhere, pass --region or --service")
    if found.keys is None:
        return SsmKeys(
            identity,
            configured,
            f"the stack {name} does not name its keys parameter; this is the one that config.yml names",
        )
    return SsmKeys(identity, found.keys)


class SsmKeys:
    """The key store of one deployment, for the command line.

    Args:
        identity: whose parameter it is, and in which region.
        parameter: its name.
        warning: why no deployed function reads there; None when one does.
    """

    def __init__(self, identity: AwsIdentity, parameter: str, warning: str | None = None) -> None:
        self._parameter = parameter
        self._client = identity.client("ssm")
        self.place = f"parameter {parameter}, {identity}"
        self.warning = warning

    def read(self) -> Records | None:
        """The records, or None when there are none. Raises `Unavailable`."""
        with aws_errors("the keys cannot be read"):
            try:
                answer = self._client.get_parameter(Name=self._parameter, WithDecryption=True)
            except self._client.exceptions.ParameterNotFound:
                return None
        return records_in(self._parameter, answer["Parameter"]["Value"])

    def write(self, records: Records) -> None:
        """Replace the records; an empty list leaves no parameter behind. Raises `Unavailable`."""
        with aws_errors("the keys cannot be written"):
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
