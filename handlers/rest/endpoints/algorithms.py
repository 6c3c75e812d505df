"""What can be trained."""

from handlers.rest.call import Call
from handlers.rest.http import Response, json_response


def algorithms(_: Call) -> Response:
    """List the algorithms, each with the JSON Schema of its hyperparameters."""
    from ml_core.algorithms import algorithms as known

    return json_response(
        {
            "algorithms": [
                {
                    "name": info.name,
                    "title": info.title,
                    "task": info.task.name,
                    "summary": info.algorithm.summary,
                    "takes": list(info.algorithm.takes),
                    "hyperparameters": info.schema(),
                    "private_hyperparameters": list(info.algorithm.private_hyperparameters)
                    if info.algorithm.fit_private
                    else None,
                    "available": not info.missing(),
                }
                for info in known().values()
            ]
        }
    )
