"""Errors that a worker raises reach who waits for it in another process as they were."""

import pickle
from collections.abc import Iterator

import pytest

from ml_core import errors
from ml_core.errors import Fault, InvalidInput, ServerlessMLError


def every(root: type[ServerlessMLError]) -> Iterator[type[ServerlessMLError]]:
    yield root
    for each in root.__subclasses__():
        yield from every(each)


OURS = sorted(
    {
        each
        for each in every(ServerlessMLError)
        if each.__module__ == errors.__name__ and not issubclass(each, InvalidInput)
    },
    key=lambda each: each.__name__,
)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_is_the_same_after_a_journey(kind: type[ServerlessMLError]) -> None:
    error = kind("expected one thing, got another")
    came = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(came) is kind
    assert (str(came), came.code) == (str(error), error.code)


@pytest.mark.parametrize("kind", [InvalidInput, errors.NotConverted])
@pytest.mark.parametrize("count", [1, 3, 50])
def test_faults_travel_with_their_error_and_so_does_how_many_are_not_told(
    kind: type[InvalidInput], count: int
) -> None:
    error = kind([Fault(f"$.instances[{place}]", "expected a number, got null") for place in range(count)])
    error.add_note("raised by a worker")
    came = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(came) is kind
    assert came.faults == error.faults
    assert came.faults[0].path == "$.instances[0]"
    assert (came.omitted, str(came), came.__notes__) == (error.omitted, str(error), error.__notes__)
