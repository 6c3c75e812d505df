"""Packages that were built with `traces`: on each cloud's own runtime spans arrive before the answer."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ml_core.ports import ObjectStore
from providers.aws.deploying import packaging as aws
from providers.aws.runtime import wiring as aws_wiring
from providers.azure.deploying import packaging as azure
from providers.azure.deploying.options import options_of
from providers.azure.deploying.planning import apps_of
from providers.azure.runtime import wiring as azure_wiring
from providers.deploying import packages
from providers.deploying.tracing import LOCK, trace_parameters
from providers.google.deploying import packaging as google
from providers.google.runtime import wiring as google_wiring
from tests.azure import conftest as azure_services
from tests.azure.function_host import FunctionHost
from tests.azurite import Azurite
from tests.conformance import wire
from tests.conformance.case import Answer, Request
from tests.conformance.clouds.aws import client, gateway, record
from tests.framework import Packages, Project
from tests.google import conftest as google_services
from tests.google import gcs, tasks
from tests.runtime.google_runtime import CloudRunFunction
from tests.runtime.lambda_runtime import Function, runtime_client, unpacked
from tests.span_collector import Collector, collecting

KEY = "sml_test_key"
RECORDS = [{"id": "a", "role": "admin", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}]
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "a-value-that-nobody-may-read"
MODEL = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": [[0], [1], [9]]}
# What the deployment says; the address is one of a test.
SAID = {"traces": "1", "tracesHeaders": "api-key=of-the-collector"}


class Traced(NamedTuple):
    """A cloud whose functions record everything."""

    ask: Callable[[Request], Answer]
    deliver: Callable[[], None]
    collector: Collector
    store: ObjectStore


def asked(method: str, target: str, body: object = None, **headers: str) -> Request:
    data = None if body is None else json.dumps(body).encode()
    told = {"X-Api-Key": KEY, "Content-Type": "application/json", **headers}
    return Request(method, target, tuple(told.items()), data)


@pytest.fixture(scope="module")
def aws_traced(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The zips of a deployment to AWS with `traces`, as `serverless package` leaves them."""
    project = Project(str(tmp_path_factory.mktemp("traced")), {})
    given = ["--param", "traces=1", "--param", "tracesTo=http://127.0.0.1:4318"]
    project.serverless("package", "--stage", "dev", *given, timeout=600)
    return Packages(project.path(".serverless"))


@contextmanager
def on_aws(request: pytest.FixtureRequest, folder: str, collector: Collector) -> Iterator[Traced]:
    zips: Packages = request.getfixturevalue("aws_traced")
    stack = request.getfixturevalue("ministack")
    bucket, parameter = "traced-models", "/traced/keys"
    client(stack, "s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": stack.env["AWS_REGION"]}
    )
    client(stack, "ssm").put_parameter(Name=parameter, Value=json.dumps(RECORDS), Type="SecureString")
    sqs = client(stack, "sqs")
    queue = sqs.create_queue(QueueName="traced")["QueueUrl"]
    layer = os.path.join(os.path.dirname(zips.code), "traces.zip")
    places = {
        "runtime": runtime_client(folder),
        "task": unpacked([zips.code], f"{folder}/task"),
        "api": unpacked([zips.predict_layer, layer], f"{folder}/opt-api"),
        "train": unpacked([zips.training_layer, layer], f"{folder}/opt-train"),
    }
    env = {
        **stack.env,
        "ML_BUCKET": bucket,
        "ML_QUEUE_URL": queue,
        "ML_KEYS_PARAMETER": parameter,
        "ML_TRACES": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": SAID["tracesHeaders"],
    }

    def function(name: str) -> Function:
        return Function(
            f"handlers.clouds.aws.{name}",
            task=places["task"],
            opt=places[name],
            runtime=places["runtime"],
            env=env,
        )

    with function("api") as api, function("train") as train:

        def deliver() -> None:
            for message in sqs.receive_message(QueueUrl=queue)["Messages"]:
                assert train.invoke({"Records": [record(message)]}) == {"batchItemFailures": []}

        yield Traced(
            lambda sent: gateway(api, sent),
            deliver,
            collector,
            aws_wiring.store({**stack.env, "ML_BUCKET": bucket}),
        )


@contextmanager
def on_google(_: pytest.FixtureRequest, folder: str, collector: Collector) -> Iterator[Traced]:
    service = google_services.make_service(**SAID, tracesTo=collector.url)
    zips = google.build(service)
    records = os.path.join(folder, "records.json")
    Path(records).write_text(json.dumps(RECORDS), encoding="utf-8")
    buckets = gcs.Buckets(implicit=False)
    buckets.create("traced-models", {})
    key = rsa.generate_private_key(65537, 2048)
    buckets.signers[tasks.ACCOUNT] = key.public_key()
    with gcs.running(buckets) as storage, tasks.running(key) as beside:
        env = {
            **beside.env,
            **trace_parameters(service).settings,
            "STORAGE_EMULATOR_HOST": storage,
            "ML_BUCKET": "traced-models",
            "ML_QUEUE": tasks.QUEUE,
            "ML_TRAIN_URL": "https://europe-west1-demo-1.cloudfunctions.net/serverless-ml-dev-train",
            "ML_CALLER": "serverless-ml-dev-caller@demo-1.iam.gserviceaccount.com",
            "ML_KEYS_FILE": records,
        }

        def function(name: str) -> CloudRunFunction:
            locks = google.locks_of(service, service.functions[name])
            place = os.path.join(folder, name)
            return CloudRunFunction(
                name,
                package=zips[name],
                requirements=locks[0],
                more=wheels(locks[1:], f"{folder}/wheels"),
                folder=place,
                env=env,
            )

        with function("api") as api, function("train") as train:

            def deliver() -> None:
                task = beside.tasks.pop()
                assert train.call("POST", "/", task.body, content_type="application/json").status == 204

            yield Traced(lambda sent: wire.ask(api.port, sent), deliver, collector, google_wiring.store(env))


@contextmanager
def on_azure(_: pytest.FixtureRequest, __: str, collector: Collector) -> Iterator[Traced]:
    service = azure_services.make_service(**SAID, tracesTo=collector.url)
    zips = azure.build(service, apps_of(service))
    with Azurite() as azurite:
        azurite.make_container("models")
        azurite.make_queue("training")
        env = {**azurite.env, **options_of(service).traces.settings}
        with (
            FunctionHost(zips["api"], {**env, "ML_KEYS": json.dumps(RECORDS)}) as api,
            FunctionHost(zips["train"], env) as train,
        ):

            def deliver() -> None:
                assert train.deliver("train", azurite), train.lines[-20:]

            yield Traced(lambda sent: wire.ask(api.port, sent), deliver, collector, azure_wiring.store(env))


def wheels(locks: list[str], folder: str) -> str:
    """What Google's build brings besides: the wheels of the other locks, in a folder of their own."""
    for lock in locks:
        packages.install(os.path.join(packages.ROOT, lock), folder)
    return folder


CLOUDS = {"aws": on_aws, "azure": on_azure, "google": on_google}


@pytest.fixture(scope="module", params=sorted(CLOUDS))
def traced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    with (
        collecting() as collector,
        CLOUDS[request.param](request, str(tmp_path_factory.mktemp("functions")), collector) as cloud,
    ):
        yield cloud


def known(span: Span) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
        for each in span.attributes
    }


def test_spans_of_a_request_have_arrived_before_its_answer(traced: Traced) -> None:
    traced.collector.received()
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-00", "tracestate": "a=1", "baggage": f"who={SECRET}"}
    answer = traced.ask(asked("GET", "/v1/models", **headers))
    spans = traced.collector.received()
    assert answer.status == 200, answer
    (root,) = [span for span in spans if span.name == "GET /v1/models"]
    assert answer.headers["traceparent"] == f"00-{TRACE}-{root.span_id.hex()}-01"
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (TRACE, PARENT)
    assert known(root)["http.response.status_code"] == 200
    assert [span for span in spans if span.name == "store list" and span.parent_span_id == root.span_id]
    assert traced.collector.headers[-1]["api-key"] == "of-the-collector"
    assert not [body for body in traced.collector.bodies if SECRET.encode() in body or KEY.encode() in body]


def test_spans_of_a_job_have_arrived_before_its_delivery_is_over(traced: Traced) -> None:
    answer = traced.ask(asked("POST", "/v1/models/traced:train", MODEL))
    assert answer.status == 202, answer
    job = json.loads(answer.body)["id"]
    (request,) = [span for span in traced.collector.received() if known(span).get("job")]
    assert known(request)["job"] == job
    traced.deliver()
    spans = traced.collector.received()
    (root,) = [span for span in spans if span.name == "job"]
    assert (root.trace_id, root.parent_span_id) == (request.trace_id, request.span_id)
    assert {"job": job, "state": "succeeded", "version": 1}.items() <= known(root).items()
    predicted = traced.ask(asked("POST", "/v1/models/traced:predict", {"instances": [[0]]}))
    assert predicted.status == 200, predicted
    assert "predict" in {span.name for span in traced.collector.received()}


def test_a_collector_that_refuses_keeps_no_answer(traced: Traced) -> None:
    """Last, since nothing is recorded for a while afterwards."""
    traced.collector.status = 400
    refused = [traced.ask(asked("GET", "/v1/models")) for _ in range(2)]
    assert [each.status for each in refused] == [200, 200]
    # What was recorded could not be sent, so that the next one is not recorded.
    assert [each.headers["traceparent"][-2:] for each in refused] == ["01", "00"]


def distributions(names: list[str]) -> set[str]:
    return {
        name.rpartition("/METADATA")[0].rpartition("/")[2].partition("-")[0].replace("_", "-").lower()
        for name in names
        if name.endswith(".dist-info/METADATA")
    }


def test_the_layer_of_aws_is_its_lock_whole_and_fits_beside_either_other(
    aws_packages: Packages, aws_traced: Packages
) -> None:
    folder = os.path.dirname(aws_traced.code)
    for traced, default in zip(aws_traced.all, aws_packages.all, strict=True):
        assert Path(traced).read_bytes() == Path(default).read_bytes()
    assert not os.path.exists(os.path.join(os.path.dirname(aws_packages.code), "traces.zip"))
    layer = os.path.join(folder, "traces.zip")
    assert os.path.getsize(layer) < 2_000_000
    with zipfile.ZipFile(layer) as archive:
        assert distributions(archive.namelist()) == set(packages.locked(os.path.join(packages.ROOT, LOCK)))
        assert sum(entry.file_size for entry in archive.infolist()) < 5_000_000
    unpacked = 0
    for path in (aws_traced.code, aws_traced.training_layer, layer):
        with zipfile.ZipFile(path) as archive:
            unpacked += sum(entry.file_size for entry in archive.infolist())
    assert unpacked <= aws.MOST_UNPACKED_BYTES
    with open(f"{folder}/cloudformation-template-update-stack.json", encoding="utf-8") as file:
        resources = json.load(file)["Resources"]
    laid = {name: len(resources[f"{name}LambdaFunction"]["Properties"]["Layers"]) for name in
            ("Api", "Train", "Sweep")}  # fmt: skip
    assert laid == {"Api": 2, "Train": 2, "Sweep": 1}


def test_the_requirements_of_google_name_what_records_where_it_is_asked_for() -> None:
    lock = set(packages.locked(os.path.join(packages.ROOT, LOCK)))
    for given, holds in (({}, False), ({**SAID, "tracesTo": "https://otlp.example.com"}, True)):
        service = google_services.make_service(**given)
        for name, path in google.build(service).items():
            with zipfile.ZipFile(path) as archive:
                entries = archive.read("requirements.txt")
            pinned = {line.partition("==")[0] for line in entries.decode().splitlines() if line[:1].isalpha()}
            recorded = holds and name != "sweep"
            assert (lock <= pinned) == recorded, name
            assert ("opentelemetry-sdk" in pinned) == recorded, name
            own = Path(packages.ROOT, service.functions[name].settings["requirements"])
            assert (entries == own.read_bytes()) != recorded, name
            assert set(packages.locked(str(own))) <= pinned, name


def test_the_packages_of_azure_hold_what_records_where_it_is_asked_for() -> None:
    lock = set(packages.locked(os.path.join(packages.ROOT, LOCK)))
    sizes = {}
    for given, holds in (({}, False), ({**SAID, "tracesTo": "https://otlp.example.com"}, True)):
        service = azure_services.make_service(**given)
        for app, path in azure.build(service, apps_of(service)).items():
            with zipfile.ZipFile(path) as archive:
                found = distributions(archive.namelist())
            assert (lock <= found) == holds, app
            assert ("opentelemetry-sdk" in found) == holds, app
            sizes[app, holds] = os.path.getsize(path)
    for app in ("api", "train"):
        assert sizes[app, True] - sizes[app, False] < 4_000_000, app
