"""What a deployed stack says of itself: its account and region, its bucket, where its function reads keys."""

from collections.abc import Mapping
from typing import NamedTuple

from ml_core.errors import AccessRefused, Conflict
from providers.aws.deploying.identity import AwsIdentity, aws_errors

# Outputs, as config.yml names them.
_BUCKET, _KEYS, _KEYS_PATH, _ENCRYPTION = "ModelsBucket", "KeysParameter", "KeysPath", "EncryptionKey"
_PARAMETERS = "DeployedParameters"
_TASKS = "LithopsBucket"
# The framework's own tag of each stack.
_STAGE_TAG = "STAGE"
# The state of what a stack once made and has no more.
_LEFT = {"DELETE_COMPLETE", "DELETE_SKIPPED"}


class Resource(NamedTuple):
    """Something that a stack made."""

    kind: str  # as templates call it: AWS::S3::Bucket
    name: str  # its own: a name, an id or an address


class Stack(NamedTuple):
    """A deployed stack. None stands for what it does not say."""

    name: str
    bucket: str | None
    keys: str | None  # the name of the one parameter
    keys_path: str | None = None  # below which each key has a parameter; earlier versions had none
    encryption_key: str | None = None  # of KMS
    tags: Mapping[str, str] = {}
    parameters: str | None = None  # those that are not at their defaults, as text
    tasks: str | None = None  # Lithops' bucket, where it is turned on


def find(identity: AwsIdentity, name: str) -> Stack | None:
    """The stack, or None when the account has none of that name in the region.

    Raises:
        AccessRefused: the credentials may not describe stacks.
        Conflict: the answer is about another account or region than the credentials are for.
        Unavailable: it could not be asked.
    """
    from botocore.exceptions import ClientError

    with aws_errors(f"looking for the stack {name} in {identity}"):
        try:
            found = identity.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
    # arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>
    region, account = found["StackId"].split(":")[3:5]
    if (account, region) != (identity.account, identity.region):
        raise Conflict(f"expected the stack {name} in {identity}, got one in {region} of account {account}")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    keys = outputs.get(_KEYS) or _keys_of_function(identity, f"{name}-api")
    tags = {each["Key"]: each["Value"] for each in found.get("Tags", []) if each["Key"] != _STAGE_TAG}
    return Stack(
        name,
        outputs.get(_BUCKET),
        keys,
        keys_path=outputs.get(_KEYS_PATH),
        encryption_key=outputs.get(_ENCRYPTION),
        tags=tags,
        parameters=outputs.get(_PARAMETERS),
        tasks=outputs.get(_TASKS),
    )


def functions(identity: AwsIdentity, name: str) -> list[str]:
    """The names of a stack's functions. Raises `Unavailable`."""
    return [each.name for each in resources(identity, name) if each.kind == "AWS::Lambda::Function"]


def resources(identity: AwsIdentity, name: str) -> list[Resource]:
    """What a stack is made of now. Raises `Unavailable`."""
    with aws_errors(f"looking at the stack {name} in {identity}"):
        pages = identity.client("cloudformation").get_paginator("list_stack_resources")
        found = [each for page in pages.paginate(StackName=name) for each in page["StackResourceSummaries"]]
    return [
        Resource(each["ResourceType"], each["PhysicalResourceId"])
        for each in found
        if each.get("PhysicalResourceId") and each.get("ResourceStatus") not in _LEFT
    ]


def _keys_of_function(identity: AwsIdentity, function: str) -> str | None:
    """Where the function of a stack reads that was deployed before stacks said so themselves."""
    client = identity.client("lambda")
    try:
        with aws_errors(f"asking {function} where it reads keys"):
            try:
                settings = client.get_function_configuration(FunctionName=function)
            except client.exceptions.ResourceNotFoundException:
                return None
    except AccessRefused:
        return None
    name: str | None = settings.get("Environment", {}).get("Variables", {}).get("ML_KEYS_PARAMETER")
    return name
