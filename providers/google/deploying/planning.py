"""From what should be and what is to the steps between them. Pure: it is given all and calls nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from providers.deploying.plan import DeploymentFailed, Progress, Step
from providers.google.deploying.alarms import CHANNEL, POLICIES, Alarm, Alarms
from providers.google.deploying.control_plane import ControlPlane, ObservedProject
from providers.google.deploying.desired import (
    Bucket,
    CloudFunction,
    DataBucket,
    Desired,
    GoogleResource,
    Json,
    account_left,
    fingerprint,
    images_left,
    is_queue_of,
    own_origins,
)
from providers.google.deploying.functions_service import Callers
from providers.google.deploying.model_bucket import excess, lifecycle, rules_of
from providers.google.deploying.policies import EVERYBODY, INVOKER, Grant
from providers.google.deploying.whereabouts import bucket_of, region_of

Steps = Iterator[Step[ControlPlane]]


def plan_deploy(
    should: Desired, packages: Mapping[str, bytes], now: ObservedProject
) -> list[Step[ControlPlane]]:
    """The steps that bring `now` to what `should` be; `packages` holds each function's zip by its name."""
    return [
        *(step for resource in should.resources for step in _resource(resource, now)),
        *_bucket(should.bucket, now),
        *(step for bucket in should.data for step in _data(bucket, now)),
        *(step for function in should.functions for step in _start(function, packages, now)),
        *(step for function in should.functions for step in _finish(function, packages, now)),
        *(step for function in should.functions for step in _callers(function, packages, now)),
        *_own_pages(should, now),
        *(step for resource in should.schedules for step in _resource(resource, now)),
        *_alarms(should, now),
        *_dashboard(should, now),
        *_orphans(should, now),
        *_account_left(should, now),
        *_images_left(should, now),
    ]


class KeptByOthers(NamedTuple):
    """What `remove` leaves: paths of resources and the bucket's name, and notices that say why."""

    names: frozenset[str] = frozenset()
    notices: Sequence[str] = ()


def plan_remove(should: Desired, now: ObservedProject, kept: KeptByOthers) -> list[Step[ControlPlane]]:
    """The steps that delete everything but what is kept, what is called last first."""
    resources = [each for each in reversed(should.resources) if each.path not in kept.names]
    return [
        *(_delete_alarm(name, now.alarms[name]) for name in _policies_first(now.alarms)),
        *map(_delete_dashboard, now.dashboards),
        *(step for resource in should.schedules for step in _delete(resource, now)),
        *(_delete_function(path) for path in sorted(now.functions)),
        *_account_left(should, now),
        *_images_left(should, now),
        *(step for resource in resources if not resource.ours for step in _take_back(resource, now)),
        *(step for resource in resources for step in _delete(resource, now)),
        *(_delete_bucket(should.bucket, now) if should.bucket.name not in kept.names else ()),
    ]


def refuse_removal(should: Desired, now: ObservedProject) -> None:
    """Raise where `remove` would not do what its caller means.

    Raises:
        DeploymentFailed: when a region cannot be looked at, or all is in other regions than the one that is
            named, in another bucket, or of another service and stage whose names are the same.
    """
    where, region = now.whereabouts, should.region
    if where.unseen:
        raise DeploymentFailed(
            f"nothing was removed: {where.blind}, and they may use this bucket and these keys;"
            " try again later"
        )
    shared = should.names.shared
    own = [each for each in _present(should, now) if not (shared and each.shared)]
    if not (now.functions or own or (now.bucket and not shared)) and where.elsewhere(region):
        named = f"{should.names.service}, stage {should.names.stage},"
        raise DeploymentFailed(f"nothing was removed: {named} is not in {region}{where.hint(region)}")
    if other := _other_bucket(should, now):
        raise DeploymentFailed(
            f"nothing was removed: the functions in {region} use the bucket {other}, not"
            f" {should.bucket.name}: pass --param bucket={other}"
        )
    for resource in _present(should, now):
        if owner := _other_owner(should, now.resources[resource.path]):
            raise DeploymentFailed(
                f"nothing was removed: {_short(resource)} belongs to {owner}, which has the same names"
            )


def _other_bucket(should: Desired, now: ObservedProject) -> str | None:
    """The bucket that the functions use, when it is another one."""
    used = sorted({name for function in now.functions.values() if (name := bucket_of(function)) is not None})
    return used[0] if used and should.bucket.name not in used else None


def kept_by_others(should: Desired, now: ObservedProject) -> KeptByOthers:
    """What `remove` has to leave, because something uses it that it does not delete."""
    where, names, notices = now.whereabouts, set[str](), list[str]()
    if others := where.sharing(should.names):
        names |= {each.path for each in should.resources if each.shared}
        notices.append(
            f"the keys, the topic and the service accounts are kept: this stage is also in"
            f" {where.described(others)}; removing it there deletes them"
        )
    if user := _bucket_user(should, now):
        names.add(should.bucket.name)
        notices.append(f"the bucket {should.bucket.name} is kept for {user}")
    return KeptByOthers(frozenset(names), notices)


def _bucket_user(should: Desired, now: ObservedProject) -> str | None:
    """Who else keeps models in the bucket."""
    where, bucket = now.whereabouts, should.bucket.name
    others = where.elsewhere(should.region)
    if others and where.uses(others, bucket, maybe=should.names.shared):
        return f"this stage in {' and '.join(others)}"
    if users := where.bucket_users(bucket):
        return ", ".join(users)
    return _other_owner(should, now.bucket)


def _present(should: Desired, now: ObservedProject) -> list[GoogleResource]:
    """The resources that are there."""
    resources = [each for each in (*should.resources, *should.schedules) if each.ours]
    return [each for each in resources if now.resources.get(each.path) is not None]


def _other_owner(should: Desired, found: Json | None) -> str | None:
    """The service and stage that something is labelled with, when they are not ours."""
    owner = should.names.owner
    labels = {**owner, **((found or {}).get("labels") or {})}
    if owner.items() <= labels.items():
        return None
    return f"the service {labels['service']}, stage {labels['stage']}"


def refuse_deploy(should: Desired, now: ObservedProject, *, bucket_named: bool) -> None:
    """Raise where `deploy` would change what belongs to somebody else, or lose sight of models.

    Raises:
        DeploymentFailed: when a function has the name of one of ours and other labels, or when the functions
            use another bucket and none was named.
    """
    if not bucket_named and (other := _other_bucket(should, now)):
        raise DeploymentFailed(
            f"nothing was deployed: the functions in {should.region} use the bucket {other}, which has the"
            f" models: pass --param bucket={other}, or --param bucket={should.bucket.name} to begin anew"
        )
    for function in should.functions:
        if (stranger := now.whereabouts.strangers.get(function.path)) is not None:
            labels = stranger.get("labels") or {}
            owner = (
                f"the service {labels['service']}, stage {labels['stage']}"
                if {"service", "stage"} <= set(labels)
                else "somebody else"
            )
            raise DeploymentFailed(
                f"nothing was deployed: the function {function.name} in {region_of(function.path)} belongs to"
                f" {owner}: choose another stage"
            )


def plan_function(
    resources: Sequence[GoogleResource], function: CloudFunction, package: bytes, now: ObservedProject
) -> list[Step[ControlPlane]]:
    """The steps for one function on its own and what it needs."""
    packages = {function.name: package}
    return [
        *(step for resource in resources for step in _resource(resource, now)),
        *_start(function, packages, now),
        *_finish(function, packages, now),
    ]


def differences(wanted: object, found: object, path: str = "") -> list[str]:
    """Where `found` is not as `wanted` says. What a cloud adds of its own is no difference."""
    if isinstance(wanted, dict):
        known = found if isinstance(found, dict) else {}
        return [
            line
            for key, value in wanted.items()
            for line in differences(value, known.get(key), f"{path}.{key}" if path else key)
        ]
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            return [path]
        return [
            line
            for index, pair in enumerate(zip(wanted, found, strict=True))
            for line in differences(*pair, f"{path}[{index}]")
        ]
    # JSON has several spellings for one value: 64-bit integers are strings, and false may be left out.
    return [] if wanted == found or str(wanted) == str(found) or (not wanted and found is None) else [path]


def _resource(resource: GoogleResource, now: ObservedProject) -> Steps:
    found = now.resources.get(resource.path)
    if not resource.ours:
        pass
    elif found is None:
        yield Step(f"create {resource.title}", lambda cloud, _: cloud.resources.create(resource))
    elif wrong := differences(resource.body, found):
        yield Step(
            f"update {resource.title}: {', '.join(wrong)}",
            lambda cloud, _: cloud.resources.patch(resource),
        )
    if found is not None and resource.holds_keys and not found.get("versions"):
        yield Step(f"complete {resource.title}", lambda cloud, _: cloud.resources.complete(resource))
    if missing := resource.grants - now.grants.get(resource.path, frozenset()):
        yield Step(
            f"give {_roles(missing)} on {_short(resource)} to {_members(missing)}",
            lambda cloud, _: cloud.resources.grant(resource),
        )


def _bucket(bucket: Bucket, now: ObservedProject) -> Steps:
    if now.bucket is None:
        yield Step(f"create the bucket {bucket.name}", lambda cloud, _: cloud.bucket.create(bucket))
    elif wrong := differences(bucket_settings(bucket), now.bucket):
        yield Step(
            f"update the bucket {bucket.name}: {', '.join(wrong)}",
            lambda cloud, _: cloud.bucket.update(bucket),
        )
    granted = now.grants.get(bucket.name, frozenset())
    if missing := bucket.grants - granted:
        yield Step(
            f"give {_roles(missing)} on the bucket to {_members(missing)}",
            lambda cloud, _: cloud.bucket.grant(bucket),
        )
    if too_much := excess(bucket, granted):
        yield Step(
            f"take {_roles(too_much)} on all of the bucket from {_members(too_much)}",
            lambda cloud, _: cloud.bucket.grant(bucket),
        )


def _own_pages(should: Desired, now: ObservedProject) -> Steps:
    """Cloud Run's address is known when the function is there: its page may then use signed addresses too."""
    api, bucket = should.names.function("api"), should.bucket

    def update(cloud: ControlPlane, _: Progress) -> None:
        addresses = cloud.functions.labelled(should.names.owner).addresses(api, bucket.name)
        origins = own_origins([*bucket.own_origins, *addresses])
        cloud.bucket.update(bucket._replace(own_origins=origins))

    known = (path for path, each in now.functions.items() if bucket_of(each) == bucket.name)
    if not any(path.endswith(f"/functions/{api}") for path in known):
        yield Step(f"let the console use the bucket {bucket.name}", update)


def _data(bucket: DataBucket, now: ObservedProject) -> Steps:
    if missing := bucket.grants - now.grants.get(bucket.name, frozenset()):
        yield Step(
            f"give {_roles(missing)} on the bucket {bucket.name} to {_members(missing)}",
            lambda cloud, _: cloud.bucket.grant(bucket),
        )


def bucket_settings(bucket: Bucket) -> Json:
    """What matters of a bucket, as `ModelBucket.read` reads it."""
    return {
        "uniform access": True,
        "public access prevention": "enforced",
        "versioning": True,
        "lifecycle": rules_of(lifecycle(bucket.expire_days)),
        "seconds that deleted objects are kept": 0,
        "labels": bucket.labels,
        "origins of pages": rules_of(bucket.cors),
        "key": bucket.key,
    }


def _labelled(function: CloudFunction, package: bytes) -> Json:
    """The function's configuration with the label that tells whether it is deployed already."""
    labels = {**function.config["labels"], "made-from": fingerprint(function.config, package)}
    return {**function.config, "name": function.path, "labels": labels}


def _echoed(config: Json) -> Json:
    """The part of a function's configuration that the API gives back as it was sent.

    It names a secret's project by its number where an id was sent; a change of ours shows in the label.
    """
    service = {name: value for name, value in config["serviceConfig"].items() if name != "secretVolumes"}
    return {**config, "serviceConfig": service}


def _start(function: CloudFunction, packages: Mapping[str, bytes], now: ObservedProject) -> Steps:
    """Begin to build: Google builds all functions at the same time, and the waiting comes afterwards."""
    package = packages[function.name]
    config, found = _labelled(function, package), now.functions.get(function.path)
    if found is None:
        yield Step(
            f"upload and create the function {function.name}",
            lambda cloud, _: cloud.functions.create(config, package),
        )
    elif found.get("state") == "DELETING":
        yield Step(
            f"wait until the old {function.name} is deleted, then create it",
            lambda cloud, say: cloud.functions.recreate(config, package, say),
        )
    elif wrong := differences(_echoed(config), found):
        what = "code or settings" if "labels.made-from" in wrong else ", ".join(wrong)
        yield Step(
            f"upload and update the function {function.name}: {what}",
            lambda cloud, _: cloud.functions.update(config, package),
        )
    elif why := _stale(function, found, now):
        yield Step(
            f"build the function {function.name} again, because {why}",
            lambda cloud, _: cloud.functions.update(config, package),
        )


def _stale(function: CloudFunction, found: Json, now: ObservedProject) -> str | None:
    """Why a function that is as it should be has to be built again all the same."""
    if found.get("state") == "FAILED":
        return "its last build failed"
    account = function.config["serviceConfig"]["serviceAccountEmail"]
    trigger = function.config.get("eventTrigger") or {}
    gone = {path.rpartition("/")[2] for path, resource in now.resources.items() if resource is None}
    if account in gone:
        return "its account was gone"
    return "its topic was gone" if str(trigger.get("pubsubTopic")).rpartition("/")[2] in gone else None


def _finish(function: CloudFunction, packages: Mapping[str, bytes], now: ObservedProject) -> Steps:
    started = any(True for _ in _start(function, packages, now))
    # Also a build that an interrupted deploy left behind is waited for.
    if started or now.functions[function.path].get("state") == "DEPLOYING":
        yield Step(
            f"wait for the function {function.name}",
            lambda cloud, say: cloud.functions.wait(function.path, say),
        )


def _callers(function: CloudFunction, packages: Mapping[str, bytes], now: ObservedProject) -> Steps:
    found = now.callers.get(function.path, Callers())
    granted = {grant for grant in found.grants if grant.role == INVOKER}
    if function.public:
        # An update may have Cloud Run ask for identities again.
        started = any(True for _ in _start(function, packages, now))
        right = (found.unchecked and not started) or EVERYBODY in granted
    else:
        # Both directions: whoever else may call it, may no more. Other roles on it are not ours.
        right = granted == function.callers and not found.unchecked
    if not right:
        yield Step(
            f"set who may call {function.name}: {_members(function.callers) or 'nobody'}",
            lambda cloud, say: cloud.functions.set_callers(function, say),
        )


def _alarms(should: Desired, now: ObservedProject) -> Steps:
    """Alarms are made, mended, and deleted when they are no longer wanted."""
    alarms, wanted = should.alarms, {alarm.name: alarm for alarm in should.alarms.wanted}
    channel = now.alarms.get(CHANNEL)
    told = [channel["name"]] if channel and alarms.tell else []
    made = alarms.tell and channel is None
    for name in _policies_first({each: now.alarms[each] for each in now.alarms if each != CHANNEL}):
        if name not in wanted:
            yield _delete_alarm(name, now.alarms[name])
    for name, alarm in wanted.items():
        found = now.alarms.get(name)
        others = alarm.kind == POLICIES and (made or (found or {}).get("notificationChannels", []) != told)
        yield from _alarm(alarm, found, alarms, others_are_told=others)
    if channel is not None and CHANNEL not in wanted:
        yield _delete_alarm(CHANNEL, channel)


def _alarm(alarm: Alarm, found: Json | None, alarms: Alarms, *, others_are_told: bool) -> Steps:
    if found is None:
        yield Step(f"create {alarm.title}", lambda cloud, _: cloud.monitoring.create(alarm, alarms))
    elif wrong := [*differences(alarm.body, found), *(["who is told"] if others_are_told else [])]:
        yield Step(
            f"update {alarm.title}: {', '.join(wrong)}",
            lambda cloud, _: cloud.monitoring.patch(alarm, found, alarms),
        )


def _policies_first(alarms: Mapping[str, Json]) -> list[str]:
    """A channel that a policy tells of cannot be deleted."""
    return sorted(alarms, key=lambda name: (name == CHANNEL, name))


def _delete_alarm(name: str, found: Json) -> Step[ControlPlane]:
    what = "the notification channel" if name == CHANNEL else f"the alarm {name}"
    return Step(f"delete {what}", lambda cloud, _: cloud.monitoring.delete(found))


def _dashboard(should: Desired, now: ObservedProject) -> Steps:
    """The dashboard is made, mended, and deleted when it is no longer wanted; of two, one stays."""
    body, found = should.dashboard.body, now.dashboards
    if body is None:
        yield from map(_delete_dashboard, found)
        return
    if not found:
        yield Step("create the dashboard", lambda cloud, _: cloud.dashboards.create(body))
    elif wrong := differences(body, found[0]):
        yield Step(
            f"update the dashboard: {', '.join(wrong)}",
            lambda cloud, _: cloud.dashboards.patch(body, found[0]),
        )
    yield from map(_delete_dashboard, found[1:])


def _delete_dashboard(found: Json) -> Step[ControlPlane]:
    return Step("delete the dashboard", lambda cloud, _: cloud.dashboards.delete(found))


def _orphans(should: Desired, now: ObservedProject) -> list[Step[ControlPlane]]:
    """Functions that an earlier serverless.yml had."""
    kept = {function.path for function in should.functions}
    return [_delete_function(path) for path in sorted(set(now.functions) - kept)]


def _images_left(should: Desired, now: ObservedProject) -> Steps:
    """Last, or after the functions: until then they start from it."""
    resource = images_left(should, now.functions)
    if resource is not None:
        yield Step(f"delete {_short(resource)}", lambda cloud, _: cloud.resources.delete(resource))


def _account_left(should: Desired, now: ObservedProject) -> Steps:
    """After its function: that runs in its name. Regions that share their accounts keep it."""
    resource = account_left(should, now.functions)
    if resource is not None and not now.whereabouts.sharing(should.names):
        yield Step(f"delete {_short(resource)}", lambda cloud, _: cloud.resources.delete(resource))


def _delete_function(path: str) -> Step[ControlPlane]:
    return Step(
        f"delete the function {path.rpartition('/')[2]}", lambda cloud, say: cloud.functions.delete(path, say)
    )


def _take_back(resource: GoogleResource, now: ObservedProject) -> Steps:
    if given := resource.grants & now.grants.get(resource.path, frozenset()):
        yield Step(
            f"take {_roles(given)} on {_short(resource)} from {_members(given)}",
            lambda cloud, _: cloud.resources.take_back(resource),
        )


def _delete(resource: GoogleResource, now: ObservedProject) -> Steps:
    if resource.ours and now.resources.get(resource.path) is not None:
        yield Step(f"delete {_short(resource)}", lambda cloud, _: cloud.resources.delete(resource))


def _delete_bucket(bucket: Bucket, now: ObservedProject) -> Steps:
    if now.bucket is not None:
        yield Step(
            f"delete the bucket {bucket.name} with its objects",
            lambda cloud, say: cloud.bucket.delete(bucket, say),
        )


def _short(resource: GoogleResource) -> str:
    """A resource for people, without what it is for."""
    return resource.title.split(",")[0]


def _roles(grants: frozenset[Grant]) -> str:
    """Roles for people: `storage.objectUser`."""
    return ", ".join(sorted({grant.role.removeprefix("roles/") for grant in grants}))


def _members(grants: frozenset[Grant]) -> str:
    """Members for people: accounts by their ids."""
    names = {grant.member.removeprefix("serviceAccount:").split("@")[0] for grant in grants}
    return ", ".join(sorted(names)).replace("allUsers", "everybody")


def queue_name(base: str, existing: list[str], stamp: int) -> str:
    """The queue's id: the existing one, else a new one.

    Cloud Tasks does not give a deleted queue's name back for days, so each new queue has a name of its own.
    """
    ours = sorted(name for name in existing if is_queue_of(base, name))
    return ours[-1] if ours else f"{base}-train-{stamp:x}"
