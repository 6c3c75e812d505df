"""Tensors of a call as numpy's arrays, and what a runtime gave as tensors of an answer."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.graphs.call import FAILED, MOST_AXES, TEXT, GraphFailure, GraphTensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DTYPES = {
    "FP64": "<f8", "FP32": "<f4", "FP16": "<f2", "INT64": "<i8", "INT32": "<i4", "INT16": "<i2", "INT8": "i1",
    "UINT64": "<u8", "UINT32": "<u4", "UINT16": "<u2", "UINT8": "u1", "BOOL": "?",
}  # fmt: skip
_DATATYPES = {np.dtype(word): datatype for datatype, word in _DTYPES.items()}
# The runtime's words for the values of a map.
_OF_MAPS = {
    "float": "FP32", "double": "FP64", "int64": "INT64", "string": TEXT,
}  # fmt: skip


def array_of(tensor: GraphTensor) -> "NDArray[Any]":
    """A tensor of a call as an array that may be read alone."""
    if isinstance(tensor.data, list):
        texts = np.empty(len(tensor.data), dtype=object)
        texts[:] = tensor.data
        return texts.reshape(tensor.shape)
    if tensor.datatype == "BOOL":  # a byte that is neither 0 nor 1 would be undefined in C++
        return np.frombuffer(tensor.data, "u1").astype(bool).reshape(tensor.shape)
    array = np.frombuffer(tensor.data, _DTYPES[tensor.datatype]).reshape(tensor.shape)
    return array if sys.byteorder == "little" else array.astype(array.dtype.newbyteorder("="))


def tensor_of(name: str, value: object, declared: str) -> GraphTensor:
    """An output as a tensor.

    Args:
        name: the output's.
        value: what the runtime gave.
        declared: the runtime's word for its type, such as `seq(map(int64,tensor(float)))`.

    Raises `GraphFailure` for what is no tensor of ours, and no sequence of maps with equal keys.
    """
    if isinstance(value, np.ndarray):
        return _of_array(name, value)
    if isinstance(value, list) and declared.startswith("seq(map("):
        return _of_maps(name, value, declared)
    raise GraphFailure(FAILED, f"expected a tensor as the output {name!r}, got {declared}")


def _of_array(name: str, array: "NDArray[Any]") -> GraphTensor:
    if array.ndim > MOST_AXES:
        raise GraphFailure(
            FAILED, f"expected at most {MOST_AXES} axes of the output {name!r}, got {array.ndim}"
        )
    if array.dtype == object:
        texts = array.ravel().tolist()
        if not all(isinstance(text, str) for text in texts):
            raise GraphFailure(FAILED, f"expected texts as the output {name!r}, got other values")
        return GraphTensor(TEXT, array.shape, texts)
    datatype = _DATATYPES.get(array.dtype.newbyteorder("<"))
    if datatype is None:
        raise GraphFailure(
            FAILED, f"expected the output {name!r} to be of {', '.join(_DTYPES)} or {TEXT}, got {array.dtype}"
        )
    return GraphTensor(datatype, array.shape, array.astype(_DTYPES[datatype], copy=False).tobytes())


def _of_maps(name: str, maps: Sequence[dict[Any, Any]], declared: str) -> GraphTensor:
    """The rows of a sequence of maps, whose columns are the first one's keys."""
    keys = tuple(maps[0]) if maps else ()
    if any(each.keys() != maps[0].keys() for each in maps):
        raise GraphFailure(FAILED, f"expected the same keys in each map of the output {name!r}, got others")
    datatype = _OF_MAPS.get(declared.partition(",tensor(")[2].partition(")")[0])
    if datatype is None:
        raise GraphFailure(
            FAILED, f"expected numbers or texts in the maps of the output {name!r}, got {declared}"
        )
    cells = [each[key] for each in maps for key in keys]
    shape = (len(maps), len(keys))
    if datatype == TEXT:
        return GraphTensor(TEXT, shape, cells, keys)
    return GraphTensor(datatype, shape, np.array(cells, _DTYPES[datatype]).tobytes(), keys)
