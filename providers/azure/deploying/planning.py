"""From what is on Azure to what should be: the steps.

What was deployed last is told by hashes in the resource group's tags, each written when its step is done.
So a second deploy has no steps, and an interrupted one is completed by the next.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from providers.azure.deploying import workbook
from providers.azure.deploying.alarms import ACTION_GROUP_KIND, ACTION_GROUPS, ALARMS, RULE_KIND, RULES
from providers.azure.deploying.cloud import Azure, plain_location
from providers.azure.deploying.finding import SITES, Deployment, find
from providers.azure.deploying.options import Options, keep_days, memory, options_of, whole
from providers.azure.deploying.parts import look_at_parts
from providers.azure.deploying.refusals import AzureRefused
from providers.azure.deploying.rights import check_may_assign, let_write_keys, make_identities, observe_rights
from providers.azure.deploying.template import (
    ACCOUNT_KIND,
    BLOB_DATA_CONTRIBUTOR,
    BLOB_DATA_READER,
    LOG_DAYS,
    PLAN_KIND,
    QUEUE_DATA_CONTRIBUTOR,
    QUEUE_MESSAGE_SENDER,
    WEB,
    App,
    Shape,
    resource_ids,
    template,
)
from providers.azure.runtime.names import CONTAINER, KEYS_CONTAINER, KEYS_SETTING, QUEUE, Names
from providers.deploying.graphs import CALLERS, is_asked, runs_graphs
from providers.deploying.graphs import FUNCTION as GRAPHS
from providers.deploying.plan import DeploymentFailed, Progress, Step
from providers.deploying.service import Function, Service
from providers.deploying.web import web_of

# A tag's value while its step is not done: no hash, so an interrupted step is done again.
UNDER_WAY = "under way"


class Package(NamedTuple):
    """An app's zip and its SHA-256."""

    path: str
    sha256: str
    nbytes: int


class Wanted(NamedTuple):
    """What should be: the template, its hash, and a package for each app."""

    shape: Shape
    document: dict[str, Any]
    packages: Mapping[str, Package]

    @property
    def fingerprint(self) -> str:
        """The template's hash; the keys are a parameter and so not part of it."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()[:32]


class ObservedGroup(NamedTuple):
    """What is: the deployment, each app's functions, and parts of the last template that went away."""

    deployment: Deployment | None = None
    functions: Mapping[str, tuple[str, ...]] = {}
    gone: frozenset[str] = frozenset()
    # Parts that somebody set otherwise.
    changed: frozenset[str] = frozenset()
    # How many rights there are that the template does not give, or not any more.
    excess: int = 0

    def names(self, first: Names) -> Names:
        """What the deployment's resources are called; the names of a first one when there is none."""
        return self.deployment.names if self.deployment else first


def observe(azure: Azure, first: Names, tags: Mapping[str, str], apps: Iterable[str]) -> ObservedGroup:
    """Read what is there; changes nothing.

    Raises:
        DeploymentFailed: when the resource group is somebody else's: its tags are not these.
    """
    found = find(azure, first, tags)
    if found is None:
        return ObservedGroup()
    names_ = found.names
    return ObservedGroup(found, {app: tuple(azure.functions(names_.group, names_.app(app))) for app in apps})


def check_before_building(azure: Azure, wanted: Wanted, observed: ObservedGroup) -> None:
    """Refuse a template that Azure would refuse half-way through; who only publishes may have less rights.

    Raises:
        DeploymentFailed: when what is there is in another location, or the caller may not assign roles.
    """
    there = observed.deployment
    if there is not None:
        _check_location(wanted.shape, there)
    if there is None or there.group.tags.get("template") != wanted.fingerprint:
        check_may_assign(azure, there.group.name if there else None)


def look_closer(azure: Azure, wanted: Wanted, observed: ObservedGroup) -> ObservedGroup:
    """With rights too much, and what is gone or changed of a template that is deployed already."""
    there = observed.deployment
    if there is None:
        return observed
    name, shape = there.group.name, wanted.shape
    seen = observe_rights(azure, name, shape)
    observed = observed._replace(excess=len(seen.stale(shape)))
    if there.group.tags.get("template") != wanted.fingerprint:
        return observed
    not_given = {f"rights/{each.function} at {each.names[-1]}" for each in seen.missing(shape)}
    parts = look_at_parts(azure, name, wanted.document)
    return observed._replace(gone=parts.gone | not_given, changed=parts.changed)


def plan(wanted: Wanted, observed: ObservedGroup) -> list[Step[Azure]]:
    """The steps from what is to what should be: none when there is nothing to do.

    Raises:
        DeploymentFailed: when what is there is in another location.
    """
    shape, there = wanted.shape, observed.deployment
    steps: list[Step[Azure]] = []
    if there is None:
        steps.append(_make_group(shape))
    else:
        _check_location(shape, there)
    tags = there.group.tags if there else {}
    resources = {f"{each.kind}/{each.name}".lower() for each in (there.resources if there else ())}
    missing = resource_ids(wanted.document) - resources
    if tags.get("template") != wanted.fingerprint or missing or observed.gone or observed.changed:
        steps.append(_deploy_template(wanted, resources, observed))
    account = f"{ACCOUNT_KIND}/{shape.names.storage}".lower()
    for app, package in wanted.packages.items():
        site = _site_id(shape.names, app)
        published = tags.get(f"package-{app}") == package.sha256 and observed.functions.get(app)
        emptied = f"containers/{shape.names.packages(app)}" in observed.gone
        if not published or {site, account} & missing or emptied:
            steps.append(_publish(shape, app, package))
    if observed.excess:
        steps.append(_take_rights(shape, observed.excess))
    return steps


def _check_location(shape: Shape, there: Deployment) -> None:
    """Refuse another location: Azure moves nothing, and would say so half-way through."""
    if plain_location(shape.location) != there.location:
        raise DeploymentFailed(
            f"the resource group {there.group.name} is in {there.location}, not in {shape.location}, and "
            f"Azure cannot move it: deploy with --param location={there.location}, or name another stage or "
            "--param resourceGroup=…"
        )


def _make_group(shape: Shape) -> Step[Azure]:
    name = shape.names.group
    return Step(
        f"create the resource group {name} in {shape.location}",
        lambda azure, _: azure.put_group(name, shape.location, shape.tags),
    )


def _deploy_template(wanted: Wanted, there: set[str], observed: ObservedGroup) -> Step[Azure]:
    shape, names_ = wanted.shape, wanted.shape.names
    api_was_there = _site_id(names_, "api") in there

    def act(azure: Azure, progress: Progress) -> None:
        # The template replaces an app's settings: keys that an earlier version keeps there go along, until
        # `python -m providers keys` moves them to the blob that no deployment writes.
        azure.tag(names_.group, {**shape.tags, "template": UNDER_WAY})
        seen = make_identities(azure, names_.group, shape)
        document = template(shape._replace(assigned=seen.assigned(shape)))
        azure.deploy(names_.group, document, lambda: _key_records(azure, names_, api_was_there), progress)
        let_write_keys(azure, shape, progress)
        _turn_off(azure, wanted, there)
        azure.tag(names_.group, {"template": wanted.fingerprint})

    why = f"; missing: {', '.join(sorted(observed.gone))}" if observed.gone else ""
    why += f"; changed: {', '.join(sorted(observed.changed))}" if observed.changed else ""
    return Step(f"deploy the template ({len(wanted.document['resources'])} resources{why})", act)


def _take_rights(shape: Shape, count: int) -> Step[Azure]:
    """Last, when what took their place was given and had its time to hold."""

    def act(azure: Azure, _: Progress) -> None:
        for each in observe_rights(azure, shape.names.group, shape).stale(shape):
            azure.delete_role_assignment(each.id)

    return Step(f"take rights away that no app uses ({count})", act)


def _turn_off(azure: Azure, wanted: Wanted, there: set[str]) -> None:
    """Undo what an earlier deployment was told to do and this one is not: templates only add."""
    shape = wanted.shape
    group, needed = shape.names.group, resource_ids(wanted.document)
    for app in shape.apps:
        name = shape.names.app(app.function)
        if f"{SITES}/{name}".lower() not in there:
            continue
        if not shape.options.subnet:
            azure.leave_network(group, name)
        if not shape.options.internal:
            azure.open_to_all(group, name)
    versions = {
        RULE_KIND.lower(): RULES,
        ACTION_GROUP_KIND.lower(): ACTION_GROUPS,
        workbook.KIND.lower(): workbook.WORKBOOKS,
    }
    ours = {shape.names.alarm(each).lower() for each in ALARMS}
    ours.add(workbook.name(group, shape.names.insights))
    # Its identity and its host's account stay: both are free of charge, and go with the group.
    versions |= {SITES: WEB, PLAN_KIND.lower(): WEB}
    ours |= {shape.names.app(GRAPHS).lower(), shape.names.plan(GRAPHS).lower()}
    # An app goes before the plan that it is on.
    for each in sorted(there - needed, key=lambda each: (not each.startswith(SITES), each)):
        kind, _, name = each.rpartition("/")
        if kind in versions and name in ours:
            azure.delete_resource(group, each, versions[kind])


def is_under_way(azure: Azure, group: str) -> bool:
    """Whether a deployment of the template has begun and not ended; also one that was interrupted."""
    found = azure.group(group)
    return azure.is_deploying(group) or (found is not None and found.tags.get("template") == UNDER_WAY)


def _key_records(azure: Azure, names_: Names, api_was_there: bool) -> dict[str, str]:
    found = azure.settings(names_.group, names_.app("api"))
    if found is None and api_was_there:
        # No settings are not no keys: the template would leave an api that serves nobody.
        raise DeploymentFailed(
            f"the settings of the app {names_.app('api')} were not found, nor its keys: deploy again"
        )
    return {"keyRecords": (found or {}).get(KEYS_SETTING, "")}


def _site_id(names_: Names, app: str) -> str:
    return f"{SITES}/{names_.app(app)}".lower()


def _publish(shape: Shape, app: str, package: Package) -> Step[Azure]:
    group, name = shape.names.group, shape.names.app(app)

    def act(azure: Azure, progress: Progress) -> None:
        site = azure.site(group, name)
        if site is None:
            raise DeploymentFailed(f"the function app {name} is missing: deploy again")
        azure.tag(group, {f"package-{app}": UNDER_WAY})
        with open(package.path, "rb") as file, _said_of_network(shape):
            azure.publish(site, file.read(), progress)
        until(azure, progress, "the app to know its functions", lambda: bool(azure.functions(group, name)))
        azure.tag(group, {f"package-{app}": package.sha256})

    return Step(f"publish {app} ({package.nbytes / 1e6:.1f} MB)", act)


@contextmanager
def _said_of_network(shape: Shape) -> Iterator[None]:
    """An app that is closed to the Internet is published from inside alone."""
    try:
        yield
    except AzureRefused as error:
        if not shape.options.internal or not error.codes & {"HTTP 403", "NoAnswer"}:
            raise
        raise DeploymentFailed(
            "the app's publishing site answers only in your network (ingress=internal): deploy from a "
            f"machine that reaches its private endpoint ({error})"
        ) from error


def until(azure: Azure, progress: Progress, what: str, done: Callable[[], bool]) -> None:
    """Look until `done()`.

    Raises:
        DeploymentFailed: when it is not within the patience of the cloud's polling.
    """
    deadline = time.monotonic() + azure.polling.patience
    while not done():
        if time.monotonic() > deadline:
            raise DeploymentFailed(
                f"timed out after {azure.polling.patience:.0f} s waiting for {what}: deploy again"
            )
        progress(f"waiting for {what}")
        time.sleep(azure.polling.interval)


def apps_of(service: Service) -> dict[str, list[Function]]:
    """The functions of each app: those that name no app are one of their own."""
    apps: dict[str, list[Function]] = {}
    for function in service.functions.values():
        apps.setdefault(app_of(function), []).append(function)
    return apps


def app_of(function: Function) -> str:
    """The app that a function belongs to."""
    return str(function.settings.get("app", function.name))


def is_http(function: Function) -> bool:
    """Whether it answers HTTP requests."""
    return any("http" in event for event in function.settings.get("events", []))


def shape_of(service: Service, names_: Names) -> Shape:
    """What the service's configuration means in resources."""
    options = options_of(service)
    data, own_data = _other_containers(service)
    web = web_of(service)
    answering = {**web.settings, **service.parameters.setting}
    calling = {"ML_ONNX": f"https://{names_.app(GRAPHS)}.azurewebsites.net/run"} if is_asked(service) else {}
    apps = [
        _graph_app(app, functions[0])
        if runs_graphs(functions[0])
        else _app(
            app,
            functions,
            {
                **data,
                **(answering if is_http(functions[0]) else {}),
                **(calling if app in CALLERS else {}),
            },
            own_data,
            options,
        )._replace(asks=bool(calling) and app in CALLERS)
        for app, functions in apps_of(service).items()
    ]
    return Shape(
        names_,
        str(service.provider["location"]),
        {**options.tags, **own_tags(service)},
        apps,
        log_gigabytes=float(service.provider.get("logGigabytesPerDay", 0.2)),
        keep_days=keep_days(service),
        origins=web.origins,
        own_origins=web.own,
        containers=(CONTAINER, KEYS_CONTAINER, *own_data),
        options=options,
    )


def own_tags(service: Service) -> dict[str, str]:
    """The tags by which a deployment is found."""
    return {"service": service.name, "stage": service.stage}


def _other_containers(service: Service) -> tuple[dict[str, str], dict[str, str]]:
    """What the apps are told of containers beside ours, and what the trainer may do in those of our account.

    Raises:
        DeploymentFailed: for an entry that is no `az://container`, or one of the service's own for results.
    """
    read, written = (str(service.provider.get(name) or "") for name in ("dataBuckets", "outputBuckets"))
    data, results = _of_our_account("dataBuckets", read), _of_our_account("outputBuckets", written)
    if taken := sorted(results & {CONTAINER, KEYS_CONTAINER}):
        raise DeploymentFailed(
            f"outputBuckets: expected other containers than the service's own, got az://{taken[0]}"
        )
    told = {"ML_DATA_BUCKETS": read, **({"ML_OUTPUT_BUCKETS": written} if written else {})}
    roles = dict.fromkeys(data - {CONTAINER, KEYS_CONTAINER}, BLOB_DATA_READER)
    roles |= dict.fromkeys(results, BLOB_DATA_CONTRIBUTOR)
    return told, dict(sorted(roles.items()))


def _of_our_account(parameter: str, allowed: str) -> set[str]:
    """The containers in an allow-list that are in the deployment's own storage account."""
    found = set()
    for entry in filter(None, map(str.strip, allowed.split(","))):
        named = re.match(r"az://([a-z0-9][a-z0-9-]+)(@[a-z0-9]+)?(/|$)", entry)
        if not named:
            expected = "az://container or az://container@account, or a folder in one"
            raise DeploymentFailed(f"{parameter}: expected {expected}, got {entry!r}")
        if not named[2]:
            found.add(named[1])
    return found


def _app(
    name: str, functions: list[Function], data: dict[str, str], own_data: Mapping[str, str], options: Options
) -> App:
    settings = functions[0].settings
    http = is_http(functions[0])
    instances = whole(f"{name}Instances", settings["instances"], 1, 1000)
    if http and options.warm_instances > instances:
        raise DeploymentFailed(
            f"warmInstances: expected at most {name}Instances ({instances}), got {options.warm_instances}"
        )
    own = {str(key): str(value) for key, value in settings.get("environment", {}).items()}
    common = {
        # The sweep, too, asks for keys: whether that one is still there by which a schedule was written.
        KEYS_SETTING: "[parameters('keyRecords')]",
        "ML_KEYS_CONTAINER": KEYS_CONTAINER,
        "ML_TRAIN_HOURS": options.train_hours,
        "ML_MONITORING_DAYS": options.monitoring_days,
        "ML_AUDIT_DAYS": options.audit_days,
    }
    special = (
        {
            "ML_OLD_STATES_DAYS": options.old_states_days,
            "ML_LOG_DAYS": str(LOG_DAYS),
            **options.traces.settings,
            **options.notices.settings,
            **_threads(settings),
        }
        if http
        else {
            "ML_TRAIN_SECONDS": str(settings["timeoutSeconds"]),
            "ML_TRAIN_MEMORY": str(settings["memory"]),
            **options.traces.recording,
            **options.notices.telling,
        }
    )
    return App(
        name,
        memory(f"{name}Memory", settings["memory"]),
        instances,
        int(settings["concurrency"]) if "concurrency" in settings else None,
        {"ML_CONTAINER": CONTAINER, "ML_QUEUE": QUEUE, **data, **common, **special, **own},
        {
            CONTAINER: BLOB_DATA_CONTRIBUTOR,
            KEYS_CONTAINER: BLOB_DATA_READER,
            **({} if http else own_data),
        },
        {QUEUE: QUEUE_MESSAGE_SENDER}
        if http
        else dict.fromkeys((QUEUE, f"{QUEUE}-poison"), QUEUE_DATA_CONTRIBUTOR),
        signs=http,
        warm=options.warm_instances if http else 0,
    )


def _graph_app(name: str, function: Function) -> App:
    """The app that runs graphs: no container, no queue, no key, no setting of the others."""
    settings = function.settings
    return App(
        name,
        memory(f"{name}Memory", settings["memory"]),
        whole(f"{name}Instances", settings["instances"], 1, 1000),
        int(settings["concurrency"]),
        {"ML_ONNX_MEMORY": str(settings["memory"]), **_threads(settings)},
        apart=True,
    )


def _threads(settings: dict[str, Any]) -> dict[str, str]:
    """A thread for each request that an instance is given: the worker has four and one for each processor."""
    return (
        {"PYTHON_THREADPOOL_THREAD_COUNT": str(settings["concurrency"])} if "concurrency" in settings else {}
    )


def package_at(path: str) -> Package:
    """The package in a file."""
    with open(path, "rb") as file:
        data = file.read()
    return Package(path, hashlib.sha256(data).hexdigest(), len(data))
