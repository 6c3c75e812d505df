"""`POST …:score`: a whole table is predicted by a job, which writes the predictions as files."""

import hashlib

from handlers.engines import check_engine
from handlers.limits import check_data, check_output
from handlers.rest.call import Call
from handlers.rest.endpoints.training import idempotency_key, submitted
from handlers.rest.http import Response
from handlers.rest.schemas import Schema
from ml_core.datasets.private_reading import DataUse
from ml_core.names import IMPORTED
from ml_core.scoring.request import BODY_SCHEMA, OWN_ENGINES, ScoringRequest, check_scoring

SCORE_BODY: Schema = {**BODY_SCHEMA, "examples": [{"data": {"uri": "dataset://churn"}, "keep": ["customer"]}]}


def score(call: Call) -> Response:
    """Predict each row of a table of any size, and write the predictions as files. Answers as `:train` does.

    Which version answers is decided now, whatever is trained or promoted while the job runs. It is that of
    the path; of an alias that shares its traffic the one with the greatest weight; without either what
    `production` points at, where there is such an alias, else the newest. Of a dataset it is the newest
    upload now. `GET /v1/jobs/{job}/files` lists what was written.
    """
    body = call.body()
    key = idempotency_key(call)
    request = check_scoring(body, lambda uri: _check_uri(call, uri))
    check_engine(request.engine, call.settings.engines, own=OWN_ENGINES)
    if request.to is not None:
        check_output(call.caller, request.to)
        call.services.outputs.check(request.to)
    name = call.path["model"]
    picked = call.services.registry.model(name).pick(call.version, call.path.get("alias"))
    served = call.services.models.resolve(name, picked.version)
    if picked.algorithm == IMPORTED:
        _ = call.services.graphs  # before there is a job that can only fail
    settled = request.settled(call.services.data.settled).chosen(served.model, picked)
    call.note(version=picked.version)
    return submitted(
        call,
        settled.to_bytes(),
        settled.summary(),
        key=key,
        body_digest=_digest(call, request),
        use=DataUse(settled.uri),
    )


def _check_uri(call: Call, uri: object) -> None:
    """Raise `InvalidInput` for what may not be read, `Forbidden` for what this key may not have read."""
    check_data(call.caller, uri)
    call.services.data.check(uri)


def _digest(call: Call, request: ScoringRequest) -> str:
    """Of what was asked for: a retry is the same request also when an alias was moved in between."""
    asked = f"{call.version}\n{call.path.get('alias')}\n".encode()
    return hashlib.sha256(asked + request.to_bytes()).hexdigest()
