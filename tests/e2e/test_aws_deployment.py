"""A whole life on AWS, by the framework's own verbs: deploy, key, train, predict, change, remove.

The emulator checks every signature and lets each function do only what its role in config.yml says.
The tests build on one another, in the order in which a person would do these things.
"""

import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import boto3
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import providers
from ml_core import train_model
from ml_core.errors import Conflict, InvalidInput, NotFound
from tests.framework import Project
from tests.ministack import Ministack

STAGE = "dev"
IRIS = load_iris()


class Deployment:
    """The deployed service, and what the tests learn of it on the way."""

    def __init__(self, project: Project, aws: Ministack) -> None:
        self.project = project
        self.aws = aws
        self.key = ""

    def serverless(self, *arguments: str) -> str:
        return self.project.serverless(*arguments, "--stage", STAGE)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=self.aws.env["AWS_REGION"],
            endpoint_url=self.aws.url,
            aws_access_key_id=self.aws.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.aws.env["AWS_SECRET_ACCESS_KEY"],
        )

    @property
    def outputs(self) -> dict[str, str]:
        stack = self.client("cloudformation").describe_stacks(StackName=f"serverless-ml-{STAGE}")["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and body of a request to the deployed endpoint, with the key once there is one."""
        api = self.outputs["HttpApiId"]
        sent = {"content-type": "application/json", **(headers or {})}
        if self.key:
            sent["authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(
            f"{self.aws.url}/_aws/execute-api/{api}/$default{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers=sent,
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                content = response.read()
                return response.status, json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def call_until(self, status: int, method: str, path: str, body: object = None, wait: float = 30) -> Any:
        """The body of the first answer with that status."""
        deadline = time.monotonic() + wait
        while True:
            came, answer = self.call(method, path, body)
            if came == status:
                return answer
            assert time.monotonic() < deadline, f"{method} {path}: {came} {answer}"
            time.sleep(0.5)


@pytest.fixture(scope="module")
def service(guarded_aws: Ministack, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The service, deployed."""
    deployment = Deployment(Project(str(tmp_path_factory.mktemp("deployed")), guarded_aws.env), guarded_aws)
    deployment.serverless("deploy")
    return deployment


def predicted(service: Deployment) -> Any:
    status, answer = service.call("POST", "/v1/models/iris:predict", {"instances": IRIS.data.tolist()})
    assert status == 200, answer
    return answer["predictions"]


def test_everything_carries_the_names_of_service_and_stage(service: Deployment) -> None:
    named = f"serverless-ml-{STAGE}-"
    functions = service.client("lambda").list_functions()["Functions"]
    assert {each["FunctionName"] for each in functions} == {
        f"{named}{name}" for name in ("api", "train", "sweep")
    }
    assert {each["Runtime"] for each in functions} == {"python3.13"}
    queues = service.client("sqs").list_queues()["QueueUrls"]
    assert {url.rpartition("/")[2] for url in queues} == {f"{named}train", f"{named}train-dead"}
    assert service.outputs["ModelsBucket"].startswith(named)


def test_plain_connections_to_the_bucket_are_refused(service: Deployment) -> None:
    """As the emulator speaks plain HTTP, the policy that says so has to go before the rest can be tried."""
    s3, bucket = service.client("s3"), service.outputs["ModelsBucket"]
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    s3.delete_bucket_policy(Bucket=bucket)


def test_without_a_key_everything_but_health_is_closed(service: Deployment) -> None:
    assert service.call("GET", "/v2/health/live") == (200, {"live": True})
    for method, path in [("GET", "/v1/models"), ("POST", "/v1/models/iris:predict"), ("GET", "/nowhere")]:
        status, answer = service.call(method, path)
        assert (status, answer["code"]) == (503, "not_configured"), answer


def test_the_first_key_opens_the_service_within_seconds(service: Deployment) -> None:
    made = service.project.python("-m", "providers", "keys", "new", "--stage", STAGE, "--role", "admin")
    assert f"parameters below {service.outputs['KeysPath']}, {service.aws.env['AWS_REGION']}" in made
    assert "warning" not in made
    service.key = made.split()[-1]
    assert service.call_until(200, "GET", "/v1/models")["models"] == []


def test_a_message_that_names_no_job_is_a_dead_letter(service: Deployment) -> None:
    """The trainer lays it aside itself, by a right that its role gives it."""
    sqs = service.client("sqs")
    sqs.send_message(QueueUrl=service.outputs["TrainQueueUrl"], MessageBody="not json")
    received = sqs.receive_message(QueueUrl=service.outputs["DeadLettersUrl"], WaitTimeSeconds=20)
    (letter,) = received["Messages"]
    assert letter["Body"] == "not json"
    sqs.delete_message(QueueUrl=service.outputs["DeadLettersUrl"], ReceiptHandle=letter["ReceiptHandle"])


def test_what_crashes_the_trainer_every_time_is_a_dead_letter_by_the_queues_own_count(
    service: Deployment,
) -> None:
    """The last resort: nobody but the queue is left to count."""
    sqs, url = service.client("sqs"), service.outputs["TrainQueueUrl"]
    redrive = json.loads(
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"][
            "RedrivePolicy"
        ]
    )
    assert int(redrive["maxReceiveCount"]) == 100
    copy = sqs.create_queue(
        QueueName="crashing",
        Attributes={"RedrivePolicy": json.dumps({**redrive, "maxReceiveCount": 2}), "VisibilityTimeout": "0"},
    )["QueueUrl"]
    sqs.send_message(QueueUrl=copy, MessageBody="poison")
    for _ in range(3):
        sqs.receive_message(QueueUrl=copy)
    received = sqs.receive_message(QueueUrl=service.outputs["DeadLettersUrl"], WaitTimeSeconds=5)
    assert [letter["Body"] for letter in received["Messages"]] == ["poison"]
    sqs.delete_queue(QueueUrl=copy)


def test_a_model_is_trained_by_a_job_and_predicts_as_scikit_learn_does(service: Deployment) -> None:
    status, job = service.call(
        "POST",
        "/v1/models/iris:train",
        {
            "algorithm": "logistic_regression",
            "instances": IRIS.data.tolist(),
            "targets": [str(IRIS.target_names[each]) for each in IRIS.target],
            "test_fraction": 0,
        },
    )
    assert status == 202, job
    deadline = time.monotonic() + 90
    while job["state"] not in {"succeeded", "failed"}:
        assert time.monotonic() < deadline, job
        time.sleep(0.5)
        status, job = service.call("GET", f"/v1/jobs/{job['id']}")
        assert status == 200, job
    assert (job["state"], job["version"]) == ("succeeded", 1), job
    reference = make_pipeline(StandardScaler(), LogisticRegression()).fit(IRIS.data, IRIS.target)
    assert predicted(service) == list(IRIS.target_names[reference.predict(IRIS.data)])


def test_a_caller_may_wait_for_the_job(service: Deployment) -> None:
    body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 3}, "instances": IRIS.data.tolist()}
    status, job = service.call("POST", "/v1/models/iris-clusters:train", body, {"prefer": "wait=20"})
    assert (status, job["state"]) == (200, "succeeded"), job


def test_an_artifact_is_read_by_its_address_with_the_right_of_the_api_alone(service: Deployment) -> None:
    status, version = service.call("GET", "/v1/models/iris-clusters/versions/1")
    assert status == 200, version
    status, found = service.call("GET", "/v1/models/iris-clusters/versions/1/artifact")
    assert (status, found["sha256"], found["size"]) == (200, version["sha256"], version["size"]), found
    request = urllib.request.Request(found["url"], headers=found["headers"], method=found["method"])
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert hashlib.sha256(answer.read()).hexdigest() == found["sha256"]


def test_a_table_is_uploaded_described_trained_on_and_deleted(service: Deployment) -> None:
    """Each with no other right than the role of the function that does it."""
    with open("examples/churn.csv", "rb") as file:
        content = file.read()
    for name in ("churn", "kept"):
        status, begun = service.call("POST", f"/v1/datasets/{name}:upload")
        assert status == 201, begun
        request = urllib.request.Request(begun["url"], content, begun["headers"], method="PUT")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
    status, described = service.call("GET", "/v1/datasets/churn", headers={"prefer": "wait=20"})
    assert (status, described["state"], described["size"]) == (200, "described", len(content)), described
    body = {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "churned"}}
    status, job = service.call("POST", "/v1/models/churn:train", body, {"prefer": "wait=20"})
    assert (status, job["state"]) == (200, "succeeded"), job
    status, version = service.call("GET", "/v1/models/churn/versions/1")
    assert version["data"]["sha256"] == described["sha256"]
    assert version["data"]["revision"] == described["revision"]
    assert service.call("DELETE", "/v1/datasets/churn")[0] == 204
    assert service.call("GET", "/v1/datasets/churn")[0] == 404
    assert service.call("DELETE", "/v1/models/churn")[0] == 204
    assert '"orphans": 0' in service.serverless("invoke", "--function", "sweep")


def test_invoke_predicts_and_trains_without_http(service: Deployment) -> None:
    event = json.dumps({"model": "iris", "instances": [[5.1, 3.5, 1.4, 0.2]]})
    assert '"setosa"' in service.serverless("invoke", "--function", "api", "--data", event)
    said = service.serverless("invoke", "--function", "train", "--path", "events/train.json")
    assert '"state": "succeeded"' in said
    assert '"version": 2' in said
    assert '"sent": 0' in service.serverless("invoke", "--function", "sweep")


def test_info_shows_the_endpoint_and_the_functions(service: Deployment) -> None:
    said = service.serverless("info")
    region = service.aws.env["AWS_REGION"]
    assert f"info: aws account 000000000000, {region}, stage {STAGE}, service serverless-ml" in said
    assert "endpoint: ANY - https://" in said
    assert all(f"serverless-ml-{STAGE}-{name}" in said for name in ("api", "train", "sweep"))


def test_logs_show_the_requests_as_json_lines(service: Deployment) -> None:
    said = service.serverless("logs", "--function", "api")
    requests = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert any(each.get("model") == "iris" and each.get("status") == 200 for each in requests)
    assert service.key not in said


def test_deploying_again_changes_nothing_and_loses_nothing(service: Deployment) -> None:
    before = predicted(service)
    assert "No changes to deploy" in service.serverless("deploy")
    assert predicted(service) == before


def test_a_revoked_key_and_changed_code_are_in_force_after_the_next_deployment(service: Deployment) -> None:
    before = predicted(service)
    old = service.key
    listed = service.project.python("-m", "providers", "keys", "list", "--stage", STAGE)
    made = service.project.python("-m", "providers", "keys", "new", "--stage", STAGE, "--role", "predict")
    (first,) = (line.split()[0] for line in listed.splitlines() if "admin" in line.split())
    service.project.python("-m", "providers", "keys", "revoke", "--stage", STAGE, first)
    with open(service.project.path("handlers", "version.py"), "a", encoding="utf-8") as code:
        code.write("\n# a change\n")
    uploaded = service.serverless("deploy", "--param", "logRetention=7")
    assert "Service deployed" in uploaded
    service.key = old
    assert service.call("GET", "/v1/models")[0] == 401
    service.key = made.split()[-1]
    assert predicted(service) == before
    status, answer = service.call("DELETE", "/v1/models/iris")
    assert (status, answer["code"]) == (403, "forbidden")


def test_a_parameter_that_is_not_given_again_goes_back_and_is_said_to(service: Deployment) -> None:
    said = service.serverless("deploy")
    back = "the parameter logRetention goes back from 7 to its default, 30: pass --param logRetention=7"
    assert back in " ".join(said.split())


def test_one_function_can_be_deployed_alone(service: Deployment) -> None:
    before = predicted(service)
    with open(service.project.path("handlers", "version.py"), "a", encoding="utf-8") as code:
        code.write("\n# another change\n")
    assert "Function code deployed" in service.serverless("deploy", "function", "--function", "api")
    assert predicted(service) == before


def test_the_sweep_and_the_trainer_wrote_nothing_that_their_roles_do_not_allow(service: Deployment) -> None:
    for name in ("api", "train", "sweep"):
        said = service.serverless("logs", "--function", name)
        assert "refuses access" not in said
        assert "AccessDenied" not in said


@pytest.fixture
def python_on_aws(service: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """This process, with the emulator for its AWS."""
    for name, value in service.aws.env.items():
        monkeypatch.setenv(name, value)
    return service


@pytest.mark.usefixtures("python_on_aws")
def test_a_fitted_model_becomes_a_function_of_its_own() -> None:
    model = train_model(IRIS.data, IRIS.target, "svm")
    told: list[str] = []
    first = providers.deploy_model(model, "iris-alone", progress=told.append)
    assert first.changed
    assert told
    again = providers.deploy_model(model, "iris-alone", progress=told.append)
    assert again == first._replace(changed=False)

    answer = providers.invoke_model(
        "iris-alone", {"instances": IRIS.data[:1].tolist(), "outputs": ["decision"]}
    )
    assert len(answer["predictions"][0]["decision"]) == 3
    many = providers.invoke_model("iris-alone", {"instances": IRIS.data.tolist()})["predictions"]
    assert np.mean(np.array(many) == IRIS.target) > 0.9


def test_a_new_model_or_memory_updates_the_function(python_on_aws: Deployment) -> None:
    model = train_model(IRIS.data, [str(IRIS.target_names[each]) for each in IRIS.target])
    assert providers.deploy_model(model, "iris-alone", memory_mb=256, progress=lambda _: None).changed
    answer = providers.invoke_model("iris-alone", {"instances": IRIS.data[:1].tolist()})
    assert answer["predictions"] == ["setosa"]
    memory = python_on_aws.client("lambda").get_function(FunctionName="iris-alone")["Configuration"][
        "MemorySize"
    ]
    assert memory == 256


@pytest.mark.usefixtures("python_on_aws")
def test_a_functions_errors_come_back_as_exceptions() -> None:
    with pytest.raises(InvalidInput) as raised:
        providers.invoke_model("iris-alone", {"instances": [[1, 2, 3]]})
    assert raised.value.faults[0].path == "$.instances[0]"
    with pytest.raises(NotFound, match="no function 'nobody'"):
        providers.invoke_model("nobody", {"instances": []})
    model = train_model(IRIS.data, IRIS.target)
    with pytest.raises(Conflict, match="exists that deploy_model did not make: choose another"):
        providers.deploy_model(model, f"serverless-ml-{STAGE}-api", progress=lambda _: None)


def test_remove_leaves_nothing_but_the_models(service: Deployment) -> None:
    bucket = service.outputs["ModelsBucket"]
    said = service.serverless("remove", "--yes")
    assert f"the bucket {bucket} was kept because it holds 3 models and 1 upload" in said
    functions = service.client("lambda").list_functions()["Functions"]
    assert [each["FunctionName"] for each in functions] == ["iris-alone"]
    assert service.client("sqs").list_queues().get("QueueUrls", []) == []
    assert [each["Name"] for each in service.client("s3").list_buckets()["Buckets"]] == [bucket]
    assert service.client("ssm").describe_parameters()["Parameters"] == []
    roles = service.client("iam").list_roles()["Roles"]
    assert [each["RoleName"] for each in roles if each["RoleName"].startswith("serverless-ml")] == []

    typed = said.partition("to delete it: .venv/bin/python ")[2].splitlines()[0]
    said = service.project.python(*typed.split())
    assert f"the bucket {bucket} was deleted with 3 models and 1 upload" in said
    assert service.client("s3").list_buckets()["Buckets"] == []
