"""ONNX files as others run them: checked by onnx, run by onnxruntime, beside the model's own answers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime

from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.inputs.columns import CATEGORY, Feature
from ml_core.model.model import Model
from ml_core.onnx.rows import column_inputs

Feed = Mapping[str, Any]


def options() -> Any:
    """One thread, and errors alone on the terminal."""
    chosen = onnxruntime.SessionOptions()
    chosen.log_severity_level = 3
    chosen.intra_op_num_threads = 1
    return chosen


def checked(file: bytes) -> onnx.ModelProto:
    """The file, if onnx finds it sound, shapes and types of each node included."""
    model = onnx.load_from_string(file)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.domain for entry in model.opset_import} == {""}
    assert {node.domain for node in model.graph.node} == {""}
    return model


def run(file: bytes, feed: Feed) -> dict[str, Any]:
    """The outputs by name. What the file says of their types and shapes is held to what comes."""
    model = checked(file)
    session = onnxruntime.InferenceSession(file, options())
    names = [output.name for output in session.get_outputs()]
    found: dict[str, Any] = dict(zip(names, session.run(None, dict(feed)), strict=True))
    for output in model.graph.output:
        declared = output.type.tensor_type
        array = found[output.name]
        assert onnx.helper.np_dtype_to_tensor_dtype(array.dtype) == declared.elem_type
        axes = [axis.dim_param or axis.dim_value for axis in declared.shape.dim]
        assert len(axes) == array.ndim
        assert all(axis in ("N", length) for axis, length in zip(axes, array.shape, strict=True))
    return found


def properties(file: bytes) -> dict[str, str]:
    """What the file tells beside its graph."""
    return {entry.key: entry.value for entry in onnx.load_from_string(file).metadata_props}


def feed(model: Model, X: Any) -> Feed:
    """Instances as the file takes them, read: a table in one tensor, or in one for each column."""
    rows = model.rows_of(X)
    if isinstance(rows, Pictures):
        pictures = np.frombuffer(rows.packed, "<f4" if rows.dtype == "F32" else "u1")
        return {"input-0": pictures.reshape(-1, *rows.shape).astype(np.float32)}
    if isinstance(rows, Sequences):
        return _padded(rows)
    read = np.concatenate([np.frombuffer(block) for block in rows.blocks(1 << 20)]).reshape(len(rows), -1)
    if model.encoding is None:
        return {"input-0": read}
    names = column_inputs(model.encoding, model.outputs)
    return {name: _column(model.columns[place], read[:, place])[:, None] for place, name in names.items()}


def _padded(sequences: Sequences) -> Feed:
    """Sequences behind which there are zeros, and their lengths."""
    text = sequences.dtype == "I64"
    steps = np.frombuffer(sequences.packed, "<i8" if text else "<f4").reshape(-1, sequences.width)
    padded = np.zeros((len(sequences), max(sequences.lengths), sequences.width), steps.dtype)
    end = 0
    for place, length in enumerate(sequences.lengths):
        begin, end = end, end + length
        padded[place, :length] = steps[begin:end]
    lengths = np.array(sequences.lengths)
    return {"input-0": padded[:, :, 0] if text else padded, "sequence_lens": lengths}


def _column(feature: Feature, read: Any) -> Any:
    """A column's values; words by their places, of which NaN is a missing one and -1 one that is unknown."""
    if feature.kind != CATEGORY:
        return read
    words = [
        "" if np.isnan(place) else "never seen" if place < 0 else feature.words[int(place)] for place in read
    ]
    return np.array(words, dtype=object)
