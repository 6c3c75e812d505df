"""What Lithops' workers may do, and what the trainer may do for them: no more than each needs."""

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.aws.test_options import KEY, OFF, node

CHANGE = """
const { optionsOf } = require('./providers/aws/options.js');
const { configure, extend } = require('./providers/aws/template.js');
const { given, service, template } = JSON.parse(require('fs').readFileSync(0));
configure(service, optionsOf(given), { pages: false });
extend(template, optionsOf(given), { base: 'serverless-ml-dev', tags: service.provider.tags });
console.log(JSON.stringify([service, template]));
"""
DATA = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}
SERVICE: dict[str, Any] = {
    "service": "serverless-ml",
    "provider": {
        "stage": "dev",
        "tags": {"service": "serverless-ml", "stage": "dev"},
        "runtime": "python3.13",
    },
    "layers": {"training": {}},
    "functions": {
        "api": {"environment": {}, "events": []},
        "train": {
            "layers": [{"Ref": "TrainingLambdaLayer"}],
            "environment": {
                "ML_BUCKET": {"Ref": "Models"},
                "ML_DATA_BUCKETS": "s3://lake",
                "ML_QUEUE_URL": "q",
            },
        },
        "sweep": {},
    },
}


def role(name: str, *policies: Any) -> dict[str, Any]:
    properties = {"RoleName": f"serverless-ml-dev-eu-central-1-{name}", "Policies": list(policies)}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def policy(name: str, *statements: Any) -> dict[str, Any]:
    return {"PolicyName": name, "PolicyDocument": {"Statement": list(statements)}}


TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Models": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketEncryption": {"ServerSideEncryptionConfiguration": []}},
        },
        "ApiRole": role("api"),
        "TrainRole": role(
            "train",
            policy("train", {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "the queue"}),
            {"Fn::If": ["ReadsOtherBuckets", policy("data", DATA), {"Ref": "AWS::NoValue"}]},
        ),
        "SweepRole": role("sweep"),
    },
    "Outputs": {},
}


def changed(**given: str) -> tuple[Any, Any]:
    asked = {"given": {**OFF, **given}, "service": SERVICE, "template": deepcopy(TEMPLATE)}
    found = node(CHANGE, asked)
    return found[0], found[1]


def rights(template: Any, name: str) -> dict[str, list[Any]]:
    """Each policy's statements, those under a condition too."""
    found = template["Resources"][name]["Properties"]["Policies"]
    told = [each["Fn::If"][1] if "Fn::If" in each else each for each in found]
    return {each["PolicyName"]: each["PolicyDocument"]["Statement"] for each in told}


def writes(statements: list[Any]) -> set[str]:
    return {
        json.dumps(each["Resource"])
        for each in statements
        if any("Put" in action or "Delete" in action for action in [each["Action"]])
        or (isinstance(each["Action"], list) and "s3:PutObject" in each["Action"])
    }


def test_off_nothing_is_made() -> None:
    service, template = changed()
    assert service["functions"].keys() == SERVICE["functions"].keys()
    assert template["Resources"].keys() == TEMPLATE["Resources"].keys()
    assert rights(template, "TrainRole").keys() == {"train", "data"}


def test_a_worker_reads_data_and_writes_scores_and_nothing_else() -> None:
    _, template = changed(engines="lithops")
    held = rights(template, "WorkerRole")
    assert held.keys() == {"worker", "data"}
    assert held["data"] == [DATA]
    written = writes(held["worker"])
    assert written == {
        json.dumps({"Fn::Sub": "${Models.Arn}/scores/*"}),
        json.dumps({"Fn::Sub": "${LithopsTasks.Arn}/*"}),
    }
    said = json.dumps(held)
    for never in ("sqs:", "ssm:", "lambda:", "iam:", "DeleteObject", '"*"'):
        assert never not in said


def test_the_trainer_may_invoke_the_worker_and_make_no_function() -> None:
    _, template = changed(engines="lithops")
    said = json.dumps(rights(template, "TrainRole")["lithops"])
    assert '"lambda:InvokeFunction"' in said
    for never in ("CreateFunction", "PassRole", "UpdateFunction", "Layer", "ecr:", "sts:"):
        assert never not in said
    for other in ("ApiRole", "SweepRole"):
        assert "Lithops" not in json.dumps(template["Resources"][other])


def test_the_worker_is_of_the_same_code_and_knows_no_queue_and_no_key() -> None:
    service, template = changed(engines="lithops", engineMemory="2048", engineWorkers="7")
    worker, train = service["functions"]["worker"], service["functions"]["train"]
    assert worker["memorySize"] == 2048
    assert (
        worker["layers"] == train["layers"] == [{"Ref": "TrainingLambdaLayer"}, {"Ref": "LithopsLambdaLayer"}]
    )
    assert worker["environment"].keys() == {"ML_BUCKET", "ML_DATA_BUCKETS", "HOME"}
    assert train["environment"]["ML_LITHOPS_FUNCTION"] == worker["name"] == "serverless-ml-dev-worker"
    assert train["environment"]["ML_LITHOPS_WORKERS"] == "7"
    assert template["Outputs"]["LithopsBucket"]["Value"] == {"Ref": "LithopsTasks"}


@pytest.mark.parametrize("key", ["", KEY])
def test_the_bucket_is_closed_encrypted_and_forgets(key: str) -> None:
    _, template = changed(engines="lithops", encryptionKey=key)
    bucket = template["Resources"]["LithopsTasks"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"] == template["Resources"]["Models"]["Properties"]["BucketEncryption"]
    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 2
    (refused,) = template["Resources"]["LithopsTasksPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert refused["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert ("encryption" in rights(template, "WorkerRole")) is bool(key)
