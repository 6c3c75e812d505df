"""The records of the keys in Secret Manager, for `python -m providers keys … --cloud google`."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_core.errors import Unavailable
from providers.deployment import DeploymentFailed
from providers.google.deploying.access import Access, translated

if TYPE_CHECKING:
    from providers.keys import Target

OPTIONS = ("project", "region")

Records = list[dict[str, Any]]


class SecretKeys:
    """The key store of one deployment.

    Args:
        access: the project's management APIs.
        secret: the secret's id; `serverless deploy` makes it.
    """

    def __init__(self, access: Access, secret: str) -> None:
        self._access = access
        self._path = f"/v1/projects/{access.project}/secrets/{secret}"

    @property
    def place(self) -> str:
        """The secret and its project."""
        return f"secret {self._path.rpartition('/')[2]}, project {self._access.project}"

    @property
    def warning(self) -> str | None:
        """Why no deployed function reads there; None when one does."""
        return None

    def read(self) -> Records | None:
        """The records; None before the first deploy. Raises `Unavailable`."""
        with translated():
            found = self._access.rest_or_none("GET", "secretmanager", f"{self._path}/versions/latest:access")
        if found is None:
            return None
        try:
            records: Records = json.loads(b64decode(found["payload"]["data"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("the secret does not hold key records") from error
        return records

    def write(self, records: Records) -> None:
        """Replace the records with a new version and destroy the old ones, which cost and nobody reads."""
        data = b64encode(json.dumps(records, separators=(",", ":")).encode()).decode()
        with translated():
            path = f"{self._path}:addVersion"
            added = self._access.rest_or_none("POST", "secretmanager", path, {"payload": {"data": data}})
            if added is None:
                raise DeploymentFailed(f"there is no secret {self._path.rpartition('/')[2]}: deploy first")
            page = self._access.rest("GET", "secretmanager", f"{self._path}/versions?pageSize=100")
            for version in page.get("versions", []):
                if version["name"] != added["name"] and version.get("state") != "DESTROYED":
                    self._access.rest("POST", "secretmanager", f"/v1/{version['name']}:destroy", {})


def key_store(target: "Target", env: Mapping[str, str]) -> SecretKeys:
    """The keys of a deployment.

    Raises:
        DeploymentFailed: when no project is named.
    """
    project = target.options.get("project") or env.get("GOOGLE_CLOUD_PROJECT")
    if not project:
        raise DeploymentFailed("no Google Cloud project: set GOOGLE_CLOUD_PROJECT, or pass --project")
    region = target.options.get("region") or env.get("GOOGLE_CLOUD_REGION", "")
    return SecretKeys(Access(project, region, env), f"{target.service}-{target.stage}-keys")
