"""Queue, secret, topic, schedule and service accounts: to us all the same, a path that takes JSON."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from providers.google.deploying.access import Access
from providers.google.deploying.desired import GoogleResource, Grant, Json


class Resources:
    """Reads, makes, mends and deletes small resources."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def read(self, resource: GoogleResource) -> Json | None:
        """What is there; None without one."""
        found = self._access.rest_or_none("GET", resource.service, resource.path)
        if found is not None and resource.first:
            page = self._access.rest("GET", resource.service, f"{resource.path}/versions?pageSize=1")
            found["versions"] = [v for v in page.get("versions", []) if v.get("state") == "ENABLED"]
        return found

    def queues(self, region: str) -> list[str]:
        """The ids of a region's queues."""
        path = f"/v2/projects/{self._access.project}/locations/{region}/queues"
        return [each["name"].rpartition("/")[2] for each in self._pages("cloudtasks", path, "queues")]

    def regions(self, service: str, version: str) -> set[str]:
        """The regions in which an API keeps something."""
        path = f"/{version}/projects/{self._access.project}/locations"
        return {each["locationId"] for each in self._pages(service, path, "locations")}

    def _pages(self, service: str, path: str, what: str) -> Iterator[Json]:
        """Everything that a listing holds."""
        query = "pageSize=1000"
        while True:
            page = self._access.rest("GET", service, f"{path}?{query}")
            yield from page.get(what, [])
            if not page.get("nextPageToken"):
                return
            query = f"pageSize=1000&pageToken={page['nextPageToken']}"

    def create(self, resource: GoogleResource) -> None:
        """Make it; one that somebody else made in the meantime is as good."""
        from google.api_core.exceptions import Conflict

        method, path, body = resource.create
        with suppress(Conflict):
            self._access.rest(method, resource.service, path, body)
        self.complete(resource)

    def complete(self, resource: GoogleResource) -> None:
        """Post what belongs to a new resource once."""
        if resource.first:
            suffix, body = resource.first
            self._access.rest("POST", resource.service, resource.path + suffix, body)

    def patch(self, resource: GoogleResource) -> None:
        """Bring its fields to what they should be."""
        name = resource.path.split("/", 2)[2]
        path = f"{resource.path}?updateMask={','.join(sorted(resource.body))}"
        self._access.rest("PATCH", resource.service, path, {"name": name, **resource.body})

    def grants(self, resource: GoogleResource) -> frozenset[Grant]:
        """Who may do what with it."""
        return flat(self._policy(resource) or {})

    def grant(self, resource: GoogleResource) -> None:
        """Add the resource's grants to its policy; what others granted stays."""

        def once() -> None:
            policy = self._policy(resource) or {}
            for role, member in sorted(resource.grants - flat(policy)):
                policy.setdefault("bindings", []).append({"role": role, "members": [member]})
            path = f"{resource.path}:setIamPolicy"
            self._access.rest_once("POST", resource.service, path, {"policy": policy})

        # 409: another writer was between our reading and our writing.
        self._access.patiently(once, conflict_passes=True)

    def delete(self, resource: GoogleResource) -> None:
        """Delete it; one that is gone already is no error."""
        self._access.rest_or_none("DELETE", resource.service, resource.path)

    def _policy(self, resource: GoogleResource) -> Json | None:
        path = f"{resource.path}:getIamPolicy"
        if resource.service in {"secretmanager", "pubsub"}:
            return self._access.rest_or_none("GET", resource.service, path)
        return self._access.rest_or_none("POST", resource.service, path, {})


def flat(policy: Mapping[str, Any]) -> frozenset[Grant]:
    """A policy's bindings without conditions, as pairs."""
    return frozenset(
        (binding["role"], member)
        for binding in policy.get("bindings", [])
        if not binding.get("condition")
        for member in binding.get("members", [])
    )
