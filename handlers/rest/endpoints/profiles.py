"""What a version keeps of the rows that it was trained on."""

from handlers.rest.call import Call
from handlers.rest.endpoints.prediction import described, note
from handlers.rest.http import Response, json_response
from ml_core.errors import TooLarge
from ml_core.model.told_profile import told_profile


def profile(call: Call) -> Response:
    """Show the profile of the rows that a version was trained on: what each column held, and no row.

    Numbers are counted in bins, each with its mean; words with how many rows had them; nothing is told of
    fewer than 20 rows. `predicted` is how often each label was predicted. Explanations take a column that is
    not known from here, and drift is measured against it.

    409 for a version without one, 413 where that is too much for an answer.
    """
    served = call.services.models.resolve(call.path["model"], call.version)
    note(call, served)
    told = told_profile(served.model)
    response = json_response({"model": {"name": served.name, "version": served.version}, **told})
    most = call.settings.max_answer_bytes
    if len(response.body) > most:
        raise TooLarge(
            f"the profile of {described(served)} is {len(response.body):,} bytes long; at most {most:,} are "
            "possible: download the artifact, which holds it all"
        )
    return response
