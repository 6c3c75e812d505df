"""A function app on Azure that serves one model (`handlers/single/model.py` says what that is)."""

import json
import os

import azure.functions as func

from handlers.direct import predict_directly
from handlers.rest.api import Api
from handlers.single.model import ARTIFACT, OneModel, api_of, read_event

_API: list[Api] = []


def model(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer one HTTP request."""
    if not _API:
        _API.append(api_of(OneModel(os.environ.get("ML_FUNCTION", "model"), ARTIFACT)))
    event = read_event(request.get_body())
    body = {**event, "model": "model"} if isinstance(event, dict) else event
    answer = predict_directly(_API[0], body, context.invocation_id)
    return func.HttpResponse(json.dumps(answer), headers={"content-type": "application/json"})
