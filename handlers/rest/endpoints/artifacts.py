"""A version's artifact, to be taken away."""

from handlers.rest.call import Call
from handlers.rest.http import Response, json_response


def artifact(call: Call) -> Response:
    """Sign an address to GET a version's artifact from: of this file alone, and for 15 minutes.

    Whoever may train may have it: the vectors of a kernel SVM are rows that it was trained on.
    """
    name, version = call.path["model"], int(call.path["version"])
    found = call.services.artifacts.download(name, version)
    call.note(model=name, version=version)
    return json_response({**found._asdict(), "method": "GET", "url": call.address(found.url)})
