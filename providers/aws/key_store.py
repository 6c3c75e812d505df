"""Where `python -m providers keys` finds a stage's keys on AWS."""

import os

from providers.aws.ssm_keys import SsmKeys, parameter_name

SERVICE = "serverless-ml"  # as serverless.yml calls it


def key_store(stage: str) -> SsmKeys:
    """The parameter of the deployment in the region that the environment names."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return SsmKeys(parameter_name(SERVICE, stage), region)
