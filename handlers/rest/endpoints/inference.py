"""The Open Inference Protocol (`/v2`) with JSON and binary tensors, for Triton's and KServe's clients."""

from typing import TYPE_CHECKING, Any

from handlers.auth import READ
from handlers.rest import tensors
from handlers.rest.bodies import check_media_type, decoded, parse_json
from handlers.rest.call import Call
from handlers.rest.endpoints.prediction import answered, check_query, described, look_again, note, observe
from handlers.rest.http import NPY, Response, is_of, json_response
from handlers.rest.schemas import Schema, check, with_integers
from handlers.rest.tensors import OutputTensor
from handlers.version import NAME, VERSION
from ml_core.algorithms.outputs import LABEL, METHODS
from ml_core.errors import Fault, InvalidInput, raise_faults, shown
from ml_core.inputs.instances import IGNORED
from ml_core.names import IMPORTED

if TYPE_CHECKING:
    from ml_core.algorithms.outputs import OutputSpec
    from ml_core.inputs.notes import Notes
    from ml_core.model.model import Instances, Model
    from ml_core.serving import Served

_PARAMETERS: Schema = {"title": "Tensor parameters", "type": ["object", "null"]}
INFER_BODY: Schema = {
    "title": "Inference request",
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string", "maxLength": 1024, "description": "Repeated in the answer."},
        "inputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10_000,
            "description": "One tensor `[rows, features]` of numbers, or one `[rows]` for each feature. "
            "Pictures: `[pictures, height, width, channels]`, or `[pictures]` of BYTES, which are PNG files. "
            "Sequences: `[sequences, steps, channels]`, and `lengths` where they differ. Texts: `[texts]` of "
            "BYTES.",
            "items": {
                "title": "Input tensor",
                "type": "object",
                "required": ["name", "shape", "datatype"],
                "properties": {
                    "name": {"type": "string", "maxLength": 1024},
                    "shape": {"type": "array", "maxItems": 8, "items": {"type": "integer", "minimum": 0}},
                    "datatype": {"type": "string", "maxLength": 32},
                    "data": {
                        "type": "array",
                        "items": {},
                        "description": "Numbers in row-major order, flat or nested.",
                    },
                    "parameters": _PARAMETERS,
                },
            },
        },
        "outputs": {
            "type": ["array", "null"],
            "maxItems": 16,
            "description": "By the names in the model's metadata (`predict`, `predict_proba`, "
            "`decision_function`, `transform`) or by those of `/v1`; `predict` where none is asked for.",
            "items": {
                "title": "Requested output",
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "maxLength": 1024}, "parameters": _PARAMETERS},
            },
        },
        "parameters": {
            **_PARAMETERS,
            "title": "Inference request parameters",
            "properties": {
                "unknown_columns": {
                    "title": "Unknown columns",
                    "type": "string",
                    "enum": ["refuse", "ignore"],
                    "description": "What becomes of a tensor that is no feature of the model, where there is "
                    "one for each column; `refuse` unless it says otherwise.",
                },
                "notes": {
                    "description": "`true`: the answer's parameters say what reading did: words read as "
                    "missing, categories that training has not seen."
                },
                "receipt": {
                    "type": "boolean",
                    "description": "Whether the answer's parameters have a receipt for each row "
                    "(`receipts`), by which `:feedback` is told what was predicted for.",
                },
                "binary_data_output": {
                    "description": "Whether outputs come as bytes behind the JSON, unless one says otherwise."
                },
            },
        },
    },
    "examples": [
        {
            "inputs": [
                {"name": "input-0", "shape": [2, 2], "datatype": "FP64", "data": [150, 0.4, 121, 0.9]}
            ],
            "outputs": [{"name": "predict"}, {"name": "predict_proba"}],
        }
    ],
}
_ADVICE = 'leave it out, or send "parameters": {"unknown_columns": "ignore"}'


def server(_: Call) -> Response:
    """Describe the server."""
    return json_response({"name": NAME, "version": VERSION, "extensions": ["binary_tensor_data"]})


def metadata(call: Call) -> Response:
    """Describe a model: its tensors, the order of its classes, and its newest versions, 100 at most.

    Of several versions that share the traffic, the one with the greatest weight.
    """
    served = call.services.models.resolve(call.path["model"], call.version)
    model = served.model
    note(call, served)
    described = {
        "name": served.name,
        "versions": _versions(call, served),
        "platform": f"{NAME}_{model.algorithm}",
        "inputs": _inputs(model),
        "outputs": [_described(name, spec, model) for name, spec in _outputs(model).items()],
        "parameters": {
            **({"content_type": "pd"} if model.encoding else {}),
            "features": list(model.features),
            **({"input": model.reader.summary()} if model.reader else {}),
            **_classes(model),
        },
    }
    return json_response(described)


def _versions(call: Call, served: "Served") -> list[str]:
    """The model's newest versions; for who may not read what versions there are, the one that answers."""
    if READ not in call.caller.rights:
        return [str(served.version)]
    from ml_core.registry.listing import versions_page

    page = versions_page(call.services.registry.model(served.name), call.page_length({}))
    return [str(version.version) for version in reversed(page.versions)]


def _inputs(model: "Model") -> list[dict[str, Any]]:
    """The input tensors; of mixed columns one for each, as MLServer's codec `pd` has them."""
    if model.reader:
        from ml_core.inputs.instance_tensors import described_tensors

        return described_tensors(model.reader)
    if model.encoding is None:
        return [{"name": "input-0", "datatype": "FP64", "shape": [-1, len(model.features)]}]
    from ml_core.inputs.tensors import datatype_of

    each = ((feature.name, datatype_of(feature)) for feature in model.encoding.features)
    return [
        {"name": name, "datatype": datatype, "shape": [-1, 1], "parameters": _content_type(datatype)}
        for name, datatype in each
    ]


def ready(call: Call) -> Response:
    """Whether a model can answer: each of the versions that share its traffic."""
    served = call.services.models.ready(call.path["model"], call.version)
    note(call, served)
    if served.model.algorithm == IMPORTED:
        _ = call.services.graphs
    return json_response({"name": served.name, "ready": True})


def infer(call: Call) -> Response:
    """Predict from a tensor, `[rows, features]`, or from one for each feature.

    An only tensor of numbers also comes as `application/x-npy`, with the names of the outputs in the query;
    who accepts `application/octet-stream` is answered with their bytes.
    """
    header, binary = _read(call)
    key = call.routing_key or header.get("id") or call.request.request_id
    look_again(call)
    served = call.services.models.resolve(call.path["model"], call.version, key=key)
    model = served.model
    note(call, served)
    observe(call, served)
    names = _wanted(header, served)
    notes = None
    if (header.get("parameters") or {}).get("notes") is True:
        from ml_core.inputs.notes import Notes

        notes = Notes()
    rows = _rows(call, header, binary, served, notes)
    call.note(rows=len(rows))
    needed = tuple(names)
    with_receipts = (header.get("parameters") or {}).get("receipt", False)
    if with_receipts:
        from handlers.rest.receipts import outputs_for_receipts

        needed = outputs_for_receipts(call, served, needed, "$.parameters.receipt")
    found = answered(call, model, rows, needed)
    answer: dict[str, Any] = {"model_name": served.name, "model_version": str(served.version)}
    if "id" in header:
        answer["id"] = header["id"]
    parameters = {**_classes(model), **(notes.members() if notes else {})}
    if with_receipts:
        from handlers.rest.receipts import receipts_of

        parameters["receipts"] = receipts_of(call, served)
    if parameters:
        answer["parameters"] = parameters
    body, header_length = tensors.write(
        answer, [_tensor(name, found[name], model) for name in names], _binary(header, names)
    )
    if header_length is None:
        return Response(200, {"content-type": "application/json"}, body)
    return Response(
        200,
        {"content-type": "application/octet-stream", "inference-header-content-length": str(header_length)},
        body,
    )


def _read(call: Call) -> tuple[dict[str, Any], bytes | None]:
    """The request's JSON, which meets the schema, and its binary part."""
    if is_of(call.header("content-type"), NPY):
        from handlers.rest.npy_rows import read_inference

        return read_inference(call)
    check_media_type(call.header("content-type"))
    body = decoded(call.request, call.settings.max_body_bytes)
    text, binary = tensors.split(body, call.header("inference-header-content-length"))
    header = parse_json(text)
    check(call.schema, header)
    if call.request.query:
        check_query(call)
    return with_integers(call.schema, header), binary


def _wanted(header: dict[str, Any], served: "Served") -> list[str]:
    """The outputs to compute, by the names by which they are asked for, else the default.

    Raises:
        InvalidInput: the model has no such output, or it is asked for twice.
    """
    model = served.model
    asked = [output["name"] for output in header.get("outputs") or ()]
    asked = asked or [METHODS.get(model.unasked, model.unasked)]
    gives = f"{described(served)} gives {', '.join(_outputs(model))}, each once"
    first = {output: position for position, output in reversed([*enumerate(asked)])}
    raise_faults(
        Fault(f"$.outputs[{position}].name", f"{gives}; it cannot give {shown(output)}")
        for position, output in enumerate(asked)
        if model.output_spec(output) is None or first[output] != position
    )
    return asked


def _rows(
    call: Call, header: dict[str, Any], binary: bytes | None, served: "Served", notes: "Notes | None"
) -> "Instances":
    """What the input tensors hold: one `[rows, features]`, one for each feature, or pictures and the like."""
    inputs, model, expecting = header["inputs"], served.model, described(served)
    parts = [
        given["data"] if part is None else part
        for given, part in zip(inputs, _parts(inputs, binary), strict=True)
    ]
    if not model.reader and _is_matrix(inputs, model):
        from ml_core.inputs.instances import rows_from_tensor

        only = inputs[0]
        return rows_from_tensor(
            only["name"],
            only["datatype"],
            only["shape"],
            parts[0],
            features=model.features,
            limits=call.limits,
            where="$.inputs[0]",
            expecting=expecting,
            gaps=model.encoding is not None,
        )
    from ml_core.inputs.tensors import InputTensor, rows_from_columns

    given_tensors = [
        InputTensor(given["name"], given["datatype"], given["shape"], part)
        for given, part in zip(inputs, parts, strict=True)
    ]
    ignored = (header.get("parameters") or {}).get("unknown_columns") == "ignore"
    unknown = IGNORED if ignored else _ADVICE
    if model.reader:
        from ml_core.inputs.instance_tensors import instances_from_tensors

        return instances_from_tensors(
            model.reader, given_tensors, call.limits, expecting=expecting, unknown=unknown, notes=notes
        )
    rows: Instances = rows_from_columns(
        model, given_tensors, call.limits, expecting=expecting, unknown=unknown, notes=notes
    )
    return rows


def _is_matrix(inputs: list[dict[str, Any]], model: "Model") -> bool:
    """Whether the only tensor holds whole rows, which only numbers can be said in."""
    if len(inputs) > 1:
        return False
    if model.encoding is None:
        return True
    from ml_core.inputs.columns import only_numbers

    return only_numbers(model.encoding.features) and inputs[0]["name"] not in model.features


def _parts(inputs: list[dict[str, Any]], binary: bytes | None) -> list[bytes | None]:
    """Each tensor's raw bytes; None for one whose data is in the JSON."""
    parts: list[bytes | None] = []
    at = 0
    for place, (given, size) in enumerate(zip(inputs, tensors.binary_sizes(inputs, binary), strict=True)):
        if (size is None) == ("data" not in given):
            either = "both" if "data" in given else "neither"
            raise InvalidInput.at(
                f"$.inputs[{place}]", f"needs data or parameters.binary_data_size; it has {either}"
            )
        parts.append(None if size is None else (binary or b"")[at : at + size])
        at += size or 0
    return parts


def _binary(header: dict[str, Any], names: list[str]) -> set[str]:
    """The outputs that are wanted as bytes."""
    everything = (header.get("parameters") or {}).get("binary_data_output") is True
    asked = {output["name"]: output.get("parameters") or {} for output in header.get("outputs") or ()}
    return {name for name in names if asked.get(name, {}).get("binary_data", everything) is True}


def _outputs(model: "Model") -> "dict[str, OutputSpec]":
    """The model's outputs by the protocol's names, labels first."""
    specs = model.output_specs
    ours = {name: specs[name] for name in METHODS if name in specs} | specs
    return {METHODS.get(name, name): spec for name, spec in ours.items()}


def _tensor(name: str, values: list[Any], model: "Model") -> OutputTensor:
    """One output as a tensor: labels `[rows]`, all else `[rows, k]`."""
    spec = model.output_spec(name)
    assert spec is not None  # noqa: S101 - for the type checker: `_wanted` looked
    if spec.kind == LABEL:
        datatype = tensors.datatype_of(model.classes if model.classes is not None else (0,))
        if datatype == "BYTES":
            values = [str(value) for value in values]
        return OutputTensor(name, datatype, [len(values)], values, _content_type(datatype))
    if len(spec.shape) > 1 or spec.datatype != "FP64":
        from ml_core.graphs.answers import rectangle

        shape, flat = rectangle(values, spec, f"$.outputs.{name}")
        return OutputTensor(name, spec.datatype, shape, flat, _content_type(spec.datatype))
    flat = [value for row in values for value in row] if spec.shape else values
    return OutputTensor(name, "FP64", [len(values), spec.width], flat, {})


def _described(name: str, spec: "OutputSpec", model: "Model") -> dict[str, Any]:
    """An output tensor in the model's metadata."""
    if spec.kind == LABEL:
        datatype = tensors.datatype_of(model.classes if model.classes is not None else (0,))
        described = {"name": name, "datatype": datatype, "shape": [-1]}
        return {**described, "parameters": _content_type(datatype)} if datatype == "BYTES" else described
    shape = [*spec.shape] if len(spec.shape) > 1 else [spec.width]
    return {"name": name, "datatype": spec.datatype, "shape": [-1, *shape], **_text_parameters(spec.datatype)}


def _content_type(datatype: str) -> dict[str, Any]:
    """How MLServer's codecs are told that BYTES are text."""
    return {"content_type": "str"} if datatype == "BYTES" else {}


def _text_parameters(datatype: str) -> dict[str, Any]:
    """The parameters of an output tensor that is texts; of others none."""
    return {"parameters": _content_type(datatype)} if datatype == "BYTES" else {}


def _classes(model: "Model") -> dict[str, Any]:
    """The order of the classes, in which probabilities and decisions come."""
    return {"classes": list(model.classes)} if model.classes is not None else {}
