"""Each cloud's package of `api`, built as a deployment builds it and laid out as the cloud does.

What Google installs itself, from the lock in the zip, is installed here too: it is measured, and told apart.
"""

import os
import platform
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from ml_core.errors import ServerlessMLError
from providers.advising.impossible import AdviceImpossible
from providers.deploying import packages
from providers.deploying.service import Function, Service

_PARAMETER = re.compile(r"\$\{param:(\w+)\}")
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


class ConfiguredApi(NamedTuple):
    """What `providers/<cloud>/config.yml` says of `api` where no parameter is given."""

    memory: int  # MB
    concurrency: int  # requests that an instance has at once
    instances: int  # at most
    rate: float  # requests a second that are let in at most; 0: any
    burst: float  # and of how many at once; 0: any
    timeout: float  # seconds after which an answer is given up
    patterns: list[str]
    requirements: str


class CloudPackage(NamedTuple):
    """A package that lies unpacked on this machine.

    Args:
        paths: the folders that Python looks in, in the cloud's order.
        zipped: bytes that are uploaded.
        unpacked: bytes that the function has, without what the cloud installs itself.
        installed: bytes that the cloud installs itself.
        own_libraries: whether the package's libraries run here; else this environment's do in their place.
    """

    cloud: str
    paths: list[str]
    zipped: int
    unpacked: int
    installed: int
    own_libraries: bool


@cache
def configured(cloud: str) -> ConfiguredApi:
    """Read the cloud's config.yml, once, with its parameters at their defaults."""
    import yaml

    path = os.path.join(packages.ROOT, "providers", cloud, "config.yml")
    with open(path, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    defaults = config["params"]["default"]
    said = _resolved(config["functions"]["api"], defaults)
    patterns = [each for pattern in config["package"]["patterns"] for each in _without_braces(pattern)]
    return ConfiguredApi(
        int(re.sub(r"\D", "", str(defaults["apiMemory"]))),
        int(said.get("concurrency", 1)),
        int(defaults.get("apiInstances") or defaults.get("apiConcurrency") or 0),
        float(defaults.get("requestsPerSecond", 0)),
        float(defaults.get("requestBurst", 0)),
        float(said.get("timeout") or said["timeoutSeconds"]),
        patterns,
        said.get("requirements", "requirements.txt"),
    )


def unpack(cloud: str, folder: str) -> CloudPackage:
    """Build the cloud's package, or find it built, and lay it out below `folder`.

    Raises `AdviceImpossible` where it cannot be built.
    """
    native = (
        sys.platform == "linux" and f"{sys.version_info[0]}.{sys.version_info[1]}" == packages.TARGET_PYTHON
    )
    # Azure has x86-64 alone.
    runs = native and platform.machine().lower() in {"x86_64", "amd64"}
    try:
        return _BUILDERS[cloud](cloud, folder, runs)
    except (OSError, LookupError, ValueError, ServerlessMLError) as error:
        raise AdviceImpossible(
            f"the package for {cloud} cannot be built: {error}; `--cloud` names the clouds to look at"
        ) from error


def _aws(cloud: str, folder: str, runs: bool) -> CloudPackage:
    from providers.aws.deploying import packaging

    task, opt = os.path.join(folder, "task"), os.path.join(folder, "opt")
    sources = packages.selected(packages.ROOT, configured(cloud).patterns)
    packages.copy(packages.ROOT, sources, task)
    code = os.path.join(folder, "code.zip")
    packages.write_zip(task, code)
    packaging.finish_code(code)
    layer = packaging.predict_layer()
    shutil.rmtree(task)
    _extract(code, task)
    _extract(layer, opt)
    zipped = os.path.getsize(code) + os.path.getsize(layer)
    paths = [task, *([os.path.join(opt, "python")] if runs else [])]
    return CloudPackage(cloud, paths, zipped, _bytes(task) + _bytes(opt), 0, runs)


def _google(cloud: str, folder: str, runs: bool) -> CloudPackage:
    from providers.google.deploying import packaging

    service = _service(cloud, folder)
    built = packaging.build(service)["api"]
    zipped = os.path.getsize(built)
    code, site = os.path.join(folder, "workspace"), os.path.join(folder, "site")
    _extract(built, code)
    os.remove(built)
    packages.install(os.path.join(packages.ROOT, configured(cloud).requirements), site)
    packages.compile_modules(site, site)  # as pip does where Google installs
    paths = [code, *([site] if runs else [])]
    return CloudPackage(cloud, paths, zipped, _bytes(code), _bytes(site), runs)


def _azure(cloud: str, folder: str, runs: bool) -> CloudPackage:
    from providers.azure.deploying import packaging

    service = _service(cloud, folder)
    built = packaging.build(service, {"api": list(service.functions.values())})["api"]
    app = os.path.join(folder, "app")
    _extract(built, app)
    site = os.path.join(app, *packaging.SITE_PACKAGES.split("/"))
    paths = [app, *([site] if runs else [])]
    return CloudPackage(cloud, paths, os.path.getsize(built), _bytes(app), 0, runs)


_BUILDERS: dict[str, Callable[[str, str, bool], CloudPackage]] = {
    "aws": _aws,
    "google": _google,
    "azure": _azure,
}
CLOUDS = tuple(_BUILDERS)


def _service(cloud: str, folder: str) -> Service:
    """The service as the framework's plugin would hand it over, of `api` alone."""
    found = configured(cloud)
    settings: dict[str, Any] = {
        "requirements": found.requirements,
        "timeoutSeconds": 60,
        "events": [{"http": "anonymous"}],
    }
    functions = {"api": Function("api", f"handlers.clouds.{cloud}.api", settings)}
    # A stage that nobody deploys: its zip does not take another's place.
    stage = f"advice-{os.path.basename(folder)}"
    return Service("serverless-ml", stage, cloud, packages.ROOT, {}, functions, found.patterns)


def _resolved(said: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _PARAMETER.sub(lambda found: str(defaults.get(found[1], "")), value)
        if isinstance(value, str)
        else value
        for name, value in said.items()
    }


def _without_braces(pattern: str) -> list[str]:
    """The patterns that one with `{a,b}` stands for, as the framework reads it."""
    found = _BRACES.search(pattern)
    if found is None:
        return [pattern]
    return [pattern[: found.start()] + each + pattern[found.end() :] for each in found[1].split(",")]


def _extract(path: str, folder: str) -> None:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)


def _bytes(folder: str) -> int:
    return sum(
        os.path.getsize(os.path.join(parent, name)) for parent, _, names in os.walk(folder) for name in names
    )


def scratch() -> "tempfile.TemporaryDirectory[str]":
    """A folder to unpack into, which goes when it was used."""
    return tempfile.TemporaryDirectory(prefix="advise-")
