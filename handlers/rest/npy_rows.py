"""Rows as an array of numbers in NumPy's file format, and an answer as one: `application/x-npy`.

Imported when such a body comes or is asked for. The array is what the Open Inference Protocol has as an only
tensor: `[rows, features]` in the order of the model's features, pictures `[n, height, width, channels]`, or
sequences `[n, steps, channels]`. It is predicted from as that tensor is.
"""

from typing import TYPE_CHECKING, Any

from handlers.errors import UnsupportedMediaType
from handlers.rest import tensors
from handlers.rest.bodies import decoded
from handlers.rest.call import Call
from handlers.rest.http import NPY, Response
from handlers.rest.query_members import members_of
from ml_core.algorithms.outputs import LABEL
from ml_core.errors import InvalidInput
from ml_core.inputs import npy
from ml_core.inputs.columns import only_numbers
from ml_core.inputs.instances import rows_from_tensor
from ml_core.inputs.kinds import TEXT

if TYPE_CHECKING:
    from ml_core.inputs.notes import Notes
    from ml_core.inputs.npy import NpyArray
    from ml_core.inputs.rows import Limits
    from ml_core.model.model import Instances, Model, Predictions

_WHERE = "body"
_NAME = "array"
# A character of numpy's texts takes four bytes.
_TEXTS = "utf-32-le"


def read_npy_body(call: Call) -> dict[str, Any]:
    """The members of a body of JSON that the query says, and the array under `NPY`.

    Raises `UnsupportedMediaType`, `TooLarge`, `MalformedInput` and `InvalidInput`.
    """
    return {NPY: _array(call), **members_of(call.query())}


def read_inference(call: Call) -> tuple[dict[str, Any], bytes]:
    """The array as the header of the Open Inference Protocol would say it, and its numbers.

    Outputs come as bytes where the header Accept names them. Raises as `read_npy_body`.
    """
    members = members_of(call.query())
    array = _array(call)
    header = {
        "inputs": [
            {
                "name": _NAME,
                "datatype": array.datatype,
                "shape": [*array.shape],
                "parameters": {"binary_data_size": len(array.data)},
            }
        ],
        "outputs": [{"name": name} for name in members.get("outputs", ())],
        "parameters": {"binary_data_output": call.header("accept").startswith("application/octet-stream")},
    }
    return header, bytes(array.data)


def rows_of_array(
    model: "Model", array: "NpyArray", limits: "Limits", *, expecting: str, notes: "Notes | None" = None
) -> "Instances":
    """What a model is asked with.

    Raises `UnsupportedMediaType` for a model of what no array of numbers holds, `InvalidInput`, `TooLarge`.
    """
    if model.reader and model.reader.kind != TEXT:
        from ml_core.inputs.instance_tensors import instances_from_tensor
        from ml_core.inputs.tensors import InputTensor

        tensor = InputTensor(_NAME, array.datatype, array.shape, bytes(array.data))
        return instances_from_tensor(
            model.reader, tensor, limits, where=_WHERE, expecting=expecting, notes=notes
        )
    if model.reader or (model.encoding and not only_numbers(model.encoding.features)):
        taken = "texts" if model.reader else "columns that are no numbers"
        raise UnsupportedMediaType(
            f"{expecting} takes {taken}, which no array of numbers holds; send application/json or text/csv"
        )
    return rows_from_tensor(
        _NAME,
        array.datatype,
        array.shape,
        array.data,
        features=model.features,
        limits=limits,
        where=_WHERE,
        expecting=expecting,
        gaps=model.takes_gaps,
    )


def npy_response(model: "Model", found: "Predictions") -> Response:
    """What was predicted as an array: labels `[rows]`, any other output `[rows, values]`.

    Raises `InvalidInput` where several outputs were asked for: an array is one.
    """
    if len(found) != 1:
        raise InvalidInput.at(
            "Accept",
            f"an array of NPY holds one output, {len(found)} were asked for; accept application/json",
        )
    ((asked, values),) = found.items()
    spec = model.output_spec(asked)
    assert spec is not None  # noqa: S101 - for the type checker: it was predicted
    if spec.kind == LABEL:
        datatype = tensors.datatype_of(model.classes if model.classes is not None else (0,))
        if datatype == "BYTES":
            return _response(_written_texts([str(value) for value in values]))
        packed = tensors.to_bytes(datatype, values)
        return _response(npy.write(datatype, [len(values)], packed))
    if len(spec.shape) > 1 or spec.datatype != "FP64":
        from ml_core.graphs.answers import rectangle

        shape, flat = rectangle(values, spec, "Accept")
        if spec.datatype == "BYTES":
            raise InvalidInput.at("Accept", f"{asked} is texts; accept application/json")
        return _response(npy.write(spec.datatype, shape, tensors.to_bytes(spec.datatype, flat)))
    flat = [value for row in values for value in row] if spec.shape else values
    return _response(npy.write("FP64", [len(values), spec.width], tensors.to_bytes("FP64", flat)))


def _array(call: Call) -> "NpyArray":
    return npy.read(decoded(call.request, call.settings.max_body_bytes), _WHERE)


def _written_texts(texts: list[str]) -> bytes:
    encoded = [text.encode(_TEXTS, "surrogatepass") for text in texts]
    longest = max(map(len, encoded))
    packed = b"".join(text.ljust(longest, b"\0") for text in encoded)
    return npy.write("BYTES", [len(texts)], packed, longest // 4)


def _response(body: bytes) -> Response:
    return Response(200, {"content-type": NPY}, body)
