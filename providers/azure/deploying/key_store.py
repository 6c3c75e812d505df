"""Where `python -m providers keys` finds a deployment's keys on Azure: an app setting of its api app.

What is kept are hashes of random keys, nothing that opens a door; a Key Vault would cost a role, a second
service and up to a day until a revoked key is refused (docs/decisions/0015-azure-keys.md).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ml_core.errors import NotConfigured, Unavailable
from providers.azure.deploying.cloud import Azure
from providers.azure.deploying.finding import Deployment, find, groups_of, written
from providers.azure.deploying.planning import is_under_way
from providers.azure.runtime.keys import read_records
from providers.azure.runtime.names import KEYS_SETTING, names
from providers.deploying.plan import DeploymentFailed

if TYPE_CHECKING:
    from providers.deploying.keys import Target

OPTIONS = ("subscription", "resource_group")

Record = dict[str, Any]


class AppSettingKeys:
    """The records in the setting `ML_KEYS`. Writing it restarts the app's instances: they know it at once."""

    def __init__(self, azure: Azure, deployment: Deployment) -> None:
        self._azure = azure
        self._group, self._app = deployment.group.name, deployment.names.app("api")

    @property
    def place(self) -> str:
        """The setting, its app, resource group and subscription."""
        return (
            f"setting {KEYS_SETTING} of the app {self._app}, resource group {self._group}, "
            f"subscription {self._azure.subscription}"
        )

    @property
    def warning(self) -> str | None:
        """Why what was written may not stay; without an app there is nothing to write to."""
        try:
            if not is_under_way(self._azure, self._group):
                return None
            trouble = f"a deployment of {self._group} is running or was interrupted"
        except DeploymentFailed as error:
            # A key that was just made is still to be shown: this is no reason to end.
            trouble = f"could not check whether a deployment of {self._group} is running ({error})"
        return f"{trouble}: it may restore the previous keys; check with `keys list` when it has ended"

    def read(self) -> list[Record] | None:
        """The records; None when there never was one. Raises `Unavailable`."""
        return read_records(self._settings())

    def write(self, records: list[Record]) -> None:
        """Replace the records.

        Raises:
            Unavailable: also while a template is being deployed, which holds the records of its beginning and
                writes them.
        """
        with _unavailable():
            if self._azure.is_deploying(self._group):
                raise Unavailable(
                    f"a deployment of {self._group} is running and would restore the previous keys: "
                    "nothing was changed; try again when it has ended"
                )
            settings = {**self._settings(), KEYS_SETTING: json.dumps(records, separators=(",", ":"))}
            self._azure.put_settings(self._group, self._app, settings)

    def _settings(self) -> dict[str, str]:
        with _unavailable():
            found = self._azure.settings(self._group, self._app)
        if found is None:
            raise Unavailable(
                f"the resource group {self._group} has no api app: run `serverless deploy` first"
            )
        return found


def key_store(target: "Target", env: Mapping[str, str]) -> AppSettingKeys:
    """The keys of the deployment that the target names.

    Raises:
        NotConfigured: when nothing says which subscription.
        DeploymentFailed: when there is no such deployment, more than one, or somebody else's.
    """
    subscription = target.options.get("subscription") or env.get("AZURE_SUBSCRIPTION_ID", "")
    if not subscription:
        raise NotConfigured("no Azure subscription: set AZURE_SUBSCRIPTION_ID or pass --subscription")
    azure = Azure(subscription, env)
    return AppSettingKeys(azure, _deployment(azure, target, env))


def _deployment(azure: Azure, target: "Target", env: Mapping[str, str]) -> Deployment:
    """The deployment in the group that is named, else in the one that carries the tags."""
    tags = {"service": target.service, "stage": target.stage}
    group = target.options.get("resource_group") or env.get("AZURE_RESOURCE_GROUP")
    if not group:
        tagged = groups_of(azure, tags)
        where = f"the subscription {azure.subscription}"
        if len(tagged) > 1:
            raise DeploymentFailed(
                f"expected one resource group of {where} with the tags {written(tags)}, "
                f"got {', '.join(tagged)}: name one with --resource-group"
            )
        if not tagged:
            raise DeploymentFailed(
                f"no resource group of {where} carries the tags {written(tags)}: deploy first, or name "
                "another --service, --stage or --subscription"
            )
        group = tagged[0]
    found = find(azure, names(target.service, target.stage, azure.subscription, group=group), tags)
    if found is None:
        raise DeploymentFailed(
            f"the subscription {azure.subscription} has no resource group {group}: deploy first, or name "
            "another with --resource-group"
        )
    return found


@contextmanager
def _unavailable() -> Iterator[None]:
    """What the deployer's access raises, as a key store says it."""
    try:
        yield
    except DeploymentFailed as error:
        raise Unavailable(str(error)) from error
