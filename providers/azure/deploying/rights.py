"""What the apps' identities may do on the deployment's storage, and what they should.

A role assignment is told by what it joins (principal, role, scope), never by its name: earlier versions named
it otherwise, and Azure refuses a second one of the same three. Rights that no template gives any more are
taken away; Resource Manager's templates only ever add.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from providers.azure.deploying.cloud import Azure, RoleAssignment
from providers.azure.deploying.template import (
    ACCOUNT_KIND,
    BLOB_DATA_CONTRIBUTOR,
    CONTAINER_KIND,
    ENCRYPTION,
    Right,
    Shape,
    rights,
)
from providers.azure.runtime.names import KEYS_CONTAINER, assignment
from providers.deploying.plan import DeploymentFailed, Progress


class ObservedRights(NamedTuple):
    """Each app's principal, where its identity is there, and the assignments in our storage accounts."""

    principals: Mapping[str, str]
    held: Sequence[RoleAssignment]

    def assigned(self, shape: Shape) -> dict[Right, str]:
        """What each right's assignment is called, or will be."""
        return {
            right: found.name if (found := self._find(right)) else self._new_name(right)
            for right in rights(shape)
        }

    def missing(self, shape: Shape) -> list[Right]:
        """Rights that are not given."""
        return [right for right in rights(shape) if self._find(right) is None]

    def stale(self, shape: Shape) -> list[RoleAssignment]:
        """Assignments that give an app more than it uses."""
        wanted = [found for right in rights(shape) if (found := self._find(right))]
        return [each for each in self.held if each not in wanted]

    def gives(self, right: Right) -> bool:
        """Whether it is given."""
        return self._find(right) is not None

    def _new_name(self, right: Right) -> str:
        return assignment(self.principals.get(right.function, right.function), right.role, right.path)

    def _find(self, right: Right) -> RoleAssignment | None:
        principal = self.principals.get(right.function, "")
        for each in self.held:
            same_scope = each.scope.lower().endswith(f"/providers/{right.path}".lower())
            if each.principal == principal.lower() and each.role == right.role and same_scope:
                return each
        return None


def observe_rights(azure: Azure, group: str, shape: Shape) -> ObservedRights:
    """Read what is there; changes nothing."""
    found = {app.function: azure.principal(group, _identity(shape, app.function)) for app in shape.apps}
    return _with_assignments(azure, group, shape, {app: each for app, each in found.items() if each})


def make_identities(azure: Azure, group: str, shape: Shape) -> ObservedRights:
    """Make the identities that are not there, so that their assignments can be named."""
    made = {
        app.function: azure.put_identity(
            group, _identity(shape, app.function), shape.location, dict(shape.tags)
        )
        for app in shape.apps
    }
    if shape.options.encryption_key:
        # Its owner lets it use the key, which may take a first deployment that fails for that.
        azure.put_identity(group, shape.names.identity(ENCRYPTION), shape.location, dict(shape.tags))
    return _with_assignments(azure, group, shape, made)


def check_may_assign(azure: Azure, group: str | None) -> None:
    """Refuse before anything is built what Azure would refuse half-way through; `group` where it is there.

    Raises:
        DeploymentFailed: when the caller may not assign roles.
    """
    action = "Microsoft.Authorization/roleAssignments/write"
    if not azure.permits(action, group):
        where = f"the resource group {group}" if group else f"the subscription {azure.subscription}"
        raise DeploymentFailed(
            f"you may not give the apps' identities their roles: expected the right {action} in {where}, as "
            "Owner, Role Based Access Control Administrator and providers/azure/deployer-role.json have it"
        )


def let_write_keys(azure: Azure, shape: Shape, progress: Progress) -> None:
    """Give whoever deploys the role by which `python -m providers keys` writes.

    Nobody has it by being Owner: that is a right to manage, and not to data.
    """
    me = azure.myself() if KEYS_CONTAINER in shape.containers else None
    if me is None:
        return
    group, storage = shape.names.group, shape.names.storage
    right = Right("", BLOB_DATA_CONTRIBUTOR, CONTAINER_KIND, (storage, "default", KEYS_CONTAINER))
    held = ObservedRights({"": me}, azure.role_assignments(group, me))
    if held.gives(right):
        return
    progress(f"giving you Storage Blob Data Contributor of the container {KEYS_CONTAINER}")
    azure.put_role_assignment(group, right.path, assignment(me, right.role, right.path), me, right.role)


def _with_assignments(
    azure: Azure, group: str, shape: Shape, principals: Mapping[str, str]
) -> ObservedRights:
    accounts = tuple(
        f"/resourcegroups/{group}/providers/{ACCOUNT_KIND}/{name}/".lower() for name in shape.own_accounts
    )
    held = [
        each
        for principal in principals.values()
        for each in azure.role_assignments(group, principal)
        # Rights elsewhere, such as on somebody else's data, are not ours to take.
        if any(account in f"{each.scope}/".lower() for account in accounts)
    ]
    return ObservedRights(principals, held)


def _identity(shape: Shape, function: str) -> str:
    return shape.names.identity(function)
