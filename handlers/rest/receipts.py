"""Receipts beside an answer's predictions. Imported when a request asks for them."""

from typing import TYPE_CHECKING

from ml_core.algorithms.outputs import LABEL
from ml_core.errors import InvalidInput
from ml_core.monitoring.counts import probability_bin

if TYPE_CHECKING:
    from handlers.rest.call import Call
    from ml_core.serving import Served


def outputs_for_receipts(
    call: "Call", served: "Served", asked: tuple[str, ...], where: str
) -> tuple[str, ...]:
    """What the model has to be asked for where receipts are: first what the caller asks for.

    Args:
        call: what was asked.
        served: the version that answers.
        asked: the outputs that the caller asks for.
        where: what asks for receipts.

    Raises:
        InvalidInput: there are none of this model.
    """
    model = served.model
    if served.job is None:
        raise InvalidInput.at(
            where, "receipts are given by versions of a registry; this function has one model and none"
        )
    if not call.seen:
        raise InvalidInput.at(where, "nothing is counted: the setting ML_MONITORING_DAYS is 0")
    if model.classes is None:
        raise InvalidInput.at(where, "receipts are given for classes: no truth is told later of clusters")
    specs = map(model.output_spec, asked)
    return asked if any(spec and spec.kind == LABEL for spec in specs) else (*asked, LABEL)


def receipts_of(call: "Call", served: "Served") -> list[str]:
    """A receipt for each row that was predicted, in their order. Raises `Unavailable`."""
    (seen,) = call.seen
    receipts = call.services.receipts
    bins: list[int | None] = [None] * len(seen.labels)
    if len(seen.tops) == len(seen.labels):  # else there are none, or of some rows they overflow
        bins = [probability_bin(top) for top in seen.tops]
    of_version = receipts.of(served.name, seen.job)
    return of_version.make(served.version, receipts.minute, zip(seen.labels, bins, strict=True))
