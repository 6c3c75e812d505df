"""What a plan's steps act on: Google Cloud's management APIs for one project and region."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from providers.google.deploying.access import Access
from providers.google.deploying.desired import Desired, Grant, Json
from providers.google.deploying.functions_service import FunctionsService
from providers.google.deploying.model_bucket import ModelBucket
from providers.google.deploying.resources import Resources


class Observed(NamedTuple):
    """What is there.

    `resources` by path, None for one that is missing; `grants` by a resource's or function's path or the
    bucket's name; `functions` by path: every one that carries our labels.
    """

    resources: Mapping[str, Json | None]
    grants: Mapping[str, frozenset[Grant]]
    bucket: Json | None
    functions: Mapping[str, Json]


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

    def observe(self, should: Desired) -> Observed:
        """Read everything that `should` speaks of, at once: a deploy that changes nothing is quick."""
        resources = [*should.resources, *should.schedules]
        with ThreadPoolExecutor(8) as pool:
            bucket = pool.submit(self.bucket.read, should.bucket)
            functions = pool.submit(self.functions.labelled, should.labels)
            found = {each.path: pool.submit(self.resources.read, each) for each in resources}
            grants = {
                each.path: pool.submit(self.resources.grants, each) for each in resources if each.grants
            }
            callers = {each.path: pool.submit(self.functions.callers, each.name) for each in should.functions}
            data = {each.name: pool.submit(self.bucket.grants, each.name) for each in should.data}
            settings, granted = bucket.result()
            return Observed(
                {path: future.result() for path, future in found.items()},
                {path: future.result() for path, future in (grants | callers | data).items()}
                | {should.bucket.name: granted},
                settings,
                functions.result(),
            )

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
