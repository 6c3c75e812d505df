"""Where `python -m providers keys` finds a deployment's keys on Azure: a blob that its api may only read.

What is kept are hashes of random keys, nothing that opens a door; a Key Vault would cost a role, a second
service and up to a day until a revoked key is refused. A blob changes by compare-and-swap, and no deployment
writes it (docs/decisions/0035-azure-keys-in-a-blob.md). Earlier versions read an app setting.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ml_core.errors import NotConfigured, Unavailable
from providers.azure.deploying.cloud import Azure
from providers.azure.deploying.finding import Deployment, find, groups_of, written
from providers.azure.deploying.planning import is_under_way
from providers.azure.deploying.refusals import AzureRefused
from providers.azure.deploying.template import ACCOUNT_KIND
from providers.azure.runtime.keys import parse_records, read_records
from providers.azure.runtime.names import KEYS_BLOB, KEYS_CONTAINER, KEYS_SETTING, names
from providers.deploying.plan import DeploymentFailed

if TYPE_CHECKING:
    from providers.deploying.keys import Target

KEYS_ROLE = "Storage Blob Data Contributor"
OPTIONS = ("subscription", "resource_group")

Record = dict[str, Any]


class BlobKeys:
    """The records in a blob; those of the setting go along with the first change."""

    def __init__(self, azure: Azure, deployment: Deployment, setting: "AppSettingKeys") -> None:
        names_ = deployment.names
        self._azure, self._setting = azure, setting
        self._etag: str | None = None
        self._where = f"storage account {names_.storage}, resource group {deployment.group.name}"
        self._scope = (
            f"/subscriptions/{azure.subscription}/resourceGroups/{deployment.group.name}/providers/"
            f"{ACCOUNT_KIND}/{names_.storage}/blobServices/default/containers/{KEYS_CONTAINER}"
        )
        with self._told():
            endpoint = azure.blob_endpoint(deployment.group.name, names_.storage)
        self._url = f"{endpoint}/{KEYS_CONTAINER}/{KEYS_BLOB}"

    @property
    def place(self) -> str:
        """The blob, its storage account, resource group and subscription."""
        return f"blob {KEYS_CONTAINER}/{KEYS_BLOB}, {self._where}, subscription {self._azure.subscription}"

    @property
    def warning(self) -> str | None:
        """None: without an app that reads there, no store is made."""
        return None

    def read(self) -> list[Record] | None:
        """The records; None when there never was one. Raises `Unavailable`."""
        with self._told():
            found = self._azure.get_blob(self._url)
        if found is None:
            self._etag = None
            return self._setting.read()
        data, self._etag = found
        return parse_records(data)

    def write(self, records: list[Record]) -> None:
        """Replace the records that were read last.

        Raises:
            RevisionMismatch: when somebody else changed them since.
            Unavailable: Azure did not answer or refused.
        """
        with self._told():
            self._azure.put_blob(self._url, json.dumps(records, separators=(",", ":")).encode(), self._etag)
        self._setting.clear()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the access raises, as a key store says it; a missing right with how to get it."""
        try:
            yield
        except AzureRefused as error:
            if error.codes & {"AuthorizationPermissionMismatch", "AuthorizationFailure", "HTTP 403"}:
                raise Unavailable(
                    f"you may not read or write the keys: expected the role {KEYS_ROLE} of the container "
                    f"{KEYS_CONTAINER}. Deploying gives it to who deploys; it may take ten minutes to hold. "
                    f'Who manages rights gives it by: az role assignment create --role "{KEYS_ROLE}" '
                    f"--assignee <your id or name> --scope {self._scope}"
                ) from error
            if "ContainerNotFound" in error.codes:
                raise Unavailable(
                    f"the container {KEYS_CONTAINER} of the {self._where} was deleted: deploy again"
                ) from error
            raise Unavailable(str(error)) from error
        except DeploymentFailed as error:
            raise Unavailable(str(error)) from error


class AppSettingKeys:
    """The records in the setting `ML_KEYS`, which the apps of earlier versions read.

    Writing it restarts the app's instances: they know it at once.
    """

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
        return read_records({KEYS_SETTING: self._settings().get(KEYS_SETTING, "")})

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

    def clear(self) -> None:
        """Empty the setting when it holds records: those of the blob count from now on."""
        settings = self._settings()
        if not settings.get(KEYS_SETTING):
            return
        with _unavailable():
            self._azure.put_settings(self._group, self._app, {**settings, KEYS_SETTING: ""})

    def is_all(self) -> bool:
        """Whether the deployed app reads the setting and no blob."""
        return "ML_KEYS_CONTAINER" not in self._settings()

    def _settings(self) -> dict[str, str]:
        with _unavailable():
            found = self._azure.settings(self._group, self._app)
        if found is None:
            raise Unavailable(
                f"the resource group {self._group} has no api app: run `serverless deploy` first"
            )
        return found


def key_store(target: "Target", env: Mapping[str, str]) -> BlobKeys | AppSettingKeys:
    """The keys of the deployment that the target names.

    Raises:
        NotConfigured: when nothing says which subscription.
        DeploymentFailed: when there is no such deployment, more than one, or somebody else's.
    """
    subscription = target.options.get("subscription") or env.get("AZURE_SUBSCRIPTION_ID", "")
    if not subscription:
        raise NotConfigured("no Azure subscription: set AZURE_SUBSCRIPTION_ID or pass --subscription")
    azure = Azure(subscription, env)
    deployment = _deployment(azure, target, env)
    setting = AppSettingKeys(azure, deployment)
    return setting if setting.is_all() else BlobKeys(azure, deployment, setting)


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
