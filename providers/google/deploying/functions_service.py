"""Cloud Run functions (Cloud Functions v2): built, awaited, opened to their callers, deleted."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from providers.deploying.plan import DeploymentFailed, Progress
from providers.google.deploying.access import (
    BUSY,
    TIMEOUT,
    Access,
    is_new_agent,
    lacks_rights,
    one_line,
)
from providers.google.deploying.desired import CloudFunction, Json
from providers.google.deploying.policies import (
    INVOKER,
    WITH_CONDITIONS,
    Condition,
    Grant,
)
from providers.google.deploying.whereabouts import Whereabouts

if TYPE_CHECKING:
    from google.api_core.operation import Operation
    from google.cloud import functions_v2, run_v2

# Seconds after which a build that lacks rights is begun again: new grants are not known everywhere at once.
LATE_RIGHTS = (10.0, 20.0, 40.0, 80.0, 160.0)


class Callers(NamedTuple):
    """Who may call a function: `unchecked` when nobody's identity is asked for, and the grants."""

    unchecked: bool = False
    grants: frozenset[Grant] = frozenset()


class FunctionsService:
    """What is done to functions. A change begins with one call and is awaited with another.

    So all functions are built at the same time, and a build that an interrupted deploy began is waited for.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._changing: dict[str, Operation] = {}
        self._again: dict[str, Callable[[], None]] = {}

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
        self._again[config["name"]] = lambda: self.update(config, package)
        try:
            self._changing[config["name"]] = self._access.patiently(
                lambda: self._functions.create_function(request, timeout=TIMEOUT), patience=BUSY
            )
        except Conflict:
            # It is there: another deploy was quicker, or the answer to our first attempt was lost.
            self.update(config, package)

    def update(self, config: Json, package: bytes) -> None:
        """Upload the package and begin to update the function; while it is busy, wait for our turn."""
        # A key that is named no more is in the mask as well: only so is it taken away.
        mask = ["labels", "buildConfig", "serviceConfig", "kmsKeyName"]
        if "eventTrigger" in config:
            mask.append("eventTrigger")
        self._again[config["name"]] = lambda: self.update(config, package)
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
        begin_again = self._again.pop(path, None)
        for pause in LATE_RIGHTS:
            said = self._outcome(path, say)
            if said is None:
                return
            if begin_again is None or not (is_new_agent(said) or lacks_rights(said)):
                break
            say(f"could not build it yet: {said}; again in {pause:.0f} s")
            self._access.pause(pause)
            begin_again()
        else:
            said = self._outcome(path, say)
        if said is not None:
            raise DeploymentFailed(f"Google could not build {_short(path)}: {said}")

    def _outcome(self, path: str, say: Progress) -> str | None:
        """Why the function could not be built; None when it serves."""
        operation = self._changing.pop(path, None)
        for _ in self._access.turns(say, "building"):
            # Without an operation of ours, an earlier deploy began the build: its state tells.
            if operation is None:
                function = self._access.patiently(
                    lambda: self._functions.get_function(name=path, timeout=TIMEOUT)
                )
                if function.state.name == "ACTIVE":
                    return None
                if function.state.name == "FAILED":
                    said = "; ".join(message.message for message in function.state_messages)
                    return said or "no reason given"
            elif self._access.patiently(operation.done):
                error = operation.exception()
                return None if error is None else one_line(error)
        raise DeploymentFailed(f"{_short(path)} is still being built; deploy again to keep waiting")

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

    def callers(self, function: str) -> Callers:
        """Who may call the function, and who may do what with its service; nobody before there is one."""
        from google.api_core.exceptions import NotFound

        path = self._service(function)
        try:
            service = self._access.patiently(lambda: self._services.get_service(name=path, timeout=TIMEOUT))
            policy = self._access.patiently(lambda: self._policy(path))
        except NotFound:
            return Callers()
        return Callers(bool(service.invoker_iam_disabled), _grants(policy))

    def set_callers(self, function: CloudFunction, say: Progress) -> None:
        """Let these, and nobody else, invoke the function; other roles stay as they are.

        Everybody is let in by the invoker check being off, which companies that share with their own domains
        alone allow. Where that is refused, everybody is named in the policy.

        Raises:
            DeploymentFailed: when the organisation allows neither.
        """
        from google.api_core.exceptions import BadRequest, Forbidden

        if not function.public:
            self._grant_callers(function)
            self._check_callers(function.name, say, check=True)
            return
        try:
            self._check_callers(function.name, say, check=False)
        except (BadRequest, Forbidden) as refused:
            say(f"the invoker check cannot be turned off: {one_line(refused)}")
            try:
                self._grant_callers(function)
            except (BadRequest, Forbidden) as error:
                raise DeploymentFailed(
                    f"the organisation lets nobody open {function.name} to everybody: {one_line(refused)};"
                    f" {one_line(error)}: pass --param access=private --param invokers=…"
                ) from error

    def _check_callers(self, function: str, say: Progress, *, check: bool) -> None:
        """Have Cloud Run ask for callers' identity, or not."""
        from google.cloud import run_v2
        from google.protobuf.field_mask_pb2 import FieldMask

        path = self._service(function)

        def begin() -> "Operation | None":
            service = self._services.get_service(name=path, timeout=TIMEOUT)
            if bool(service.invoker_iam_disabled) is not check:
                return None
            service.invoker_iam_disabled = not check
            request = run_v2.UpdateServiceRequest(
                service=service, update_mask=FieldMask(paths=["invoker_iam_disabled"])
            )
            return self._services.update_service(request, timeout=TIMEOUT)

        operation = self._access.patiently(begin, conflict_passes=True)
        if operation is None:
            return
        for _ in self._access.turns(say, "setting who may call"):
            if self._access.patiently(operation.done):
                break
        if (error := operation.exception()) is not None:
            raise error

    def _grant_callers(self, function: CloudFunction) -> None:
        """Give the invoker's role to the function's callers alone."""
        from google.iam.v1 import policy_pb2

        resource = self._service(function.name)

        def once() -> None:
            policy = self._policy(resource)
            others = [binding for binding in policy.bindings if binding.role != INVOKER]
            ours = [
                policy_pb2.Binding(role=each.role, members=[each.member])
                for each in sorted(function.callers, key=str)
            ]
            fresh = policy_pb2.Policy(bindings=[*others, *ours], etag=policy.etag, version=WITH_CONDITIONS)
            self._services.set_iam_policy({"resource": resource, "policy": fresh}, timeout=TIMEOUT)

        self._access.patiently(once, conflict_passes=True)

    def _policy(self, resource: str) -> Any:  # noqa: ANN401 - a protobuf message
        request = {"resource": resource, "options": {"requested_policy_version": WITH_CONDITIONS}}
        return self._services.get_iam_policy(request, timeout=TIMEOUT)

    def _service(self, function: str) -> str:
        return f"{self._access.location}/services/{function}"


def _request(kind: str, document: Json) -> Any:  # noqa: ANN401 - one of the client's many request types
    """A request of the client, from the API's own JSON: an unknown field is an error, not lost."""
    from google.cloud import functions_v2

    return getattr(functions_v2, kind).from_json(json.dumps(document), ignore_unknown_fields=False)


def _grants(policy: Any) -> frozenset[Grant]:  # noqa: ANN401 - a protobuf message
    return frozenset(
        Grant(
            binding.role,
            member,
            Condition(binding.condition.title, binding.condition.expression)
            if binding.condition.expression
            else None,
        )
        for binding in policy.bindings
        for member in binding.members
    )


def _short(path: str) -> str:
    return path.rpartition("/")[2]
