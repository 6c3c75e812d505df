"""A fitted model as a function app of its own."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ml_core.errors import Conflict, InvalidInput, NotFound, TooLarge, Unavailable
from providers.azure.deploying import packaging
from providers.azure.deploying.cloud import Azure, Polling, plain_location
from providers.azure.deploying.finding import find
from providers.azure.deploying.planning import (
    Wanted,
    check_before_building,
    look_closer,
    observe,
    package_at,
    plan,
)
from providers.azure.deploying.template import App, Shape, template
from providers.azure.runtime.names import Names, names
from providers.deploying.functions import DeployedFunction
from providers.deploying.plan import DeploymentFailed, Progress

APP = "model"
OURS = {"made-by": "deploy-model"}
_MEMORY = (512, 2048, 4096)
_MOST_PAYLOAD_BYTES = 100 * 1024 * 1024
_OK = 200


def deploy(
    artifact: bytes,
    function_name: str,
    *,
    memory_mb: int,
    region: str | None,
    progress: Progress,
    env: Mapping[str, str] = os.environ,
    polling: Polling | None = None,
) -> DeployedFunction:
    """Create the app in a resource group of its own, or update what differs.

    It answers whoever has its key, which Azure keeps and shows to who may manage the app.
    """
    _check(function_name, memory_mb)
    first = _names(function_name, env)
    settings = {"ML_FUNCTION": function_name, "OPENBLAS_NUM_THREADS": "1"}
    location = plain_location(region or env.get("AZURE_LOCATION") or "")
    with _plain_errors():
        azure = _azure(env, polling)
        group = azure.group(first.group)
        if group is not None and not OURS.items() <= group.tags.items():
            raise Conflict(
                f"a resource group {group.name!r} exists that deploy_model did not make: "
                "choose another function_name"
            )
        observed = observe(azure, first, OURS, [APP])
        there = observed.deployment.location if observed.deployment else None
        if there and location and location != there:
            raise Conflict(
                f"the function {function_name!r} is in {there}, not in {location}, and Azure cannot move it: "
                f"pass region={there!r}, or another function_name"
            )
        own = observed.names(first)
        apps = [App(APP, memory_mb, 10, 8, settings)]
        shape = Shape(own, there or location or "westeurope", OURS, apps, containers=(), queues=())
        wanted = Wanted(shape, template(shape), {})
        check_before_building(azure, wanted, observed)
        progress(f"packaging {function_name}")
        wanted = wanted._replace(packages={APP: package_at(packaging.model_function(artifact))})
        steps = plan(wanted, look_closer(azure, wanted, observed))
        for step in steps:
            progress(step.title)
            step.act(azure, lambda message: progress(message))  # noqa: PLW0108 - the parameters' names differ
        if not steps:
            progress(f"{function_name} is deployed already; nothing changed")
        return DeployedFunction(function_name, _address(azure, own), changed=bool(steps))


def invoke(
    function_name: str,
    payload: bytes,
    *,
    region: str | None,  # noqa: ARG001 (a resource group's name is enough on Azure)
    env: Mapping[str, str] = os.environ,
) -> bytes:
    """What the function answers to `payload`."""
    if len(payload) > _MOST_PAYLOAD_BYTES:
        raise TooLarge(
            f"expected a payload of at most {_MOST_PAYLOAD_BYTES:,} bytes on Azure, got {len(payload):,}"
        )
    first = _names(function_name, env)
    with _plain_errors():
        azure = _azure(env)
        found = find(azure, first, OURS)
        own = found.names if found else first
        address = _address(azure, own)
        key, _ = azure.host_keys(own.group, own.app(APP))
        headers = {"content-type": "application/json", "x-functions-key": key}
        status, _, body = azure.call("POST", f"{address}/", headers, payload)
    if status != _OK:
        raise Unavailable(f"the function {function_name!r} failed: expected HTTP 200, got {status}")
    return body


def _names(function_name: str, env: Mapping[str, str]) -> Names:
    subscription = env.get("AZURE_SUBSCRIPTION_ID")
    if not subscription:
        raise Unavailable("no Azure subscription: set AZURE_SUBSCRIPTION_ID")
    return names(function_name, "model", subscription)


def _azure(env: Mapping[str, str], polling: Polling | None = None) -> Azure:
    return Azure(env["AZURE_SUBSCRIPTION_ID"], env, polling)


def _address(azure: Azure, own: Names) -> str:
    site = azure.site(own.group, own.app(APP))
    if site is None:
        raise NotFound(f"there is no function app {own.app(APP)!r}")
    return site.url


def _check(name: str, memory_mb: int) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,48}[A-Za-z0-9])?", name):
        raise InvalidInput.at(
            "function_name", f"expected letters, digits and inner hyphens on Azure, got {name!r}"
        )
    if memory_mb not in _MEMORY:
        raise InvalidInput.at("memory_mb", f"expected 512, 2048 or 4096 (MiB) on Azure, got {memory_mb}")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What the deployer raises, as who deploys a model expects it."""
    try:
        yield
    except DeploymentFailed as error:
        raise Unavailable(str(error)) from error
