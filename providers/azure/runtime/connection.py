"""Where the storage account is and how to prove who asks: the Functions platform's own convention.

The queue trigger reads the setting `ML_STORAGE` by itself, so the store and the queue read the same one:

    ML_STORAGE__blobServiceUri   https://account.blob.core.windows.net
    ML_STORAGE__queueServiceUri  https://account.queue.core.windows.net
    ML_STORAGE__clientId         the user-assigned managed identity

or, for the Azurite emulator, `ML_STORAGE` is a connection string with an account key.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ml_core.errors import NotConfigured

SETTING = "ML_STORAGE"


class Connection(NamedTuple):
    """A storage account.

    Endpoints without a trailing `/`, and an account key or a managed identity's client id.
    """

    account: str
    blob_endpoint: str
    queue_endpoint: str
    key: str | None
    client_id: str | None

    def beside(self, account: str) -> "Connection":
        """Another storage account of the same cloud, as whom we are; our account's key is none of its."""
        blob = self.blob_endpoint.replace(self.account, account, 1)
        queue = self.queue_endpoint.replace(self.account, account, 1)
        return Connection(account, blob, queue, self.key if account == self.account else None, self.client_id)


def connection(env: Mapping[str, str]) -> Connection:
    """The storage account that the environment names.

    Raises:
        NotConfigured: when it names none.
    """
    if env.get(SETTING):
        return _from_connection_string(env[SETTING])
    try:
        blob = env[f"{SETTING}__blobServiceUri"].rstrip("/")
        queue = env[f"{SETTING}__queueServiceUri"].rstrip("/")
    except KeyError as error:
        raise NotConfigured(f"the setting {error.args[0]} is missing") from error
    account = blob.partition("://")[2].partition(".")[0]
    return Connection(account, blob, queue, None, env.get(f"{SETTING}__clientId"))


def _from_connection_string(text: str) -> Connection:
    """Read `AccountName=…;AccountKey=…[;BlobEndpoint=…;QueueEndpoint=…]`; an account key ends in `=`."""
    parts = dict(part.partition("=")[::2] for part in text.split(";") if part)
    try:
        account, key = parts["AccountName"], parts["AccountKey"]
    except KeyError as error:
        raise NotConfigured(f"the connection string in {SETTING} has no {error.args[0]}") from error
    scheme = parts.get("DefaultEndpointsProtocol", "https")
    suffix = parts.get("EndpointSuffix", "core.windows.net")
    blob = parts.get("BlobEndpoint", f"{scheme}://{account}.blob.{suffix}")
    queue = parts.get("QueueEndpoint", f"{scheme}://{account}.queue.{suffix}")
    return Connection(account, blob.rstrip("/"), queue.rstrip("/"), key, None)
