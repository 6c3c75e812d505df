"""A job's kind is told by how its stored request begins, and by what its document says of the request."""

from typing import Any

from ml_core.graphs.request import ImportRequest
from ml_core.jobs.kinds import IMPORTING, KINDS, REGISTERING, SCORING, TRAINING, JobKind, kind_named, kind_of
from ml_core.registering.request import RegistrationRequest
from ml_core.scoring.request import ScoringRequest
from ml_core.training.reference import TableReference
from ml_core.training.request import TrainingRequest


def test_a_stored_request_is_of_the_kind_that_its_summary_names() -> None:
    requests: dict[JobKind, Any] = {
        TRAINING: TrainingRequest("quick", {}, TableReference("dataset://table"), 0.2, 0),
        REGISTERING: RegistrationRequest("artifact://iris/" + "0" * 28),
        IMPORTING: ImportRequest(RegistrationRequest("artifact://iris/" + "0" * 28)),
        SCORING: ScoringRequest("dataset://table"),
    }
    assert set(requests) == set(KINDS)
    for kind, request in requests.items():
        assert kind_of(request.to_bytes()) is kind
        assert kind_named(request.summary().get("kind")) is kind


def test_what_names_no_kind_that_is_known_trains() -> None:
    assert kind_of(b"\x00\x01") is TRAINING
    assert kind_named("paint") is TRAINING
