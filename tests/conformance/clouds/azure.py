"""Azure: the built zips under Microsoft's worker library for Python, beside Azurite."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from providers.azure.deploying import packaging
from providers.azure.deploying.planning import apps_of
from providers.azure.runtime import wiring
from tests.azure.conftest import make_service
from tests.azure.function_host import FunctionHost
from tests.azurite import Azurite
from tests.conformance import wire
from tests.conformance.cases.scoring import LAKE
from tests.conformance.cloud import Records, Running


@contextmanager
def started(
    request: pytest.FixtureRequest,  # noqa: ARG001 (it needs no fixture)
    folder: str,  # noqa: ARG001 (nor a folder)
    keys: Records,
    settings: dict[str, str],
    web: dict[str, str],
) -> Iterator[Running]:
    """See `tests.conformance.cloud.Cloud`."""
    service = make_service(onnx="yes")
    zips = packaging.build(service, apps_of(service))
    with Azurite() as azurite, ExitStack() as stack:
        azurite.make_container("models")
        azurite.make_queue("training")
        env = {
            **azurite.env,
            **settings,
            "ML_DATA_BUCKETS": "az://models/lake",
            "ML_OUTPUT_BUCKETS": "az://models/out",
        }
        store = wiring.store(env)
        for key, data in LAKE.items():
            store.put_if_absent(key, data)
        artifacts = {"ML_ARTIFACTS": f"{wiring.signer(env).below}artifacts/", "ML_ONNX_MEMORY": "2048"}
        graphs = stack.enter_context(FunctionHost(zips["onnx"], artifacts))
        env["ML_ONNX"] = f"{graphs.url}/run"
        with (
            FunctionHost(zips["api"], {**env, "ML_KEYS": json.dumps(keys)}) as api,
            FunctionHost(zips["api"], env) as closed,
            FunctionHost(zips["api"], {**env, "ML_KEYS": json.dumps(keys), **web}) as for_pages,
            FunctionHost(zips["train"], {**env, "ML_KEYS": json.dumps(keys)}) as train,
        ):

            def deliver() -> None:
                while (succeeded := train.deliver("train", azurite)) is not None:
                    assert succeeded, train.lines[-20:]

            def sweep() -> None:
                assert train.tick("sweep") == 204, train.lines[-20:]

            yield Running(
                lambda sent: wire.ask(api.port, sent),
                lambda sent: wire.ask(closed.port, sent),
                lambda sent: wire.ask(for_pages.port, sent),
                deliver,
                sweep,
                store,
                "az://models/lake/",
                "az://models/out/",
            )
