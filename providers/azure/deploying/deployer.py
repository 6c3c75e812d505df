"""The verbs on Azure."""

import importlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from providers.azure.deploying import packaging
from providers.azure.deploying.cloud import Azure, Site
from providers.azure.deploying.finding import Deployment, find
from providers.azure.deploying.options import options_of
from providers.azure.deploying.planning import (
    Package,
    Wanted,
    app_of,
    apps_of,
    check_before_building,
    is_http,
    look_closer,
    observe,
    own_tags,
    package_at,
    plan,
    shape_of,
    until,
)
from providers.azure.deploying.template import template
from providers.azure.runtime.names import CONTAINER, Names, names
from providers.deploying import invocation
from providers.deploying.graphs import runs_graphs
from providers.deploying.parameters import SETTING
from providers.deploying.plan import DeploymentFailed, DeploymentRun, Step
from providers.deploying.service import Function, Service

READY = "/v2/health/ready"


class AzureDeployer:
    """See `providers.deploying.plan.Deployer`."""

    def __init__(self, service: Service, azure: Azure, first: Names, key: str = "") -> None:
        self._service, self._azure, self._first, self._key = service, azure, first, key
        shape_of(service, first)  # what cannot be is refused before anything is packaged
        self._tags = own_tags(service)

    @property
    def place(self) -> str:
        """Where it all goes: as Azure says when it is there, as the service says before."""
        found = self._find()
        group, location = (
            (found.group.name, found.location)
            if found
            else (self._first.group, self._service.provider["location"])
        )
        return f"azure, subscription {self._azure.subscription}, resource group {group} in {location}"

    def package(self) -> list[str]:
        """Build each app's zip; their paths."""
        return [package.path for package in self._packages().values()]

    def deploy(self, run: DeploymentRun) -> None:
        """Bring Azure to what the service says, then see that its endpoint answers."""
        observed = observe(self._azure, self._first, self._tags, apps_of(self._service))
        shape = shape_of(self._service, observed.names(self._first))
        wanted = Wanted(shape, template(shape), {})
        check_before_building(self._azure, wanted, observed)
        if observed.deployment is not None:
            kept = self._azure.settings(shape.names.group, shape.names.app("api")) or {}
            for line in self._service.parameters.going_back(kept.get(SETTING)):
                run.say(line)
        wanted = wanted._replace(packages=self._packages())
        run.apply(plan(wanted, look_closer(self._azure, wanted, observed)), self._azure)
        if not run.dry:
            self._check_endpoint(run)

    def remove(self, run: DeploymentRun) -> None:
        """Delete the resource group and so everything in it, after printing it and asking."""
        found = self._find()
        if found is None:
            run.say(
                f"nothing to remove: the subscription {self._azure.subscription} has no resource group "
                f"{self._first.group}"
            )
            return
        name = found.group.name
        step: Step[Azure] = Step(
            f"delete the resource group {name} and everything in it",
            lambda azure, progress: azure.delete_group(name, progress),
        )
        run.say(
            "kept: what the apps' identities were given in other groups is void with them; Azure keeps a "
            "deleted log workspace for 14 days, free of charge"
        )
        run.apply_if_agreed([step], self._azure, self._lost(found))

    def _lost(self, found: Deployment) -> str:
        """What may go with the group and nothing could bring back; empty where its storage was seen empty."""
        name = found.group.name
        holding = [account for account in found.accounts if not self._known_empty(name, account)]
        if holding:
            return f"the container {CONTAINER} of {' and of '.join(holding)} may hold models or uploads"
        if not found.accounts:
            return f"the resource group {name} has no storage account, so whether it has models is not known"
        return ""

    def _known_empty(self, group: str, account: str) -> bool:
        prefixes = "models/", "datasets/"
        return all(self._azure.known_empty(group, account, CONTAINER, prefix) for prefix in prefixes)

    def info(self) -> dict[str, str]:
        """What is deployed."""
        found = self._find()
        if found is None:
            return {"resource group": f"{self._first.group} (not deployed)"}
        names_ = found.names
        site = self._azure.site(names_.group, names_.app("api"))
        facts = {
            "resource group": found.group.name,
            "location": found.location,
            "endpoint": site.url if site else "(not deployed)",
            "storage account": f"{names_.storage}, container {CONTAINER}",
        }
        for app in apps_of(self._service):
            name = names_.app(app)
            facts[f"app {app}"] = f"{name}: {', '.join(self._azure.functions(names_.group, name)) or '-'}"
        return facts

    def invoke(self, function: str, event: object) -> object:
        """Call the endpoint as the event says; a schedule's function is started and not waited for."""
        found = self._service.function(function)
        if runs_graphs(found):
            raise DeploymentFailed(
                f"{function} answers api and train alone: predict with a model that was imported instead"
            )
        if is_http(found):
            return self._call_http(invocation.http_call(event), event)
        if any("queue" in each for each in found.settings["events"]):
            # The queue's function answers nobody: a training is asked for, and waited for, over REST.
            return self._call_http(training_call(event), event)
        return self._start(found)

    def _call_http(self, call: invocation.HttpCall, event: object) -> object:
        """Send a request to the endpoint, with the key in ML_KEY."""
        if self._key:
            call.headers.setdefault("authorization", f"Bearer {self._key}")
        url = self._site(self._there(), "api").url + call.target
        status, headers, body = self._azure.call(call.method, url, call.headers, call.body)
        if not status:
            raise DeploymentFailed(body.decode())
        return invocation.answer(event, status, headers, body)

    def _start(self, function: Function) -> object:
        """Have the host run a function, with the app's master key."""
        app, names_ = app_of(function), self._there()
        _, master = self._azure.host_keys(names_.group, names_.app(app))
        headers = {"content-type": "application/json", "x-functions-key": master}
        url = f"{self._site(names_, app).url}/admin/functions/{function.name}"
        status, _, answer = self._azure.call("POST", url, headers, b'{"input": ""}')
        if status != 202:
            raise DeploymentFailed(
                f"{function.name} was not started: expected HTTP 202, got {status} {answer[:200]!r}"
            )
        return {"started": function.name}

    def _find(self) -> Deployment | None:
        return find(self._azure, self._first, self._tags)

    def _there(self) -> Names:
        """What the deployment's resources are called; refused when there is none."""
        found = self._find()
        if found is None:
            raise DeploymentFailed(
                f"{self._service.name} is not deployed: the subscription {self._azure.subscription} has no "
                f"resource group {self._first.group}; run `serverless deploy` first"
            )
        return found.names

    def _site(self, names_: Names, app: str) -> Site:
        site = self._azure.site(names_.group, names_.app(app))
        if site is None:
            raise DeploymentFailed(f"{app} is not deployed to {self.place}: run `serverless deploy` first")
        return site

    def invoke_local(self, function: str, event: object) -> object:
        """Call the handler in this process, on the folder store."""
        from providers.azure.deploying.local_call import call_handler

        os.environ["IS_LOCAL"] = "true"
        found = self._service.function(function)
        return call_handler(importlib.import_module(found.handler.rpartition(".")[0]), found, event)

    def logs(self, function: str, since: float) -> Iterator[str]:
        """A function's lines in Application Insights, oldest first."""
        names_ = self._there()
        app = names_.app(app_of(self._service.function(function)))
        insights = self._azure.output(names_.group, "insights")
        if insights is None:
            raise DeploymentFailed(f"{function} is not deployed: run `serverless deploy` first")
        for moment, message in self._azure.query(insights, logs_query(app, function, since)):
            yield f"{moment} {message}"

    def _packages(self) -> dict[str, Package]:
        built = packaging.build(self._service, apps_of(self._service))
        return {app: package_at(path) for app, path in built.items()}

    def _check_endpoint(self, run: DeploymentRun) -> None:
        url = self._site(self._there(), "api").url + READY
        # From outside, a closed app answers 403, or has no address at all.
        if options_of(self._service).internal and self._azure.call("GET", url)[0] in {0, 403}:
            run.say(f"{url} answers only in your network (ingress=internal): it was not checked from here")
            return
        until(
            self._azure,
            lambda message: run.say(message),  # noqa: PLW0108 - `say` names its argument otherwise
            f"{url} to answer",
            lambda: self._azure.call("GET", url)[0] == 200,
        )


def deployer(service: Service, env: Mapping[str, str]) -> AzureDeployer:
    """The deployer of a service, as the verbs ask for it.

    Raises:
        DeploymentFailed: when nothing says which subscription, or Azure would refuse its id or a name.
    """
    subscription = str(service.provider.get("subscription") or "")
    if not subscription:
        raise DeploymentFailed(
            "no Azure subscription: set AZURE_SUBSCRIPTION_ID or pass --param subscription=<id>"
        )
    group = str(service.provider.get("resourceGroup") or f"{service.name}-{service.stage}")
    _check_places(subscription, group)
    names_ = names(service.name, service.stage, subscription, group=group)
    return AzureDeployer(service, Azure(subscription, env), names_, env.get("ML_KEY", ""))


def _check_places(subscription: str, group: str) -> None:
    """What Resource Manager would refuse, said before anything is packaged."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", subscription):
        raise DeploymentFailed(
            "subscription: expected a subscription's id (`az account show --query id`), "
            f"got {subscription[:80]!r}"
        )
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_().-]{0,88}[A-Za-z0-9_()-])?", group):
        raise DeploymentFailed(
            "resourceGroup: expected 1 to 90 letters, digits and - _ . ( ), a letter or digit first and no "
            f"dot last, got {group[:100]!r} ({len(group)} characters)"
        )


def training_call(event: object) -> invocation.HttpCall:
    """The request that asks for the training of a bare event, and waits a little for its end.

    Raises:
        DeploymentFailed: when the event names no model.
    """
    if not isinstance(event, dict) or not isinstance(event.get("model"), str):
        raise DeploymentFailed('expected an event that names its model: {"model": "iris", "algorithm": …}')
    body = {key: value for key, value in event.items() if key != "model"}
    headers = {"content-type": "application/json", "prefer": "wait=20"}
    target = f"/v1/models/{quote(event['model'], safe='')}:train"
    return invocation.HttpCall("POST", target, headers, json.dumps(body).encode())


def logs_query(app: str, function: str, since: float) -> str:
    """What an app's function wrote, in Kusto's language."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
    return (
        "union traces, exceptions"
        f" | where timestamp >= datetime({moment}) and cloud_RoleName =~ '{app}'"
        f" | where operation_Name =~ '{function}'"
        " or customDimensions.Category startswith 'Host.Function.Console'"
        " | order by timestamp asc | project timestamp, coalesce(message, outerMessage)"
    )
