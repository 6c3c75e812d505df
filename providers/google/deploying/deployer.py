"""The verbs on Google Cloud."""

import importlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from providers.deploying import invocation
from providers.deploying.plan import DeploymentFailed, DeploymentRun, patiently
from providers.deploying.service import Service
from providers.google.deploying import packaging, planning
from providers.google.deploying.access import translated
from providers.google.deploying.control_plane import ControlPlane, ObservedProject
from providers.google.deploying.desired import Desired, bucket_name, desired
from providers.google.deploying.names import GoogleNames, names_of
from providers.google.deploying.settings import INGRESS, GoogleSettings, settings_of
from providers.google.deploying.whereabouts import Whereabouts, bucket_of, parameters_of

PATIENCE = 60.0


class GoogleDeployer:
    """See `providers.deploying.plan.Deployer`."""

    def __init__(self, service: Service, env: Mapping[str, str], cloud: ControlPlane | None = None) -> None:
        self._service = service
        self._env = env
        self._names = names_of(service)
        self._known: set[str] = set()
        self._cloud = cloud or ControlPlane(self._names.project, self._names.region, env)

    @property
    def place(self) -> str:
        """Project and region."""
        return f"google project {self._names.project}, {self._names.region}"

    def package(self) -> list[str]:
        """Build the zips."""
        self._check()
        return list(packaging.build(self._service).values())

    def deploy(self, run: DeploymentRun) -> None:
        """Package, observe, plan, apply, and see that the endpoint answers."""
        settings = self._check()
        zips = {
            self._names.function(name): packaging.read(path)
            for name, path in packaging.build(self._service).items()
        }
        with translated():
            should, now = self._look()
            named = bool(self._service.provider.get("bucket"))
            planning.refuse_deploy(should, now, bucket_named=named)
            kept = parameters_of(now.whereabouts.of(should.region))
            back = self._service.parameters.going_back(kept)
            for line in [*now.whereabouts.also_in(should.names), *back]:
                run.say(line)
            run.apply(planning.plan_deploy(should, zips, now), self._cloud)
            if not run.dry:
                self._check_alive(run, settings)

    def _check(self) -> GoogleSettings:
        """The parameters; one that cannot be ends it before the packages."""
        desired(self._service, self._names, "checked")
        return settings_of(self._service)

    def remove(self, run: DeploymentRun) -> None:
        """Delete everything, after printing it and asking; what other regions use stays."""
        with translated():
            should, now = self._look()
            # While functions run elsewhere, what is shared stays anyway: nothing else need be looked for.
            if not (now.whereabouts.unseen or now.whereabouts.elsewhere(should.region)):
                beside = self._cloud.beside(should)
                now = now._replace(whereabouts=now.whereabouts._replace(beside=beside))
            planning.refuse_removal(should, now)
            if not now.functions:
                alarms = _left(run, lambda: self._cloud.monitoring.read(should.alarms.owner))
                dashboards = _left(run, lambda: self._cloud.dashboards.read(should.dashboard.owner))
                now = now._replace(alarms=alarms or {}, dashboards=dashboards or ())
            kept = planning.kept_by_others(should, now)
            steps = planning.plan_remove(should, now, kept)
            if not steps:
                run.say("nothing to remove in any region")
                return
            for line in kept.notices:
                run.say(line)
            run.apply_if_agreed(steps, self._cloud, self._lost(should, now, kept))

    def _lost(self, should: Desired, now: ObservedProject, kept: planning.KeptByOthers) -> str:
        """What is deleted with the bucket and nothing could bring back; empty where that is nothing."""
        bucket = should.bucket.name
        if bucket in kept.names or not now.bucket:
            return ""
        held = self._cloud.bucket.held(bucket)
        return f"the bucket {bucket} holds {held}" if held else ""

    def info(self) -> dict[str, str]:
        """Endpoint, functions and bucket."""
        with translated():
            where = self._cloud.functions.labelled(self._names.owner)
        found = where.of(self._names.region)
        if not found:
            raise DeploymentFailed(f"nothing is deployed to {self.place}{where.hint(self._names.region)}")
        buckets = {name for each in found.values() if (name := bucket_of(each)) is not None}
        facts = {"place": self.place, "bucket": ", ".join(sorted(buckets))}
        for path, function in sorted(found.items()):
            name = path.rpartition("/")[2].removeprefix(f"{self._names.base}-")
            facts[name] = f"{function.get('state', '?')}  {function.get('serviceConfig', {}).get('uri', '')}"
        if (uri := _uri(found, self._names.base, "api")) is not None:
            facts["endpoint"] = uri
        if others := where.elsewhere(self._names.region):
            facts["also in"] = where.described(others)
        return facts

    def invoke(self, function: str, event: object) -> object:
        """Call the function over HTTP: the api with the key in ML_KEY, a private one as who deploys."""
        self._service.function(function)
        with translated():
            where = self._cloud.functions.labelled(self._names.owner)
            uri = _uri(where.of(self._names.region), self._names.base, function)
            if uri is None:
                raise self._missing(function, where)
            if function == "api":
                call = invocation.http_call(event)
                self._add_key(call.headers, uri)
            else:
                call = _event_call(function, event)
                call.headers.update(self._cloud.access.identity_header(uri))
            status, headers, body = self._cloud.access.http(
                call.method, uri + call.target, call.headers, call.body
            )
        return invocation.answer(event, status, headers, body)

    def invoke_local(self, function: str, event: object) -> object:
        """Call the handler in this process, on the folder store."""
        from providers.google.deploying.local_call import call_handler

        os.environ["IS_LOCAL"] = "true"
        module, _, attribute = self._service.function(function).handler.rpartition(".")
        handler = getattr(importlib.import_module(module), attribute)
        return call_handler(handler, function, event)

    def logs(self, function: str, since: float) -> Iterator[str]:
        """The function's log lines."""
        self._service.function(function)
        named = f"{self._names.base}-{function}"
        with translated():
            for entry in self._cloud.log_entries(named, datetime.fromtimestamp(since, UTC).isoformat()):
                self._known.add(function)
                yield _log_line(entry)
            # Whoever follows a log asks again and again: one look is enough.
            if function not in self._known:
                self._expect(function)
                self._known.add(function)

    def _expect(self, function: str) -> None:
        """The function is deployed to this region; whoever may read logs alone need not know.

        Raises:
            DeploymentFailed: when it is not; it says where it is.
        """
        from google.api_core.exceptions import Forbidden

        try:
            where = self._cloud.functions.labelled(self._names.owner)
        except Forbidden:
            return
        path = f"{self._names.location}/functions/{self._names.base}-{function}"
        if path not in where.of(self._names.region):
            raise self._missing(function, where)

    def _missing(self, function: str, where: Whereabouts) -> DeploymentFailed:
        return DeploymentFailed(f"{function} is not deployed to {self.place}{where.hint(self._names.region)}")

    def _look(self) -> tuple[Desired, ObservedProject]:
        existing = self._cloud.resources.queues(self._names.region)
        queue = planning.queue_name(self._names.base, existing, int(time.time()))
        where = self._cloud.functions.labelled(self._names.owner)
        names = self._named(where)
        addresses = where.addresses(names.function("api"), bucket_name(self._service, names))
        should = desired(self._service, names, queue, addresses)
        return should, self._cloud.observe(should, where)

    def _named(self, where: Whereabouts) -> GoogleNames:
        """What is deployed keeps its names, also when only its secret is left of it."""
        where.of(self._names.region)
        if (used := where.names_in_use(self._names)) is not None:
            return used
        earlier = self._names._replace(shared=True)
        if where.sharing(earlier) or not self._cloud.is_ours(earlier):
            return self._names
        return earlier

    def _add_key(self, headers: dict[str, str], uri: str) -> None:
        """Bring the key of ML_KEY, and where Cloud Run asks for it an identity beside it."""
        key = self._env.get("ML_KEY")
        if settings_of(self._service).private:
            headers.update(self._cloud.access.identity_header(uri))
            if key:
                headers.setdefault("x-api-key", key)
        elif key and "x-api-key" not in headers:
            headers.setdefault("authorization", f"Bearer {key}")

    def _check_alive(self, run: DeploymentRun, settings: GoogleSettings) -> None:
        """The api answers its health check; a new address takes a moment to be known."""
        found = self._cloud.functions.labelled(self._names.owner).of(self._names.region)
        uri = _uri(found, self._names.base, "api")
        if uri is None:
            raise DeploymentFailed("the api function has no address: deploy again")
        if settings.private or settings.ingress != INGRESS["all"]:
            run.say(f"{uri} is not open to everybody, so it was not called")
            return

        def once() -> None:
            status, _, body = self._cloud.access.http("GET", f"{uri}/v2/health/live", {}, b"")
            if status != 200:
                raise DeploymentFailed(
                    f"the health check of {uri} failed: expected HTTP 200, got {status} {body[:200]!r}"
                )

        patiently(once, lambda _: 0.0, patience=PATIENCE)
        run.say(f"{uri} answers")


def deployer(service: Service, env: Mapping[str, str]) -> GoogleDeployer:
    """The deployer of a service."""
    return GoogleDeployer(service, env)


def _left[Found](run: DeploymentRun, read: Callable[[], Found]) -> Found | None:
    """What no function tells of any more; whoever may not look is told so and goes on."""
    try:
        return read()
    except DeploymentFailed as error:
        run.say(f"{error}; those of this stage, if there are any, stay")
        return None


def _uri(functions: Mapping[str, Any], base: str, function: str) -> str | None:
    for path, found in functions.items():
        if path.endswith(f"/functions/{base}-{function}"):
            uri = found.get("serviceConfig", {}).get("uri") or found.get("url")
            return str(uri).rstrip("/") if uri else None
    return None


def _event_call(function: str, event: object) -> invocation.HttpCall:
    """The request by which a private function takes an event: JSON, for the sweep a CloudEvent."""
    headers = {"content-type": "application/json"}
    if function == "sweep":
        headers |= {
            "ce-id": "invoke",
            "ce-source": "//serverless-ml/invoke",
            "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
            "ce-specversion": "1.0",
        }
    return invocation.HttpCall("POST", "/", headers, json.dumps(event).encode())


def _log_line(entry: Mapping[str, Any]) -> str:
    text = entry.get("textPayload")
    if text is None:
        text = json.dumps(entry.get("jsonPayload") or entry.get("protoPayload") or {}, ensure_ascii=False)
    return f"{entry.get('timestamp', '')} {entry.get('severity', 'DEFAULT'):<7} {text}"
