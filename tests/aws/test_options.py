"""What a company may ask for: parameters are checked before packaging, and change what they say, no more."""

import json
import os
import subprocess
from copy import deepcopy
from typing import Any

import pytest

from tests.framework import Packages

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REGION = "eu-central-1"
KEY = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OFF = {
    **dict.fromkeys(
        [
            "alarms",
            "alarmEmail",
            "dashboard",
            "accessLogs",
            "subnets",
            "securityGroups",
            "encryptionKey",
            "dataKeys",
            "tags",
            "engines",
        ],
        "",
    ),
    "runtimeClient": "aws",
    "onnx": "",
    "onnxMemory": "2048",
    "onnxConcurrency": "10",
    "engineMemory": "1769",
    "engineWorkers": "100",
    "warmInstances": "0",
    "access": "public",
    "ingress": "all",
}
PLACE = {
    "region": REGION,
    "apiConcurrency": "20",
    "trainConcurrency": "3",
    "requestsPerSecond": "50",
    "requestBurst": "100",
    "trainHours": "12",
    "monitoringDays": "90",
    "auditDays": "365",
}
TAGS = {"service": "serverless-ml", "stage": "dev"}

FAULTS = """
const { faultOf } = require('./providers/aws/options.js');
const [place, given] = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(given.map((each) => faultOf(each, { ...place, ...each }) || null)));
"""
EXTEND = """
const { optionsOf } = require('./providers/aws/options.js');
const { configure, extend } = require('./providers/aws/template.js');
const { given, service, template, pages } = JSON.parse(require('fs').readFileSync(0));
configure(service, optionsOf(given), { pages });
extend(template, optionsOf(given), { base: 'serverless-ml-dev', tags: service.provider.tags });
console.log(JSON.stringify([service, template]));
"""


def node(script: str, given: object) -> Any:
    ran = subprocess.run(
        ["node", "-e", script],
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(ran.stdout)


GOOD: list[dict[str, str]] = [
    {},
    {"alarms": "yes", "accessLogs": "true", "alarmEmail": "ops+ml@example.co.uk"},
    {"alarms": "no", "accessLogs": "False"},
    {"dashboard": "yes"},
    {"traces": "0"},
    {"traces": "0.1", "tracesTo": "https://otlp.example.com:4318"},
    {"warmInstances": "20"},
    {"apiConcurrency": "none", "trainConcurrency": "2", "requestsPerSecond": "0.5", "warmInstances": "30"},
    {"access": "private"},
    {"subnets": "subnet-0a1b2c3d, subnet-0123456789abcdef0", "securityGroups": "sg-0a1b2c3d"},
    {"encryptionKey": KEY, "dataKeys": f"{KEY},{KEY.replace(REGION, 'us-east-1')}"},
    {"encryptionKey": f"arn:aws-us-gov:kms:{REGION}:111122223333:key/mrk-1234"},
    {"runtimeClient": "own"},
    {"monitoringDays": "0", "auditDays": "0"},
    {"engines": "lithops", "engineMemory": "10240", "engineWorkers": "1000"},
    {"onnx": "yes", "onnxMemory": "10240", "onnxConcurrency": "none"},
    {"onnx": "no", "onnxMemory": "512", "onnxConcurrency": "1"},
    {"tags": "team=ml, cost-center=7,owner=Ärzte+Co@x:y/z,empty=,formula=a=b"},
]
BAD = [
    ("apiConcurrency", {"apiConcurrency": "no"}, 'expected a whole number, or none, got "no"'),
    ("trainConcurrency", {"trainConcurrency": "-1"}, 'expected a whole number, or none, got "-1"'),
    ("requestsPerSecond", {"requestsPerSecond": "many"}, 'expected a number, got "many"'),
    ("requestBurst", {"requestBurst": "none"}, 'expected a whole number, got "none"'),
    ("trainHours", {"trainHours": "long"}, 'expected a number of hours from 1 to 8760, got "long"'),
    ("trainHours", {"trainHours": "9000"}, 'expected a number of hours from 1 to 8760, got "9000"'),
    ("monitoringDays", {"monitoringDays": "-1"}, 'expected a whole number of days from 0 to 3650, got "-1"'),
    (
        "monitoringDays",
        {"monitoringDays": "4000"},
        'expected a whole number of days from 0 to 3650, got "4000"',
    ),
    ("auditDays", {"auditDays": "1.5"}, 'expected a whole number of days from 0 to 3650, got "1.5"'),
    ("alarms", {"alarms": "on"}, 'expected yes, or nothing, got "on"'),
    ("traces", {"traces": "2"}, 'expected a share from 0 to 1, such as 0.1, got "2"'),
    ("tracesTo", {"traces": "0.5"}, "expected the address of a collector beside traces, got none"),
    ("dashboard", {"dashboard": "on"}, 'expected yes, or nothing, got "on"'),
    ("accessLogs", {"accessLogs": "1"}, 'expected yes, or nothing, got "1"'),
    ("alarmEmail", {"alarmEmail": "ops"}, "expected one address"),
    ("alarmEmail", {"alarmEmail": "a@example.com,b@example.com"}, "expected one address"),
    ("warmInstances", {"warmInstances": "two"}, "expected a whole number from 0 to 9999"),
    ("warmInstances", {"warmInstances": "-1"}, "expected a whole number from 0 to 9999"),
    ("warmInstances", {"warmInstances": "21"}, "expected at most apiConcurrency, which is 20, got 21"),
    ("runtimeClient", {"runtimeClient": "yes"}, 'expected aws or own, got "yes"'),
    ("access", {"access": "Private"}, 'expected public or private, got "Private"'),
    ("ingress", {"ingress": "internal"}, "an HTTP API has no private endpoint; pass access=private"),
    ("subnets", {"subnets": "vpc-0a1b2c3d", "securityGroups": "sg-0a1b2c3d"}, "expected ids of subnets"),
    ("securityGroups", {"subnets": "subnet-0a1b2c3d"}, "expected security groups for the subnets, got none"),
    ("subnets", {"securityGroups": "sg-0a1b2c3d"}, "expected subnets for the security groups, got none"),
    (
        "securityGroups",
        {"subnets": "subnet-0a1b2c3d", "securityGroups": ",".join(f"sg-0a1b2c{n}d" for n in range(6))},
        "expected at most 5 security groups (sg-…), got 6",
    ),
    ("encryptionKey", {"encryptionKey": "alias/models"}, "expected the ARN of a KMS key"),
    ("encryptionKey", {"encryptionKey": KEY.replace("key/", "alias/")}, "expected the ARN of a KMS key"),
    ("encryptionKey", {"encryptionKey": KEY.replace(REGION, "us-east-1")}, "expected a key of eu-central-1"),
    ("dataKeys", {"dataKeys": f"{KEY},nothing"}, 'got "nothing"'),
    ("engines", {"engines": "dask"}, 'expected lithops, or nothing, got "dask"'),
    ("engines", {"engines": "lithops", "architecture": "arm64"}, "expected none on arm64"),
    ("engineMemory", {"engineMemory": "128"}, "expected a whole number of MiB from 512 to 10240"),
    ("engineWorkers", {"engineWorkers": "1"}, "expected a whole number of workers from 2 to 1000"),
    ("onnx", {"onnx": "on"}, 'expected yes, or nothing, got "on"'),
    ("onnxMemory", {"onnxMemory": "256"}, "expected a whole number of MiB from 512 to 10240"),
    ("onnxConcurrency", {"onnxConcurrency": "0"}, 'from 1 to 1000, got "0"'),
    ("onnxConcurrency", {"onnxConcurrency": "many"}, "expected a whole number of instances, or none,"),
    ("tags", {"tags": "team"}, "expected name=value"),
    ("tags", {"tags": "=ml"}, "expected name=value"),
    ("tags", {"tags": "team=<ml>"}, "expected name=value"),
    ("tags", {"tags": "aws:team=ml"}, "expected a name that does not begin with aws:"),
    ("tags", {"tags": "stage=prod"}, "expected another name than service and stage"),
    ("tags", {"tags": "STAGE=prod"}, "expected another name than service and stage"),
    ("tags", {"tags": "Team=1,team=2"}, 'expected each name once, got "team" twice'),
    ("tags", {"tags": f"{'a' * 129}=1"}, "expected at most 128 characters"),
    ("tags", {"tags": ",".join(f"t{number}=1" for number in range(41))}, "expected at most 40 tags, got 41"),
]


def test_what_can_be_is_taken() -> None:
    assert node(FAULTS, [PLACE, [{**OFF, **each} for each in GOOD]]) == [None] * len(GOOD)


def test_what_cannot_be_is_said_by_its_name() -> None:
    found = node(FAULTS, [PLACE, [{**OFF, **given} for _, given, _ in BAD]])
    for (name, given, said), fault in zip(BAD, found, strict=True):
        assert fault is not None, given
        assert fault[0] == name, fault
        assert said in fault[1], fault


@pytest.fixture(scope="module")
def template(aws_packages: Packages) -> Any:
    """As config.yml alone makes it: what the framework compiles, without the tags that are added to it."""
    folder = os.path.dirname(aws_packages.code)
    with open(os.path.join(folder, "cloudformation-template-update-stack.json"), encoding="utf-8") as source:
        return without_tags(json.load(source))


def without_tags(template: Any) -> Any:
    bare = deepcopy(template)
    for each in bare["Resources"].values():
        each.get("Properties", {}).pop("Tags", None)
        if not each.get("Properties", True):
            del each["Properties"]
    return bare


def service() -> dict[str, Any]:
    functions: dict[str, Any] = {
        name: {"name": name, "events": [], "environment": {"ML_BUCKET": "models"}, "layers": [{"Ref": layer}]}
        for name, layer in (("api", "predict"), ("train", "training"), ("sweep", "predict"))
    }
    functions["api"]["events"].append({"httpApi": "*"})
    provider = {"tags": TAGS, "stage": "dev", "runtime": "python3.13"}
    return {"service": "serverless-ml", "provider": provider, "layers": {}, "functions": functions}


def extended(template: Any, *, pages: bool = False, **given: str) -> tuple[Any, Any]:
    asked = {"given": {**OFF, **given}, "service": service(), "template": template, "pages": pages}
    found = node(EXTEND, asked)
    return found[0], found[1]


def added(template: Any, after: Any) -> dict[str, Any]:
    """The resources that were not there."""
    return {name: each for name, each in after["Resources"].items() if name not in template["Resources"]}


def of_type(template: Any, kind: str) -> list[Any]:
    return [each["Properties"] for each in template["Resources"].values() if each["Type"] == kind]


def policies(template: Any, role: str) -> dict[str, Any]:
    found = template["Resources"][role]["Properties"]["Policies"]
    return {each["PolicyName"]: each["PolicyDocument"]["Statement"] for each in found if "PolicyName" in each}


def test_with_everything_off_nothing_is_changed_but_tags(template: Any) -> None:
    after_service, after = extended(template)
    assert after_service == service()
    assert without_tags(after) == template
    kinds = {each["Type"] for each in template["Resources"].values()}
    assert not kinds & {
        "AWS::CloudWatch::Alarm",
        "AWS::SNS::Topic",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Version",
    }
    assert "VpcConfig" not in json.dumps(template)
    assert "kms" not in json.dumps(template)


@pytest.mark.parametrize(
    "kind", ["IAM::Role", "SQS::Queue", "Logs::LogGroup", "S3::Bucket", "CloudWatch::Alarm"]
)
def test_everything_that_takes_tags_has_them(template: Any, kind: str) -> None:
    after_service, after = extended(template, tags="team=ml", alarms="yes")
    everyones = {**TAGS, "team": "ml"}
    assert after_service["provider"]["tags"] == everyones
    assert after_service["provider"]["stackTags"] == {"team": "ml"}
    if kind == "IAM::Role":
        del everyones["stage"]  # the stack's own STAGE stands there
    found = of_type(after, f"AWS::{kind}")
    assert found
    for each in found:
        tags = [(tag["Key"], tag["Value"]) for tag in each["Tags"]]
        assert sorted(tags) == sorted(everyones.items())


def test_alarms_watch_dead_letters_age_and_each_function(template: Any) -> None:
    _, after = extended(template, alarms="yes")
    alarms = of_type(after, "AWS::CloudWatch::Alarm")
    watched = {(each["MetricName"], json.dumps(each["Dimensions"][0]["Value"])) for each in alarms}
    for name in ("Api", "Train", "Sweep"):
        function = json.dumps({"Ref": f"{name}LambdaFunction"})
        assert {("Errors", function), ("Throttles", function)} <= watched
    assert {name for name, _ in watched} == {
        *["Errors", "Throttles", "5xx", "ApproximateAgeOfOldestMessage"],
        "ApproximateNumberOfMessagesVisible",
    }
    by_name = {each["AlarmName"]: each for each in alarms}
    assert by_name["serverless-ml-dev-dead-letters"]["Dimensions"][0]["Value"] == {
        "Fn::GetAtt": ["TrainDeadLetters", "QueueName"]
    }
    assert all(each["TreatMissingData"] == "notBreaching" for each in alarms)
    assert not any("AlarmActions" in each for each in alarms)
    for each in alarms:
        (dimension,) = each["Dimensions"]
        ((_, target),) = dimension["Value"].items()
        assert (target if isinstance(target, str) else target[0]) in template["Resources"]


def test_who_is_told_switches_alarms_on(template: Any) -> None:
    _, after = extended(template, alarmEmail="ops@example.com")
    (subscription,) = of_type(after, "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
    topic = [name for name, each in added(template, after).items() if each["Type"] == "AWS::SNS::Topic"]
    for alarm in of_type(after, "AWS::CloudWatch::Alarm"):
        assert alarm["AlarmActions"] == [{"Ref": topic[0]}]


@pytest.mark.parametrize("access", ["public", "private"])
def test_access_logs_hold_neither_query_nor_header_nor_body(template: Any, access: str) -> None:
    after, _ = extended(template, accessLogs="yes", access=access)
    line = json.loads(after["provider"]["logs"]["httpApi"]["format"])
    assert set(line.values()) <= {
        f"$context.{name}"
        for name in (
            *["requestTime", "requestId", "identity.sourceIp", "httpMethod", "path", "status"],
            *["responseLength", "responseLatency", "error.message", "identity.userArn"],
        )
    }
    assert ("caller" in line) == (access == "private")


@pytest.mark.parametrize("pages", [True, False])
def test_private_access_asks_every_caller_for_iam_and_lets_preflights_of_named_pages_through(
    template: Any, pages: bool
) -> None:
    after, _ = extended(template, pages=pages, access="private")
    everything, *others = after["functions"]["api"]["events"]
    assert everything == {"httpApi": {"path": "*", "authorizer": {"type": "aws_iam"}}}
    assert others == ([{"httpApi": {"method": "OPTIONS", "path": "/{proxy+}"}}] if pages else [])


def test_every_function_is_in_the_network_and_may_make_its_interfaces(template: Any) -> None:
    after_service, after = extended(template, subnets="subnet-0a1b2c3d", securityGroups="sg-0a1b2c3d")
    for name, each in after_service["functions"].items():
        assert each["vpc"] == {"subnetIds": ["subnet-0a1b2c3d"], "securityGroupIds": ["sg-0a1b2c3d"]}, name
    for role in ("ApiRole", "TrainRole", "SweepRole"):
        (statement,) = policies(after, role)["network"]
        assert "ec2:CreateNetworkInterface" in statement["Action"]
        assert not [action for action in statement["Action"] if not action.startswith("ec2:")]


def test_a_key_encrypts_all_that_is_stored_and_each_function_may_use_it(template: Any) -> None:
    _, after = extended(template, encryptionKey=KEY)
    (rule,) = after["Resources"]["Models"]["Properties"]["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule == {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
    }
    for queue in of_type(after, "AWS::SQS::Queue"):
        assert queue["KmsMasterKeyId"] == KEY
        assert "SqsManagedSseEnabled" not in queue
    assert [group["KmsKeyId"] for group in of_type(after, "AWS::Logs::LogGroup")] == [KEY] * 3
    for role in ("ApiRole", "TrainRole", "SweepRole"):
        (statement,) = policies(after, role)["encryption"]
        assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey"], KEY)
    assert after["Outputs"]["EncryptionKey"]["Value"] == KEY


def test_who_reads_other_buckets_may_decrypt_them(template: Any) -> None:
    _, after = extended(template, dataKeys=KEY)
    for role in ("TrainRole", "SweepRole"):
        (statement,) = policies(after, role)["data-keys"]
        assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", [KEY])
        assert statement["Condition"]["StringLike"]["kms:ViaService"].startswith("s3.")
    assert policies(after, "ApiRole") == policies(template, "ApiRole")


def test_warm_instances_are_of_the_api_alone(template: Any) -> None:
    after, _ = extended(template, warmInstances="2")
    assert after["functions"]["api"]["provisionedConcurrency"] == 2
    assert not any("provisionedConcurrency" in after["functions"][name] for name in ("train", "sweep"))


def test_a_runtime_client_of_ours_is_started_in_every_function_and_only_where_it_is_asked_for(
    template: Any,
) -> None:
    after, _ = extended(template, runtimeClient="own")
    wrapper = "/var/task/handlers/clouds/aws_runtime.sh"
    for name in ("api", "train", "sweep"):
        assert after["functions"][name]["environment"]["AWS_LAMBDA_EXEC_WRAPPER"] == wrapper
    before, _ = extended(template)
    assert "AWS_LAMBDA_EXEC_WRAPPER" not in json.dumps(before["functions"])


def test_what_records_is_laid_under_who_answers_and_who_trains_where_a_share_is_recorded(
    template: Any,
) -> None:
    collector = "https://otlp.example.com:4318"
    after, _ = extended(template, traces="0.25", tracesTo=collector)
    layer = {"Ref": "TracesLambdaLayer"}
    for name in ("api", "train"):
        function = after["functions"][name]
        assert function["layers"] == [*service()["functions"][name]["layers"], layer]
        told = {each: value for each, value in function["environment"].items() if each != "ML_BUCKET"}
        assert told == {"ML_TRACES": "0.25", "OTEL_EXPORTER_OTLP_ENDPOINT": collector}
    assert after["functions"]["sweep"] == service()["functions"]["sweep"]
    assert after["layers"]["traces"]["package"] == {"artifact": ".serverless/traces.zip"}
    assert extended(template, traces="0")[0] == service()
