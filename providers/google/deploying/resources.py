"""Queue, secret, topic, schedule, alarms and service accounts: to us all the same, a path that takes JSON."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from providers.google.deploying.access import Access
from providers.google.deploying.desired import GoogleResource, Json
from providers.google.deploying.key_records import KeyRecords
from providers.google.deploying.policies import WITH_CONDITIONS, Grant, changed, flat

# How each API is asked for a policy: with a query, or with a body.
_ASKED_BY_QUERY = {"secretmanager", "pubsub", "artifactregistry"}
_QUERY = f"options.requestedPolicyVersion={WITH_CONDITIONS}"


class Resources:
    """Reads, makes, mends and deletes small resources."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def read(self, resource: GoogleResource) -> Json | None:
        """What is there; None without one. What is not ours is not looked at."""
        if not resource.ours:
            return {}
        found = self._access.rest_or_none("GET", resource.service, resource.path)
        if found is not None and resource.holds_keys:
            # A version that somebody disabled is left so: it closes the service.
            page = self._access.rest("GET", resource.service, f"{resource.path}/versions?pageSize=1")
            found["versions"] = [v for v in page.get("versions", []) if v.get("state") != "DESTROYED"]
        return found

    def queues(self, region: str) -> list[str]:
        """The ids of a region's queues."""
        path = f"/v2/projects/{self._access.project}/locations/{region}/queues"
        return [each["name"].rpartition("/")[2] for each in self._access.pages("cloudtasks", path, "queues")]

    def regions(self, service: str, version: str) -> set[str]:
        """The regions in which an API keeps something."""
        path = f"/{version}/projects/{self._access.project}/locations"
        return {each["locationId"] for each in self._access.pages(service, path, "locations")}

    def create(self, resource: GoogleResource) -> None:
        """Make it; one that somebody else made in the meantime is as good."""
        from google.api_core.exceptions import Conflict

        method, path, body = resource.create
        with suppress(Conflict):
            made = self._access.rest(method, resource.service, path, body)
            self._await(resource, made)
        self.complete(resource)

    def _await(self, resource: GoogleResource, made: Json) -> None:
        """Wait for a resource that an operation makes."""
        if "/operations/" not in made.get("name", ""):
            return
        for _ in self._access.turns(lambda _: None, "creating"):
            if self._access.rest_or_none("GET", resource.service, resource.path) is not None:
                return

    def complete(self, resource: GoogleResource) -> None:
        """Give a new secret its first version."""
        if resource.holds_keys:
            KeyRecords(self._access, resource.path).begin()

    def patch(self, resource: GoogleResource) -> None:
        """Bring its fields to what they should be."""
        name, mask = resource.path.split("/", 2)[2], ",".join(sorted(resource.body))
        body = {"name": name, **resource.body}
        if resource.service == "pubsub":
            self._access.rest("PATCH", "pubsub", resource.path, {"topic": body, "updateMask": mask})
        else:
            self._access.rest("PATCH", resource.service, f"{resource.path}?updateMask={mask}", body)

    def grants(self, resource: GoogleResource) -> frozenset[Grant]:
        """Who may do what with it."""
        return flat((self._policy(resource) or {}).get("bindings", []))

    def grant(self, resource: GoogleResource) -> None:
        """Add the resource's grants to its policy; what others granted stays."""
        self._change(resource, resource.grants, ())

    def take_back(self, resource: GoogleResource) -> None:
        """Take the resource's grants out of its policy; what others granted stays."""
        self._change(resource, (), resource.grants)

    def _change(self, resource: GoogleResource, add: Collection[Grant], take: Collection[Grant]) -> None:
        def once() -> None:
            policy = self._policy(resource) or {}
            bindings = changed(policy.get("bindings", []), add, take)
            fresh = {**policy, "bindings": bindings, "version": WITH_CONDITIONS}
            path = f"{resource.path}:setIamPolicy"
            self._access.rest_once("POST", resource.service, path, {"policy": fresh})

        # 409: another writer was between our reading and our writing.
        self._access.patiently(once, conflict_passes=True)

    def delete(self, resource: GoogleResource) -> None:
        """Delete it; one that is gone already is no error."""
        self._access.rest_or_none("DELETE", resource.service, resource.path)

    def _policy(self, resource: GoogleResource) -> Json | None:
        path = f"{resource.path}:getIamPolicy"
        if resource.service in _ASKED_BY_QUERY:
            return self._access.rest_or_none("GET", resource.service, f"{path}?{_QUERY}")
        if resource.service == "iam":
            return self._access.rest_or_none("POST", "iam", f"{path}?{_QUERY}", {})
        options: dict[str, Any] = {"options": {"requestedPolicyVersion": WITH_CONDITIONS}}
        return self._access.rest_or_none("POST", resource.service, path, options)
