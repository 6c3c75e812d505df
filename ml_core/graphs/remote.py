"""Graphs that a function of its own runs: it is given a signed address of the artifact, and the tensors."""

from __future__ import annotations

import time

from ml_core.errors import MalformedInput, Unavailable
from ml_core.graphs.call import ADDRESS, GraphCall, GraphFailure, read_answer, write_call
from ml_core.registry.registry import artifact_key

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ml_core.graphs.artifact import GraphArtifact
    from ml_core.graphs.call import GraphTensor
    from ml_core.ports import DownloadSigner, SignedDownload

EXPIRY = 600  # seconds that an address works,
_USED = 240.0  # and for which it is used
_MOST_ADDRESSES = 256


class RemoteGraphs:
    """The `GraphRunner` of a cloud.

    Args:
        signer: signs addresses of the store's objects.
        call: sends a call to the function and gives its answer. Raises `Unavailable`.
        seconds: that a graph may take for one call.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        signer: DownloadSigner,
        call: Callable[[bytes], bytes],
        seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signer = signer
        self._call = call
        self._seconds = seconds
        self._clock = clock
        self._addresses: dict[str, tuple[SignedDownload, float]] = {}

    def run(
        self,
        artifact: GraphArtifact,
        inputs: Mapping[str, GraphTensor],
        outputs: Sequence[str],
        *,
        batch: int = 0,
    ) -> dict[str, GraphTensor]:
        """See `GraphRunner`."""
        try:
            return self._asked(artifact, inputs, outputs, batch)
        except GraphFailure as failure:
            if failure.reason != ADDRESS or self._addresses.pop(artifact.job, None) is None:
                raise
        return self._asked(artifact, inputs, outputs, batch)  # by another address: that one had expired

    def _asked(
        self,
        artifact: GraphArtifact,
        inputs: Mapping[str, GraphTensor],
        outputs: Sequence[str],
        batch: int,
    ) -> dict[str, GraphTensor]:
        address = self._address(artifact)
        call = GraphCall(
            address.url,
            address.headers,
            artifact.sha256,
            artifact.size,
            dict(inputs),
            tuple(outputs),
            self._seconds,
            batch,
        )
        try:
            return read_answer(self._call(write_call(call)))[0]
        except MalformedInput as error:
            raise Unavailable(
                f"the function that runs imported models answered something else: {error}"
            ) from None

    def _address(self, artifact: GraphArtifact) -> SignedDownload:
        """An address of the artifact that works for some minutes yet. Raises `Unavailable`.

        The name that it is signed for says to the function that the service has signed it, for running.
        """
        now = self._clock()
        kept = self._addresses.get(artifact.job)
        if kept is not None and 0 <= now - kept[1] < _USED:
            return kept[0]
        signed = self._signer.sign_download(artifact_key(artifact.job), f"{artifact.sha256}.run", EXPIRY)
        if len(self._addresses) >= _MOST_ADDRESSES:
            self._addresses.clear()
        self._addresses[artifact.job] = (signed, now)
        return signed
