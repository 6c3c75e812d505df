"""A function on Google Cloud that serves one model (`handlers/single/model.py` says what that is)."""

import json
import os
from typing import TYPE_CHECKING

from handlers.direct import predict_directly
from handlers.rest.api import Api
from handlers.single.model import ARTIFACT, OneModel, api_of, read_event

if TYPE_CHECKING:
    from flask import Request

_API: list[Api] = []


def predict(request: "Request") -> tuple[bytes, int, dict[str, str]]:
    """Answer one HTTP request of Cloud Run functions."""
    if not _API:
        _API.append(api_of(OneModel(os.environ.get("K_SERVICE", "model"), ARTIFACT)))
    event = read_event(request.get_data())
    body = {**event, "model": "model"} if isinstance(event, dict) else event
    answer = predict_directly(_API[0], body, os.urandom(8).hex())
    return json.dumps(answer).encode(), 200, {"content-type": "application/json"}
