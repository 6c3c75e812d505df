"""In which regions a service and stage is deployed. Pure: it is given what was found, and calls nothing.

Each region has functions, bucket, keys and accounts of its own. Before names carried the region, two regions
of one stage shared bucket, secret, topic and accounts; those that are deployed so still do.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from providers.deploying.parameters import SETTING
from providers.deploying.plan import DeploymentFailed
from providers.google.deploying.desired import Json
from providers.google.deploying.names import GoogleNames

BUCKET_SETTING = "ML_BUCKET"


class Whereabouts(NamedTuple):
    """What a project holds of one service and stage, whatever the region.

    `functions` by path; `beside` holds the paths of queues and schedules, where they were looked for;
    `strangers` are the project's other functions. `unseen` are regions that Google could not look at: what is
    there is not known, and never counts as nothing.
    """

    functions: Mapping[str, Json]
    strangers: Mapping[str, Json] = {}
    unseen: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()

    def of(self, region: str) -> dict[str, Json]:
        """The functions of one region.

        Raises:
            DeploymentFailed: when Google could not look there.
        """
        if region in self.unseen:
            raise DeploymentFailed(f"Google cannot list the functions in {region} now: try again later")
        return {path: each for path, each in self.functions.items() if region_of(path) == region}

    def addresses(self, function: str, bucket: str) -> set[str]:
        """Where the functions of a name that use a bucket answer: Cloud Run's address, and Functions' own."""
        return {
            str(address)
            for path, each in self.functions.items()
            if path.endswith(f"/functions/{function}") and bucket_of(each) == bucket
            for address in (each.get("serviceConfig", {}).get("uri"), each.get("url"))
            if address
        }

    def elsewhere(self, region: str) -> list[str]:
        """The other regions that hold something."""
        return sorted({region_of(path) for path in (*self.functions, *self.beside)} - {region})

    def described(self, regions: list[str]) -> str:
        """Regions and what they hold, for people: `us-central1 (1 queue, 3 functions)`."""
        return " and ".join(f"{region} ({self._held(region)})" for region in regions)

    def hint(self, region: str) -> str:
        """Where it is instead of `region`, and how that is said; empty where it is nowhere."""
        others = self.elsewhere(region)
        said = f"; it is in {self.described(others)}: pass {_choice(others)}" if others else ""
        return f"{said}; {self.blind}" if self.unseen else said

    @property
    def blind(self) -> str:
        """What Google could not look at, for people."""
        return f"Google cannot list the functions in {', '.join(sorted(self.unseen))} now"

    def also_in(self, names: GoogleNames) -> list[str]:
        """What a deployment has to say of the other regions, in sentences."""
        others, sharing = self.elsewhere(names.region), self.sharing(names)
        said = []
        if sharing:
            said.append(
                f"this stage is also in {self.described(sharing)}, under the same names: these regions share"
                " the keys, the service accounts and a bucket of the same name"
            )
        if alone := [region for region in others if region not in sharing]:
            said.append(
                f"this stage is also in {self.described(alone)}, with keys, accounts and a bucket of its own"
            )
        return [*said, *([self.blind] if self.unseen else [])]

    def sharing(self, names: GoogleNames) -> list[str]:
        """The other regions that use the same secret, topic and accounts; those that do not tell may."""
        others = self.elsewhere(names.region) if names.shared else []
        return [region for region in others if self._uses_names(names._replace(region=region))]

    def _uses_names(self, names: GoogleNames) -> bool:
        found = [path for path in self.functions if region_of(path) == names.region]
        return not found or self.names_in_use(names) == names

    def names_in_use(self, names: GoogleNames) -> GoogleNames | None:
        """The names by which the functions of a region go; None where there is no function."""
        used = {
            email
            for path, each in self.functions.items()
            if region_of(path) == names.region
            and (email := each.get("serviceConfig", {}).get("serviceAccountEmail"))
        }
        if not used:
            return None
        earlier = names._replace(shared=True)
        roles = {path.rpartition("/")[2].removeprefix(f"{names.base}-") for path in self.functions}
        return names._replace(shared=bool(used & {earlier.email(role) for role in roles}))

    def uses(self, regions: list[str], bucket: str, *, maybe: bool) -> bool:
        """Whether this stage uses the bucket in these regions; where no function tells, as `maybe` says."""
        found = {bucket_of(each) for path, each in self.functions.items() if region_of(path) in regions}
        return bucket in found or (maybe and not found)

    def bucket_users(self, bucket: str) -> list[str]:
        """The functions of other services and stages that keep their models in the bucket."""
        return sorted(path.rpartition("/")[2] for path, f in self.strangers.items() if bucket_of(f) == bucket)

    def _held(self, region: str) -> str:
        kinds = Counter(
            {"functions": "function", "queues": "queue", "jobs": "schedule"}[path.split("/")[-2]]
            for path in (*self.functions, *self.beside)
            if region_of(path) == region
        )
        return ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in sorted(kinds.items()))


def region_of(path: str) -> str:
    """The region in the path of something regional."""
    return path.partition("/locations/")[2].partition("/")[0]


def bucket_of(function: Json) -> str | None:
    """The bucket in which a function keeps models; None for one that is not of this product."""
    settings = function.get("serviceConfig", {}).get("environmentVariables", {})
    found: str | None = settings.get(BUCKET_SETTING)
    return found


def parameters_of(functions: Mapping[str, Json]) -> str | None:
    """The parameters that a deployment keeps with its functions, as text; None where it keeps none."""
    settings = (each.get("serviceConfig", {}).get("environmentVariables", {}) for each in functions.values())
    return next((each[SETTING] for each in settings if SETTING in each), None)


def _choice(regions: list[str]) -> str:
    return " or ".join(f"--param region={region}" for region in regions)
