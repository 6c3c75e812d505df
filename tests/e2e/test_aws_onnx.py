"""A deployment to AWS with the function that runs imported models: who may invoke it, and what it may do.

The emulator checks signatures, of addresses too, and holds every role to its policies. It has no networks:
that the function is in one, and which way leads out of it, is held in tests/aws/test_onnx.py.
"""

import json
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from ml_core.errors import Unavailable
from ml_core.graphs.call import read_answer
from providers import http
from providers.aws.runtime.graphs import LambdaGraphs
from providers.aws.runtime.signer import S3Signer
from tests.framework import Project
from tests.ministack import Ministack
from tests.runtime.test_graph_function import KEY, SAMPLE, a_call, numbers
from tests.unit.graph_samples import sample

STAGE = "graphs"
FUNCTION = f"serverless-ml-{STAGE}-onnx"


class Deployed:
    """The deployed service, asked as root or in a role's name."""

    def __init__(self, project: Project, aws: Ministack) -> None:
        self.project, self.aws = project, aws

    def client(self, service: str, env: dict[str, str] | None = None) -> Any:
        env = env or self.aws.env
        return boto3.client(
            service,
            region_name=env["AWS_REGION"],
            endpoint_url=self.aws.url,
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=env.get("AWS_SESSION_TOKEN"),
        )

    def role(self, name: str) -> dict[str, str]:
        """The environment of a function that has the role."""
        region = self.aws.env["AWS_REGION"]
        arn = f"arn:aws:iam::000000000000:role/serverless-ml-{STAGE}-{region}-{name}"
        found = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return {
            **self.aws.env,
            "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["SessionToken"],
        }

    @property
    def outputs(self) -> dict[str, str]:
        stack = self.client("cloudformation").describe_stacks(StackName=f"serverless-ml-{STAGE}")
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Stacks"][0]["Outputs"]}

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and answer of a request to the deployed endpoint."""
        url = f"{self.aws.url}/_aws/execute-api/{self.outputs['HttpApiId']}/$default{path}"
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.key}"}
        answer = http.call(method, url, headers, None if body is None else json.dumps(body).encode())
        return answer.status, json.loads(answer.body)

    @cached_property
    def key(self) -> str:
        """A key that may do everything."""
        said = self.project.python("-m", "providers", "keys", "new", "--stage", STAGE, "--role", "admin")
        return said.split()[-1]

    def signed(self) -> str:
        signer = S3Signer(self.outputs["ModelsBucket"], self.aws.env)
        return signer.sign_download(KEY, f"{SAMPLE.sha256}.run", 60).url


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with Ministack(AUTH="true", AS_IF_TLS="yes") as aws:
        project = Project(str(tmp_path_factory.mktemp("graphs")), aws.env)
        project.serverless("deploy", "--stage", STAGE, "--param", "onnx=yes", timeout=380)
        found = Deployed(project, aws)
        bucket = found.outputs["ModelsBucket"]
        found.client("s3").put_object(Bucket=bucket, Key=KEY, Body=SAMPLE.artifact)
        # The emulator's storage is at another address than AWS's, which the template says.
        place = {"ML_ARTIFACTS": f"{aws.url}/{bucket}/artifacts/"}
        found.client("lambda").update_function_configuration(
            FunctionName=FUNCTION, Environment={"Variables": place}
        )
        yield found


def test_api_and_train_are_told_where_it_is_and_nobody_else(deployed: Deployed) -> None:
    told = {}
    for each in deployed.client("lambda").list_functions()["Functions"]:
        settings = each.get("Environment", {}).get("Variables", {})
        told[each["FunctionName"].rpartition("-")[2]] = settings.get("ML_ONNX")
    assert told == {"api": FUNCTION, "train": FUNCTION, "sweep": None, "onnx": None}


@pytest.mark.parametrize("name", ["api", "train"])
def test_the_roles_of_api_and_train_may_have_a_graph_run(deployed: Deployed, name: str) -> None:
    caller = LambdaGraphs(FUNCTION, deployed.role(name))
    outputs, _ = read_answer(caller.call(a_call(deployed.signed())))
    (found,) = outputs.values()
    (expected,) = SAMPLE.outputs.values()
    assert numbers(found).tolist() == pytest.approx(expected, rel=1e-5)


def test_a_file_of_another_library_becomes_a_version_that_predicts(deployed: Deployed) -> None:
    """By the deployed service alone: `train` tries it before it is registered, and `api` asks it."""
    found = sample("logistic-double")
    deadline = time.monotonic() + 60
    while deployed.call("GET", "/v1/models")[0] != 200:
        assert time.monotonic() < deadline, "the key is not known"
        time.sleep(0.5)
    status, upload = deployed.call("POST", "/v1/models/foreign:upload")
    assert status == 201, upload
    assert http.call("PUT", upload["url"], upload["headers"], found.file).status == 200
    status, job = deployed.call("POST", "/v1/models/foreign:import", {"uri": upload["uri"]})
    assert status == 202, job
    while job["state"] not in {"succeeded", "failed"}:
        assert time.monotonic() < deadline + 60, job
        time.sleep(0.5)
        status, job = deployed.call("GET", f"/v1/jobs/{job['id']}")
    assert (job["state"], job.get("version")) == ("succeeded", 1), job
    rows = [found.instance(place)[0] for place in range(found.instances)]
    status, answer = deployed.call("POST", "/v1/models/foreign:predict", {"instances": rows})
    assert status == 200, answer
    expected = next(each["data"] for each in found.outputs if "label" in each["name"])
    assert list(map(str, answer["predictions"])) == list(map(str, expected)), answer


@pytest.mark.parametrize("name", ["sweep", "onnx"])
def test_no_other_role_may(deployed: Deployed, name: str) -> None:
    caller = LambdaGraphs(FUNCTION, deployed.role(name))
    with pytest.raises(Unavailable, match="may not invoke it"):
        caller.call(a_call(deployed.signed()))


def test_its_own_role_reads_nothing_of_the_bucket_the_queue_and_the_keys(deployed: Deployed) -> None:
    env, outputs = deployed.role("onnx"), deployed.outputs
    bucket = outputs["ModelsBucket"]
    s3, sqs, ssm = (deployed.client(each, env) for each in ("s3", "sqs", "ssm"))
    queue = outputs["TrainQueueUrl"]
    tried: list[Callable[[], Any]] = [
        lambda: s3.get_object(Bucket=bucket, Key=KEY),
        lambda: s3.list_objects_v2(Bucket=bucket),
        lambda: s3.put_object(Bucket=bucket, Key=KEY, Body=b""),
        lambda: s3.delete_object(Bucket=bucket, Key=KEY),
        lambda: sqs.receive_message(QueueUrl=queue),
        lambda: sqs.send_message(QueueUrl=queue, MessageBody="{}"),
        lambda: ssm.get_parameters_by_path(Path=outputs["KeysPath"]),
        lambda: ssm.get_parameter(Name=outputs["KeysParameter"]),
        lambda: deployed.client("lambda", env).invoke(FunctionName=f"serverless-ml-{STAGE}-api"),
        lambda: deployed.client("lambda", env).get_function(FunctionName=FUNCTION),
        lambda: deployed.client("iam", env).get_role(RoleName="any"),
    ]
    for attempt in tried:
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized|Forbidden"):
            attempt()
    # The same works for who may, so it is the role that is refused.
    assert deployed.client("s3", deployed.role("api")).get_object(Bucket=bucket, Key=KEY)


def test_its_code_alone_is_deployed_anew(deployed: Deployed) -> None:
    client = deployed.client("lambda")
    before = client.get_function_configuration(FunctionName=FUNCTION)
    with open(deployed.project.path("handlers", "onnx", "function.py"), "a", encoding="utf-8") as code:
        code.write("\n# a change\n")
    one = ("deploy", "function", "--function", "onnx", "--stage", STAGE, "--param", "onnx=yes")
    deployed.project.serverless(*one, timeout=380)
    after = client.get_function_configuration(FunctionName=FUNCTION)
    assert after["CodeSha256"] != before["CodeSha256"]
    assert after["CodeSize"] == pytest.approx(before["CodeSize"], rel=0.01)
    assert after["Handler"] == "handlers.onnx.aws.run"


def test_without_the_parameter_it_goes_and_nobody_is_told_of_it(deployed: Deployed) -> None:
    said = deployed.project.serverless("deploy", "--stage", STAGE, timeout=380)
    assert "the parameter onnx goes back from yes to its default, nothing" in said
    functions = deployed.client("lambda").list_functions()["Functions"]
    assert {each["FunctionName"].rpartition("-")[2] for each in functions} == {"api", "train", "sweep"}
    assert not [each for each in functions if "ML_ONNX" in each["Environment"]["Variables"]]
    roles = deployed.client("iam").list_roles()["Roles"]
    assert not [each for each in roles if each["RoleName"].endswith("-onnx")]
    api = next(each["RoleName"] for each in roles if each["RoleName"].endswith("-api"))
    policies = deployed.client("iam").list_role_policies(RoleName=api)["PolicyNames"]
    assert "onnx" not in policies
