"""The policy for whoever deploys to AWS: every verb works with it, and it holds nothing that nobody asks for.

The emulator holds the caller to the policy. What CloudFormation does for the caller, AWS asks of the same
policy and the emulator of nobody: `OF_TYPES` has that by type, as AWS's reference of resource types says it.
"""

import json
import os
import re
from typing import Any

import boto3
import pytest

from tests.framework import Packages, Project
from tests.ministack import REGION, Ministack

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ACCOUNT = "666666666666"
POLICY = os.path.join(ROOT, "providers", "aws", "deployer-policy.json")
MOST_OF_A_MANAGED_POLICY = 6144  # characters without spaces
TAGGING = ("ListTagsForResource", "TagResource", "UntagResource")
# What CloudFormation does to make, change, tag and delete one of a type.
OF_TYPES: dict[str, tuple[str, ...]] = {
    "AWS::S3::Bucket": (
        *["s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketCORS", "s3:PutBucketOwnershipControls"],
        *["s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning"],
        *["s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"],
    ),
    "AWS::S3::BucketPolicy": ("s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"),
    "AWS::IAM::Role": (
        *["iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy"],
        *["iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:PutRolePolicy", "iam:TagRole"],
        *["iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"],
    ),
    "AWS::Lambda::Function": (
        *[
            "iam:PassRole",
            "lambda:CreateFunction",
            "lambda:DeleteFunction",
            "lambda:DeleteFunctionConcurrency",
        ],
        *["lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:ListTags"],
        *["lambda:PutFunctionConcurrency", "lambda:TagResource", "lambda:UntagResource"],
        *["lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "s3:GetObject"],
        *["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
    ),
    "AWS::Lambda::Version": ("lambda:ListVersionsByFunction", "lambda:PublishVersion"),
    "AWS::Lambda::Alias": (
        *["lambda:CreateAlias", "lambda:DeleteAlias", "lambda:GetAlias", "lambda:UpdateAlias"],
        *["lambda:DeleteProvisionedConcurrencyConfig", "lambda:GetProvisionedConcurrencyConfig"],
        "lambda:PutProvisionedConcurrencyConfig",
    ),
    "AWS::Lambda::Permission": ("lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"),
    "AWS::Lambda::LayerVersion": (
        *["lambda:DeleteLayerVersion", "lambda:GetLayerVersion", "lambda:PublishLayerVersion"],
    ),
    "AWS::Lambda::EventSourceMapping": (
        *(f"lambda:{verb}EventSourceMapping" for verb in ("Create", "Delete", "Get", "Update")),
        *["lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"],
    ),
    "AWS::SQS::Queue": (
        *["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
        *["sqs:ListQueueTags", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"],
    ),
    "AWS::Events::Rule": (
        *["events:DeleteRule", "events:DescribeRule", "events:ListTargetsByRule", "events:PutRule"],
        *["events:PutTargets", "events:RemoveTargets", *(f"events:{each}" for each in TAGGING)],
    ),
    "AWS::Logs::LogGroup": (
        *["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy"],
        *["logs:DescribeLogGroups", "logs:DisassociateKmsKey", "logs:PutRetentionPolicy"],
        *(f"logs:{each}" for each in TAGGING),
    ),
    "AWS::CloudWatch::Alarm": (
        *["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"],
        *(f"cloudwatch:{each}" for each in TAGGING),
    ),
    "AWS::CloudWatch::Dashboard": (
        *["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"],
    ),
    "AWS::SNS::Topic": (
        *["sns:CreateTopic", "sns:DeleteTopic", "sns:GetTopicAttributes", "sns:SetTopicAttributes"],
        *["sns:ListSubscriptionsByTopic", *(f"sns:{each}" for each in TAGGING)],
    ),
    "AWS::SNS::Subscription": ("sns:Subscribe", "sns:Unsubscribe"),
    "AWS::ApiGatewayV2::Api": tuple(
        f"apigateway:{verb}" for verb in ("DELETE", "GET", "PATCH", "POST", "PUT")
    ),
    # Access logs are delivered by CloudWatch Logs, which asks these of who switches them on.
    "AWS::ApiGatewayV2::Stage": (
        *["logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies"],
        *[
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
    ),
    "AWS::ApiGatewayV2::Integration": (),
    "AWS::ApiGatewayV2::Route": (),
}
# What AWS asks for beside the calls that are made: of a change set that creates a stack or tags it, of a
# stack that is made without one, of parameters with tags, and of a bucket with versions.
BESIDE = {
    *["cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:TagResource"],
    *[
        "cloudformation:GetTemplate",
        "ssm:AddTagsToResource",
        "s3:DeleteObjectVersion",
        "s3:GetBucketLocation",
    ],
}
# What the framework asks on the way, without a need: it goes on where it is refused.
NEEDLESS = {"ecr:DescribeRepositories"}
# To the emulator, questions that the check before a deployment asks have other names than to AWS, or none.
MISNAMED = {"lambda:ListEventSourceMappings"}
NAMELESS = {"lambda:GetAccountSettings", "lambda:GetFunctionConcurrency"}


def policy() -> Any:
    with open(POLICY, encoding="utf-8") as file:
        return json.load(file)


def actions() -> set[str]:
    """All that the policy allows."""
    found: set[str] = set()
    for statement in policy()["Statement"]:
        named = statement["Action"]
        found |= {named} if isinstance(named, str) else set(named)
    return found


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What every verb asked of AWS, by a user who has the policy and no other right."""
    with Ministack(AUTH="true", AS_IF_TLS="yes") as aws:
        iam = boto3.client(
            "iam",
            endpoint_url=aws.url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
        )
        iam.create_user(UserName="deployer")
        iam.put_user_policy(UserName="deployer", PolicyName="deploys", PolicyDocument=json.dumps(policy()))
        made = iam.create_access_key(UserName="deployer")["AccessKey"]
        key = made["AccessKeyId"]
        who = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
        every_verb(Project(str(tmp_path_factory.mktemp("deployer")), {**aws.env, **who}))
        with open(aws.log, encoding="utf-8") as log:
            return set(re.findall(rf"^called (\S+:\S+) by {key}$", log.read(), re.MULTILINE))


def every_verb(project: Project) -> None:
    """What a person does with a service, from its deployment to its end."""
    stage = ("--stage", "least")
    project.serverless("deploy", *stage)
    project.python("-m", "providers", "keys", "new", "--role", "admin", *stage)
    listed = project.python("-m", "providers", "keys", "list", *stage)
    (name,) = (line.split()[0] for line in listed.splitlines() if "admin" in line.split())
    project.python("-m", "providers", "keys", "revoke", name, *stage)
    project.serverless("invoke", "--function", "sweep", *stage)
    project.serverless("logs", "--function", "sweep", *stage)
    project.serverless("info", *stage)
    with open(project.path("handlers", "version.py"), "a", encoding="utf-8") as code:
        code.write("\n# a change\n")
    project.serverless("deploy", "function", "--function", "api", *stage)
    project.serverless("deploy", *stage)
    project.serverless("remove", "--yes", *stage)


def test_every_verb_works_with_the_policy_alone_and_asks_for_nothing_else(called: set[str]) -> None:
    assert called - {"sts:GetCallerIdentity"} - NEEDLESS - MISNAMED <= actions()
    assert {"cloudformation:DescribeStacks", "s3:PutObject", "ssm:PutParameter"} <= called


def test_nothing_is_allowed_that_nobody_asks_for(called: set[str]) -> None:
    asked = {action for each in OF_TYPES.values() for action in each}
    assert actions() - called - asked - BESIDE - NAMELESS == set()
    assert asked | BESIDE | NAMELESS <= actions()


def test_what_cloudformation_does_is_known_for_each_type_of_resource(aws_packages: Packages) -> None:
    path = os.path.join(os.path.dirname(aws_packages.code), "cloudformation-template-update-stack.json")
    with open(path, encoding="utf-8") as file:
        types = {each["Type"] for each in json.load(file)["Resources"].values()}
    assert types <= set(OF_TYPES)


def test_everything_that_has_a_name_is_named_by_its_prefix() -> None:
    for statement in policy()["Statement"]:
        resources = statement["Resource"]
        for each in [resources] if isinstance(resources, str) else resources:
            unnamed = {"WhatKnowsNoResource", "HttpApis", "TagsOfEventSources"}
            if statement["Sid"] in unnamed or "Condition" in statement:
                continue
            assert "serverless-ml" in each


def test_event_sources_may_be_tagged_whose_names_are_nobodys() -> None:
    """The framework tags each stack, and CloudFormation tags by that what it makes: by a wildcard ARN."""
    tagged = [each for each in policy()["Statement"] if "lambda:TagResource" in each["Action"]]
    assert "arn:aws:lambda:*:*:event-source-mapping:*" in [each["Resource"] for each in tagged]


def test_the_policy_fits_into_a_managed_policy() -> None:
    assert len(json.dumps(policy(), separators=(",", ":"))) <= MOST_OF_A_MANAGED_POLICY
