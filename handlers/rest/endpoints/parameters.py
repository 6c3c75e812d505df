"""What a version learnt."""

from collections.abc import Sequence

from handlers.rest.call import Call
from handlers.rest.endpoints.prediction import described, note
from handlers.rest.http import Response, json_response
from ml_core.errors import ObjectNotFound, TooLarge
from ml_core.model.parameters import parameters_of
from ml_core.serving import Served

# No number of an answer is shorter, the name of what it belongs to included.
_SHORTEST = 25


def parameters(call: Call) -> Response:
    """Show what a version learnt, on the columns and in the units of its callers.

    `kind` says what is shown. `linear`: the decisions of a logistic regression or of a linear SVM, each the
    intercept and the sum of its coefficients times the row's values. `kernel`: another SVM's kernel, and how
    many support vectors it keeps, but none of them. `centres`: the clusters of a k-means.

    409 for an algorithm that does not say what it learnt, 413 where that is too much for an answer.
    """
    served = call.services.models.resolve(call.path["model"], call.version)
    note(call, served)
    settings = call.settings
    told = parameters_of(
        served.model,
        most=min(settings.max_cells, settings.max_answer_bytes // _SHORTEST),
        cluster_sizes=_cluster_sizes(call, served) if served.model.classes is None else None,
    )
    response = json_response({"model": {"name": served.name, "version": served.version}, **told})
    if len(response.body) > settings.max_answer_bytes:
        raise TooLarge(
            f"what {described(served)} learnt is {len(response.body):,} bytes long; at most "
            f"{settings.max_answer_bytes:,} are possible: download the artifact, which holds it all"
        )
    return response


def _cluster_sizes(call: Call, served: Served) -> Sequence[int] | None:
    """How many training rows each cluster has; None of a version that an earlier release trained."""
    try:
        manifest = call.services.versions.get(served.name, served.version)
    except ObjectNotFound:
        return None
    sizes: Sequence[int] | None = manifest.get("metrics", {}).get("training", {}).get("cluster_sizes")
    return sizes
