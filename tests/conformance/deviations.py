"""What a platform forces to be different, each with its reason. Nothing else may differ.

A deviation that is no longer seen fails the suite, so that this list stays true.
"""

from typing import NamedTuple

from tests.conformance.cases.importing import UPLOADS as GRAPHS
from tests.conformance.cases.registering import UPLOADS


class Deviation(NamedTuple):
    """One cloud's answer to one case is another than the laptop's.

    Args:
        cloud: the folder of providers/.
        case: as the suite names it.
        status: of the answer there.
        reason: why it cannot be mended in the adapter.
    """

    cloud: str
    case: str
    status: int
    reason: str


class AddedHeader(NamedTuple):
    """A cloud sends a header with each answer of a status, where the laptop sends none.

    Args:
        cloud: the folder of providers/.
        status: of the answers.
        header: its name.
        reason: why it cannot be mended in the adapter.
    """

    cloud: str
    status: int
    header: str
    reason: str


_LIBRARYS_TYPE = (
    "Azure's library for Python gives a type to every answer that names none, without a body as well"
)
_FRAMEWORKS_OWN = "functions-framework answers this path itself; no request reaches the function"

DEVIATIONS: tuple[Deviation, ...] = (
    Deviation("google", "http: no such path: /favicon.ico", 404, _FRAMEWORKS_OWN),
    Deviation("google", "http: no such path: /robots.txt", 404, _FRAMEWORKS_OWN),
    *(
        Deviation(
            "azure",
            f"{upload}: an address",
            201,
            "Blob Storage refuses a PUT without the header x-ms-blob-type, so that the answer names it",
        )
        for upload in (
            "audit: a dataset",
            "guards: rows to begin with",
            "guards: more rows",
            "datasets: semicolons",
            "datasets: JSON lines",
            "datasets: no table",
            "datasets: to be erased",
            "datasets: with a job that waits",
            "names: a table",
            "budgets: a table",
            "private_training: a table",
            "private_training: a broken table",
            "scoring: a table",
            "scoring: a table with bad rows",
            "values: a table as people write it",
            "values: a table without a header",
            *(f"registering: {name}" for name in UPLOADS),
            *(f"importing: {name}" for name in GRAPHS),
        )
    ),
    Deviation(
        "google",
        "models: a name with a line break",
        404,
        "Flask's pattern of a path ends at a line break, so that no request reaches the function",
    ),
)
ADDED_HEADERS = (
    AddedHeader(
        "google",
        204,
        "content-type",
        "Flask gives a type to every answer that is not of its own class; without Flask the adapter is light",
    ),
    AddedHeader("azure", 204, "content-type", _LIBRARYS_TYPE),
    AddedHeader("azure", 304, "content-type", _LIBRARYS_TYPE),
)
