"""A model that was made elsewhere as a graph of ONNX: the job that makes a version of it."""

import hashlib

from handlers.rest.call import Call
from handlers.rest.endpoints.training import idempotency_key, submitted
from handlers.rest.http import Response
from handlers.rest.schemas import Schema
from ml_core.errors import TooLarge
from ml_core.graphs.request import BODY_SCHEMA, MOST_BYTES, check_import
from ml_core.registering.uploads import opened_upload

IMPORT_BODY: Schema = {
    **BODY_SCHEMA,
    "examples": [
        {"uri": f"artifact://fruit/{'0' * 28}", "features": ["grams", "redness"]},
        {
            "uri": f"artifact://fruit/{'0' * 28}",
            "outputs": {"probability": "softmax"},
            "classes": ["apple", "cherry"],
            "origin": {"description": "exported from PyTorch"},
        },
    ],
}


def import_model(call: Call) -> Response:
    """Make a new version of an ONNX file that was uploaded. Answers as `:train` does.

    The file is scanned, and never loaded by what trains or answers: a function of its own runs it, once
    before it is a version and then with each prediction. 501 where no such function is deployed. What the
    request does not say of inputs and outputs is taken from the graph; what was guessed is told in the
    version's warnings.
    """
    request = check_import(call.body(), call.path["model"])
    key = idempotency_key(call)
    services = call.services
    _ = services.graphs  # before there is a job that can only fail
    services.registry.check_spelling(call.path["model"])
    found = opened_upload(services.store, request.file.uri)
    if found.size > MOST_BYTES:
        raise TooLarge(f"the file has {found.size:,} bytes; at most {MOST_BYTES:,} are imported")
    settled = request._replace(file=request.file._replace(revision=found.revision))
    digest = hashlib.sha256(request.to_bytes()).hexdigest()
    return submitted(call, settled.to_bytes(), settled.summary(), key=key, body_digest=digest)
