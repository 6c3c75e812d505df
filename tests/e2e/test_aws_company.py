"""A service on AWS with everything that a company may ask for, deployed, used, changed and removed.

The emulator checks the signatures of a private API's callers, and holds each function to its role. It keeps
no instance warm, rings no alarm, encrypts nothing, and sets neither encryption nor tags of a bucket that a
template makes: that these are asked for is seen here and in tests/aws/test_options.py.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.framework import Project
from tests.ministack import REGION, Ministack

ACCOUNT = "000000000000"
NAME = "serverless-ml-company"
ROWS = [[float(number), float(number % 3)] for number in range(24)]
TAGS = {"service": "serverless-ml", "stage": "company", "team": "ml", "cost-center": "7"}


class Company:
    """The account, its key and network, and the service in it."""

    def __init__(self, aws: Ministack, folder: str) -> None:
        self.env = aws.env
        self.url = aws.url
        self.key = ""
        key = self.client("kms").create_key()["KeyMetadata"]
        self.kms: str = key["Arn"]
        ec2 = self.client("ec2")
        self.subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        self.group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        self.project = Project(folder, self.env)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def serverless(self, *arguments: str) -> str:
        return self.project.serverless(*arguments, "--stage", "company", *self.parameters)

    @property
    def parameters(self) -> list[str]:
        given = {
            "alarmEmail": "ops@example.com",
            "accessLogs": "yes",
            "warmInstances": "1",
            "access": "private",
            "subnets": self.subnet,
            "securityGroups": self.group,
            "encryptionKey": self.kms,
            "dataBuckets": "s3://lake/exports",
            "outputBuckets": "s3://lake/scores",
            "dataKeys": self.kms,
            "tags": "team=ml,cost-center=7",
            "corsOrigins": "https://app.example.com",
        }
        return [each for name, value in given.items() for each in ("--param", f"{name}={value}")]

    @property
    def outputs(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def call(
        self, method: str, path: str, body: object = None, *, signed: bool = True, **headers: str
    ) -> Any:
        """Status and body of a request, signed with IAM, the key in a header of its own."""
        url = f"{self.url}/_aws/execute-api/{self.outputs['HttpApiId']}/$default{path}"
        data = b"" if body is None else json.dumps(body).encode()
        request = AWSRequest(method, url, data=data, headers={"content-type": "application/json", **headers})
        if self.key:
            request.headers["x-api-key"] = self.key
        if signed:
            SigV4Auth(Credentials("test", "test"), "execute-api", REGION).add_auth(request)
        sent = urllib.request.Request(url, data or None, dict(request.headers.items()), method=method)
        try:
            with urllib.request.urlopen(sent, timeout=60) as answer:
                content = answer.read()
                return answer.status, json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """On an emulator of its own: it looks for an API in one account where a request names none."""
    with Ministack(AUTH="true") as aws:
        made = Company(aws, str(tmp_path_factory.mktemp("company")))
        made.serverless("deploy")
        # The emulator speaks plain HTTP, which this policy refuses.
        made.client("s3").delete_bucket_policy(Bucket=made.outputs["ModelsBucket"])
        yield made


def version_of(company: Company) -> str:
    alias = company.client("lambda").get_alias(FunctionName=f"{NAME}-api", Name="provisioned")
    return str(alias["FunctionVersion"])


def test_what_is_stored_is_encrypted_with_the_companys_key(company: Company) -> None:
    sqs = company.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert attributes["KmsMasterKeyId"] == company.kms
    groups = company.client("logs").describe_log_groups()["logGroups"]
    assert {each.get("kmsKeyId") for each in groups if NAME in each["logGroupName"]} == {company.kms}


def test_keys_are_encrypted_with_it_and_carry_the_tags(company: Company) -> None:
    made = company.project.python("-m", "providers", "keys", "new", "--stage", "company", "--role", "admin")
    assert "warning" not in made
    company.key = made.split()[-1]
    ssm = company.client("ssm")
    (parameter,) = ssm.describe_parameters()["Parameters"]
    assert (parameter["Type"], parameter["KeyId"]) == ("SecureString", company.kms)
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=parameter["Name"])["TagList"]
    assert {each["Key"]: each["Value"] for each in tags} == TAGS


def test_everything_is_tagged(company: Company) -> None:
    """Of the resources whose tags the emulator keeps."""
    iam, sqs = company.client("iam"), company.client("sqs")
    for name in ("api", "train", "sweep"):
        tags = iam.list_role_tags(RoleName=f"{NAME}-{REGION}-{name}")["Tags"]
        found = {each["Key"]: each["Value"] for each in tags}
        # The framework's own STAGE; to IAM `stage` would be the same.
        assert {**TAGS, "STAGE": TAGS["stage"]}.items() - {("stage", TAGS["stage"])} <= found.items()
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}-{name}"
        assert TAGS.items() <= company.client("lambda").list_tags(Resource=arn)["Tags"].items()
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{NAME}-{name}"
        assert TAGS.items() <= company.client("logs").list_tags_for_resource(resourceArn=arn)["tags"].items()
    for url in sqs.list_queues()["QueueUrls"]:
        assert TAGS.items() <= sqs.list_queue_tags(QueueUrl=url)["Tags"].items()


def test_without_iam_nobody_gets_in_and_health_is_no_exception(company: Company) -> None:
    for path in ("/v2/health/live", "/v1/models"):
        assert company.call("GET", path, signed=False)[0] == 403
    assert company.call("GET", "/v2/health/live") == (200, {"live": True})


def test_iam_alone_opens_nothing(company: Company) -> None:
    key, company.key = company.key, ""
    status, answer = company.call("GET", "/v1/models")
    company.key = key
    assert (status, answer["code"]) == (401, "unauthenticated"), answer
    assert company.call("GET", "/v1/models")[0] == 200


def test_preflights_of_named_pages_need_no_signature(company: Company) -> None:
    """The emulator answers every preflight itself, with 403; what it was told is seen here."""
    routes = company.client("apigatewayv2").get_routes(ApiId=company.outputs["HttpApiId"])["Items"]
    assert {each["RouteKey"]: each["AuthorizationType"] for each in routes} == {
        "$default": "AWS_IAM",
        "OPTIONS /{proxy+}": "NONE",
    }


def test_a_model_is_trained_from_an_upload_and_predicts(company: Company) -> None:
    """By a signed address, into the encrypted bucket; with the functions in the network."""
    status, begun = company.call("POST", "/v1/datasets/table:upload")
    assert status == 201, begun
    table = "a,b,c\n" + "".join(f"{a},{b},{'x' if a < 12 else 'y'}\n" for a, b in ROWS)
    request = urllib.request.Request(begun["url"], table.encode(), begun["headers"], method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    body = {"algorithm": "logistic_regression", "data": {"uri": "dataset://table", "target": "c"}}
    status, job = company.call("POST", "/v1/models/m:train", body)
    assert status == 202, job
    ended(company, job)
    status, answer = company.call("POST", "/v1/models/m:predict", {"instances": [[0, 0], [23, 2]]})
    assert (status, answer["predictions"]) == (200, ["x", "y"]), answer


def ended(company: Company, job: dict[str, Any]) -> dict[str, Any]:
    """The job when it has succeeded."""
    deadline = time.monotonic() + 90
    while job["state"] not in {"succeeded", "failed"}:
        assert time.monotonic() < deadline, job
        time.sleep(0.5)
        status, job = company.call("GET", f"/v1/jobs/{job['id']}")
        assert status == 200, job
    assert job["state"] == "succeeded", job
    return job


def test_a_folder_of_the_lake_is_scored_into_it_with_the_trainers_rights_alone(company: Company) -> None:
    """It is found by listing, and read and written part by part, all as the policies of the role say."""
    storage = company.client("s3")
    storage.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
    try:
        for key in ("exports/day=1/a.csv", "exports/day=2/b.csv", "secret/c.csv"):
            storage.put_object(Bucket="lake", Key=key, Body=b"a,b\n0,0\n23,2\n")
        body = {
            "data": {"uri": "s3://lake/exports/"},
            "to": {"uri": "s3://lake/scores/"},
            "format": "csv",
            "keep": ["a"],
        }
        status, job = company.call("POST", "/v1/models/m:score", body)
        assert status == 202, job
        assert ended(company, job)["result"]["rows"] == 4
        written = storage.list_objects_v2(Bucket="lake", Prefix=f"scores/{job['id']}/")["Contents"]
        content = [storage.get_object(Bucket="lake", Key=each["Key"])["Body"].read() for each in written]
        assert content == [b"a,label\r\n0,x\r\n23,y\r\n"] * 2
        role = f"{NAME}-{REGION}-train"
        trainer = as_the(company, role)
        for ask, given in (
            ("list_objects_v2", {"Prefix": "secret/"}),
            ("get_object", {"Key": "secret/c.csv"}),
            ("put_object", {"Key": "exports/d.csv", "Body": b""}),
            ("delete_object", {"Key": "scores/d.csv"}),
        ):
            getattr(storage, ask)(Bucket="lake", **given)
            with pytest.raises(ClientError, match="AccessDenied"):
                getattr(trainer, ask)(Bucket="lake", **given)
    finally:
        for each in storage.list_objects_v2(Bucket="lake").get("Contents", []):
            storage.delete_object(Bucket="lake", Key=each["Key"])
        storage.delete_bucket(Bucket="lake")


def as_the(company: Company, role: str) -> Any:
    """A client of S3 with the rights of a role."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    given = company.client("sts").assume_role(RoleArn=arn, RoleSessionName="trying")["Credentials"]
    return boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=company.url,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def test_the_gateway_calls_the_version_that_is_kept_warm_and_new_code_becomes_one(company: Company) -> None:
    client = company.client("lambda")
    before = version_of(company)
    kept = client.get_provisioned_concurrency_config(FunctionName=f"{NAME}-api", Qualifier="provisioned")
    assert kept["RequestedProvisionedConcurrentExecutions"] == 1
    (integration,) = company.client("apigatewayv2").get_integrations(ApiId=company.outputs["HttpApiId"])[
        "Items"
    ]
    assert integration["IntegrationUri"].endswith(":provisioned")
    assert "No changes to deploy" in company.serverless("deploy")
    assert version_of(company) == before
    with open(company.project.path("handlers", "version.py"), "a", encoding="utf-8") as code:
        code.write("\n# a change\n")
    company.serverless("deploy")
    assert version_of(company) != before
    assert company.call("GET", "/v1/models")[0] == 200


def test_one_function_alone_is_refused_where_the_gateway_would_not_see_it(company: Company) -> None:
    arguments = ["deploy", "function", "--function", "api", "--stage", "company", *company.parameters]
    ran = company.project.try_serverless(*arguments)
    assert ran.status == 1
    assert "`deploy function` cannot change api while warmInstances keeps a version of it warm" in ran.said


def test_alarms_and_access_logs_are_there(company: Company) -> None:
    alarms = company.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
    assert len(alarms) == 9
    (topic,) = company.client("sns").list_topics()["Topics"]
    assert all(each["AlarmActions"] == [topic["TopicArn"]] for each in alarms)
    (stage,) = company.client("apigatewayv2").get_stages(ApiId=company.outputs["HttpApiId"])["Items"]
    assert "query" not in stage["AccessLogSettings"]["Format"].lower()


def test_off_again_all_of_it_goes(company: Company) -> None:
    """Who called with IAM may call without."""
    company.project.serverless("deploy", "--stage", "company")
    assert company.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"] == []
    assert company.call("GET", "/v2/health/live", signed=False) == (200, {"live": True})
    functions = company.client("lambda").list_functions()["Functions"]
    assert not any(each.get("VpcConfig", {}).get("SubnetIds") for each in functions)


def test_all_of_it_is_removed(company: Company) -> None:
    company.project.serverless("remove", "--yes", "--stage", "company", "--param", "deleteModels=yes")
    assert company.client("lambda").list_functions()["Functions"] == []
    assert company.client("ssm").describe_parameters()["Parameters"] == []
    assert company.client("s3").list_buckets()["Buckets"] == []
    assert company.client("sns").list_topics()["Topics"] == []
    assert company.client("logs").describe_log_groups()["logGroups"] == []
