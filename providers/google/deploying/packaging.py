"""What Google is given: our code with its `.pyc` files, a generated `main.py`, and `requirements.txt`.

`requirements.txt` is the lock with its hashes: Google's build installs the very wheels that we tested, or
fails. Where requests are recorded as spans, it has what does that too. docs/decisions says why wheels do not
travel in the zip.
"""

import os
import shutil
import tempfile

from providers.deploying import graphs, packages
from providers.deploying.functions import ARTIFACT
from providers.deploying.service import Function, Service
from providers.deploying.tracing import LOCK as TRACES_LOCK
from providers.deploying.tracing import records, trace_parameters

# Where Google's build puts the sources; `.pyc` files name it in tracebacks.
WORKSPACE = "/workspace"
BUILT = os.path.join("build", "google")
MAIN = '''"""Generated when packaging: where functions-framework looks for the functions."""

{imports}

__all__ = [{names}]
'''
MODEL_LOCK = "requirements/google-api.txt"
MODEL_TARGET = "predict"
MODEL_MODULE = "handlers.single.google"
MODEL_MAIN = MAIN.format(
    imports=f"from {MODEL_MODULE} import predict as {MODEL_TARGET}", names=f'"{MODEL_TARGET}"'
)


def build(service: Service) -> dict[str, str]:
    """Build each function's zip, or find it built; their paths. Equal sources give equal bytes."""
    return {function.name: _zip(service, function) for function in service.functions.values()}


def read(path: str) -> bytes:
    """A zip's bytes."""
    with open(path, "rb") as file:
        return file.read()


def main_py(service: Service, function: Function) -> str:
    """The text of `main.py`: each function of the same sources under the name that is its entry point."""
    alone = graphs.runs_graphs(function)
    inside = [each for each in service.functions.values() if graphs.runs_graphs(each) == alone]
    imports = []
    for each in sorted(inside, key=lambda each: each.name):
        module, _, attribute = each.handler.rpartition(".")
        imports.append(f"from {module} import {attribute} as {each.name}")
    names = ", ".join(f'"{name}"' for name in sorted(each.name for each in inside))
    return MAIN.format(imports="\n".join(imports), names=names)


def model_function(artifact: bytes) -> bytes:
    """The zip of a function that serves one model: the predict path and the model beside it."""
    sources = packages.selected(packages.ROOT, ["ml_core/**", "handlers/**"])
    with tempfile.TemporaryDirectory() as work:
        folder, path = os.path.join(work, "code"), os.path.join(work, "function.zip")
        _fill(packages.ROOT, sources, MODEL_MAIN, [os.path.join(packages.ROOT, MODEL_LOCK)], folder)
        with open(os.path.join(folder, ARTIFACT), "wb") as file:
            file.write(artifact)
        packages.write_zip(folder, path)
        return read(path)


def locks_of(service: Service, function: Function) -> list[str]:
    """The locks that a function's `requirements.txt` is made of, below the service's folder."""
    recorded = (
        trace_parameters(service).are_recorded and records(function) and not graphs.runs_graphs(function)
    )
    return [function.settings["requirements"], *([TRACES_LOCK] if recorded else [])]


def _zip(service: Service, function: Function) -> str:
    """The zip lies where the framework puts packages; it is built once for each state of its sources."""
    if graphs.runs_graphs(function):
        sources = graphs.sources(service.folder, service.cloud)
    else:
        sources = packages.selected(service.folder, service.patterns)
    main = main_py(service, function)
    locks = [os.path.join(service.folder, name) for name in locks_of(service, function)]
    files = [__file__, *locks, *(os.path.join(service.folder, name) for name in sources)]
    key = packages.fingerprint(main, *sources, files=files)
    kind = "+".join(os.path.basename(lock).removesuffix(".txt") for lock in locks)
    built = os.path.join(service.folder, BUILT, f"{kind}-{key}.zip")
    if not packages.kept(built):
        os.makedirs(os.path.dirname(built), exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            _fill(service.folder, sources, main, locks, folder)
            packages.write_zip(folder, built)
        packages.forget_older(built, f"{kind}-", ".zip")
    path = os.path.join(service.folder, ".serverless", f"{service.name}-{service.stage}-{function.name}.zip")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # Not in place: another run may be reading it.
    partial = f"{path}.{os.getpid()}.partial"
    shutil.copyfile(built, partial)
    os.replace(partial, path)
    return path


def _fill(root: str, sources: list[str], main: str, locks: list[str], folder: str) -> None:
    packages.copy(root, sources, folder)
    with open(os.path.join(folder, "main.py"), "w", encoding="utf-8") as file:
        file.write(main)
    packages.compile_modules(folder, WORKSPACE)  # OpenAPI is made of docstrings there
    target = os.path.join(folder, "requirements.txt")
    if len(locks) == 1:
        shutil.copyfile(locks[0], target)
    else:
        with open(target, "w", encoding="utf-8") as file:
            file.write(packages.combined(*locks))
