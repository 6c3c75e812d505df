"""A version as ONNX."""

from handlers.rest.call import Call
from handlers.rest.endpoints.prediction import described, note
from handlers.rest.etags import tagged
from handlers.rest.http import Response
from ml_core.digests import sha256
from ml_core.errors import TooLarge
from ml_core.serving import Served


def onnx(call: Call) -> Response:
    """Give a version as an ONNX file, which other runtimes predict with, preprocessing and labels included.

    Equal versions are equal files; the ETag is the file's SHA-256.

    409 where ONNX cannot say the model, 413 for a file that is too long for an answer: then download the
    artifact, and turn it into the same file with `python -m ml_core.export`.
    """
    served = call.services.models.resolve(call.path["model"], call.version)
    note(call, served)
    most = call.settings.max_answer_bytes
    numbers = sum(len(tensor.packed) for tensor in served.model.estimator.tensors().values())
    if numbers > most:  # it would be made in vain
        raise _too_large(served, numbers, most)
    file = served.model.to_onnx(name=served.name, version=served.version)
    if len(file) > most:
        raise _too_large(served, len(file), most)
    saved_as = f"{served.name}-{served.version}.onnx"
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="{saved_as}"',
    }
    return tagged(Response(200, headers, file), sha256(file), call.header("if-none-match"))


def _too_large(served: Served, length: int, most: int) -> TooLarge:
    name, version = served.name, served.version
    return TooLarge(
        f"{described(served)} is at least {length:,} bytes long as ONNX; at most {most:,} are possible: "
        f"download the artifact, and call `python -m ml_core.export {name}-{version}.safetensors "
        f"{name}-{version}.onnx --name {name} --version {version}`"
    )
