"""Where `python -m providers keys` finds a deployment's keys on AWS."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from providers.aws.ssm_keys import SsmKeys, parameter_name

if TYPE_CHECKING:
    from providers.keys import Target

OPTIONS = ("region", "profile")


def key_store(target: "Target", env: Mapping[str, str]) -> SsmKeys:
    """The parameter of the deployment in its region."""
    region = target.options.get("region") or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    return SsmKeys(parameter_name(target.service, target.stage), region or "us-east-1")
