"""The object store on a container of Blob Storage, through obstore: no Azure SDK on the data path."""

from __future__ import annotations

from providers.object_storage import ObstoreStore, bounded_retries, client_options
from providers.obstore_functions import AzureStore

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import AzureConfig

    from providers.azure.runtime.connection import Connection


def blob_store(at: Connection, container: str, env: Mapping[str, str]) -> ObstoreStore:
    """The store; tokens of the app's identity are fetched and renewed by obstore itself."""
    config: AzureConfig = {"account_name": at.account, "endpoint": at.blob_endpoint}
    if at.key is not None:
        config["account_key"] = at.key
    else:
        config["credential_type"] = "managed_identity"
        config["msi_endpoint"] = env.get("IDENTITY_ENDPOINT", "")
        if at.client_id:
            config["client_id"] = at.client_id
    options = client_options(allow_http=at.blob_endpoint.startswith("http://"))
    return ObstoreStore(
        AzureStore(container, config=config, client_options=options, retry_config=bounded_retries())
    )
