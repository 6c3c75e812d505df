"""The records of the keys in Secret Manager, for `python -m providers keys … --cloud google`.

The deployed functions say which secret they read; where there are none, its name says so.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from providers.deploying.plan import DeploymentFailed
from providers.google.deploying.access import Access, one_line, translated
from providers.google.deploying.desired import KEYS_FOLDER, Json
from providers.google.deploying.functions_service import FunctionsService
from providers.google.deploying.key_records import KeyRecords, Records
from providers.google.deploying.names import GoogleNames
from providers.google.deploying.whereabouts import Whereabouts, region_of

if TYPE_CHECKING:
    from providers.deploying.keys import Target

OPTIONS = ("project", "region")


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
        self._secret, self._regions, self._warning = secret, regions, warning
        self._records = KeyRecords(access, f"/v1/projects/{secret.project}/secrets/{secret.name}")

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
            return self._records.read()

    def write(self, records: Records) -> None:
        """Replace what was read. Raises `RevisionMismatch` when somebody else changed it since."""
        with translated():
            if not self._records.write(records):
                raise DeploymentFailed(
                    f"there is no {self.place}: deploy first"
                    + (f" ({self._warning})" if self._warning else "")
                )


def key_store(target: "Target", env: Mapping[str, str]) -> SecretKeys:
    """The keys of a deployment: where its functions read them.

    Raises:
        DeploymentFailed: when no project is named, Google cannot be asked, or regions read different secrets.
    """
    from google.api_core.exceptions import Forbidden

    project = target.options.get("project") or env.get("GOOGLE_CLOUD_PROJECT")
    if not project:
        raise DeploymentFailed("no Google Cloud project: set GOOGLE_CLOUD_PROJECT, or pass --project")
    # Not GOOGLE_CLOUD_REGION: where one region alone is deployed, none need be named.
    region = target.options.get("region")
    names = GoogleNames(target.service, target.stage, project, region or "")
    access = Access(project, region or "", env)
    with translated():
        try:
            where = FunctionsService(access).labelled(names.owner)
        except Forbidden as error:
            said = f"could not check whether a function reads it: Google refuses: {one_line(error)}"
            return SecretKeys(access, Secret(project, _labelled(access, names)), [], said)
    reading = _reading(where, project)
    here = {each: secret for each, secret in reading.items() if region in (None, each)}
    if len(secrets := set(here.values())) > 1:
        said = "; ".join(
            f"{each}: {secret.name} in {secret.project}" for each, secret in sorted(reading.items())
        )
        raise DeploymentFailed(
            f"expected a deployment in one region, got {said}: name a region with --region"
        )
    if secrets:
        secret = secrets.pop()
    else:
        with translated():
            secret = Secret(project, _labelled(access, names))
    regions = sorted(each for each, found in reading.items() if found == secret)
    return SecretKeys(access, secret, regions, None if here else _warning(names, where, sorted(reading)))


def _labelled(access: Access, names: GoogleNames) -> str:
    """The secret that carries the deployment's labels; where none does, the name that it would have.

    Raises:
        DeploymentFailed: when several do and none of them is named.
    """
    from google.api_core.exceptions import Forbidden

    wanted = names.owner | ({"region": names.region} if names.region else {})
    earlier = names._replace(shared=True).secret
    query = " AND ".join(f"labels.{name}={value}" for name, value in names.owner.items())
    try:
        found = list(access.pages("secretmanager", f"/v1/projects/{names.project}/secrets", "secrets", query))
    except Forbidden:
        found = []
    # What regions share names no region.
    fitting = sorted(
        each["name"].rpartition("/")[2]
        for each in found
        if wanted.items() <= ({"region": names.region} | (each.get("labels") or {})).items()
    )
    if len(fitting) > 1:
        raise DeploymentFailed(
            f"expected one secret of {names.service}, stage {names.stage}, got {', '.join(fitting)}:"
            " name a region with --region"
        )
    return fitting[0] if fitting else (names.secret if names.region else earlier)


def _reading(where: Whereabouts, project: str) -> dict[str, Secret]:
    """The secret that is read in each region: by the function that answers, which comes before the sweep."""
    found: dict[str, Secret] = {}
    for path, function in sorted(where.functions.items(), reverse=True):
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
