"""A function on AWS that serves one model (`handlers/single/model.py` says what that is)."""

import os
from typing import Any

from handlers.direct import predict_directly
from handlers.rest.api import Api
from handlers.single.model import ARTIFACT, OneModel, api_of

_API: list[Api] = []


def predict(event: Any, context: Any) -> Any:
    """Answer one event of Lambda."""
    if not _API:
        model = OneModel(os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "model"), ARTIFACT)
        _API.append(api_of(model))
    body = {**event, "model": "model"} if isinstance(event, dict) else event
    return predict_directly(_API[0], body, getattr(context, "aws_request_id", ""))
