"""Whoever deploys may do what the deployment does.

Reads: the caller's permissions at the group, or at the subscription while there is no group
(`Microsoft.Authorization/permissions/read`, which every role has). Deny assignments and conditions of roles cannot be
judged from there; a condition on role assignments is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from doctor.preflight.checks import providers
from doctor.preflight.findings import Fault, Finding, Unchecked
from doctor.preflight.look import Look
from doctor.preflight.plan import Planned
from doctor.preflight.types import (
    APP,
    CLASSIC_REDIS,
    ENVIRONMENT,
    JOB,
    MANAGED_REDIS,
    NETWORK,
    PEERING,
    PRIVATE_ENDPOINT,
    ROLE_ASSIGNMENT,
    VAULT,
    ZONE,
    ZONE_GROUP,
    ZONE_LINK,
)
from doctor.values import JsonObject, objects, text, texts

_JOIN_SUBNET = f"{NETWORK}/subnets/join/action"
_JOIN_NETWORK = f"{NETWORK}/join/action"
_ASSIGN_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
_LINKED = {
    APP: (f"{ENVIRONMENT}/join/action",),
    CLASSIC_REDIS: (f"{CLASSIC_REDIS}/listKeys/action",),
    ENVIRONMENT: (_JOIN_SUBNET,),
    JOB: (f"{ENVIRONMENT}/join/action",),
    PEERING: (f"{NETWORK}/peer/action",),
    PRIVATE_ENDPOINT: (_JOIN_SUBNET,),
    ZONE_GROUP: (f"{ZONE}/join/action",),
    ZONE_LINK: (_JOIN_NETWORK,),
    f"{MANAGED_REDIS}/databases": (f"{MANAGED_REDIS}/databases/listKeys/action",),
}
"""Actions beside reading and writing: of the provider's functions, and on what a resource is linked to
(https://learn.microsoft.com/azure/role-based-access-control/permissions/networking)."""
_APPROVALS = {
    "vault": f"{VAULT}/privateEndpointConnectionsApproval/action",
    "redisCache": f"{CLASSIC_REDIS}/privateEndpointConnectionsApproval/action",
    "redisEnterprise": f"{MANAGED_REDIS}/privateEndpointConnectionsApproval/action",
}
"""What connecting a private endpoint without somebody's approval takes, by the endpoint's group id
(https://learn.microsoft.com/azure/private-link/rbac-permissions)."""


@dataclass(frozen=True)
class _Need:
    action: str
    scope: str
    """A resource id; empty for the deployment's own scope."""
    subject: str


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each action that the caller's roles do not permit."""
    missing: dict[tuple[str, str], _Need] = {}
    conditional: set[str] = set()
    for need in _needs(look):
        scope = need.scope or look.deployment_scope(next(iter(look.plan.group_names), ""))
        granted = _permissions(look, scope)
        fitting = [one for one in granted if _permits(one, need.action)]
        if not fitting:
            missing.setdefault((need.action.lower(), scope.lower()), _Need(need.action, scope, need.subject))
        elif all(text(one, "condition") for one in fitting):
            conditional.add(need.action)
    for need in missing.values():
        yield _fault(need)
    for action in sorted(conditional):
        yield Unchecked(action, "the role that permits it has a condition, which only Azure evaluates")


def _needs(look: Look) -> Iterator[_Need]:
    for one in look.plan.written:
        for action in _actions(one):
            scope = text(one.inputs, "scope") if one.type == ROLE_ASSIGNMENT else ""
            yield _Need(action, scope, one.subject)
    for namespace in providers.unregistered(look):
        yield _Need(f"{namespace}/register/action", look.scope, f"registering {namespace}")


def _actions(planned: Planned) -> Iterator[str]:
    yield f"{planned.type}/read"
    yield f"{planned.type}/write"
    if planned.type == ENVIRONMENT and "vnetConfiguration" not in planned.inputs:
        return
    yield from _LINKED.get(planned.type, ())
    if planned.type in (APP, JOB) and "identity" in planned.inputs:
        yield _ASSIGN_IDENTITY
    for connection in objects(planned.inputs, "privateLinkServiceConnections"):
        for group in texts(connection, "groupIds"):
            if group in _APPROVALS:
                yield _APPROVALS[group]


def _permissions(look: Look, scope: str) -> list[JsonObject]:
    return look.list(f"{scope}/providers/Microsoft.Authorization/permissions")


def _permits(permission: JsonObject, action: str) -> bool:
    # Azure's own roles permit this one with a wildcard for the identity's name, which the action does not have:
    # https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/identity#managed-identity-operator
    spelled = {action, action.replace("/assign/", "/NAME/assign/")} if action == _ASSIGN_IDENTITY else {action}
    granted, taken = texts(permission, "actions"), texts(permission, "notActions")
    return any(_matches(granted, one) for one in spelled) and not any(_matches(taken, one) for one in spelled)


def _matches(patterns: Iterable[str], action: str) -> bool:
    return any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), action, re.IGNORECASE) for one in patterns)


def _fault(need: _Need) -> Fault:
    role = "Contributor"
    cause = "right-missing"
    if need.action.startswith(ROLE_ASSIGNMENT):
        cause, role = "right-missing-role-assignments", "Role Based Access Control Administrator"
    elif need.action.endswith("/register/action"):
        cause = "right-missing-registration"
    elif need.action.lower().endswith("/listkeys/action"):
        cause = "right-missing-keys"
    elif need.action.endswith(("/join/action", "/assign/action", "pproval/action", "/peer/action")):
        cause = "right-missing-link"
    return Fault(
        cause,
        need.action,
        "",
        f"no role of whoever deploys permits it at {need.scope}, and {need.subject} needs it",
        f'have an owner run `az role assignment create --assignee PRINCIPAL --role "{role}" --scope {need.scope}`',
    )
