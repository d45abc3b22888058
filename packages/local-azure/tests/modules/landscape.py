"""A small set of resources in a model, and the provider on it, for the emulator's tests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi.provider.experimental.provider import (
    CheckRequest,
    ConfigureRequest,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    InvokeRequest,
    Provider,
    ReadRequest,
    UpdateRequest,
)

from local_azure.control_plane.model import Model
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Store
from local_azure.core.values import JsonObject
from local_azure.provider.property_values import Plain, to_plain, to_properties
from local_azure.provider.servicer import OLD_INPUTS

REGION = "westeurope"
SECRETS_USER = "/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"


class Landscape:
    """Resources of a model, made by their short names: `group`, `vnet`, `apps`, `endpoints`, `cache`, ..."""

    def __init__(self, path: Path) -> None:
        self.model = Model(Store(path))
        self.subscription = f"/subscriptions/{self.model.tenant.subscription_id}"
        self.group = f"{self.subscription}/resourceGroups/rg"
        self.vnet = f"{self.group}/providers/Microsoft.Network/virtualNetworks/vnet"
        self.apps_subnet = f"{self.vnet}/subnets/apps"
        self.endpoints_subnet = f"{self.vnet}/subnets/endpoints"
        self.cache = f"{self.group}/providers/Microsoft.Cache/redisEnterprise/red"
        self.database = f"{self.cache}/databases/default"
        self.classic = f"{self.group}/providers/Microsoft.Cache/redis/classic"
        self.vault = f"{self.group}/providers/Microsoft.KeyVault/vaults/kv-demo"
        self.identity = f"{self.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app-identity"
        self.environment = f"{self.group}/providers/Microsoft.App/managedEnvironments/env"
        self.app = f"{self.group}/providers/Microsoft.App/containerApps/web"
        self.zone = f"{self.group}/providers/Microsoft.Network/privateDnsZones/privatelink.redis.azure.net"
        self.endpoint = f"{self.group}/providers/Microsoft.Network/privateEndpoints/pep"
        self.workspace = f"{self.group}/providers/Microsoft.OperationalInsights/workspaces/logs"

    def put(self, resource_id: str, properties: JsonObject | None = None, **envelope: Any) -> Resource:
        """Put a resource in the region, with properties and what stands beside them."""
        body = {"location": REGION, **envelope, **({"properties": properties} if properties is not None else {})}
        return self.model.put(ArmId.parse(resource_id), {name: one for name, one in body.items() if one is not None})

    def get(self, resource_id: str) -> Resource:
        return self.model.get(ArmId.parse(resource_id))

    def delete(self, resource_id: str) -> None:
        self.model.delete(ArmId.parse(resource_id))

    def exists(self, resource_id: str) -> bool:
        with self.model.store.transaction() as transaction:
            return transaction.get(resource_id) is not None

    def action(self, resource_id: str, name: str, body: JsonObject | None = None) -> JsonObject:
        return self.model.action(ArmId.parse(resource_id), name, body)

    # -- the parts

    def with_network(self) -> Landscape:
        self.put(self.group)
        self.put(self.vnet, {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}})
        self.put(
            self.apps_subnet,
            {
                "addressPrefix": "10.0.0.0/23",
                "delegations": [{"name": "apps", "properties": {"serviceName": "Microsoft.App/environments"}}],
            },
            location=None,
        )
        self.put(self.endpoints_subnet, {"addressPrefix": "10.0.2.0/24"}, location=None)
        return self

    def with_cache(self, keys: str = "Enabled") -> Landscape:
        self.put(self.cache, {"publicNetworkAccess": "Disabled"}, sku={"name": "Balanced_B0"})
        self.put(self.database, {"accessKeysAuthentication": keys, "clusteringPolicy": "NoCluster"})
        return self

    def with_zone(self) -> Landscape:
        self.put(self.zone, location="global")
        self.put(f"{self.zone}/virtualNetworkLinks/vnet", {"virtualNetwork": {"id": self.vnet}}, location="global")
        return self

    def with_endpoint(self, target: str | None = None, group: str = "redisEnterprise") -> Landscape:
        self.put(self.endpoint, endpoint_properties(self.endpoints_subnet, target or self.cache, group))
        return self

    def with_vault(self, access: str = "Disabled", **properties: Any) -> Landscape:
        self.put(self.vault, vault_properties(publicNetworkAccess=access, **properties))
        return self

    def with_officer(self) -> Landscape:
        """Give the caller all rights on the secrets of the vault."""
        scope = f"{self.vault}/providers/Microsoft.Authorization"
        officer = f"{scope}/roleDefinitions/b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
        caller = {"principalId": self.model.tenant.object_id, "principalType": "ServicePrincipal"}
        name = "0ff1ce00-0000-0000-0000-000000000000"
        self.put(f"{scope}/roleAssignments/{name}", {**caller, "roleDefinitionId": officer}, location=None)
        return self

    def with_apps(self) -> Landscape:
        self.put(self.identity)
        self.put(self.environment, {"vnetConfiguration": {"infrastructureSubnetId": self.apps_subnet}})
        self.put(self.app, app_properties(self.environment), identity=assigned(self.identity))
        return self


def endpoint_properties(subnet: str, target: str, *groups: str) -> JsonObject:
    """Return the properties of a private endpoint."""
    connection = {"privateLinkServiceId": target, "groupIds": list(groups)}
    return {
        "subnet": {"id": subnet},
        "privateLinkServiceConnections": [{"name": "one", "properties": connection}],
    }


def vault_properties(**properties: Any) -> JsonObject:
    """Return the properties of a key vault."""
    return {
        "tenantId": "00000000-0000-0000-0000-000000000001",
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        **properties,
    }


def app_properties(environment: str, image: str = "app:1", **changes: Any) -> JsonObject:
    """Return the properties of a container app with one secret, a variable of it and an ingress."""
    return {
        "environmentId": environment,
        "configuration": {
            "secrets": [{"name": "redis-url", "value": "s3cret"}],
            "ingress": {"external": True, "targetPort": 8000},
        },
        "template": {
            "containers": [
                {"name": "web", "image": image, "env": [{"name": "REDIS_URL", "secretRef": "redis-url"}]},
            ],
        },
        **changes,
    }


def assigned(*identities: str) -> JsonObject:
    """Return an identity that carries user-assigned ones."""
    return {"type": "UserAssigned", "userAssignedIdentities": {one: {} for one in identities}}


@dataclass(frozen=True)
class Secret:
    """Marks an input as secret."""

    value: Any


def _properties(values: JsonObject) -> Any:
    secrets: list[tuple[str | int, ...]] = []

    def strip(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, Secret):
            secrets.append(path)
            return strip(value.value, path)
        if isinstance(value, dict):
            return {name: strip(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [strip(inner, (*path, index)) for index, inner in enumerate(value)]
        return value

    return to_properties(strip(values, ()), secrets)


class Engine:
    """Calls a provider as the Pulumi engine does, with plain values; `Secret(...)` marks a secret."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def configure(self, **settings: Any) -> None:
        request = ConfigureRequest({}, _properties(settings), accept_secrets=True, accept_resources=True)
        asyncio.run(self.provider.configure(request))

    def check(
        self, token: str, inputs: JsonObject, old: JsonObject | None = None, name: str = "name", seed: bytes = b"seed"
    ) -> tuple[JsonObject, list[tuple[str, str]]]:
        """Return the checked inputs, and the failures as pairs of path and reason."""
        request = CheckRequest(_urn(token, name), _properties(old or {}), _properties(inputs), seed)
        response = asyncio.run(self.provider.check(request))
        failures = [(one.property, one.reason) for one in response.failures or []]
        return to_plain(response.inputs or {}).values, failures

    def diff(self, token: str, old: JsonObject, new: JsonObject, outputs: JsonObject | None = None) -> DiffResponse:
        state = _properties({**(outputs or {}), OLD_INPUTS: old})
        return asyncio.run(self.provider.diff(DiffRequest(_urn(token), "id", state, _properties(new), [])))

    def create(self, token: str, inputs: JsonObject, preview: bool = False) -> tuple[str | None, Plain]:
        """Return the id and the outputs, with the paths of the secret ones."""
        request = CreateRequest(_urn(token), _properties(inputs), 60, preview)
        response: CreateResponse = asyncio.run(self.provider.create(request))
        return response.resource_id, to_plain(response.properties)

    def update(
        self, token: str, resource_id: str, new: JsonObject, preview: bool = False, outputs: JsonObject | None = None
    ) -> Plain:
        request = UpdateRequest(_urn(token), resource_id, _properties(outputs or {}), _properties(new), 60, [], preview)
        return to_plain(asyncio.run(self.provider.update(request)).properties)

    def read(
        self, token: str, resource_id: str, outputs: JsonObject | None = None, inputs: JsonObject | None = None
    ) -> tuple[str | None, Plain, Plain]:
        """Return the id, the outputs and the inputs."""
        request = ReadRequest(_urn(token), resource_id, _properties(outputs or {}), _properties(inputs or {}))
        response = asyncio.run(self.provider.read(request))
        return response.resource_id, to_plain(response.properties), to_plain(response.inputs)

    def delete(self, token: str, resource_id: str) -> None:
        asyncio.run(self.provider.delete(DeleteRequest(_urn(token), resource_id, {}, 60)))

    def invoke(self, token: str, **arguments: Any) -> tuple[JsonObject, list[tuple[str, str]]]:
        """Return the result, and the failures as pairs of path and reason."""
        response = asyncio.run(self.provider.invoke(InvokeRequest(token, _properties(arguments))))
        return to_plain(response.return_value or {}).values, [(one.property, one.reason) for one in response.failures]


def _urn(token: str, name: str = "name") -> str:
    return f"urn:pulumi:dev::project::{token}::{name}"
