"""A stand-in cloud, and the service as the framework resolves it for that cloud."""

import io
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from providers.deploying.plan import DeploymentRun
from providers.deploying.service import Function, Service, wanted
from providers.google.deploying.control_plane import ControlPlane
from providers.google.deploying.deployer import GoogleDeployer
from tests.google import cloud as stand_in
from tests.google import gcs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONFIG = os.path.join(ROOT, "providers", "google", "config.yml")


class Google(NamedTuple):
    """One stand-in project: its management APIs, its storage, and an environment that points at both."""

    cloud: stand_in.Cloud
    buckets: gcs.Buckets
    env: dict[str, str]


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Bench:
    """A deployer on a stand-in, whose waiting takes no time."""

    def __init__(self, google: Google) -> None:
        self.google = google
        self.clock = Clock()
        self.said = ""

    def deployer(self, service: Service) -> GoogleDeployer:
        project, region = service.provider["project"], service.provider["region"]
        cloud = ControlPlane(project, region, self.google.env, sleep=self.clock.sleep)
        return GoogleDeployer(service, self.google.env, cloud)

    def _run(self, verb: Callable[[DeploymentRun], None], **options: Any) -> str:
        out = io.StringIO()
        try:
            verb(DeploymentRun(out=out, **options))
        finally:
            self.said = out.getvalue()
        return self.said

    def deploy(self, service: Service, **options: Any) -> str:
        return self._run(self.deployer(service).deploy, **options)

    def remove(self, service: Service, **options: Any) -> str:
        return self._run(self.deployer(service).remove, **options)


@pytest.fixture
def google() -> Iterator[Google]:
    """A project with nothing in it."""
    cloud, buckets = stand_in.Cloud(), gcs.Buckets(implicit=False)
    with stand_in.running(cloud) as url, gcs.running(buckets) as storage:
        env = {
            "GOOGLE_ENDPOINT_URL": url,
            "GOOGLE_ENDPOINT_URL_STORAGE": storage,
            "GOOGLE_CLOUD_PROJECT": "demo-1",
        }
        yield Google(cloud, buckets, env)


@pytest.fixture
def bench(google: Google) -> Bench:
    """A deployer on that project."""
    return Bench(google)


@pytest.fixture
def service() -> Service:
    """The stage `dev`, with the settings of providers/google/config.yml."""
    return make_service()


def make_service(**provider: Any) -> Service:
    """The service of config.yml, its variables resolved as the framework would; `provider` overrides."""
    with open(CONFIG, encoding="utf-8") as file:
        text = file.read()
    for name, value in yaml.safe_load(text)["params"]["default"].items():
        text = text.replace(f"${{param:{name}}}", str(value))
    config = yaml.safe_load(text)
    settings = {
        **config["provider"],
        "stage": "dev",
        "project": "demo-1",
        "region": "europe-west1",
        "bucket": "",
        **provider,
    }
    asked = wanted(config["functions"], settings)
    functions = {name: Function(name, each["handler"], each) for name, each in asked.items()}
    return Service(
        "serverless-ml", settings["stage"], "google", ROOT, settings, functions, config["package"]["patterns"]
    )
