"""Google Cloud: the built zips under functions-framework, beside stand-ins for storage and Cloud Tasks."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.deploying import packages
from providers.google.deploying import packaging
from providers.google.runtime import wiring
from tests.conformance import wire
from tests.conformance.cases.scoring import LAKE
from tests.conformance.cloud import Records, Running
from tests.google import gcs, tasks
from tests.google.conftest import make_service
from tests.runtime.google_runtime import CloudRunFunction

BUCKET = "demo-1-serverless-ml-dev"
TRAIN_URL = "https://europe-west1-demo-1.cloudfunctions.net/serverless-ml-dev-train"
CALLER = "serverless-ml-dev-caller@demo-1.iam.gserviceaccount.com"
# As the schedule's topic calls.
EVENT = {
    "content_type": "application/json",
    "ce_id": "1",
    "ce_source": "//pubsub.googleapis.com/projects/demo-1/topics/serverless-ml-dev-sweep",
    "ce_type": "google.cloud.pubsub.topic.v1.messagePublished",
    "ce_specversion": "1.0",
}


@contextmanager
def started(
    request: pytest.FixtureRequest,  # noqa: ARG001 (it needs no fixture)
    folder: str,
    keys: Records,
    settings: dict[str, str],
    web: dict[str, str],
) -> Iterator[Running]:
    """See `tests.conformance.cloud.Cloud`."""
    service = make_service(onnx="yes")
    zips = packaging.build(service)
    records = os.path.join(folder, "records.json")
    with open(records, "w", encoding="utf-8") as file:
        json.dump(keys, file)
    buckets = gcs.Buckets(implicit=False)
    buckets.create(BUCKET, {})
    key = rsa.generate_private_key(65537, 2048)
    buckets.signers[tasks.ACCOUNT] = key.public_key()
    with gcs.running(buckets) as storage, tasks.running(key) as beside, ExitStack() as stack:
        env = {
            **beside.env,
            **settings,
            "STORAGE_EMULATOR_HOST": storage,
            "ML_BUCKET": BUCKET,
            "ML_QUEUE": tasks.QUEUE,
            "ML_TRAIN_URL": TRAIN_URL,
            "ML_CALLER": CALLER,
            "ML_DATA_BUCKETS": f"gs://{BUCKET}/lake",
            "ML_OUTPUT_BUCKETS": f"gs://{BUCKET}/out",
        }
        store = wiring.store(env)
        for name, data in LAKE.items():
            store.put_if_absent(name, data)

        def function(
            name: str, place: str, keys_file: str, signature: str = "http", **more: str
        ) -> CloudRunFunction:
            return CloudRunFunction(
                name,
                package=zips[name],
                requirements=service.functions[name].settings["requirements"],
                folder=os.path.join(folder, place),
                env={**env, "ML_KEYS_FILE": keys_file, **more},
                signature=signature,
            )

        graphs = stack.enter_context(
            CloudRunFunction(
                "onnx",
                package=zips["onnx"],
                requirements="requirements/google-api.txt",
                folder=os.path.join(folder, "onnx"),
                env={"ML_ARTIFACTS": f"{wiring.signer(env).below}artifacts/", "ML_ONNX_MEMORY": "2048"},
                more=_wheels(folder),
            )
        )
        env["ML_ONNX"] = f"http://127.0.0.1:{graphs.port}/"
        with (
            function("api", "api", records) as api,
            function("api", "closed", os.path.join(folder, "no-keys.json")) as closed,
            function("api", "for-pages", records, **web) as for_pages,
            function("train", "train", records) as train,
            function("sweep", "sweep", records, "cloudevent") as sweep_function,
        ):

            def deliver() -> None:
                while beside.tasks:
                    task = beside.tasks.pop(0)
                    answer = train.call("POST", "/", task.body, content_type="application/json")
                    assert answer.status == 204, answer

            def sweep() -> None:
                answer = sweep_function.call("POST", "/", b"{}", **EVENT)
                assert answer.status == 200, answer

            yield Running(
                lambda sent: wire.ask(api.port, sent),
                lambda sent: wire.ask(closed.port, sent),
                lambda sent: wire.ask(for_pages.port, sent),
                deliver,
                sweep,
                store,
                f"gs://{BUCKET}/lake/",
                f"gs://{BUCKET}/out/",
            )


def _wheels(folder: str) -> str:
    """What the function that runs graphs imports, in a folder."""
    wheels = os.path.join(folder, "wheels")
    packages.install(os.path.join(packages.ROOT, "requirements", "onnx.txt"), wheels)
    return wheels
