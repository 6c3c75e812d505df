"""One call after another, from the bytes that came to the bytes that go back."""

import re
from typing import NamedTuple

from ml_core.digests import sha256 as digest_of
from ml_core.errors import ArtifactInvalid, MalformedInput, Unavailable
from ml_core.graphs.artifact import graph_in
from ml_core.graphs.call import (
    CRASHED,
    DAMAGED,
    FAILED,
    TIMEOUT,
    GraphCall,
    GraphFailure,
    GraphTensor,
    read_call,
    write_answer,
    write_failure,
)
from ml_core.running.addresses import ArtifactAddresses, ArtifactDownload
from ml_core.running.children import GraphChildren, GraphQuestion
from ml_core.running.graph_process import Deadline

MOST_SECONDS = 120.0
# Lambda answers with 6 MB at most, and as the contract is one for all clouds, so do the others.
LONGEST_REPLY = 6_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Reply(NamedTuple):
    """What goes back, and what may be logged of it; `reason` is None where there are outputs."""

    payload: bytes
    sha256: str
    cold: bool
    reason: str | None


class GraphFunction:
    """Answers calls.

    Args:
        addresses: which artifacts are asked for.
        children: who runs them.
    """

    def __init__(self, addresses: ArtifactAddresses, children: GraphChildren) -> None:
        self._addresses = addresses
        self._children = children

    def prepare(self) -> None:
        """See `GraphChildren.prepare`."""
        self._children.prepare()

    def answer(self, sent: object) -> Reply:
        """The outputs of a call's graph, or why there are none; see `read_call`.

        Raises nothing that is foreseen.
        """
        sha256, cold = "", False
        try:
            call = _checked(read_call(sent))
            sha256 = call.sha256
            outputs, cold = self._outputs(call)
            return Reply(_written(outputs, cold=cold), sha256, cold, None)
        except MalformedInput as error:
            failure = GraphFailure(FAILED, str(error))
        except Unavailable as error:
            failure = GraphFailure(CRASHED, str(error))
        except GraphFailure as error:
            failure = error
        return Reply(write_failure(failure), sha256, cold, failure.reason)

    def _outputs(self, call: GraphCall) -> tuple[dict[str, GraphTensor], bool]:
        """Who asks is verified first: no other model's child is ended for one who may not."""
        deadline = Deadline(min(call.seconds, MOST_SECONDS))
        if self._children.has(call.sha256):
            self._addresses.verify(call)
            return self._run(call, deadline, None)
        with self._addresses.opened(call) as download:
            return self._run(call, deadline, download)

    def _run(
        self, call: GraphCall, deadline: Deadline, download: ArtifactDownload | None
    ) -> tuple[dict[str, GraphTensor], bool]:
        def graph() -> memoryview:
            if download is not None:
                return graph_of(download.read(deadline.left), call.sha256)
            with self._addresses.opened(call) as again:  # its child ended a moment ago
                return graph_of(again.read(deadline.left), call.sha256)

        try:
            seconds = deadline.left()
        except TimeoutError:
            raise GraphFailure(TIMEOUT, "the storage took all the time that there was") from None
        question = GraphQuestion(call.sha256, graph, call.inputs, call.outputs, seconds, call.batch)
        return self._children.run(question)


def graph_of(artifact: bytes | bytearray, sha256: str) -> memoryview:
    """The graph in an artifact, which has to have this digest. Raises `GraphFailure` with DAMAGED."""
    if digest_of(memoryview(artifact)) != sha256:
        raise GraphFailure(DAMAGED, "the artifact is not the one whose digest the call names")
    try:
        return graph_in(artifact)
    except ArtifactInvalid as error:
        raise GraphFailure(DAMAGED, str(error)) from None


def _written(outputs: dict[str, GraphTensor], *, cold: bool) -> bytes:
    answer = write_answer(outputs, cold=cold)
    if len(answer) > LONGEST_REPLY:
        raise GraphFailure(
            FAILED,
            f"expected outputs of at most {LONGEST_REPLY} bytes as JSON, got {len(answer)}: "
            "send fewer rows, or name the outputs that you need",
        )
    return answer


def _checked(call: GraphCall) -> GraphCall:
    if not _SHA256.fullmatch(call.sha256):
        raise MalformedInput("expected a SHA-256 of 64 hexadecimal digits")
    if not 0 < call.seconds < float("inf"):
        raise MalformedInput(f"expected some seconds for a call, got {call.seconds}")
    if call.batch < 0:
        raise MalformedInput(f"expected a number of instances at a time, got {call.batch}")
    return call
