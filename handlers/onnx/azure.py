"""Azure Functions: a POST's body is the call, and the answer is the response's."""

import azure.functions as func

from handlers.onnx import function

function.prepare()


def run(request: func.HttpRequest) -> func.HttpResponse:
    """Answer one call. Whoever knows the address may ask; what it sends proves who it is, or is refused."""
    if request.method != "POST":
        return func.HttpResponse(status_code=405, headers={"allow": "POST"})
    payload = request.get_body()
    if len(payload) > function.LONGEST_CALL:
        return func.HttpResponse(status_code=413)
    return func.HttpResponse(function.answer(payload), headers={"content-type": "application/json"})
