"""A version that was made elsewhere: an address to upload its artifact to, and the job that registers it."""

import hashlib

from handlers.rest.call import Call
from handlers.rest.endpoints.training import idempotency_key, submitted
from handlers.rest.http import Response, json_response
from handlers.rest.schemas import Schema
from ml_core.registering.request import BODY_SCHEMA, check_registration
from ml_core.registering.uploads import check_size, opened_upload

REGISTER_BODY: Schema = {
    **BODY_SCHEMA,
    "examples": [
        {"uri": f"artifact://fruit/{'0' * 28}", "origin": {"description": "trained on a laptop"}},
    ],
}


def upload(call: Call) -> Response:
    """Sign an address to PUT an artifact to, which `:register` then makes a version of this model."""
    begun = call.services.artifact_uploads.begin(call.path["model"])
    call.note(model=begun.model)
    return json_response({**begun._asdict(), "method": "PUT", "url": call.address(begun.url)}, status=201)


def register(call: Call) -> Response:
    """Register an artifact that was uploaded as a new version of a model. Answers as `:train` does.

    The job's child process checks the file: that it is a model's artifact of a known format, that it
    predicts, and that everything in it is what a training could have made, but for hyperparameters, which are
    what they were. A file that runs code when it is read, such as a pickle, is never read. A file that is put
    again before the job has read it is refused.
    """
    request = check_registration(call.body(), call.path["model"])
    key = idempotency_key(call)
    services = call.services
    services.registry.check_spelling(call.path["model"])
    found = opened_upload(services.store, request.uri)
    check_size(found.size)
    settled = request._replace(revision=found.revision)
    digest = hashlib.sha256(request.to_bytes()).hexdigest()
    return submitted(call, settled.to_bytes(), settled.summary(), key=key, body_digest=digest)
