"""Container apps and vaults for the tests of their rules: short ways to ask for one with a single thing changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local_azure.core.ids import ArmId
from local_azure.core.state import Resource
from local_azure.core.values import JsonObject, put
from modules.landscape import SECRETS_USER, Landscape, app_properties, assigned, vault_properties
from rules.cases import Step

VAULT_ZONE = "privatelink.vaultcore.azure.net"
SECRET_URL = "https://kv-demo.vault.azure.net/secrets/redis-url"
CONTAINER = "template.containers[0]"


def changed(properties: JsonObject, *changes: tuple[str, Any]) -> JsonObject:
    """Return a copy of properties with other values at some paths; a list's element is named as in `containers[0]`."""
    result = copy.deepcopy(properties)
    for path, value in changes:
        holder: Any = result
        *parents, last = path.replace("[", ".[").split(".")
        for name in parents:
            holder = holder[int(name[1:-1])] if name.startswith("[") else holder.setdefault(name, {})
        if last.startswith("["):
            holder[int(last[1:-1])] = value
        else:
            put(holder, last, value)
    return result


def app(
    *changes: tuple[str, Any], identity: JsonObject | None = None, name: str = "web", **envelope: Any
) -> Callable[[Landscape], Resource]:
    """Put the app with something changed: pairs of a path in its properties and a value."""

    def step(landscape: Landscape) -> Resource:
        resource_id = landscape.app.replace("/web", f"/{name}")
        own = assigned(landscape.identity) if identity is None else identity
        return landscape.put(
            resource_id, changed(app_properties(landscape.environment), *changes), identity=own, **envelope
        )

    return step


def with_environment(landscape: Landscape) -> None:
    """Create a network, an identity and an environment in it."""
    landscape.with_network()
    landscape.put(landscape.identity)
    landscape.put(landscape.environment, {"vnetConfiguration": {"infrastructureSubnetId": landscape.apps_subnet}})


def with_app(landscape: Landscape) -> None:
    """And an app in it."""
    with_environment(landscape)
    app()(landscape)


def environment(**changes: Any) -> Step:
    """Put the environment with properties of its own, in the apps' subnet."""

    def step(landscape: Landscape) -> Resource:
        network = {"vnetConfiguration": {"infrastructureSubnetId": landscape.apps_subnet}}
        return landscape.put(landscape.environment, {**network, **changes})

    return step


def vault(**properties: Any) -> Step:
    """Put the vault with other properties."""
    return lambda landscape: landscape.put(landscape.vault, vault_properties(**properties))


def secret(value: str = "v1", **properties: Any) -> Step:
    """Put the vault's secret `redis-url`."""
    return lambda landscape: landscape.put(
        f"{landscape.vault}/secrets/redis-url", {"value": value, **properties} if value else properties, location=None
    )


def grant(scope: str = "vault", role: str = SECRETS_USER, name: int = 1) -> Step:
    """Assign a role to the app's identity at the scope that the landscape calls so."""

    def step(landscape: Landscape) -> Resource:
        principal = landscape.get(landscape.identity).properties["principalId"]
        guid = f"{name:08d}{'-0000' * 3}-{'0' * 12}"
        role_id = f"{getattr(landscape, scope)}/providers/Microsoft.Authorization/roleAssignments/{guid}"
        body = {"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": role}
        return landscape.put(role_id, body, location=None)

    return step


def private_vault(landscape: Landscape, *, zone: bool = True, link: bool = True) -> None:
    """Create a vault without public access, its endpoint in the network, its secret, and a role for the app."""
    with_environment(landscape)
    landscape.with_vault()
    secret()(landscape)
    grant()(landscape)
    landscape.with_endpoint(landscape.vault, "vault")
    zone_id = landscape.zone.replace("privatelink.redis.azure.net", VAULT_ZONE)
    landscape.put(zone_id, location="global")
    if link:
        landscape.put(
            f"{zone_id}/virtualNetworkLinks/vnet", {"virtualNetwork": {"id": landscape.vnet}}, location="global"
        )
    if zone:
        config = {"name": "zone", "properties": {"privateDnsZoneId": zone_id}}
        landscape.put(
            f"{landscape.endpoint}/privateDnsZoneGroups/default", {"privateDnsZoneConfigs": [config]}, location=None
        )


def public_vault(landscape: Landscape) -> None:
    """Create a vault with public access, its secret, and a role for the app's identity."""
    with_environment(landscape)
    landscape.with_vault("Enabled")
    secret()(landscape)
    grant()(landscape)


def referring(
    url: str = SECRET_URL,
    identity: str | None = None,
    *changes: tuple[str, Any],
    identity_body: JsonObject | None = None,
) -> Callable[[Landscape], Resource]:
    """Put the app with its secret as a Key Vault reference, read with an identity: by default the landscape's."""

    def step(landscape: Landscape) -> Resource:
        reference = {"name": "redis-url", "keyVaultUrl": url, "identity": identity or landscape.identity}
        return app(("configuration.secrets", [reference]), *changes, identity=identity_body)(landscape)

    return step


def version_url(landscape: Landscape) -> str:
    """Return the address of the secret's newest version."""
    return str(landscape.get(f"{landscape.vault}/secrets/redis-url").properties["secretUriWithVersion"])


def revisions(landscape: Landscape) -> dict[str, Resource]:
    """Return the app's revisions by name."""
    return {each.id.name: each for each in landscape.model.list("Microsoft.App/containerApps/revisions", landscape.app)}


def running(landscape: Landscape, name: str = "web--0000001") -> dict[str, str]:
    """Return the secrets that the replicas of a revision run with."""
    return dict(revisions(landscape)[name].secrets.get("values", {}))


def revision_id(landscape: Landscape, name: str = "web--0000001") -> str:
    """Return the id of a revision of the app."""
    return ArmId.parse(landscape.app).child("revisions", name).text


def aged(landscape: Landscape, moment: str = "2020-01-01T00:00:00+00:00") -> None:
    """Let the app's Key Vault references look as if they had been read long ago."""
    with landscape.model.store.transaction() as transaction:
        stored = transaction.get(landscape.app)
        assert stored
        for reading in stored.secrets["keyVaultReadings"].values():
            reading["readAt"] = datetime.fromisoformat(moment).astimezone(UTC).isoformat()
        transaction.save(stored)
