"""Whether what a stack is made of is still there. CloudFormation does not look at what it made before."""

from collections.abc import Callable, Iterable
from typing import Any

from ml_core.errors import AccessRefused, NotFound
from providers.aws.deploying.identity import AwsIdentity, aws_errors
from providers.aws.deploying.stack import Resource

Look = Callable[[Any, str], object]

# The service to ask, and how: each raises one of `_GONE` for what is not there.
_LOOKS: dict[str, tuple[str, Look]] = {
    "AWS::S3::Bucket": ("s3", lambda client, name: client.head_bucket(Bucket=name)),
    "AWS::SQS::Queue": (
        "sqs",
        lambda client, url: client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]),
    ),
    "AWS::Lambda::Function": (
        "lambda",
        lambda client, name: client.get_function_configuration(FunctionName=name),
    ),
    "AWS::Lambda::EventSourceMapping": (
        "lambda",
        lambda client, name: client.get_event_source_mapping(UUID=name),
    ),
    "AWS::IAM::Role": ("iam", lambda client, name: client.get_role(RoleName=name)),
    "AWS::Events::Rule": ("events", lambda client, name: client.describe_rule(Name=name)),
    "AWS::ApiGatewayV2::Api": ("apigatewayv2", lambda client, name: client.get_api(ApiId=name)),
}
_GONE = {
    *["404", "NoSuchBucket", "NoSuchEntity", "NotFoundException", "ResourceNotFoundException"],
    *["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"],
}


def check(identity: AwsIdentity, name: str, resources: Iterable[Resource]) -> list[str]:
    """What could not be looked at.

    Args:
        identity: of the run.
        name: the stack's.
        resources: what it is made of.

    Raises:
        NotFound: something is gone.
        Unavailable: AWS does not answer.
    """
    gone, unseen = [], []
    clients: dict[str, Any] = {}
    for each in resources:
        service, look = _LOOKS.get(each.kind, ("", None))
        if look is None:
            continue
        client = clients.setdefault(service, identity.client(service))
        said = f"{each.kind.split('::', 1)[1].replace('::', ' ')} {each.name}"
        try:
            if not _is_there(look, client, each.name):
                gone.append(said)
        except AccessRefused:
            unseen.append(said)
    if gone:
        raise NotFound(
            f"expected all of the stack {name} in {identity}, got it without {', '.join(gone)}: "
            "deleted by hand, and CloudFormation does not bring that back"
        )
    return unseen


def _is_there(look: Look, client: Any, name: str) -> bool:  # noqa: ANN401 - boto3's clients are untyped
    from botocore.exceptions import ClientError

    with aws_errors(f"looking for {name}"):
        try:
            look(client, name)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return False
            raise
    return True
