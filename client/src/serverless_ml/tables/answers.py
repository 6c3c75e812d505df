"""The service's answers as what X is: a frame's with its index, an array's, a list's."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from serverless_ml.tables.arrays import is_array
from serverless_ml.tables.frames import frame_of

if TYPE_CHECKING:
    from serverless_ml.tables.columns import Table
    from serverless_ml.tables.instances import Instances

_LABELS = frozenset(("label", "predict"))


def answer(
    like: "Table | Instances",
    predictions: Sequence[Any],
    outputs: Sequence[str] | None = None,
    classes: Sequence[Any] | None = None,
    *,
    name: str = "label",
) -> Any:
    """Predictions as the kind of thing that X is, in its order and with its index.

    Args:
        like: what was asked.
        predictions: what the service answered, of all chunks one after another.
        outputs: the outputs that were asked for; None for labels alone.
        classes: the model's classes, where the service told them.
        name: what a series of labels is called.
    """
    listed = list(predictions)
    if like.is_one:
        return _alone(listed[0], outputs)
    columns = _by_output(listed, outputs)
    native = like.native
    if frame_of(native) is not None:
        return _in_frame(native, columns, classes, name, alone=_labels_alone(outputs))
    if is_array(native):
        return _in_arrays(columns)
    if isinstance(native, dict) and not _labels_alone(outputs):
        return _flat(columns, classes)
    if len(columns) == 1:
        return next(iter(columns.values()))
    return listed


def _labels_alone(outputs: Sequence[str] | None) -> bool:
    return outputs is None or (len(outputs) == 1 and outputs[0] in _LABELS)


def _alone(prediction: Any, outputs: Sequence[str] | None) -> Any:
    """The answer for one row: its label, its only output, or all by name."""
    return prediction[outputs[0]] if outputs is not None and len(outputs) == 1 else prediction


def _by_output(listed: list[Any], outputs: Sequence[str] | None) -> dict[str, list[Any]]:
    if outputs is None:
        return {"label": listed}
    return {output: [each[output] for each in listed] for output in outputs}


def _flat(columns: dict[str, list[Any]], classes: Sequence[Any] | None) -> dict[str, list[Any]]:
    """A column for each number: `probability_yes`, `decision`, `distance_0`."""
    flat: dict[str, list[Any]] = {}
    for output, values in columns.items():
        width = len(values[0]) if values and isinstance(values[0], list) else None
        if width is None and not values and output not in _LABELS and classes is not None:
            width = len(classes)
        if width is None:
            flat[output] = values
            continue
        called = classes if classes is not None and len(classes) == width else range(width)
        for place, each in enumerate(called):
            flat[f"{output}_{_written(each)}"] = [row[place] for row in values]
    return flat


def _written(label: Any) -> str:
    return ("true" if label else "false") if isinstance(label, bool) else str(label)


def _in_arrays(columns: dict[str, list[Any]]) -> Any:
    """An array, of two axes where rows have several numbers; several outputs are a dict of arrays."""
    import numpy as np

    arrays = {output: np.array(values) for output, values in columns.items()}
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _in_frame(
    native: Any,
    columns: dict[str, list[Any]],
    classes: Sequence[Any] | None,
    name: str,
    *,
    alone: bool,
) -> Any:
    if not alone:
        return in_frame(native, _flat(columns, classes))
    import narwhals.stable.v2 as nw

    frame: Any = frame_of(native)
    (values,) = columns.values()
    return _with_index(nw.new_series(name, values, backend=frame.implementation).to_native(), native)


def in_frame(native: Any, columns: dict[str, list[Any]]) -> Any:
    """Columns as a frame of the same library, with the index that the frame has."""
    import narwhals.stable.v2 as nw

    frame: Any = frame_of(native)
    return _with_index(nw.from_dict(columns, backend=frame.implementation).to_native(), native)


def _with_index(made: Any, native: Any) -> Any:
    if hasattr(native, "index") and not callable(native.index) and "pyarrow" not in type(native).__module__:
        made.index = native.index
    return made
