"""What Azure is given of an app: one zip with our sources, their dependencies and two generated files.

    function_app.py      names the functions and what triggers them
    host.json            settings of the Functions host
    handlers, ml_core, providers
    .python_packages/lib/site-packages

Dependencies travel along, because a build on Azure's side ends after 60 seconds.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress

from providers.azure.deploying.options import options_of
from providers.deploying import graphs, packages
from providers.deploying.functions import ARTIFACT
from providers.deploying.service import Function, Service
from providers.deploying.tracing import LOCK as TRACES_LOCK
from providers.deploying.tracing import trace_parameters

DEPLOYED_AT = "/home/site/wwwroot"
SITE_PACKAGES = ".python_packages/lib/site-packages"
MODEL_LOCK = os.path.join("requirements", "azure-api.txt")
BUILT = os.path.join("build", "azure")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

QUEUES = {
    # One job at a time on an instance: it has the instance's memory for itself.
    "batchSize": 1,
    "newBatchThreshold": 0,
    # A job's own count of attempts ends it long before the host gives the message up.
    "maxDequeueCount": 100,
    "maxPollingInterval": "00:00:05",
    # After a failure, not while a job runs: the host renews the message of a running one.
    "visibilityTimeout": "00:01:00",
}


def build(service: Service, apps: Mapping[str, list[Function]]) -> dict[str, str]:
    """Build each app's zip, or find it built already; their paths.

    Raises:
        DeploymentFailed: when it cannot be built.
    """
    every_request = options_of(service).access_logs
    return {
        app: _build(service, app, functions, every_request=every_request) for app, functions in apps.items()
    }


def model_function(artifact: bytes) -> str:
    """Build the zip of a function that serves one model, the model beside it; its path."""
    patterns = ["ml_core/**/*.py", "handlers/**/*.py", "providers/__init__.py"]
    service = Service("model", "", "azure", packages.ROOT, {}, {}, patterns)
    settings = {"requirements": MODEL_LOCK, "timeoutSeconds": 60, "events": [{"http": "function"}]}
    function = Function("model", "handlers.single.azure.model", settings)
    return _build(service, "model", [function], {ARTIFACT: artifact})


def function_app(functions: Iterable[Function]) -> str:
    """The text of `function_app.py`: the functions with what triggers them, and nothing else."""
    lines = [
        '"""Generated when packaging, from providers/azure/config.yml."""',
        "",
        "import azure.functions as func",
        "",
    ]
    declared = ["app = func.FunctionApp()"]
    for function in functions:
        module, _, name = function.handler.rpartition(".")
        lines.append(f"from {module} import {name}")
        triggers = [_binding(event) for event in function.settings["events"]]
        declared += [f"app.function_name({function.name!r})(app.{trigger}({name}))" for trigger in triggers]
    return "\n".join([*lines, "", *declared, ""])


def host_json(functions: Iterable[Function], *, every_request: bool = False) -> str:
    """The text of `host.json`: our routes are the whole path, one training job at a time per instance.

    `every_request` keeps each request in Application Insights, where else a sample of many is kept.
    """
    settings = [function.settings for function in functions]
    document: dict[str, object] = {"version": "2.0"}
    timeouts = [int(each["timeoutSeconds"]) for each in settings if "timeoutSeconds" in each]
    if timeouts:
        hours, rest = divmod(max(timeouts), 3600)
        document["functionTimeout"] = f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    sampling = {"isEnabled": True, **({"excludedTypes": "Request"} if every_request else {})}
    document["logging"] = {"applicationInsights": {"samplingSettings": sampling}}
    document["extensions"] = {"http": {"routePrefix": ""}}
    kinds = {kind for each in settings for event in each["events"] for kind in event}
    if "queue" in kinds:
        document["extensions"] = {"queues": QUEUES}
        document["extensionBundle"] = {
            "id": "Microsoft.Azure.Functions.ExtensionBundle",
            "version": "[4.0.0, 5.0.0)",
        }
    return json.dumps(document, indent=2) + "\n"


def _binding(event: Mapping[str, str]) -> str:
    """One trigger as a call of the programming model's decorator."""
    ((kind, value),) = event.items()
    if kind == "http":
        level = {"anonymous": "ANONYMOUS", "function": "FUNCTION"}[value]
        methods = ", ".join(repr(method) for method in METHODS)
        return (
            "route(route='{*path}', trigger_arg_name='request', "
            f"methods=[{methods}], auth_level=func.AuthLevel.{level})"
        )
    if kind == "queue":
        return f"queue_trigger(arg_name='message', queue_name={value!r}, connection='ML_STORAGE')"
    return f"timer_trigger(arg_name='timer', schedule={value!r}, run_on_startup=False)"


def _build(
    service: Service,
    app: str,
    functions: list[Function],
    beside: Mapping[str, bytes] | None = None,
    *,
    every_request: bool = False,
) -> str:
    """Build one zip; it is kept under a digest of everything that it is made from.

    `beside` holds files for the zip's root that are neither sources nor generated: a model.
    """
    folder = service.folder
    added = {
        "function_app.py": function_app(functions).encode(),
        "host.json": host_json(functions, every_request=every_request).encode(),
        **(beside or {}),
    }
    alone = graphs.runs_graphs(functions[0])
    sources = graphs.sources(folder, service.cloud) if alone else packages.selected(folder, service.patterns)
    recorded = trace_parameters(service).are_recorded and not alone
    named = [functions[0].settings["requirements"], *([TRACES_LOCK] if recorded else [])]
    locks = [os.path.join(folder, name) for name in named]
    hashes = [f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in added.items()]
    files = [__file__, *locks, *(os.path.join(folder, source) for source in sources)]
    key = packages.fingerprint(app, *sources, *hashes, files=files)
    path = os.path.join(folder, BUILT, f"{app}-{key}.zip")
    if packages.kept(path):
        return path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as work:
        root = os.path.join(work, "app")
        packages.copy(folder, sources, root)
        for name, data in added.items():
            with open(os.path.join(root, name), "wb") as file:
                file.write(data)
        packages.compile_modules(root, DEPLOYED_AT)  # OpenAPI is made of docstrings there
        shutil.copytree(_dependencies(folder, app, locks), os.path.join(root, SITE_PACKAGES))
        packages.write_zip(root, path)
    packages.forget_older(path, f"{app}-", ".zip")
    return path


def _dependencies(folder: str, app: str, locks: list[str]) -> str:
    """A folder with the app's dependencies, compiled; kept while their locks are the same."""
    kept = os.path.join(folder, BUILT, f"{app}-{packages.fingerprint(files=[__file__, *locks])}.packages")
    if not packages.kept(kept):
        with tempfile.TemporaryDirectory(dir=os.path.dirname(kept)) as work:
            target = os.path.join(work, "packages")
            for lock in locks:
                packages.install(lock, target)
            if "onnxruntime" in packages.locked(locks[0]):
                packages.trim_to_run(target, f"{DEPLOYED_AT}/{SITE_PACKAGES}")
            elif "scikit-learn" in packages.locked(locks[0]):
                packages.trim(target)
                packages.compile_modules(target, f"{DEPLOYED_AT}/{SITE_PACKAGES}")
            else:
                packages.trim_to_predict(target, f"{DEPLOYED_AT}/{SITE_PACKAGES}")
            with suppress(OSError):  # another deployment was first
                os.rename(target, kept)
        packages.forget_older(kept, f"{app}-", ".packages")
    return kept
