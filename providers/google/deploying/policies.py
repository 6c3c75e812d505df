"""Who may do what: grants, and the policies that hold them. Pure: nothing here calls anything."""

from collections.abc import Collection, Iterable, Mapping
from itertools import batched
from typing import Any, NamedTuple

from providers.deploying.bucket_rights import DELETES, ONLY_ADDED, WRITES

Json = dict[str, Any]

INVOKER = "roles/run.invoker"
ACCOUNT_USER = "roles/iam.serviceAccountUser"
# Signing without a key (`iam.serviceAccounts.signBlob`) is a part of it.
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"  # noqa: S105
READS_OBJECTS, CHANGES_OBJECTS = "roles/storage.objectViewer", "roles/storage.objectUser"
ADDS_OBJECTS = "roles/storage.objectCreator"  # and replaces none
# The version of policies that know conditions; a lower one hides them, and writing it back would lose them.
WITH_CONDITIONS = 3
_MOST_IN_CONDITION = 13  # prefixes: IAM takes 12 logical operators in a condition


class Condition(NamedTuple):
    """When a grant counts, in IAM's expression language."""

    title: str
    expression: str


class Grant(NamedTuple):
    """A role, the member who has it, and when."""

    role: str
    member: str
    condition: Condition | None = None


EVERYBODY = Grant(INVOKER, "allUsers")


def flat(bindings: Iterable[Mapping[str, Any]]) -> frozenset[Grant]:
    """A policy's bindings as grants."""
    return frozenset(
        Grant(binding["role"], member, _condition(binding))
        for binding in bindings
        for member in binding.get("members", [])
    )


def _condition(binding: Mapping[str, Any]) -> Condition | None:
    found = binding.get("condition")
    return Condition(found.get("title", ""), found.get("expression", "")) if found else None


def changed(
    bindings: Iterable[Mapping[str, Any]], add: Collection[Grant], take: Collection[Grant] = ()
) -> list[Json]:
    """Bindings with some grants more and some fewer; everything else stays as it is."""
    fresh: list[Json] = []
    for binding in bindings:
        condition = _condition(binding)
        members = [
            member
            for member in binding.get("members", [])
            if Grant(binding["role"], member, condition) not in take
        ]
        if members:
            fresh.append({**binding, "members": members})
    for role, member, condition in sorted(set(add) - flat(fresh), key=str):
        binding = {"role": role, "members": [member]}
        if condition:
            binding["condition"] = {"title": condition.title, "expression": condition.expression}
        fresh.append(binding)
    return fresh


def bucket_grants(bucket: str, members: Mapping[str, str]) -> frozenset[Grant]:
    """What each function's account may do with the objects of the bucket.

    Everyone reads and lists. What a function writes it may write where its keys begin so, and nowhere else.
    Overwriting an object takes the right to delete it on Google Cloud: whoever may write may delete there,
    but for what is only added.

    Args:
        bucket: its name.
        members: each function's account as policies name it, by the function's name.
    """
    grants = {Grant(READS_OBJECTS, member) for member in members.values()}
    for function, member in members.items():
        deleted = DELETES.get(function, ())
        added = {each for each in WRITES.get(function, ()) if each in ONLY_ADDED and each not in deleted}
        prefixes = sorted(_widest({*WRITES.get(function, ()), *deleted} - added))
        for part, some in enumerate(batched(prefixes, _MOST_IN_CONDITION), 1):
            what = "objects that {} changes" if part == 1 else f"objects that {{}} changes ({part})"
            grants.add(Grant(CHANGES_OBJECTS, member, _beginning(bucket, function, some, what)))
        if added:
            what = "objects that {} adds"
            grants.add(Grant(ADDS_OBJECTS, member, _beginning(bucket, function, added, what)))
    return frozenset(grants)


def adding_grants(bucket: str, folders: Collection[str], member: str) -> frozenset[Grant]:
    """What an account may do with somebody's bucket that it writes results to: add objects, and read them.

    Args:
        bucket: its name.
        folders: where in it, each with a slash at its end; an empty one is all of it.
        member: the account as policies name it.
    """
    roles = (ADDS_OBJECTS, READS_OBJECTS)
    return frozenset(
        Grant(role, member, _beginning(bucket, "train", [folder], "results that {} adds") if folder else None)
        for folder in ([""] if "" in folders else folders)
        for role in roles
    )


def _widest(prefixes: Collection[str]) -> list[str]:
    """The prefixes that begin with no other one."""
    return [each for each in prefixes if not any(each != wide and each.startswith(wide) for wide in prefixes)]


def _beginning(
    bucket: str, function: str, prefixes: Collection[str], what: str = "objects that {} changes"
) -> Condition:
    """For objects of the bucket whose keys begin with one of these."""
    start = f"projects/_/buckets/{bucket}/objects/"
    parts = [f'resource.name.startsWith("{start}{each}")' for each in sorted(prefixes)]
    return Condition(what.format(function), " || ".join(parts))
