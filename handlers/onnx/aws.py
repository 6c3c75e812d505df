"""AWS Lambda: the payload of `invoke` is the call, and what is returned is the answer."""

from typing import Any

from handlers.onnx import function
from ml_core import json_text

function.prepare()


def run(event: Any, context: object) -> Any:  # noqa: ARG001 (Lambda's signature)
    """Answer one call. Lambda reads its JSON before this, and writes that of the answer after it."""
    return json_text.loads(function.answer(event))
