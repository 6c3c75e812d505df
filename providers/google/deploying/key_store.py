"""The records of the keys in Secret Manager, for `python -m providers keys … --cloud google`.

The deployed functions say which secret they read; where there are none, its name says so.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.errors import Unavailable
from providers.deploying.plan import DeploymentFailed
from providers.google.deploying.access import Access, one_line, translated
from providers.google.deploying.desired import KEYS_FOLDER, GoogleNames, Json
from providers.google.deploying.functions_service import FunctionsService
from providers.google.deploying.whereabouts import Whereabouts, region_of

if TYPE_CHECKING:
    from providers.deploying.keys import Target

OPTIONS = ("project", "region")

Records = list[dict[str, Any]]


class Secret(NamedTuple):
    """A secret, by its project's id (or number) and its own id."""

    project: str
    name: str


class SecretKeys:
    """The key store of one deployment.

    Args:
        access: the project's management APIs.
        secret: where the records are; `serverless deploy` makes it.
        regions: where functions are deployed that read it.
        warning: why none does, None when one does.
    """

    def __init__(self, access: Access, secret: Secret, regions: list[str], warning: str | None) -> None:
        self._access, self._secret, self._regions = access, secret, regions
        self._path = f"/v1/projects/{secret.project}/secrets/{secret.name}"
        self._warning = warning

    @property
    def place(self) -> str:
        """The secret, its project, and the regions in which it is read."""
        read = f", read in {' and '.join(self._regions)}" if self._regions else ""
        return f"secret {self._secret.name}, project {self._secret.project}{read}"

    @property
    def warning(self) -> str | None:
        """Why no deployed function reads there; None when one does."""
        return self._warning

    def read(self) -> Records | None:
        """The records; None before the first deploy. Raises `Unavailable`."""
        with translated():
            found = self._access.rest_or_none("GET", "secretmanager", f"{self._path}/versions/latest:access")
        if found is None:
            return None
        try:
            records: Records = json.loads(b64decode(found["payload"]["data"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"expected key records in the {self.place}, got something else") from error
        return records

    def write(self, records: Records) -> None:
        """Replace the records with a new version and destroy the old ones, which cost and nobody reads."""
        data = b64encode(json.dumps(records, separators=(",", ":")).encode()).decode()
        with translated():
            path = f"{self._path}:addVersion"
            added = self._access.rest_or_none("POST", "secretmanager", path, {"payload": {"data": data}})
            if added is None:
                raise DeploymentFailed(
                    f"there is no {self.place}: deploy first"
                    + (f" ({self._warning})" if self._warning else "")
                )
            page = self._access.rest("GET", "secretmanager", f"{self._path}/versions?pageSize=100")
            for version in page.get("versions", []):
                if version["name"] != added["name"] and version.get("state") != "DESTROYED":
                    self._access.rest("POST", "secretmanager", f"/v1/{version['name']}:destroy", {})


def key_store(target: "Target", env: Mapping[str, str]) -> SecretKeys:
    """The keys of a deployment: where its functions read them.

    Raises:
        DeploymentFailed: when no project is named, Google cannot be asked, or regions read different secrets.
    """
    from google.api_core.exceptions import Forbidden

    project = target.options.get("project") or env.get("GOOGLE_CLOUD_PROJECT")
    if not project:
        raise DeploymentFailed("no Google Cloud project: set GOOGLE_CLOUD_PROJECT, or pass --project")
    # Not GOOGLE_CLOUD_REGION: regions share their keys, so none need be named.
    region = target.options.get("region")
    names = GoogleNames(target.service, target.stage, project, region or "")
    access = Access(project, region or "", env)
    by_name = Secret(project, f"{names.base}-keys")
    with translated():
        try:
            where = FunctionsService(access).labelled(names.labels)
        except Forbidden as error:
            said = f"could not check whether a function reads it: Google refuses: {one_line(error)}"
            return SecretKeys(access, by_name, [], said)
    reading = _reading(where, project)
    here = {each: secret for each, secret in reading.items() if region in (None, each)}
    if len(secrets := set((here or reading).values())) > 1:
        said = "; ".join(
            f"{each}: {secret.name} in {secret.project}" for each, secret in sorted(reading.items())
        )
        raise DeploymentFailed(
            f"expected one secret for all regions, got {said}: name a region with --region"
        )
    secret = secrets.pop() if secrets else by_name
    regions = sorted(each for each, found in reading.items() if found == secret)
    return SecretKeys(access, secret, regions, None if here else _warning(names, where, sorted(reading)))


def _reading(where: Whereabouts, project: str) -> dict[str, Secret]:
    """The secret that is read in each region."""
    found: dict[str, Secret] = {}
    for path, function in where.functions.items():
        for volume in function.get("serviceConfig", {}).get("secretVolumes", []):
            if volume.get("mountPath") == KEYS_FOLDER:
                found[region_of(path)] = Secret(_project(volume, function, project), volume["secret"])
    return found


def _project(volume: Json, function: Json, project: str) -> str:
    """The id of the secret's project, which Google may give as a number: that of the function's own build."""
    named = str(volume.get("projectId") or project)
    own = str(function.get("buildConfig", {}).get("build", "")).startswith(f"projects/{named}/")
    return project if own else named


def _warning(names: GoogleNames, where: Whereabouts, reading: list[str]) -> str:
    """Why no function reads the keys, in the region that is named or anywhere."""
    place = f"{names.region or 'any region'} of {names.project}"
    said = f"no function of {names.service}, stage {names.stage}, reads keys in {place}"
    if reading:
        said += f"; functions in {' and '.join(reading)} do: pass --region {reading[0]}"
    if where.unseen:
        said += f"; {where.blind}"
    return said
