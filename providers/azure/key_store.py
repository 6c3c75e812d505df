"""Where `python -m providers keys` finds a stage's keys on Azure: an app setting of the api app.

What is kept are hashes of random keys, nothing that opens a door; a Key Vault would cost a role, a second
service and up to a day until a revoked key is refused (docs/decisions/0015-azure-keys.md).
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_core.errors import NotConfigured, Unavailable
from providers.azure.names import KEYS_SETTING, Names, names
from providers.azure.wiring import key_records
from providers.deployment import DeploymentFailed

if TYPE_CHECKING:
    from providers.keys import Target

OPTIONS = ("subscription", "resource_group")

Record = dict[str, Any]


class AppSettingKeys:
    """The records in the setting `ML_KEYS`. Writing it restarts the app's instances: they know it at once."""

    def __init__(self, names_: Names, subscription: str, env: Mapping[str, str]) -> None:
        self._names, self._subscription, self._env = names_, subscription, env

    @property
    def place(self) -> str:
        """The setting, its app and resource group."""
        return (
            f"setting {KEYS_SETTING} of the app {self._names.app('api')}, resource group {self._names.group}"
        )

    @property
    def warning(self) -> str | None:
        """None: without an app there is nothing to write to."""
        return None

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


def key_store(target: "Target", env: Mapping[str, str]) -> AppSettingKeys:
    """The keys of a deployment.

    Raises:
        NotConfigured: when nothing says which subscription.
    """
    subscription = target.options.get("subscription") or env.get("AZURE_SUBSCRIPTION_ID", "")
    if not subscription:
        raise NotConfigured("which Azure subscription? Set AZURE_SUBSCRIPTION_ID, or pass --subscription")
    group = target.options.get("resource_group") or env.get("AZURE_RESOURCE_GROUP") or None
    return AppSettingKeys(names(target.service, target.stage, subscription, group=group), subscription, env)
