"""Container registries."""

from __future__ import annotations

from collections.abc import Iterable

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource, Transaction, timestamp
from local_azure.core.values import JsonObject
from local_azure.resource_types.allowed_values import one_of
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

_PASSWORDS = ("password", "password2")


def _host(registry: Resource) -> str:
    return str(registry.properties["loginServer"])


def _is_not_premium(registry: Resource) -> str | None:
    """Return why a registry takes no private endpoint, or None: only Premium does.

    Source: https://learn.microsoft.com/azure/container-registry/container-registry-private-link.
    """
    size = str(registry.body["sku"]["name"])
    return None if size.lower() == "premium" else f"Private endpoints are not supported for the SKU {size}."


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


def _size_has_what_is_asked(change: Change) -> None:
    """Check that a registry's size has the features that are asked for.

    Source: https://learn.microsoft.com/azure/container-registry/container-registry-skus; the words are those of public
    logs of deployments.
    """
    size = str(change.desires("sku.name"))
    basic, premium = size.lower() == "basic", size.lower() == "premium"
    rules = change.desires("properties.networkRuleSet.defaultAction") == "Deny"
    asked = {
        "properties.networkRuleSet": ("NetworkRuleNotSupported", "The requested feature virtual network rule", rules),
        "properties.publicNetworkAccess": (
            "DisablePublicNetworkAccessNotSupported",
            "Disabling public network access",
            change.desires("properties.publicNetworkAccess") == "Disabled",
        ),
        "properties.dataEndpointEnabled": (
            "DataEndpointNotSupported",
            "The requested feature data endpoint",
            change.desires("properties.dataEndpointEnabled") is True,
        ),
        "properties.zoneRedundancy": (
            "ZoneRedundancyNotSupported",
            "The requested feature zone redundancy",
            change.desires("properties.zoneRedundancy") == "Enabled",
        ),
    }
    for path, (code, what, wanted) in asked.items():
        if wanted and not premium:
            raise AzureError(code, f"{what} is not supported for the SKU {size}.", target=path)
    if basic and change.desires("properties.anonymousPullEnabled"):
        raise AzureError(
            "AnonymousPullNotSupported",
            f"The requested feature anonymous pull is not supported for the SKU {size}.",
            target="properties.anonymousPullEnabled",
        )


class Registry(ResourceType):
    """https://learn.microsoft.com/rest/api/containerregistry/registries"""

    token = "azure-native:containerregistry:Registry"
    arm_type = "Microsoft.ContainerRegistry/registries"
    inputs = Inputs(name="registryName")
    shape = BodyShape(nested=("privateEndpointConnections[*]",))
    name_rule = NameRule(r"[A-Za-z0-9]{5,50}", "5 to 50 letters and digits")
    rules = (one_of("sku.name", "Basic", "Standard", "Premium", code="InvalidSku"), _size_has_what_is_asked)
    private_links = (PrivateLink("registry", "privatelink.azurecr.io", "azurecr.io", _host, _is_not_premium),)
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
