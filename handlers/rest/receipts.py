"""Receipts beside an answer's predictions. Imported when a request asks for them."""

from typing import TYPE_CHECKING

from ml_core.errors import InvalidInput
from ml_core.monitoring.receipts import probability_bin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.rest.call import Call
    from ml_core.model.model import Predictions
    from ml_core.serving import Served

_LABEL, _PROBABILITY = "label", "probability"


class ReceiptsOfRows:
    """Makes a receipt for each row of one request.

    Args:
        call: what was asked.
        served: the version that answers.
        asked: the outputs that the caller asked for.
        where: what asks for receipts.

    Raises:
        InvalidInput: there are none of this model.
    """

    def __init__(self, call: "Call", served: "Served", asked: "Sequence[str]", where: str) -> None:
        model = served.model
        if served.job is None:
            raise InvalidInput.at(
                where, "receipts are given by versions of a registry; this function has one model and none"
            )
        if model.classes is None:
            raise InvalidInput.at(where, "receipts are given for classes: no truth is told later of clusters")
        self._receipts = call.services.receipts
        self._served, self._job = served, served.job
        self._numbers = {label: number for number, label in enumerate(model.classes)}
        names = {spec.name: name for name in asked if (spec := model.output_spec(name))}
        self._label = names.get(_LABEL, _LABEL)
        probability = model.output_spec(_PROBABILITY)
        self._probability = names.get(_PROBABILITY, _PROBABILITY) if probability and probability.shape else ""
        needed = (self._label, self._probability) if self._probability else (self._label,)
        self.outputs = (*asked, *(name for name in needed if name not in asked))
        """What the model has to be asked for: first what the caller asked for."""

    def make(self, found: "Predictions") -> list[str]:
        """The receipts, in the order of the predicted rows. Raises `Unavailable`."""
        labels = found[self._label]
        numbers = map(self._numbers.__getitem__, labels)
        bins: list[int | None] = [None] * len(labels)
        if self._probability:
            bins = [probability_bin(max(each)) for each in found[self._probability]]
        of_version = self._receipts.of(self._served.name, self._job)
        return of_version.make(self._served.version, self._receipts.minute, zip(numbers, bins, strict=True))
