"""What operations are called in `/openapi.json`, and so the functions of generated clients.

One rule for all, in camel case: what is done, and of what. `:verb` at the end of a path is what is done, else
the method is; a model is not named by what is done with it, everything else is:

    POST   /v1/models/{model}:predict                      predict
    POST   /v1/models/{model}/versions/{version}:predict   predictVersion
    POST   /v2/models/{model}/infer                        infer
    GET    /v1/models                                      listModels
    GET    /v1/models/{model}                              getModel
    GET    /v1/models/{model}/versions/{version}/onnx      getVersionOnnx
    DELETE /v1/models/{model}/aliases/{alias}              deleteAlias
"""

import re
from itertools import pairwise

from handlers.rest.routes import ROUTES, Route

# What the rule has no word for: a job that is cancelled stays, no client has a function that is called
# `import`, and the others are of the service itself.
_OTHERWISE = {
    ("DELETE", "/v1/jobs/{job}"): "cancelJob",
    ("POST", "/v1/models/{model}:import"): "importModel",
    ("GET", "/"): "getStatus",
    ("GET", "/openapi.json"): "getOpenapi",
    ("GET", "/v1/algorithms"): "listAlgorithms",
    ("GET", "/v2"): "getServer",
}


def operation_id(route: Route) -> str:
    """What a route's operation is called."""
    if named := _OTHERWISE.get((route.method, route.path)):
        return named
    release, *segments = route.path.strip("/").replace(":", "/").split("/")
    segments = segments if re.fullmatch(r"v\d", release) else [release, *segments]
    *before, last = segments
    things = [_one_of(collection) for collection, place in pairwise(segments) if _is_place(place)]
    thing = things[-1].capitalize() if things else ""
    if route.method == "POST":
        return last + ("" if thing == "Model" else thing)
    if _is_place(last):
        # The model of the Open Inference Protocol is told by its metadata.
        return route.method.lower() + thing + ("Metadata" if release == "v2" else "")
    if any(other.path.startswith(f"{route.path}/{{") for other in ROUTES):
        return f"list{last.capitalize()}"
    words = [word for word in before if not things]
    return "".join([route.method.lower(), thing, *(word.capitalize() for word in [*words, last])])


def _is_place(segment: str) -> bool:
    return segment.startswith("{")


def _one_of(collection: str) -> str:
    """One of `models` is a `model`, and one of `aliases` an `alias`."""
    return collection.removesuffix("es") if collection.endswith("ses") else collection.removesuffix("s")
