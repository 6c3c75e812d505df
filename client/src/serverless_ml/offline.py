"""The door to `_core`: a version that predicts on this machine, and objects of scikit-learn as artifacts.

It takes numpy, which the extra `models` brings. What `_core` raises has the same root as all of the client's
errors, `ServerlessMLError`; with most of it comes `faults`, each with a path and a message.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serverless_ml.errors import Fault, InvalidArgument, InvalidInput, NotInstalled
from serverless_ml.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serverless_ml._core.model.model import Model

EXTRA = (
    "install the client with its extra `models`: `pip install './client[models]'` in a clone of the project, "
    "or numpy beside it"
)
# Of an origin's description the service takes so many characters.
_MOST_TEXT = 2_000


def check_installed() -> None:
    """Raise `NotInstalled` where a loaded model could not predict."""
    _numpy()
    try:
        from serverless_ml import _core  # noqa: F401
    except ImportError:
        raise NotInstalled(
            "what predicts is not in this installation of the client: it is carried by the wheel, and "
            "`python client/carry_core.py` writes it into a source tree"
        ) from None


def load(content: bytes) -> Model:
    """The model of an artifact, with `predict`, `predict_proba`, `decision_function`, `explain` and so on.

    Raises `NotInstalled`, and `InvalidInput` for bytes that are no artifact.
    """
    check_installed()
    from serverless_ml._core.errors import ArtifactInvalid
    from serverless_ml._core.model.model import Model

    try:
        return Model.from_bytes(content)
    except ArtifactInvalid as error:
        if _is_graph(content):
            raise InvalidInput(
                "this version is an imported graph of ONNX, which runs with onnxruntime alone: download its "
                "file with `client.model(name).onnx(path)`, or ask the service"
            ) from None
        raise InvalidInput(f"this is no artifact of a version, or one of a later release: {error}") from None


def _is_graph(content: bytes) -> bool:
    """Whether an artifact is that of an imported version."""
    from serverless_ml._core.errors import ArtifactInvalid
    from serverless_ml._core.model.artifact import read

    try:
        return bool(read(content)[0].get("algorithm") == "onnx")
    except ArtifactInvalid:
        return False


def load_file(path: str | os.PathLike[str]) -> Model:
    """The model of a file that was downloaded. Raises as `load`, and `OSError`."""
    check_installed()
    return load(Path(path).read_bytes())


def artifact(what: Any, *, X: Any = None, y: Any = None) -> tuple[bytes, dict[str, Any]]:
    """The artifact of a fitted object, and what is told of its origin.

    Args:
        what: a fitted object of scikit-learn's that can be said exactly, a loaded `Model`, or the path or
            the bytes of an artifact.
        X: rows as it takes them: by them the answers of an object of scikit-learn's are compared, and a
            profile of them is kept in the artifact.
        y: the label of each row of `X`, held out of the training: what is measured by them is told with it.

    Raises:
        NotInstalled: it takes the extra `models`, or scikit-learn.
        InvalidInput: it cannot be said exactly; the fault's path is the step's name. Or one of `X` or `y`.
    """
    check_installed()
    if y is not None and X is None:
        raise InvalidArgument("expected the rows X that the labels y are of, got y alone")
    from serverless_ml._core.model.model import Model

    told: dict[str, Any] = {"library_versions": {"serverless-ml-client": VERSION}}
    if isinstance(what, str | os.PathLike):
        model = load_file(what)
    elif isinstance(what, bytes):
        model = load(what)
    elif isinstance(what, Model):
        model = what
    else:
        model = convert(what, X)
        told["library_versions"] |= {"scikit-learn": _version_of("sklearn"), "numpy": _version_of("numpy")}
        told["description"] = _cut(f"scikit-learn: {in_a_line(what)}")
    if y is not None:
        from serverless_ml.measuring import measured

        told["version"] = measured(model, X, y)
    return (what if isinstance(what, bytes) else model.to_bytes()), told


def convert(estimator: Any, rows: Any = None, *, feature_names: Sequence[str] | None = None) -> Model:
    """A fitted object of scikit-learn's as a model: labels equal, numbers within 1e-9.

    Args:
        estimator: LogisticRegression(CV), SVC, LinearSVC, KMeans or MiniBatchKMeans, alone or at the end of
            Pipelines; docs/scikit-learn.md says of what.
        rows: some rows as it takes them, to compare the answers by, and to keep a profile of.
        feature_names: what its columns are called, where it was not fitted to a frame.

    Raises `NotInstalled`, and `InvalidInput` for what cannot be said exactly.
    """
    check_installed()
    # An estimator of theirs is here, so the library is, unless it is of something else altogether.
    if not hasattr(estimator, "get_params"):
        raise InvalidInput(
            "expected a fitted object of scikit-learn's, a model that `load` gave, or an artifact as a path "
            f"or as bytes, got {type(estimator).__name__}"
        )
    from serverless_ml._core import errors
    from serverless_ml._core.converting.scikit_learn import from_scikit_learn

    try:
        return from_scikit_learn(estimator, feature_names=feature_names, rows=rows)
    except errors.InvalidInput as error:
        raise as_ours(error) from None


def as_ours(error: Any) -> InvalidInput:
    """A refusal of `_core` as the client's. What `_core` calls rows is X here."""
    faults = [
        Fault(f"X{path.removeprefix('rows')}" if path.startswith("rows") else path, fault.message)
        for fault in error.faults
        for path in [fault.path]
    ]
    return InvalidInput(str(error), code=error.code, faults=faults, omitted=error.omitted)


def in_a_line(estimator: Any) -> str:
    """The steps of a fitted object, in the order that rows take: `scale (StandardScaler) → SVC`."""
    found = getattr(estimator, "best_estimator_", None)
    if found is not None:
        return f"{type(estimator).__name__} of {in_a_line(found)}"
    if isinstance(steps := getattr(estimator, "steps", None), list):
        return " → ".join(_named(name, step) for name, step in steps)
    if isinstance(branches := getattr(estimator, "transformers_", None), list):
        return f"[{', '.join(_named(name, step) for name, step, _ in branches)}]"
    return estimator if isinstance(estimator, str) else type(estimator).__name__


def _named(name: str, step: Any) -> str:
    said = in_a_line(step)
    plain = said.startswith("[") or name == said.lower()  # as make_pipeline calls its steps
    return said if plain else f"{name} ({said})"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_TEXT else f"{line[: _MOST_TEXT - 1]}…"


def _numpy() -> None:
    """Import numpy as everybody does. `_core` would bind it to one thread, which suits functions alone."""
    try:
        import numpy  # noqa: F401, ICN001
    except ImportError:
        raise NotInstalled(
            f"a model predicts on this machine with numpy, which is not installed: {EXTRA}"
        ) from None


def _version_of(module: str) -> str:
    return str(getattr(sys.modules.get(module), "__version__", "unknown"))
