"""Two accounts, regions, stages and a renamed service: each verb acts in the place that it names, alone.

In each pair both places hold the real service, deployed by the framework to an emulator that keeps accounts
and regions apart. Nothing but the named difference tells them apart.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
import pytest

from tests.framework import Project
from tests.ministack import REGION, Ministack

OURS, THEIRS = "777777777777", "888888888888"
ELSEWHERE = "us-east-1"


class Place(NamedTuple):
    """Where a service is, and the emulator that it is on."""

    aws: Ministack
    account: str = OURS
    region: str = REGION
    stage: str = "dev"
    service: str = "serverless-ml"

    @property
    def name(self) -> str:
        return f"{self.service}-{self.stage}"

    @property
    def env(self) -> dict[str, str]:
        """A shell of the account; its region is that of neither, so each command has to name one."""
        return {
            **self.aws.env,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_REGION": "ap-south-1",
            "AWS_DEFAULT_REGION": "ap-south-1",
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.aws.url,
            region_name=self.region,
            aws_access_key_id=self.account,
            aws_secret_access_key="test",
        )

    def outputs(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def lines(self, function: str) -> int:
        """How many lines the function has logged."""
        group = f"/aws/lambda/{self.name}-{function}"
        return len(self.client("logs").filter_log_events(logGroupName=group)["events"])

    def keys(self) -> set[str]:
        path = f"/{self.service}/{self.stage}/keys"
        found = self.client("ssm").get_parameters_by_path(Path=path)["Parameters"]
        return {each["Name"].rpartition("/")[2] for each in found}

    def state(self) -> Any:
        """All that a verb of another place may not change."""
        functions = self.client("lambda").list_functions()["Functions"]
        own = [each for each in functions if each["FunctionName"].startswith(f"{self.name}-")]
        return {
            "outputs": self.outputs(),
            "functions": sorted(
                (each["FunctionName"], each["CodeSha256"], each["LastModified"]) for each in own
            ),
            "queues": sorted(self.client("sqs").list_queues(QueueNamePrefix=f"{self.name}-")["QueueUrls"]),
            "keys": self.keys(),
            "lines": self.lines("sweep"),
            "objects": self.client("s3").list_objects_v2(Bucket=self.outputs()["ModelsBucket"])["KeyCount"],
        }


class Verbs:
    """The commands of a person, for one place."""

    def __init__(self, place: Place, folder: str) -> None:
        self._place = place
        self._project = Project(folder, place.env)
        self._where = ["--region", place.region, "--stage", place.stage]
        if place.service != "serverless-ml":
            path = self._project.path("serverless.yml")
            with open(path, encoding="utf-8") as file:
                said = file.read()
            with open(path, "w", encoding="utf-8") as file:
                file.write(said.replace("service: serverless-ml", f"service: {place.service}"))

    def __call__(self, *arguments: str) -> str:
        return self._project.serverless(*arguments, *self._where)

    def keys(self, *arguments: str) -> str:
        service = ["--service", self._place.service]
        return self._project.python("-m", "providers", "keys", *arguments, *self._where, *service)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The one place, with a key and an object that is no other's."""
    with Ministack(AUTH="true", AS_IF_TLS="yes") as aws:
        place = Place(aws)
        verbs = Verbs(place, str(tmp_path_factory.mktemp("base")))
        verbs("deploy")
        verbs.keys("new", "--role", "admin")
        bucket = place.outputs()["ModelsBucket"]
        place.client("s3").put_object(Bucket=bucket, Key="artifacts/of-base", Body=b"{}")
        verbs("invoke", "--function", "sweep")
        yield place


@pytest.mark.parametrize(
    "difference",
    [{"account": THEIRS}, {"region": ELSEWHERE}, {"stage": "prod"}, {"service": "renamed"}],
    ids=lambda difference: next(iter(difference)),
)
def test_every_verb_acts_in_the_place_that_it_names_and_in_no_other(
    base: Place, difference: dict[str, Any], tmp_path: Any
) -> None:
    before = base.state()
    other = base._replace(**difference)
    verbs = Verbs(other, str(tmp_path))

    verbs("deploy")
    outputs = other.outputs()
    assert outputs["ModelsBucket"] != before["outputs"]["ModelsBucket"]
    assert base.state() == before, "deploy"

    info = verbs("info")
    assert outputs["HttpApiId"] in info
    assert before["outputs"]["HttpApiId"] not in info

    assert other.lines("sweep") == 0
    answered = verbs("invoke", "--function", "sweep")
    assert answered.startswith(f"invoke: aws account {other.account}, {other.region}, stage {other.stage}, ")
    assert json.loads(answered[answered.index("{") :])["sent"] == 0
    assert other.lines("sweep") > 0
    assert base.state() == before, "invoke"
    assert '"event": "sweep"' in verbs("logs", "--function", "sweep")

    made = verbs.keys("new", "--role", "predict")
    assert f"{other.region} of account {other.account}" in made
    assert "warning" not in made
    (name,) = other.keys()
    assert base.state() == before, "keys new"
    assert name in verbs.keys("list")
    assert not before["keys"] & set(verbs.keys("list").split())
    assert f"revoked {name}" in verbs.keys("revoke", name)
    assert other.keys() == set()
    assert base.state() == before, "keys revoke"

    said = verbs("remove", "--yes", "--param", "deleteModels=yes")
    assert f"stack      {other.name}" in said
    assert outputs["ModelsBucket"] in said
    assert before["outputs"]["ModelsBucket"] not in said
    assert base.state() == before, "remove"
    buckets = {each["Name"] for each in other.client("s3").list_buckets()["Buckets"]}
    assert outputs["ModelsBucket"] not in buckets
    assert f"nothing is deployed as {other.name}" in verbs("remove", "--yes")
