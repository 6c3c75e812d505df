"""What a deployment to Lambda uploads: the code, and two layers under it.

    code       handlers, ml_core and providers/aws; some tens of kilobytes
    predict    numpy and obstore (requirements.txt), for every function
    training   scikit-learn and what it needs beyond them (requirements/train.txt), for `train` only

The framework's hooks (plugin.js) call `python -m providers.aws.packaging …`; so does nobody else.
docs/decisions/0002-training-stack.md says why these are layers.
"""

import argparse
import os
import shutil
import sys
import tempfile
import zipfile

from ml_core.errors import ServerlessMLError
from providers import packages

# Lambda's limits: a function with its layers, unpacked; and a zip that is sent without a bucket between.
MOST_UNPACKED_BYTES = 262_144_000
MOST_DIRECT_ZIP_BYTES = 50 * 1024 * 1024

PREDICT_LOCK = os.path.join(packages.ROOT, "requirements.txt")
TRAINING_LOCK = os.path.join(packages.ROOT, "requirements", "train.txt")
BUILT = os.path.join(packages.ROOT, "build", "aws")

_CODE_FOLDER = "/var/task"
_LAYER_FOLDER = "/opt/python"
# Only below this folder of a layer does Lambda's Python look for modules.
_LAYER_ROOT = "python"


def finish_code(path: str) -> None:
    """Rewrite the framework's zip in place: `.pyc` files added, entries sorted, times fixed."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        packages.compile_modules(folder, _CODE_FOLDER)
        packages.write_zip(folder, path)


def predict_layer(*, architecture: str = "x86_64", installed: str | None = None) -> str:
    """The zip with what a prediction imports beyond our code.

    `installed` is a folder that holds the wheels already, as serverless-python-requirements leaves it.
    """
    return _layer("predict", packages.locked(PREDICT_LOCK), architecture, installed)


def training_layer(*, architecture: str = "x86_64") -> str:
    """The zip with what only `train` imports; together with the predict layer it is the whole lock."""
    entries = packages.locked(TRAINING_LOCK)
    for name in packages.locked(PREDICT_LOCK):
        entries.pop(name, None)
    return _layer("training", entries, architecture)


def _layer(name: str, entries: dict[str, str], architecture: str, installed: str | None = None) -> str:
    """Build a layer, or find it built: it is kept under a digest of everything that it is made from."""
    lock = "".join(entries[each] for each in sorted(entries))
    key = packages.fingerprint(name, architecture, lock, files=[__file__])
    path = os.path.join(BUILT, f"{name}-{architecture}-{key}.zip")
    if os.path.exists(path):
        return path
    _say(f"building the {name} layer (once for each lock; some seconds after the download)")
    os.makedirs(BUILT, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILT) as work:
        folder = os.path.join(work, "layer")
        if installed:
            shutil.copytree(installed, folder, ignore=shutil.ignore_patterns("requirements.txt", ".*"))
        else:
            requirements = os.path.join(work, "requirements.txt")
            with open(requirements, "w", encoding="utf-8") as target:
                target.write(lock)
            packages.install(requirements, folder, architecture=architecture)
        packages.trim(folder)
        packages.compile_modules(folder, _LAYER_FOLDER)
        packages.write_zip(folder, path, below=_LAYER_ROOT)
    _forget_older(name, architecture, path)
    return path


def _forget_older(name: str, architecture: str, kept: str) -> None:
    """Remove what earlier locks left: a layer is tens of megabytes."""
    for entry in os.listdir(BUILT):
        of_this_layer = entry.startswith(f"{name}-{architecture}-") and entry.endswith(".zip")
        if of_this_layer and entry != os.path.basename(kept):
            os.remove(os.path.join(BUILT, entry))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Do one step of packaging; on success print the path of the zip."""
    parser = argparse.ArgumentParser(prog="python -m providers.aws.packaging")
    steps = parser.add_subparsers(dest="step", required=True)
    code = steps.add_parser("code", help="finish the framework's zip in place")
    code.add_argument("zip")
    for name in ("predict", "training"):
        layer = steps.add_parser(name, help=f"the {name} layer")
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
    else:
        path = training_layer(architecture=given.architecture)
    if given.out:
        # What stands there may be a link into a cache: it is replaced, not written through.
        shutil.copyfile(path, f"{given.out}.partial")
        os.replace(f"{given.out}.partial", given.out)
    sys.stdout.write((given.out or path) + "\n")


if __name__ == "__main__":
    sys.exit(main())
