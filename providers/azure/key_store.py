"""Where `python -m providers keys` finds a stage's keys on Azure: an app setting of the api app.

What is kept are hashes of random keys, nothing that opens a door; a Key Vault would cost a role, a second
service and up to a day until a revoked key is refused (docs/decisions/0015-azure-keys.md).
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from ml_core.errors import NotConfigured, Unavailable
from providers.azure.names import KEYS_SETTING, SERVICE, Names, names
from providers.azure.wiring import key_records
from providers.deployment import DeploymentFailed

Record = dict[str, Any]


class AppSettingKeys:
    """The records in the setting `ML_KEYS`. Writing it restarts the app's instances: they know it at once."""

    def __init__(self, names_: Names, subscription: str, env: Mapping[str, str]) -> None:
        self._names, self._subscription, self._env = names_, subscription, env

    def read(self) -> list[Record] | None:
        """The records; None when there never was one. Raises `Unavailable`."""
        return key_records(self._settings())

    def write(self, records: list[Record]) -> None:
        """Replace the records. Raises `Unavailable`."""
        settings = {**self._settings(), KEYS_SETTING: json.dumps(records, separators=(",", ":"))}
        try:
            self._azure().put_settings(self._names.group, self._names.app("api"), settings)
        except DeploymentFailed as error:
            raise Unavailable(str(error)) from error

    def _settings(self) -> dict[str, str]:
        try:
            found: dict[str, str] = self._azure().settings(self._names.group, self._names.app("api"))
        except DeploymentFailed as error:
            raise Unavailable(str(error)) from error
        if not found:
            raise Unavailable(f"{self._names.group} holds no api app: deploy it first")
        return found

    def _azure(self) -> Any:  # noqa: ANN401 - imported when needed: the SDKs are not everywhere
        from providers.azure.deploying.cloud import Azure

        return Azure(self._subscription, self._env)


def key_store(stage: str, env: Mapping[str, str] = os.environ) -> AppSettingKeys:
    """The keys of a stage.

    Raises:
        NotConfigured: when nothing says which subscription.
    """
    subscription = env.get("AZURE_SUBSCRIPTION_ID", "")
    if not subscription:
        raise NotConfigured("which Azure subscription? Set AZURE_SUBSCRIPTION_ID")
    group = env.get("AZURE_RESOURCE_GROUP") or None
    return AppSettingKeys(names(SERVICE, stage, subscription, group=group), subscription, env)
