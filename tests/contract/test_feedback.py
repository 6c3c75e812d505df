"""Each receipt counts once on every store, also where many instances are told of it at once."""

import json

from ml_core.monitoring.feedback import feedback_of
from ml_core.monitoring.receipts import Receipts, read_receipt
from tests.contract.places import Place, race
from tests.contract.processes import JOB_OF_RECEIPTS


def test_of_processes_that_are_told_the_same_at_once_each_receipt_is_counted_by_one(place: Place) -> None:
    """They make the key at once, too: each takes what the others gave."""
    written = race([place.process("tell", str(first), "40") for first in (0, 20)])
    told = [json.loads(each) for each in written]
    assert sum(each["counted"] for each in told) == 60
    assert sum(each["repeated"] for each in told) == 20
    found = feedback_of(place.open(), JOB_OF_RECEIPTS, "2024-10-04", "2024-10-05")
    assert (found.labelled, found.correct) == (60, 30)
    assert found.hours == {"2024-10-04T00": [30, 15], "2024-10-05T00": [30, 15]}
    receipts = Receipts(place.open()).of("iris", JOB_OF_RECEIPTS)
    for each in told:
        receipt = read_receipt(each["receipt"])
        assert receipt
        assert receipts.made(receipt)
