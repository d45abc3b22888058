"""Container registries."""

from __future__ import annotations

from collections.abc import Iterable

from local_azure.arm_body import BodyShape
from local_azure.azure_error import AzureError
from local_azure.resource_types.base import (
    Action,
    Change,
    Claim,
    Inputs,
    NameRule,
    PrivateLink,
    Request,
    ResourceType,
    name_taken,
)
from local_azure.resource_types.generated import access_key
from local_azure.resource_types.private_endpoint import endpoint_connections
from local_azure.state import Resource, Transaction, timestamp
from local_azure.values import JsonObject

_PASSWORDS = ("password", "password2")


def _host(registry: Resource) -> str:
    return str(registry.properties["loginServer"])


def _list_credentials(request: Request) -> JsonObject:
    if not request.resource.properties.get("adminUserEnabled"):
        raise AzureError(
            "UnAuthorizedForCredentialOperations",
            f"Cannot perform credential operations for {request.resource.id} as admin user is disabled. Kindly enable "
            "admin user as per docs: https://docs.microsoft.com/en-us/azure/container-registry/"
            "container-registry-authentication#admin-account",
        )
    return {
        "username": request.resource.id.name,
        "passwords": [{"name": name, "value": request.resource.secrets[name]} for name in _PASSWORDS],
    }


class Registry(ResourceType):
    """https://learn.microsoft.com/rest/api/containerregistry/registries"""

    token = "azure-native:containerregistry:Registry"
    arm_type = "Microsoft.ContainerRegistry/registries"
    inputs = Inputs(name="registryName")
    shape = BodyShape(nested=("privateEndpointConnections[*]",))
    name_rule = NameRule(r"[A-Za-z0-9]{5,50}", "5 to 50 letters and digits")
    private_links = (PrivateLink("registry", "privatelink.azurecr.io", "azurecr.io", _host),)
    actions = (Action("listCredentials", _list_credentials, functions=("listRegistryCredentials",)),)

    def claims(self, change: Change) -> Iterable[Claim]:
        yield name_taken(change.id.name, f"{change.id.name}.azurecr.io", "AlreadyInUse", "The registry DNS name")

    def complete(self, change: Change) -> None:
        change.properties["loginServer"] = f"{change.id.name}.azurecr.io".lower()
        change.keep("properties.creationDate", lambda: timestamp(change.now))
        change.body["sku"]["tier"] = change.body["sku"]["name"]
        for name, value in {
            "adminUserEnabled": False,
            "anonymousPullEnabled": False,
            "dataEndpointEnabled": False,
            "networkRuleBypassOptions": "AzureServices",
            "publicNetworkAccess": "Enabled",
            "zoneRedundancy": "Disabled",
        }.items():
            change.default(f"properties.{name}", value)
        change.properties["dataEndpointHostNames"] = []
        for name in _PASSWORDS:
            change.keep_secret(name, access_key)

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        resource.properties["privateEndpointConnections"] = endpoint_connections(resource, transaction)
        return resource.body


TYPES = (Registry(),)
