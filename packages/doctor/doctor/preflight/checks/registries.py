"""The registry that the apps pull from with their identity is there, is the right one, and lets them.

Reads: the registry (`Microsoft.ContainerRegistry/registries/read`).
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor.preflight.findings import Fault, Finding, Unchecked
from doctor.preflight.look import Look
from doctor.preflight.types import APP, JOB, REGISTRY, ROLE_ASSIGNMENT
from doctor.values import get, objects, text

_ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
_MARK = f"/providers/{REGISTRY}/".lower()


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each registry that the apps could not pull from."""
    servers = {
        text(one, "server").lower()
        for app in (*look.plan.of_type(APP), *look.plan.of_type(JOB))
        for one in objects(app.inputs, "configuration.registries")
    } - {""}
    roles: dict[str, str] = {}
    for one in look.plan.of_type(ROLE_ASSIGNMENT):
        scope = text(one.inputs, "scope")
        if _MARK in scope.lower():
            roles[scope] = text(one.inputs, "roleDefinitionId").rsplit("/", 1)[-1].lower()
    for registry_id, role in sorted(roles.items()):
        yield from _registry(look, registry_id, role, servers)


def _registry(look: Look, registry_id: str, role: str, servers: set[str]) -> Iterator[Finding]:
    name = registry_id.rsplit("/", 1)[-1]
    registry = look.find(registry_id)
    if registry is None:
        yield Fault(
            "registry-missing",
            "registry.id",
            registry_id,
            "there is no such registry",
            f"run `az acr show --name {name} --query id --output tsv` and set it",
        )
        return
    server = text(registry, "properties.loginServer").lower()
    if servers and server not in servers:
        yield Fault(
            "registry-mismatch",
            "registry.server",
            ", ".join(sorted(servers)),
            f"the registry of registry.id is {server}",
            f"run `pulumi config set --path registry.server {server}`, or correct registry.id",
        )
    if text(registry, "properties.roleAssignmentMode") == "AbacRepositoryPermissions" and role == _ACR_PULL:
        yield Fault(
            "registry-ignores-acrpull",
            f"role assignment mode of registry {name}",
            "AbacRepositoryPermissions",
            "a registry in that mode ignores the role AcrPull, which the apps' identity gets",
            f"run `az acr update --name {name} --role-assignment-mode rbac`, or grant the role Container Registry "
            "Repository Reader",
        )
    if text(registry, "properties.publicNetworkAccess") == "Disabled":
        if not objects(registry, "properties.privateEndpointConnections"):
            yield Fault(
                "registry-closed",
                f"public network access of registry {name}",
                "Disabled",
                "without a private endpoint no app reaches it",
                f"run `az acr update --name {name} --public-network-enabled true`, or give it a private endpoint in "
                "the apps' network",
            )
        else:
            yield Unchecked(
                f"way to registry {name}",
                "it has private endpoints, and whether the apps reach one shows when they pull",
            )
    elif str(get(registry, "properties.networkRuleSet.defaultAction", "")) == "Deny":
        yield Unchecked(f"way to registry {name}", "its firewall denies by default, and the apps' address is not known")
