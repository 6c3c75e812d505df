"""Cloud Run functions (Cloud Functions v2): built, awaited, opened to their callers, deleted."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from providers.deploying.plan import DeploymentFailed, Progress
from providers.google.deploying.access import BUSY, TIMEOUT, Access, one_line
from providers.google.deploying.desired import INVOKER, CloudFunction, Grant, Json
from providers.google.deploying.whereabouts import Whereabouts

if TYPE_CHECKING:
    from google.api_core.operation import Operation
    from google.cloud import functions_v2, run_v2


class FunctionsService:
    """What is done to functions. A change begins with one call and is awaited with another.

    So all functions are built at the same time, and a build that an interrupted deploy began is waited for.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._changing: dict[str, Operation] = {}

    @cached_property
    def _functions(self) -> "functions_v2.FunctionServiceClient":
        from google.cloud import functions_v2

        access = self._access
        return functions_v2.FunctionServiceClient(
            transport="rest", credentials=access.credentials, client_options=access.options("cloudfunctions")
        )

    @cached_property
    def _services(self) -> "run_v2.ServicesClient":
        from google.cloud import run_v2

        access = self._access
        return run_v2.ServicesClient(
            transport="rest", credentials=access.credentials, client_options=access.options("run")
        )

    def labelled(self, labels: Mapping[str, str]) -> Whereabouts:
        """The functions of every region that carry the labels, and the project's other ones."""
        from google.cloud import functions_v2
        from google.protobuf.json_format import MessageToDict

        parent = f"projects/{self._access.project}/locations/-"
        # The pager itself keeps the last page's `unreachable` alone.
        pages = self._access.patiently(
            lambda: list(self._functions.list_functions(parent=parent, timeout=TIMEOUT).pages)
        )
        ours: dict[str, Json] = {}
        strangers: dict[str, Json] = {}
        for function in (each for page in pages for each in page.functions):
            kind = ours if labels.items() <= dict(function.labels).items() else strangers
            kind[function.name] = MessageToDict(functions_v2.Function.pb(function))
        unseen = {place.rpartition("/")[2] for page in pages for place in page.unreachable}
        return Whereabouts(ours, strangers, frozenset(unseen))

    def find(self, path: str) -> Json | None:
        """One function, as the API's own JSON; None without one."""
        from google.api_core.exceptions import NotFound
        from google.cloud import functions_v2
        from google.protobuf.json_format import MessageToDict

        try:
            function = self._access.patiently(
                lambda: self._functions.get_function(name=path, timeout=TIMEOUT)
            )
        except NotFound:
            return None
        found: Json = MessageToDict(functions_v2.Function.pb(function))
        return found

    def create(self, config: Json, package: bytes) -> None:
        """Upload the package and begin to create the function."""
        from google.api_core.exceptions import Conflict

        parent, _, name = config["name"].rpartition("/functions/")
        body = {"parent": parent, "functionId": name, "function": self._with_source(config, package)}
        request = _request("CreateFunctionRequest", body)
        try:
            self._changing[config["name"]] = self._access.patiently(
                lambda: self._functions.create_function(request, timeout=TIMEOUT)
            )
        except Conflict:
            # It is there: another deploy was quicker, or the answer to our first attempt was lost.
            self.update(config, package)

    def update(self, config: Json, package: bytes) -> None:
        """Upload the package and begin to update the function; while it is busy, wait for our turn."""
        mask = ["labels", "buildConfig", "serviceConfig"]
        if "eventTrigger" in config:
            mask.append("eventTrigger")
        body = {"function": self._with_source(config, package), "updateMask": ",".join(mask)}
        request = _request("UpdateFunctionRequest", body)
        self._changing[config["name"]] = self._access.patiently(
            lambda: self._functions.update_function(request, timeout=TIMEOUT),
            conflict_passes=True,
            patience=BUSY,
        )

    def recreate(self, config: Json, package: bytes, say: Progress) -> None:
        """Wait until a function that is being deleted is gone, then create it."""
        from google.api_core.exceptions import NotFound

        for _ in self._access.turns(say, "still being deleted"):
            try:
                self._functions.get_function(name=config["name"], timeout=TIMEOUT)
            except NotFound:
                return self.create(config, package)
        raise DeploymentFailed(f"{_short(config['name'])} is still being deleted; deploy again later")

    def _with_source(self, config: Json, package: bytes) -> Json:
        """Upload the zip; the function's JSON that names it."""
        body = {"parent": config["name"].rpartition("/functions/")[0], "environment": "GEN_2"}
        request = _request("GenerateUploadUrlRequest", body)
        target = self._access.patiently(lambda: self._functions.generate_upload_url(request, timeout=TIMEOUT))
        self._access.upload(target.upload_url, package)
        stored = target.storage_source
        place: Json = {"bucket": stored.bucket, "object": stored.object_}
        if stored.generation:
            place["generation"] = str(stored.generation)
        return {**config, "buildConfig": {**config["buildConfig"], "source": {"storageSource": place}}}

    def wait(self, path: str, say: Progress) -> None:
        """Wait until the function is built and serves.

        Raises:
            DeploymentFailed: with Google's reason, when it could not be built.
        """
        operation = self._changing.pop(path, None)
        for _ in self._access.turns(say, "building"):
            # Without an operation of ours, an earlier deploy began the build: its state tells.
            if operation is None and self._serves(path):
                return
            if operation is not None and self._access.patiently(operation.done):
                if (error := operation.exception()) is not None:
                    raise DeploymentFailed(f"Google could not build {_short(path)}: {one_line(error)}")
                return
        raise DeploymentFailed(f"{_short(path)} is still being built; deploy again to keep waiting")

    def _serves(self, path: str) -> bool:
        """Whether the function is active; raises when it failed."""
        function = self._access.patiently(lambda: self._functions.get_function(name=path, timeout=TIMEOUT))
        if function.state.name == "FAILED":
            said = "; ".join(message.message for message in function.state_messages) or "no reason given"
            raise DeploymentFailed(f"Google could not build {_short(path)}: {said}")
        return bool(function.state.name == "ACTIVE")

    def delete(self, path: str, say: Progress) -> None:
        """Delete the function and wait until it is gone."""
        from google.api_core.exceptions import NotFound

        try:
            operation = self._access.patiently(
                lambda: self._functions.delete_function(name=path, timeout=TIMEOUT),
                conflict_passes=True,
                patience=BUSY,
            )
        except NotFound:
            return
        for _ in self._access.turns(say, "deleting"):
            if self._access.patiently(operation.done):
                break
        if (error := operation.exception()) is not None:
            raise DeploymentFailed(f"Google could not delete {_short(path)}: {one_line(error)}")

    def callers(self, function: str) -> frozenset[Grant]:
        """Who may do what with the function's service; nobody before there is one."""
        from google.api_core.exceptions import NotFound

        request = {"resource": self._service(function)}
        try:
            policy = self._access.patiently(lambda: self._services.get_iam_policy(request, timeout=TIMEOUT))
        except NotFound:
            return frozenset()
        return frozenset((binding.role, member) for binding in policy.bindings for member in binding.members)

    def set_callers(self, function: CloudFunction) -> None:
        """Let these, and nobody else, invoke the function; other roles stay as they are."""
        from google.iam.v1 import policy_pb2

        resource = self._service(function.name)

        def once() -> None:
            policy = self._services.get_iam_policy({"resource": resource}, timeout=TIMEOUT)
            others = [binding for binding in policy.bindings if binding.role != INVOKER]
            ours = [policy_pb2.Binding(role=role, members=[who]) for role, who in sorted(function.callers)]
            fresh = policy_pb2.Policy(bindings=[*others, *ours], etag=policy.etag, version=policy.version)
            self._services.set_iam_policy({"resource": resource, "policy": fresh}, timeout=TIMEOUT)

        self._access.patiently(once, conflict_passes=True)

    def _service(self, function: str) -> str:
        return f"{self._access.location}/services/{function}"


def _request(kind: str, document: Json) -> Any:  # noqa: ANN401 - one of the client's many request types
    """A request of the client, from the API's own JSON: an unknown field is an error, not lost."""
    from google.cloud import functions_v2

    return getattr(functions_v2, kind).from_json(json.dumps(document), ignore_unknown_fields=False)


def _short(path: str) -> str:
    return path.rpartition("/")[2]
