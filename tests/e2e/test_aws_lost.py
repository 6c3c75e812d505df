"""What is said before a deployment to AWS packages anything."""

import json
import os
from typing import Any

import boto3
import pytest

from ml_core.errors import Conflict, NotFound, Unavailable
from providers.aws.deploying import preflight
from providers.aws.deploying.identity import AwsIdentity
from tests.framework import Project
from tests.ministack import REGION, Ministack

ACCOUNT = "555555555555"
NAME = "serverless-ml-lost"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
TEMPLATE = {
    "Resources": {
        "Models": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "lost-models"}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "lost-queue"}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "lost-role", "AssumeRolePolicyDocument": TRUST},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "lost-function",
                "Handler": "index.handler",
                "Runtime": "python3.13",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def handler(event, context): ..."},
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"Name": "lost-rule", "ScheduleExpression": "rate(1 day)"},
        },
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "lost", "ProtocolType": "HTTP"}},
    }
}
LOST = {
    "S3 Bucket lost-models": ("s3", "delete_bucket", {"Bucket": "lost-models"}),
    "SQS Queue": ("sqs", "delete_queue", {"QueueUrl": "lost-queue"}),
    "IAM Role lost-role": ("iam", "delete_role", {"RoleName": "lost-role"}),
    "Lambda Function lost-function": ("lambda", "delete_function", {"FunctionName": "lost-function"}),
    "Events Rule lost-rule": ("events", "delete_rule", {"Name": "lost-rule"}),
    "ApiGatewayV2 Api": ("apigatewayv2", "delete_api", {}),
}


@pytest.fixture
def identity(guarded_aws: Ministack, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An account with a stack in it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", guarded_aws.url)
    found = AwsIdentity(boto3.Session(ACCOUNT, "test", region_name=REGION), ACCOUNT, REGION)
    client = found.client("cloudformation")
    client.create_stack(
        StackName=NAME, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    client.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
    yield found
    client.delete_stack(StackName=NAME)


def test_a_stack_that_is_whole_is_nothing_to_speak_of(identity: AwsIdentity) -> None:
    assert preflight.check(identity, NAME, 20) == []
    assert preflight.check(identity, "serverless-ml-nowhere", 20) == []


@pytest.mark.parametrize("said", LOST)
def test_what_was_deleted_by_hand_is_named(identity: AwsIdentity, said: str) -> None:
    service, operation, given = LOST[said]
    client = identity.client(service)
    if service == "sqs":
        given = {"QueueUrl": client.get_queue_url(QueueName="lost-queue")["QueueUrl"]}
    if service == "apigatewayv2":
        (api,) = client.get_apis()["Items"]
        given = {"ApiId": api["ApiId"]}
    getattr(client, operation)(**given)
    with pytest.raises(NotFound, match=f"got it without {said}") as raised:
        preflight.check(identity, NAME, 20)
    assert str(raised.value).count("without") == 1
    assert "," not in str(raised.value).partition("without")[2].partition(":")[0], "nothing else is lost"


def test_who_may_not_look_is_told_and_may_deploy(identity: AwsIdentity) -> None:
    iam = identity.client("iam")
    iam.create_user(UserName="blind")
    made = iam.create_access_key(UserName="blind")["AccessKey"]
    session = boto3.Session(made["AccessKeyId"], made["SecretAccessKey"], region_name=REGION)
    (warning,) = preflight.check(AwsIdentity(session, ACCOUNT, REGION), NAME, 20)
    assert warning.startswith("could not check what is deployed: ")


def test_what_others_reserved_is_not_there_to_reserve(identity: AwsIdentity) -> None:
    """And what our own functions have already is: the stack's one has five."""
    client = identity.client("lambda")
    # The emulator leaves this out of a template's function.
    client.put_function_concurrency(FunctionName="lost-function", ReservedConcurrentExecutions=5)
    limit = client.get_account_settings()["AccountLimit"]
    free = limit["UnreservedConcurrentExecutions"]
    assert free == limit["ConcurrentExecutions"] - 5
    assert preflight.check(identity, NAME, free + 5 - 100) == []
    with pytest.raises(Conflict, match=f"{free + 5} are not reserved by others"):
        preflight.check(identity, NAME, free + 5 - 9)
    (warning,) = preflight.check(identity, NAME, free + 5 - 50)
    assert warning.startswith("may be unable to reserve")
    with pytest.raises(Conflict, match=f"{free} are not reserved by others"):
        preflight.check(identity, "serverless-ml-another", free + 5 - 12)


def test_an_account_that_does_not_answer_is_one_line(
    identity: AwsIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="looking for the stack"):
        preflight.check(identity, NAME, 20)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("nobody")
    nobody = {"HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"}
    return Project(str(tmp_path_factory.mktemp("project")), nobody)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "cannot find out whose AWS credentials these are"),
        (("--stage", "s" * 60), "expected a name of at most 64 characters"),
        (("--param", "tags=stage=mine"), "tags: expected another name than service and stage"),
        (("--param", "ingress=internal"), "ingress: expected all"),
    ],
)
def test_what_cannot_be_deployed_is_said_before_anything_is_built(
    project: Project, arguments: tuple[str, ...], said: str
) -> None:
    ran = project.try_serverless("deploy", *arguments)
    assert ran.status == 1
    assert said in " ".join(ran.said.split())
    assert not os.path.exists(project.path(".serverless"))
