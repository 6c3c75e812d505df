"""Models and jobs in a Cloud Storage bucket."""

from __future__ import annotations

import time

from ml_core.errors import Unavailable
from providers.google.runtime import endpoints
from providers.object_storage import ObstoreStore, bounded_retries, client_options
from providers.obstore_functions import GCSStore

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Seconds that a write waits for its turn.
PATIENCE = 20.0


def gcs_store(bucket: str, prefix: str = "", *, env: Mapping[str, str]) -> ObstoreStore:
    """The bucket, or what is under `prefix` in it; objects are compared by their generation.

    Credentials come from the metadata server beside the function (`GCE_METADATA_HOST` moves it), or from
    `GOOGLE_APPLICATION_CREDENTIALS`. `STORAGE_EMULATOR_HOST` points at an emulator, which is sent none.
    """
    emulator = endpoints.override("storage", env)
    config: dict[str, str] = {}
    if emulator:
        config = {"base_url": emulator, "bearer_token": "emulator"}
    elif env.get("GOOGLE_APPLICATION_CREDENTIALS"):
        config = {"application_credentials": env["GOOGLE_APPLICATION_CREDENTIALS"]}
    return ThrottledStore(
        GCSStore(
            bucket,
            prefix=prefix or None,
            config=config,  # type: ignore[arg-type]
            client_options=client_options(allow_http=(emulator or "").startswith("http://")),
            retry_config=bounded_retries(),
        ),
        compares="version",
    )


class ThrottledStore(ObstoreStore):
    """Cloud Storage takes about one write a second of one object; the others wait for their turn here.

    What was refused with 429 was not written, so it may be sent again. Everything else is raised as soon as
    on other clouds: a store that does not answer is not waited for.
    """

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Write a new object and return its revision. Raises `ObjectExists`."""
        write = super().put_if_absent
        return _in_turn(lambda: write(key, data))

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        """Replace the object that has `revision` and return the new one. Raises `RevisionMismatch`."""
        write = super().put_if_unchanged
        return _in_turn(lambda: write(key, data, revision))


def _in_turn(write: Callable[[], str]) -> str:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return write()
        except Unavailable as error:
            # obstore itself paused between its attempts, with jitter: here is nothing left to wait for.
            if " 429 " not in str(error.__cause__) or time.monotonic() > deadline:
                raise
