"""Models and jobs in a Cloud Storage bucket."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from obstore.store import GCSStore

from ml_core.ports import ObjectStore
from providers.google import endpoints
from providers.object_storage import ObstoreStore, client_options

if TYPE_CHECKING:
    from obstore.store import RetryConfig


def gcs_store(bucket: str, prefix: str = "", *, env: Mapping[str, str]) -> ObjectStore:
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
    return ObstoreStore(
        GCSStore(
            bucket,
            prefix=prefix or None,
            config=config,  # type: ignore[arg-type]
            client_options=client_options(allow_http=(emulator or "").startswith("http://")),
            retry_config=patient_retries(),
        ),
        compares="version",
    )


def patient_retries() -> "RetryConfig":
    """Cloud Storage takes about one write a second of one object; the others wait for their turn here.

    A second is what a turn takes, so the pauses grow to about that and not past it.
    """
    from datetime import timedelta

    return {
        "max_retries": 20,
        "retry_timeout": timedelta(seconds=20),
        "backoff": {
            "init_backoff": timedelta(milliseconds=200),
            "max_backoff": timedelta(seconds=1.2),
            "base": 2,
        },
    }
