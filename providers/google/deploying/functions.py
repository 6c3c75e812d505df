"""A fitted model as a Cloud Run function of its own."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ml_core.errors import Conflict, InvalidInput, NotFound, TooLarge, Unavailable
from providers.deploying.functions import DeployedFunction
from providers.deploying.plan import DeploymentFailed, Progress
from providers.google.deploying import packaging, planning
from providers.google.deploying.access import translated
from providers.google.deploying.control_plane import ControlPlane, ObservedProject
from providers.google.deploying.desired import (
    CloudFunction,
    GoogleResource,
    account_path,
    account_resource,
    build_rights,
)
from providers.google.deploying.sizes import LEAST_MEMORY, MOST_MEMORY, WHOLE_CPU_MEMORY, cpu_for

OURS = {"made-by": "deploy-model"}
# Builds the functions of a project; the variable names another one.
BUILD_ACCOUNT, BUILD_ACCOUNT_VARIABLE = "deploy-model-build", "GOOGLE_BUILD_ACCOUNT"
_REQUESTS_AT_ONCE = 8
_MOST_PAYLOAD_BYTES = 32 * 1024 * 1024
_OK = 200


def deploy(
    artifact: bytes,
    function_name: str,
    *,
    memory_mb: int,
    region: str | None,
    progress: Progress,
    env: Mapping[str, str] = os.environ,
) -> DeployedFunction:
    """Create the function with a service account that has no rights, or update what differs.

    Nobody is given the right to call it: who may call every function of the project can. One account of the
    project builds all of them, unless GOOGLE_BUILD_ACCOUNT names another.
    """
    _check(function_name, memory_mb)
    progress(f"packaging {function_name}")
    package = packaging.model_function(artifact)
    with _plain_errors():
        cloud = _cloud(region, env)
        resources, function = _desired(
            cloud, function_name, memory_mb, env.get(BUILD_ACCOUNT_VARIABLE) or None
        )
        found = cloud.functions.find(function.path)
        if found is not None and not OURS.items() <= found.get("labels", {}).items():
            raise Conflict(
                f"a function {function_name!r} exists that deploy_model did not make: "
                "choose another function_name"
            )
        there = {} if found is None else {function.path: found}
        known = {each.path: cloud.resources.read(each) for each in resources}
        grants = {each.path: cloud.resources.grants(each) for each in resources if each.grants}
        now = ObservedProject(known, grants, None, there)
        steps = planning.plan_function(resources, function, package, now)
        for step in steps:
            progress(step.title)
            step.act(cloud, progress)
        if not steps:
            progress(f"{function_name} is deployed already; nothing changed")
        return DeployedFunction(function_name, _address(cloud, function.path), changed=bool(steps))


def invoke(
    function_name: str, payload: bytes, *, region: str | None, env: Mapping[str, str] = os.environ
) -> bytes:
    """What the function answers to `payload`."""
    if len(payload) > _MOST_PAYLOAD_BYTES:
        raise TooLarge(
            f"expected a payload of at most {_MOST_PAYLOAD_BYTES:,} bytes on Google, got {len(payload):,}"
        )
    with _plain_errors():
        cloud = _cloud(region, env)
        address = _address(cloud, f"{cloud.access.location}/functions/{function_name}")
        headers = {"content-type": "application/json", **cloud.access.identity_header(address)}
        status, _, body = cloud.access.http("POST", address, headers, payload)
    if status != _OK:
        raise Unavailable(f"the function {function_name!r} failed: expected HTTP 200, got {status}")
    return body


def _desired(
    cloud: ControlPlane, name: str, memory_mb: int, builder: str | None
) -> tuple[list[GoogleResource], CloudFunction]:
    project = cloud.access.project
    account = f"{name[:25]}-model"[:30]
    email = f"{account}@{project}.iam.gserviceaccount.com"
    resources = [account_resource(project, account, f"runs {name}", f"function {name}", set())]
    if builder is None:
        builder = f"{BUILD_ACCOUNT}@{project}.iam.gserviceaccount.com"
        resources += [
            account_resource(project, BUILD_ACCOUNT, "builds functions", "deploy_model", set()),
            build_rights(project, f"serviceAccount:{builder}"),
        ]
    concurrency = _REQUESTS_AT_ONCE if memory_mb >= WHOLE_CPU_MEMORY else 1
    config = {
        "environment": "GEN_2",
        "labels": OURS,
        "buildConfig": {
            "runtime": "python313",
            "entryPoint": packaging.MODEL_TARGET,
            "serviceAccount": account_path(builder, project),
        },
        "serviceConfig": {
            "availableMemory": f"{memory_mb}Mi",
            "availableCpu": cpu_for("memory_mb", memory_mb, concurrency),
            "timeoutSeconds": 60,
            "maxInstanceCount": 10,
            "maxInstanceRequestConcurrency": concurrency,
            "serviceAccountEmail": email,
            "environmentVariables": {"OPENBLAS_NUM_THREADS": "1"},
        },
    }
    path = f"{cloud.access.location}/functions/{name}"
    return resources, CloudFunction(name, path, config, "", "", frozenset())


def _check(name: str, memory_mb: int) -> None:
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?", name):
        raise InvalidInput.at(
            "function_name",
            f"expected lower-case letters, digits and inner hyphens on Google Cloud, got {name!r}",
        )
    if not LEAST_MEMORY <= memory_mb <= MOST_MEMORY:
        raise InvalidInput.at(
            "memory_mb", f"expected {LEAST_MEMORY} to {MOST_MEMORY} (MiB) on Google Cloud, got {memory_mb}"
        )


def _cloud(region: str | None, env: Mapping[str, str]) -> ControlPlane:
    project = env.get("GOOGLE_CLOUD_PROJECT")
    if not project:
        raise Unavailable("no Google Cloud project: set GOOGLE_CLOUD_PROJECT")
    return ControlPlane(project, region or env.get("GOOGLE_CLOUD_REGION") or "europe-west1", env)


def _address(cloud: ControlPlane, path: str) -> str:
    found = cloud.functions.find(path)
    if found is None:
        raise NotFound(f"there is no function {path.rpartition('/')[2]!r} in {cloud.access.region}")
    return str(found.get("serviceConfig", {}).get("uri") or found.get("url") or "")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What the clients raise, as ours: their texts are for the person who deploys and calls."""
    try:
        with translated():
            yield
    except DeploymentFailed as error:
        raise Unavailable(str(error)) from error
    except ModuleNotFoundError as error:
        raise Unavailable(f"{error.name} is not installed: run `make setup`") from error
