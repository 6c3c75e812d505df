"""From what should be and what is to the steps between them. Pure: it is given all and calls nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from providers.deploying.plan import DeploymentFailed, Step
from providers.google.deploying.control_plane import ControlPlane, ObservedProject
from providers.google.deploying.desired import (
    INVOKER,
    Bucket,
    CloudFunction,
    DataBucket,
    Desired,
    GoogleResource,
    Grant,
    Json,
    fingerprint,
    is_queue_of,
)
from providers.google.deploying.whereabouts import bucket_of

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
        *(step for function in should.functions for step in _callers(function, now)),
        *(step for resource in should.schedules for step in _resource(resource, now)),
        *_orphans(should, now),
    ]


class KeptByOthers(NamedTuple):
    """What `remove` leaves: paths of resources and the bucket's name, and notices that say why."""

    names: frozenset[str] = frozenset()
    notices: Sequence[str] = ()


def plan_remove(should: Desired, now: ObservedProject, kept: KeptByOthers) -> list[Step[ControlPlane]]:
    """The steps that delete everything but what is kept, what is called last first."""
    resources = [each for each in reversed(should.resources) if each.path not in kept.names]
    return [
        *(step for resource in should.schedules for step in _delete(resource, now)),
        *(_delete_function(path) for path in sorted(now.functions)),
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
    regional = [each for each in _present(should, now) if not each.shared]
    if not (now.functions or regional) and where.elsewhere(region):
        named = f"{should.labels['service']}, stage {should.labels['stage']},"
        raise DeploymentFailed(f"nothing was removed: {named} is not in {region}{where.hint(region)}")
    used = sorted({name for function in now.functions.values() if (name := bucket_of(function)) is not None})
    if used and should.bucket.name not in used:
        raise DeploymentFailed(
            f"nothing was removed: the functions in {region} use the bucket {used[0]}, not"
            f" {should.bucket.name}: pass --param bucket={used[0]}"
        )
    for resource in _present(should, now):
        if owner := _other_owner(should, now.resources[resource.path]):
            raise DeploymentFailed(
                f"nothing was removed: {_short(resource)} belongs to {owner}, which has the same names"
            )


def kept_by_others(should: Desired, now: ObservedProject) -> KeptByOthers:
    """What `remove` has to leave, because something uses it that it does not delete."""
    where, names, notices = now.whereabouts, set[str](), list[str]()
    if others := where.elsewhere(should.region):
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
    if others and where.uses(others, bucket):
        return f"this stage in {' and '.join(others)}"
    if users := where.bucket_users(bucket):
        return ", ".join(users)
    return _other_owner(should, now.bucket)


def _present(should: Desired, now: ObservedProject) -> list[GoogleResource]:
    """The resources that are there."""
    return [
        each for each in (*should.resources, *should.schedules) if now.resources.get(each.path) is not None
    ]


def _other_owner(should: Desired, found: Json | None) -> str | None:
    """The service and stage that something is labelled with, when they are not ours."""
    labels = {**should.labels, **((found or {}).get("labels") or {})}
    if should.labels.items() <= labels.items():
        return None
    return f"the service {labels['service']}, stage {labels['stage']}"


def plan_function(
    account: GoogleResource, function: CloudFunction, package: bytes, now: ObservedProject
) -> list[Step[ControlPlane]]:
    """The steps for one function on its own and its account."""
    packages = {function.name: package}
    return [*_resource(account, now), *_start(function, packages, now), *_finish(function, packages, now)]


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
    if found is None:
        yield Step(f"create {resource.title}", lambda cloud, _: cloud.resources.create(resource))
    elif wrong := differences(resource.body, found):
        yield Step(
            f"update {resource.title}: {', '.join(wrong)}",
            lambda cloud, _: cloud.resources.patch(resource),
        )
    if found is not None and resource.first and not found.get("versions"):
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
    if missing := bucket.grants - now.grants.get(bucket.name, frozenset()):
        yield Step(
            f"give {_roles(missing)} on the bucket to {_members(missing)}",
            lambda cloud, _: cloud.bucket.grant(bucket),
        )


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
        "days until old states expire": bucket.expire_days,
        "seconds that deleted objects are kept": 0,
        "labels": bucket.labels,
        "origins of pages": sorted(origin for rule in bucket.cors for origin in rule["origin"]),
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
    elif found.get("state") == "FAILED":
        yield Step(
            f"build the function {function.name} again, because its last build failed",
            lambda cloud, _: cloud.functions.update(config, package),
        )


def _finish(function: CloudFunction, packages: Mapping[str, bytes], now: ObservedProject) -> Steps:
    started = any(True for _ in _start(function, packages, now))
    # Also a build that an interrupted deploy left behind is waited for.
    if started or now.functions[function.path].get("state") == "DEPLOYING":
        yield Step(
            f"wait for the function {function.name}",
            lambda cloud, say: cloud.functions.wait(function.path, say),
        )


def _callers(function: CloudFunction, now: ObservedProject) -> Steps:
    granted = now.grants.get(function.path, frozenset())
    # Both directions: whoever else may call it, may no more. Other roles on it are not ours.
    if {grant for grant in granted if grant[0] == INVOKER} != function.callers:
        yield Step(
            f"set who may call {function.name}: {_members(function.callers)}",
            lambda cloud, _: cloud.functions.set_callers(function),
        )


def _orphans(should: Desired, now: ObservedProject) -> list[Step[ControlPlane]]:
    """Functions that an earlier serverless.yml had."""
    kept = {function.path for function in should.functions}
    return [_delete_function(path) for path in sorted(set(now.functions) - kept)]


def _delete_function(path: str) -> Step[ControlPlane]:
    return Step(
        f"delete the function {path.rpartition('/')[2]}", lambda cloud, say: cloud.functions.delete(path, say)
    )


def _delete(resource: GoogleResource, now: ObservedProject) -> Steps:
    if now.resources.get(resource.path) is not None:
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
    return ", ".join(sorted({role.removeprefix("roles/") for role, _ in grants}))


def _members(grants: frozenset[Grant]) -> str:
    """Members for people: accounts by their ids."""
    names = {member.removeprefix("serviceAccount:").split("@")[0] for _, member in grants}
    return ", ".join(sorted(names)).replace("allUsers", "everybody")


def queue_name(base: str, existing: list[str], stamp: int) -> str:
    """The queue's id: the existing one, else a new one.

    Cloud Tasks does not give a deleted queue's name back for days, so each new queue has a name of its own.
    """
    ours = sorted(name for name in existing if is_queue_of(base, name))
    return ours[-1] if ours else f"{base}-train-{stamp:x}"
