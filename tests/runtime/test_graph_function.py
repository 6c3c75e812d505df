"""The packaged function that runs graphs, under each platform's own runtime, asked with signed addresses.

It has its package, the settings of its deployment and nothing else: no key of the cloud, no other address.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ml_core.digests import sha256
from ml_core.graphs.call import (
    ADDRESS,
    DAMAGED,
    WIDTHS,
    GraphCall,
    GraphFailure,
    GraphTensor,
    read_answer,
    write_call,
)
from ml_core.model import artifact
from ml_core.safetensors import Tensor
from providers.aws.deploying import packaging as aws_packaging
from providers.aws.runtime.signer import S3Signer
from providers.azure.deploying import packaging as azure_packaging
from providers.azure.deploying.planning import apps_of
from providers.azure.runtime import wiring as azure_wiring
from providers.deploying import packages
from providers.google.deploying import packaging as google_packaging
from providers.google.runtime.signer import GoogleSigner
from providers.google.runtime.store import gcs_store
from tests import signed_s3
from tests.azure.conftest import make_service as azure_service
from tests.azure.function_host import FunctionHost
from tests.azurite import Azurite
from tests.google import gcs, tasks
from tests.google.conftest import make_service as google_service
from tests.ministack import Ministack
from tests.runtime.google_runtime import CloudRunFunction
from tests.runtime.lambda_runtime import Function, runtime_client, unpacked

SAMPLES = os.path.join(packages.ROOT, "tests", "samples", "onnx")
BUCKET = "graphs-of-others"
KEY = "artifacts/01JOB.safetensors"
NUMPY = {"FP64": "<f8", "FP32": "<f4", "INT64": "<i8", "INT32": "<i4", "BOOL": "?"}


class Sample(NamedTuple):
    """A graph that another library wrote, as an artifact of ours, with rows and what comes of them."""

    artifact: bytes
    inputs: dict[str, GraphTensor]
    outputs: dict[str, Any]

    @property
    def sha256(self) -> str:
        return sha256(self.artifact)


class Platform(NamedTuple):
    """A running function, and who may sign for its store.

    `elsewhere` runs another one, whose setting says that artifacts are at the address that it is given.
    """

    ask: Callable[[bytes], bytes]
    sign: Callable[[str, str, int], str]
    log: Callable[[], str]
    elsewhere: Callable[[str], Any]


def sample(name: str) -> Sample:
    with open(os.path.join(SAMPLES, f"{name}.onnx"), "rb") as file:
        graph = file.read()
    with open(os.path.join(SAMPLES, f"{name}.json"), encoding="utf-8") as told:
        said = json.load(told)
    written = artifact.write({"algorithm": "onnx"}, {"onnx": Tensor((len(graph),), graph, "U8")})
    return Sample(
        written,
        {each["name"]: tensor(each) for each in said["inputs"]},
        {each["name"]: each["data"] for each in said["outputs"]},
    )


def tensor(said: dict[str, Any]) -> GraphTensor:
    if said["datatype"] == "BYTES":
        return GraphTensor("BYTES", tuple(said["shape"]), list(map(str, said["data"])))
    packed = np.array(said["data"], NUMPY[said["datatype"]]).tobytes()
    assert len(packed) == WIDTHS[said["datatype"]] * int(np.prod(said["shape"]))
    return GraphTensor(said["datatype"], tuple(said["shape"]), packed)


SAMPLE = sample("torch-mlp")
WORDS = sample("logistic-words")


@contextmanager
def on_aws(stack: ExitStack, folder: Path) -> Iterator[Platform]:
    aws = stack.enter_context(Ministack())
    front = stack.enter_context(signed_s3.running(aws.url))
    s3 = boto3.client(
        "s3",
        region_name=aws.env["AWS_REGION"],
        endpoint_url=aws.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.env["AWS_REGION"]})
    for name, each in stored().items():
        s3.put_object(Bucket=BUCKET, Key=name, Body=each)
    signer = S3Signer(BUCKET, {**aws.env, "AWS_ENDPOINT_URL_S3": front})
    task = unpacked([aws_packaging.graph_function()], str(folder / "task"))
    runtime = runtime_client(str(folder))

    def function(place: str) -> Function:
        env = {"ML_ARTIFACTS": place}
        return Function("handlers.onnx.aws.run", task=task, opt=None, runtime=runtime, env=env)

    def asks(one: Function) -> Callable[[bytes], bytes]:
        return lambda sent: json.dumps(one.invoke(json.loads(sent))).encode()

    running = stack.enter_context(function(f"{signer.below}artifacts/"))
    yield Platform(
        asks(running),
        lambda key, name, seconds: signer.sign_download(key, name, seconds).url,
        lambda: "".join(running.log),
        lambda place: _asked(function(place), asks),
    )


@contextmanager
def on_google(stack: ExitStack, folder: Path) -> Iterator[Platform]:
    service = google_service(onnx="yes")
    package = google_packaging.build(service)["onnx"]
    wheels = str(folder / "wheels")
    packages.install(os.path.join(packages.ROOT, "requirements", "onnx.txt"), wheels)
    buckets = gcs.Buckets(implicit=False)
    buckets.create(BUCKET, {})
    key = rsa.generate_private_key(65537, 2048)
    storage, beside = stack.enter_context(gcs.running(buckets)), stack.enter_context(tasks.running(key))
    store = gcs_store(BUCKET, env={"STORAGE_EMULATOR_HOST": storage})
    for name, each in stored().items():
        store.put_if_absent(name, each)
    buckets.signers[tasks.ACCOUNT] = key.public_key()  # from now on who asks has to say who it is
    signer = GoogleSigner(BUCKET, {**beside.env, "STORAGE_EMULATOR_HOST": storage})

    def function(place: str, below: str) -> CloudRunFunction:
        env = {"ML_ARTIFACTS": place, "ML_ONNX_MEMORY": "2048"}
        return CloudRunFunction(
            "onnx",
            package=package,
            requirements="requirements/google-api.txt",
            folder=str(folder / below),
            env=env,
            more=wheels,
        )

    def asks(one: CloudRunFunction) -> Callable[[bytes], bytes]:
        return lambda sent: one.call("POST", "/", sent, content_type="application/json").body

    running = stack.enter_context(function(f"{signer.below}artifacts/", "function"))
    yield Platform(
        asks(running),
        lambda key, name, seconds: signer.sign_download(key, name, seconds).url,
        lambda: "\n".join(running.log),
        lambda place: _asked(function(place, "another"), asks),
    )


@contextmanager
def on_azure(stack: ExitStack, _: Path) -> Iterator[Platform]:
    service = azure_service(onnx="yes")
    package = azure_packaging.build(service, {"onnx": apps_of(service)["onnx"]})["onnx"]
    azurite = stack.enter_context(Azurite())
    azurite.make_container("models")
    store = azure_wiring.store(azurite.env)
    for name, each in stored().items():
        store.put_if_absent(name, each)
    signer = azure_wiring.signer(azurite.env)

    def function(place: str) -> FunctionHost:
        return FunctionHost(package, {"ML_ARTIFACTS": place, "ML_ONNX_MEMORY": "2048"})

    def asks(one: FunctionHost) -> Callable[[bytes], bytes]:
        return lambda sent: one.http("POST", "/run", sent).body

    running = stack.enter_context(function(f"{signer.below}artifacts/"))
    yield Platform(
        asks(running),
        lambda key, name, seconds: signer.sign_download(key, name, seconds).url,
        lambda: "".join(running.lines),
        lambda place: _asked(function(place), asks),
    )


@contextmanager
def _asked(
    function: Any, asks: Callable[[Any], Callable[[bytes], Any]]
) -> Iterator[Callable[[bytes], bytes]]:
    with function as one:
        yield asks(one)


PLATFORMS = {"aws": on_aws, "google": on_google, "azure": on_azure}


@pytest.fixture(scope="module", params=PLATFORMS)
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with ExitStack() as stack:
        made = PLATFORMS[request.param](stack, tmp_path_factory.mktemp(request.param))
        yield stack.enter_context(made)


def stored() -> dict[str, bytes]:
    """What the store holds: an artifact, another one, and something that is no artifact's business."""
    return {
        KEY: SAMPLE.artifact,
        "artifacts/02JOB.safetensors": WORDS.artifact,
        "jobs/01JOB": SAMPLE.artifact,
    }


def a_call(url: str, of: Sample = SAMPLE, **more: Any) -> bytes:
    said: dict[str, Any] = {"sha256": of.sha256, "size": len(of.artifact), **more}
    return write_call(GraphCall(url, {}, said["sha256"], said["size"], of.inputs, (), 20.0))


def signed(platform: Platform, of: Sample = SAMPLE, *, key: str = KEY, seconds: int = 60) -> str:
    return platform.sign(key, f"{of.sha256}.run", seconds)


def refused(answer: bytes) -> str:
    """Why there is no answer."""
    with pytest.raises(GraphFailure) as failure:
        read_answer(answer)
    return failure.value.reason


def numbers(found: GraphTensor) -> Any:
    assert isinstance(found.data, bytes)
    return np.frombuffer(found.data, NUMPY[found.datatype]).ravel()


def test_a_graph_is_run_and_the_next_call_finds_it_warm(platform: Platform) -> None:
    for expected_cold, seconds in ((True, 60), (False, 60), (False, 300)):  # by another address at last
        outputs, cold = read_answer(platform.ask(a_call(signed(platform, seconds=seconds))))
        assert cold == expected_cold
        assert outputs.keys() == SAMPLE.outputs.keys()
        for name, expected in SAMPLE.outputs.items():
            np.testing.assert_allclose(numbers(outputs[name]), np.ravel(expected), rtol=1e-5, atol=1e-6)


def test_another_graph_with_words_is_run_beside_it(platform: Platform) -> None:
    url = signed(platform, WORDS, key="artifacts/02JOB.safetensors")
    outputs, _ = read_answer(platform.ask(a_call(url, WORDS)))
    texts = next(each for each in outputs.values() if isinstance(each.data, list))
    assert texts.data in WORDS.outputs.values()


def test_an_address_that_is_signed_under_another_name_is_no_proof(platform: Platform) -> None:
    """Whoever may read an artifact is given such an address, by `GET …/artifact`."""
    for name in ("fruit-1.safetensors", f"{WORDS.sha256}.run", SAMPLE.sha256):
        assert refused(platform.ask(a_call(platform.sign(KEY, name, 60)))) == ADDRESS


def test_an_address_that_nobody_signed_is_refused(platform: Platform) -> None:
    """Also for a model that is warm, where nothing has to be fetched."""
    read_answer(platform.ask(a_call(signed(platform))))
    good = signed(platform, seconds=61)
    bare = good.partition("?")[0]
    for url in (
        bare + "?x=1",
        good[:-6] + "AAAAAA",
        good.replace("01JOB", "02JOB"),
        good.replace("artifacts/", "jobs/").replace(".safetensors", ""),
        good.replace("artifacts/", "artifacts/../artifacts/"),
        good.replace("127.0.0.1", "localhost"),
        good.replace("http://", "http://someone@"),
        "http://127.0.0.1:1/artifacts/01JOB.safetensors?x=1",
        "file:///etc/passwd",
    ):
        assert refused(platform.ask(a_call(url))) == ADDRESS, url


def test_what_is_not_as_the_call_says_is_not_run(platform: Platform) -> None:
    """The storage has another artifact under the key than the one whose digest is told."""
    other = sha256(b"another")
    assert refused(platform.ask(a_call(platform.sign(KEY, f"{other}.run", 60), sha256=other))) == DAMAGED
    small = a_call(platform.sign(KEY, f"{other}.run", 60), sha256=other, size=100)
    assert refused(platform.ask(small)) == DAMAGED


def test_what_is_no_call_is_answered_too(platform: Platform) -> None:
    for sent in (b"{}", b'{"url": 1}', b"[]"):
        with pytest.raises(GraphFailure, match="expected"):
            read_answer(platform.ask(sent))


def test_a_redirect_is_not_followed(platform: Platform) -> None:
    """Not even to the very artifact, by an address that is signed for it."""
    true, asked = signed(platform), []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", true)
            self.send_header("Content-Disposition", f'attachment; filename="{SAMPLE.sha256}.run"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        place = f"http://127.0.0.1:{server.server_address[1]}/{BUCKET}/artifacts/"
        with platform.elsewhere(place) as ask:
            assert refused(ask(a_call(f"{place}01JOB.safetensors?signed=yes"))) == ADDRESS
    finally:
        server.shutdown()
        server.server_close()
    assert asked


def test_the_log_tells_of_each_call_and_of_no_address(platform: Platform) -> None:
    url = signed(platform, seconds=59)
    platform.ask(a_call(url))
    said = platform.log()
    assert SAMPLE.sha256[:12] in said
    for secret in ("Signature", "sig=", "127.0.0.1:", "01JOB"):
        assert secret not in said, secret
