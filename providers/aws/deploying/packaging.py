"""What a deployment to Lambda uploads: the code, and a layer to lay under it.

    code       handlers, ml_core and providers/aws; below the 3 MB that AWS's console shows
    predict    numpy, obstore and simdjson (requirements.txt), for `api` and `sweep`; of numpy what a
               prediction needs
    training   all that `train` imports: the same, whole, and scikit-learn (requirements/train.txt)
    traces     what records and sends spans (requirements/traces.txt), for `api` and `train`, where the
               parameter `traces` has a share above 0
    onnx       the whole function that runs imported ONNX models: its own code, numpy and onnxruntime
               (requirements/onnx.txt), where the parameter `onnx` asks for it
    lithops    what drives Lithops and what its workers import (requirements/lithops-functions.txt), where the
               parameter `engines` names it; of boto3 the services that Lithops calls

The framework's hooks (plugin.js) call `python -m providers.aws.deploying.packaging …`; so does nobody else.
docs/decisions/0002-training-stack.md says why these are layers. A function of `deploy_model` has one zip:
code, numpy and its model.
"""

import argparse
import io
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable

from ml_core.errors import ServerlessMLError
from providers.deploying import packages
from providers.deploying.functions import ARTIFACT
from providers.deploying.graphs import LOCK as GRAPHS
from providers.deploying.graphs import sources as graph_sources
from providers.deploying.tracing import LOCK as TRACES

# Lambda's limits: a function with its layers, unpacked; and a zip that is sent without a bucket between.
MOST_UNPACKED_BYTES = 262_144_000
MOST_DIRECT_ZIP_BYTES = 50 * 1024 * 1024

PREDICT_LOCK = os.path.join(packages.ROOT, "requirements.txt")
LITHOPS_LOCK = os.path.join(packages.ROOT, "requirements", "lithops-functions.txt")
GRAPHS_LOCK = os.path.join(packages.ROOT, GRAPHS)
TRACES_LOCK = os.path.join(packages.ROOT, TRACES)
TRAINING_LOCK = os.path.join(packages.ROOT, "requirements", "train.txt")
BUILT = os.path.join(packages.ROOT, "build", "aws")

_CODE_FOLDER = "/var/task"
_LAYER_FOLDER = "/opt/python"
# Only below this folder of a layer does Lambda's Python look for modules.
_LAYER_ROOT = "python"


def finish_code(path: str) -> None:
    """Rewrite the framework's zip in place: with OpenAPI and `.pyc` files, without docstrings, sorted."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        # Built once here, so that no cold start has to, by modules that the package has not.
        with open(
            os.path.join(folder, "handlers", "rest", "openapi.json"), "w", encoding="utf-8"
        ) as described:
            described.write(
                packages.run([sys.executable, "-B", "-m", "handlers.rest.openapi"], folder=packages.ROOT)
            )
        packages.drop_docstrings(folder)
        packages.compile_modules(folder, _CODE_FOLDER, docstrings=False)
        packages.write_zip(folder, path, level=9)


def predict_layer(*, architecture: str = "x86_64", installed: str | None = None) -> str:
    """The zip with what a prediction imports beyond our code.

    `installed` is a folder that holds the wheels already, as serverless-python-requirements leaves it.
    """
    lock = packages.combined(PREDICT_LOCK)
    key = packages.fingerprint("predict", architecture, lock, files=[__file__])

    def fill(folder: str) -> None:
        if installed:
            shutil.copytree(installed, folder, ignore=shutil.ignore_patterns("requirements.txt", ".*"))
        else:
            _install(lock, folder, architecture)
        packages.trim_to_predict(folder, _LAYER_FOLDER)

    return _built(f"predict-{architecture}", key, fill, _LAYER_FOLDER, below=_LAYER_ROOT, level=9)


def training_layer(*, architecture: str = "x86_64") -> str:
    """The zip with all that `train` imports: the predict path's lock too, in whole."""
    lock = packages.combined(PREDICT_LOCK, TRAINING_LOCK)
    key = packages.fingerprint("training", architecture, lock, files=[__file__])
    return _built(
        f"training-{architecture}",
        key,
        lambda folder: _install(lock, folder, architecture),
        _LAYER_FOLDER,
        below=_LAYER_ROOT,
    )


def lithops_layer(*, architecture: str = "x86_64") -> str:
    """The zip with what Lithops imports in a function, beside the training layer."""
    lock = packages.combined(LITHOPS_LOCK)
    key = packages.fingerprint("lithops", architecture, lock, files=[__file__])

    def fill(folder: str) -> None:
        _install(lock, folder, architecture)
        packages.trim_to_lithops(folder)

    return _built(f"lithops-{architecture}", key, fill, _LAYER_FOLDER, below=_LAYER_ROOT)


def traces_layer(*, architecture: str = "x86_64") -> str:
    """The zip with what records and sends spans, beside either of the others; compiled, without sources."""
    lock = packages.combined(TRACES_LOCK)
    key = packages.fingerprint("traces", architecture, lock, files=[__file__])

    def fill(folder: str) -> None:
        _install(lock, folder, architecture)
        packages.trim_to_predict(folder, _LAYER_FOLDER)

    return _built(f"traces-{architecture}", key, fill, _LAYER_FOLDER, below=_LAYER_ROOT, level=9)


def graph_function(*, architecture: str = "x86_64") -> str:
    """The zip of the function that runs imported ONNX models: of the service, what that reaches alone."""
    lock = packages.combined(GRAPHS_LOCK)
    names = graph_sources(packages.ROOT, "aws")
    files = [__file__, *(os.path.join(packages.ROOT, name) for name in names)]
    key = packages.fingerprint("onnx", architecture, lock, *names, files=files)

    def fill(folder: str) -> None:
        _install(lock, folder, architecture)
        packages.trim_to_run(folder, _CODE_FOLDER)
        packages.copy(packages.ROOT, names, folder)

    return _built(f"onnx-{architecture}", key, fill, _CODE_FOLDER, level=9)


def model_function(artifact: bytes) -> bytes:
    """The zip of a function that serves one model: the predict path, numpy for its batches, and the model."""
    with open(_model_function_base(), "rb") as base:
        package = io.BytesIO(base.read())
    with zipfile.ZipFile(package, "a") as archive:
        packages.add_file(archive, ARTIFACT, artifact)
    return package.getvalue()


def _model_function_base(architecture: str = "x86_64") -> str:
    """What the zips of all models have in common."""
    lock = packages.locked(PREDICT_LOCK)["numpy"]
    sources = [os.path.join(packages.ROOT, name) for name in _predict_sources()]
    key = packages.fingerprint("model", architecture, lock, files=[__file__, *sources])

    def fill(folder: str) -> None:
        _install(lock, folder, architecture)
        packages.trim_to_predict(folder, _CODE_FOLDER)
        for name, source in zip(_predict_sources(), sources, strict=True):
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            shutil.copyfile(source, os.path.join(folder, name))

    return _built(f"model-{architecture}", key, fill, _CODE_FOLDER)


def _predict_sources() -> list[str]:
    """The modules that a function with one model may import, by their paths in the project."""
    return sorted(
        os.path.relpath(os.path.join(parent, name), packages.ROOT)
        for package in ("ml_core", "handlers")
        for parent, _, names in os.walk(os.path.join(packages.ROOT, package))
        for name in names
        if name.endswith(".py")
    )


def _install(lock: str, folder: str, architecture: str) -> None:
    requirements = f"{folder}.txt"
    with open(requirements, "w", encoding="utf-8") as target:
        target.write(lock)
    packages.install(requirements, folder, architecture=architecture)


def _built(
    name: str,
    key: str,
    fill: Callable[[str], None],
    deployed_at: str,
    *,
    below: str = "",
    level: int = 6,
) -> str:
    """Build a package, or find it built: it is kept under a digest of everything that it is made from."""
    path = os.path.join(BUILT, f"{name}-{key}.zip")
    if os.path.exists(path):
        return path
    _say(f"building {os.path.basename(path)} (once for each lock; some seconds after the download)")
    os.makedirs(BUILT, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILT) as work:
        folder = os.path.join(work, "package")
        fill(folder)
        packages.trim(folder)
        packages.compile_modules(folder, deployed_at)
        packages.write_zip(folder, path, below=below, level=level)
    for entry in os.listdir(BUILT):  # what earlier locks left: a package is tens of megabytes
        if entry.startswith(f"{name}-") and entry.endswith(".zip") and entry != os.path.basename(path):
            os.remove(os.path.join(BUILT, entry))
    return path


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Do one step of packaging; on success print the path of the zip."""
    parser = argparse.ArgumentParser(prog="python -m providers.aws.deploying.packaging")
    steps = parser.add_subparsers(dest="step", required=True)
    code = steps.add_parser("code", help="finish the framework's zip in place")
    code.add_argument("zip")
    for name in ("predict", "training", "traces", "lithops", "onnx"):
        layer = steps.add_parser(name, help=f"the {name} package")
        layer.add_argument("--architecture", choices=sorted(packages.WHEEL_ARCHITECTURES), default="x86_64")
        layer.add_argument("--out", help="also put the zip here")
    steps.choices["predict"].add_argument("--installed", help="a folder that holds the wheels already")
    given = parser.parse_args(arguments)
    try:
        _step(given)
    except ServerlessMLError as error:
        _say(str(error))
        return 1
    return 0


def _step(given: argparse.Namespace) -> None:
    if given.step == "code":
        finish_code(given.zip)
        return
    if given.step == "predict":
        path = predict_layer(architecture=given.architecture, installed=given.installed)
    elif given.step == "traces":
        path = traces_layer(architecture=given.architecture)
    elif given.step == "onnx":
        path = graph_function(architecture=given.architecture)
    elif given.step == "lithops":
        path = lithops_layer(architecture=given.architecture)
    else:
        path = training_layer(architecture=given.architecture)
    if given.out:
        # What stands there may be a link into a cache: it is replaced, not written through.
        shutil.copyfile(path, f"{given.out}.partial")
        os.replace(f"{given.out}.partial", given.out)
    sys.stdout.write((given.out or path) + "\n")


if __name__ == "__main__":
    sys.exit(main())
