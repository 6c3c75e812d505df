"""A fitted object, or a small graph, as a model of this project's: explained, and quicker to start."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from serverless_ml import offline

if TYPE_CHECKING:
    from serverless_ml._core.model.model import Model


class Native(NamedTuple):
    """The model; or None, and why there is none."""

    model: "Model | None"
    reason: str = ""


def of_object(estimator: Any, names: Sequence[str] | None, rows: Any) -> Native:
    """A fitted object of scikit-learn's. Raises `InvalidInput` for names or rows that are not its own."""
    offline.check_installed()
    from serverless_ml._core import errors
    from serverless_ml._core.converting.scikit_learn import from_scikit_learn

    try:
        return Native(from_scikit_learn(estimator, feature_names=names, rows=rows))
    except (errors.NotConverted, errors.TooLarge) as error:
        return Native(None, str(error))
    except errors.InvalidInput as error:
        raise offline.as_ours(error) from None


def of_graph(data: bytes, features: Sequence[str] | None, classes: Sequence[Any] | None) -> Native:
    """A graph that was scanned. Raises `NotInstalled`."""
    offline.check_installed()
    from serverless_ml._core import errors
    from serverless_ml._core.converting.onnx_graphs import from_onnx

    try:
        return Native(from_onnx(data, features=features, classes=classes))
    except errors.ServerlessMLError as error:
        return Native(None, str(error))
