"""What a plan's steps act on: Google Cloud's management APIs for one project and region."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from providers.deploying.plan import DeploymentFailed
from providers.google.deploying.access import Access, one_line
from providers.google.deploying.alarms import Monitoring
from providers.google.deploying.dashboards import Dashboards
from providers.google.deploying.desired import ALARMS, DASHBOARD, Desired, Json, is_queue_of
from providers.google.deploying.functions_service import Callers, FunctionsService
from providers.google.deploying.model_bucket import ModelBucket
from providers.google.deploying.names import GoogleNames
from providers.google.deploying.policies import Grant
from providers.google.deploying.resources import Resources
from providers.google.deploying.whereabouts import Whereabouts


class ObservedProject(NamedTuple):
    """What is there.

    `resources` by path, None for one that is missing; `grants` by a resource's path or the bucket's name;
    `functions` by path: every one of the region that carries our labels; `callers` by a function's path;
    `whereabouts`: the other regions; `alarms` by their labels.
    """

    resources: Mapping[str, Json | None]
    grants: Mapping[str, frozenset[Grant]]
    bucket: Json | None
    functions: Mapping[str, Json]
    whereabouts: Whereabouts = Whereabouts({})
    callers: Mapping[str, Callers] = {}
    alarms: Mapping[str, Json] = {}
    dashboards: Sequence[Json] = ()


class ControlPlane:
    """The management APIs, by what they manage."""

    def __init__(
        self,
        project: str,
        region: str,
        env: Mapping[str, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.access = Access(project, region, env, sleep=sleep)
        self.resources = Resources(self.access)
        self.bucket = ModelBucket(self.access)
        self.functions = FunctionsService(self.access)
        self.monitoring = Monitoring(self.access)
        self.dashboards = Dashboards(self.access)

    def observe(self, should: Desired, whereabouts: Whereabouts) -> ObservedProject:
        """Read everything that `should` speaks of, at once: a deploy that changes nothing is quick."""
        resources = [*should.resources, *should.schedules]
        with ThreadPoolExecutor(8) as pool:
            bucket = pool.submit(self.bucket.read, should.bucket)
            found = {each.path: pool.submit(self.resources.read, each) for each in resources}
            grants = {
                each.path: pool.submit(self.resources.grants, each) for each in resources if each.grants
            }
            callers = {each.path: pool.submit(self.functions.callers, each.name) for each in should.functions}
            data = {each.name: pool.submit(self.bucket.grants, *each[:2]) for each in should.data}
            settings, granted = bucket.result()
            return ObservedProject(
                {path: future.result() for path, future in found.items()},
                {path: future.result() for path, future in (grants | data).items()}
                | {should.bucket.name: granted},
                settings,
                whereabouts.of(should.region),
                whereabouts,
                {path: future.result() for path, future in callers.items()},
                self._alarms(should, whereabouts),
                self._dashboards(should, whereabouts),
            )

    def _alarms(self, should: Desired, whereabouts: Whereabouts) -> Mapping[str, Json]:
        """The alarms; whoever neither wants nor has any needs no right to look."""
        labels = [function.get("labels") or {} for function in whereabouts.of(should.region).values()]
        if should.alarms.wanted or any(ALARMS in each for each in labels):
            return self.monitoring.read(should.alarms.owner)
        return {}

    def _dashboards(self, should: Desired, whereabouts: Whereabouts) -> Sequence[Json]:
        """The dashboard, where one is wanted or there."""
        labels = [function.get("labels") or {} for function in whereabouts.of(should.region).values()]
        if should.dashboard.body or any(DASHBOARD in each for each in labels):
            return self.dashboards.read(should.dashboard.owner)
        return ()

    def is_ours(self, names: GoogleNames) -> bool:
        """Whether there is a secret of that name and it is this service's and stage's."""
        path = f"/v1/projects/{names.project}/secrets/{names.secret}"
        found = self.access.rest_or_none("GET", "secretmanager", path)
        return found is not None and names.owner.items() <= (found.get("labels") or {}).items()

    def beside(self, should: Desired) -> frozenset[str]:
        """The paths of our queues and schedules, in every region: they carry no labels, so by their names.

        Raises:
            DeploymentFailed: when a region cannot be looked at.
        """
        here = {should.region}
        with ThreadPoolExecutor(8) as pool:
            queues = pool.submit(self.resources.regions, "cloudtasks", "v2")
            schedules = pool.submit(self.resources.regions, "cloudscheduler", "v1")
            # A region that fails cancels what was not begun.
            found = [
                *pool.map(lambda region: self._queues(should, region), sorted(queues.result() | here)),
                *pool.map(lambda region: self._schedules(should, region), sorted(schedules.result() | here)),
            ]
        return frozenset(path for paths in found for path in paths)

    def _queues(self, should: Desired, region: str) -> list[str]:
        with _looking("queues", region):
            names = self.resources.queues(region)
        place = f"projects/{should.project}/locations/{region}"
        return [f"{place}/queues/{name}" for name in names if is_queue_of(should.base, name)]

    def _schedules(self, should: Desired, region: str) -> list[str]:
        place = f"projects/{should.project}/locations/{region}"
        there = [
            each._replace(path=each.path.replace(should.location, place, 1)) for each in should.schedules
        ]
        with _looking("schedules", region):
            return [each.path.split("/", 2)[2] for each in there if self.resources.read(each) is not None]

    def log_entries(self, function: str, since: str) -> Iterator[Json]:
        """A function's log entries since a time (RFC 3339), oldest first, as the API's own JSON."""
        query = (
            f'resource.type="cloud_run_revision" AND resource.labels.service_name="{function}"'
            f' AND resource.labels.location="{self.access.region}" AND timestamp>="{since}"'
        )
        body: Json = {
            "resourceNames": [f"projects/{self.access.project}"],
            "filter": query,
            "orderBy": "timestamp asc",
            "pageSize": 1000,
        }
        while True:
            page = self.access.rest("POST", "logging", "/v2/entries:list", body)
            yield from page.get("entries", [])
            if not page.get("nextPageToken"):
                return
            body = {**body, "pageToken": page["nextPageToken"]}


@contextmanager
def _looking(what: str, region: str) -> Iterator[None]:
    """Say in which region a look failed."""
    from google.api_core.exceptions import GoogleAPICallError

    try:
        yield
    except GoogleAPICallError as error:
        raise DeploymentFailed(f"cannot list the {what} in {region}: {one_line(error)}") from error
