"""A version as ONNX."""

from handlers.rest.call import Call
from handlers.rest.endpoints.prediction import described, note
from handlers.rest.etags import tagged
from handlers.rest.http import Response
from handlers.rest.ranges import part
from ml_core.digests import sha256
from ml_core.errors import TooLarge
from ml_core.graphs.model import ImportedModel
from ml_core.serving import Served

# A file of more parts is not made here: what makes it needs its length a few times over in memory.
_MOST_PARTS = 16


def onnx(call: Call) -> Response:
    """Give a version as an ONNX file, which other runtimes predict with, preprocessing and labels included.

    Equal versions are equal files; the ETag is the file's SHA-256. Of an imported version it is the file that
    was imported.

    409 where ONNX cannot say the model. 413 for a file that is too long for an answer: ask for parts of it
    with `Range`, or download the artifact and make the same file of it with `python -m ml_core.export`.
    """
    served = call.services.models.resolve(call.path["model"], call.version)
    note(call, served)
    most = call.settings.max_answer_bytes
    asked = call.header("range")
    _check_length(served, _least(served), most, part_of_it=bool(asked))  # before it is made in vain
    file = _file(call, served)
    digest = sha256(file)
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="{served.name}-{served.version}.onnx"',
        "accept-ranges": "bytes",
    }
    response = tagged(Response(200, headers, file), digest, call.header("if-none-match"))
    if response.status == 200 and call.header("if-range") in ("", f'"{digest}"'):
        response = part(response, asked, most)
    _check_length(served, len(response.body), most)
    return response


def _least(served: Served) -> int:
    """How many bytes the file has at least."""
    if isinstance(served.model, ImportedModel):
        return served.model.artifact.size
    return sum(len(tensor.packed) for tensor in served.model.estimator.tensors().values())


def _file(call: Call, served: Served) -> bytes:
    """The file; of an imported model that which was imported."""
    if isinstance(served.model, ImportedModel):
        return served.model.file(call.services.store)
    return served.model.to_onnx(name=served.name, version=served.version)


def _check_length(served: Served, length: int, most: int, *, part_of_it: bool = False) -> None:
    if length <= most * (_MOST_PARTS if part_of_it else 1):
        return
    name, version = served.name, served.version
    in_parts = length <= most * _MOST_PARTS
    parts = f"ask for parts of it, such as `Range: bytes=0-{most - 1}`, or " if in_parts else ""
    raise TooLarge(
        f"{described(served)} is at least {length:,} bytes long as ONNX; at most {most:,} come at once: "
        f"{parts}download the artifact, and call `python -m ml_core.export {name}-{version}.safetensors "
        f"{name}-{version}.onnx --name {name} --version {version}`"
    )
