"""Lithops on AWS, as a deployment makes it: its functions are really invoked, each in its own role.

The emulator checks every signature and holds each function to what its role may do.
"""

import json
import os
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest

from benchmarks.large_tables import BLOCK_ROWS, LABEL, LargeTable, write
from ml_core.errors import Unavailable
from ml_core.mapping import in_order
from providers.aws.deploying import packaging
from providers.aws.runtime import wiring
from providers.mappers.lithops_mapper import LithopsMapper
from tests.framework import Project
from tests.ministack import REGION, Ministack

STAGE = "many"
NAME = f"serverless-ml-{STAGE}"


class Deployed:
    """The service with Lithops turned on."""

    def __init__(self, project: Project, aws: Ministack) -> None:
        self.project, self.aws, self.key = project, aws, ""

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.aws.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def serverless(self, *arguments: str) -> str:
        parameters = ["--param", "engines=lithops", "--param", "engineWorkers=4"]
        parameters += ["--param", "dataBuckets=s3://lake"]
        return self.project.serverless(*arguments, "--stage", STAGE, *parameters, timeout=600)

    @property
    def outputs(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and body of a request to the deployed endpoint."""
        request = urllib.request.Request(
            f"{self.aws.url}/_aws/execute-api/{self.outputs['HttpApiId']}/$default{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {self.key}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with Ministack(AUTH="true", AS_IF_TLS="yes") as aws:
        deployed = Deployed(Project(str(tmp_path_factory.mktemp("deployed")), aws.env), aws)
        deployed.client("s3").create_bucket(
            Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        deployed.serverless("deploy")
        yield deployed


@pytest.fixture
def mapper(
    service: Deployed, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LithopsMapper]:
    """The mapper that the train function makes, in this process."""
    for name, value in service.aws.env.items():
        monkeypatch.setenv(name, value)
    said = service.client("lambda").get_function_configuration(FunctionName=f"{NAME}-train")["Environment"]
    engine = wiring.engine({**said["Variables"], "AWS_REGION": REGION}, "lithops")
    made: Any = engine.mapper(str(tmp_path_factory.mktemp("driver")))
    yield made
    made.close()


def test_both_layers_and_the_code_fit_into_a_function(service: Deployed) -> None:
    """Lambda counts them unpacked."""
    unpacked = 0
    for name in ("serverless-ml.zip", "training.zip", "lithops.zip"):
        with zipfile.ZipFile(service.project.path(".serverless", name)) as archive:
            unpacked += sum(entry.file_size for entry in archive.infolist())
    assert unpacked <= packaging.MOST_UNPACKED_BYTES


def test_each_item_is_worked_on_by_a_function(mapper: LithopsMapper) -> None:
    found = list(mapper.map(partial(pow, 2), range(6)))
    assert sorted(found) == [(item, 2**item) for item in range(6)]
    roles = {each for _, each in mapper.map(os.getenv, ["AWS_LAMBDA_FUNCTION_NAME"])}
    assert roles == {f"{NAME}-worker"}


def test_what_a_task_raises_comes_out_as_itself(mapper: LithopsMapper) -> None:
    with pytest.raises(ZeroDivisionError):
        list(mapper.map(partial(divmod, 1), [1, 0]))


def test_nothing_is_left_in_lithops_bucket(service: Deployed, mapper: LithopsMapper) -> None:
    assert list(in_order(mapper.map(abs, [-1]))) == [1]
    held = service.client("s3").list_objects_v2(Bucket=service.outputs["LithopsBucket"])
    assert [each["Key"] for each in held.get("Contents", []) if not each["Key"].endswith("init")] == []


def done(service: Deployed, path: str, body: object) -> Any:
    """The job, when it is over."""
    status, job = service.call("POST", path, body)
    assert status == 202, job
    deadline = time.monotonic() + 400
    while job["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.5)
        _, job = service.call("GET", f"/v1/jobs/{job['id']}")
    assert job["state"] == "succeeded", job
    return job


def learnt(service: Deployed, version: int) -> Any:
    status, told = service.call("GET", f"/v1/models/lake/versions/{version}/parameters")
    assert status == 200, told
    return {name: each for name, each in told.items() if name != "model"}


def test_functions_train_the_model_that_one_function_trains(service: Deployed) -> None:
    """In passes over a folder of a bucket, each part in a function of its own, with no right too many."""
    folder = service.project.path("customers")
    s3 = service.client("s3")
    for path in write(LargeTable(rows=3 * BLOCK_ROWS), folder, file_format="parquet", files=3):
        s3.upload_file(str(path), "lake", f"customers/{path.name}")
    service.key = service.project.python(
        "-m", "providers", "keys", "new", "--stage", STAGE, "--role", "admin"
    ).split()[-1]
    body = {"algorithm": "logistic_regression", "data": {"uri": "s3://lake/customers/", "target": LABEL}}
    one, many = (
        done(service, "/v1/models/lake:train", {**body, "engine": engine})
        for engine in ("streamed", "lithops")
    )
    assert one["engine"]["name"] == "streamed"
    assert many["engine"]["name"] == "lithops"
    assert many["engine"]["parts"] == 3
    assert many["engine"]["passes"] == one["engine"]["passes"] > 1
    assert learnt(service, one["version"]) == learnt(service, many["version"])


def test_functions_write_the_scores_that_one_function_writes(service: Deployed) -> None:
    written = []
    for engine in ("function", "lithops"):
        body = {"data": {"uri": "s3://lake/customers/"}, "outputs": ["probability"], "engine": engine}
        job = done(service, "/v1/models/lake:score", body)
        assert job["result"]["rows"] == 3 * BLOCK_ROWS
        assert job["engine"]["name"] == engine
        _, listed = service.call("GET", f"/v1/jobs/{job['id']}/files")
        assert [file["rows"] for file in listed["files"]] == [BLOCK_ROWS] * 3
        found = []
        for file in listed["files"]:
            key = f"scores/{job['id']}/{file['name']}"
            stored = service.client("s3").get_object(Bucket=service.outputs["ModelsBucket"], Key=key)
            found.append(stored["Body"].read())
        written.append(found)
    assert written[0] == written[1]


def test_an_aws_that_does_not_answer_is_unavailable(
    mapper: LithopsMapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    mapper.close()
    with pytest.raises(Unavailable, match="Lithops cannot be started: EndpointConnectionError"):
        list(mapper.map(abs, [-1]))


def test_remove_takes_lithops_bucket_too(service: Deployed) -> None:
    bucket = service.outputs["LithopsBucket"]
    service.client("s3").put_object(Bucket=bucket, Key="lithops.jobs/left", Body=b"by a killed driver")
    said = service.serverless("remove", "--yes")
    assert f"bucket     {bucket}, of Lithops" in said
    assert bucket not in [each["Name"] for each in service.client("s3").list_buckets()["Buckets"]]
