"""Storage accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource, Transaction, timestamp
from local_azure.core.values import JsonObject
from local_azure.resource_types.base import Action, Change, Claim, Inputs, NameRule, PrivateLink, Request, ResourceType
from local_azure.resource_types.generated import access_key
from local_azure.resource_types.private_endpoint import endpoint_connections

_SERVICES = ("blob", "dfs", "file", "queue", "table", "web")
_KEYS = ("key1", "key2")
_KEY_BYTES = 64


def _domain(service: str) -> str:
    return "web.core.windows.net" if service == "web" else f"{service}.core.windows.net"


def _host(service: str) -> Callable[[Resource], str]:
    return lambda account: f"{account.id.name}.{_domain(service)}"


def _list_keys(request: Request) -> JsonObject:
    """Return the answer of the action listKeys.

    Source: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-keys.
    """
    return {
        "keys": [{"keyName": name, "value": request.resource.secrets[name], "permissions": "FULL"} for name in _KEYS]
    }


def _regenerate_key(request: Request) -> JsonObject:
    name = request.body.get("keyName")
    if name not in _KEYS:
        raise AzureError("InvalidRequestBody", f"The value of 'keyName' must be one of {', '.join(_KEYS)}.")
    request.resource.secrets[name] = access_key(_KEY_BYTES)
    request.transaction.save(request.resource)
    return _list_keys(request)


class StorageAccount(ResourceType):
    """https://learn.microsoft.com/rest/api/storagerp/storage-accounts"""

    token = "azure-native:storage:StorageAccount"
    arm_type = "Microsoft.Storage/storageAccounts"
    inputs = Inputs(name="accountName")
    shape = BodyShape(
        nested=("privateEndpointConnections[*]",),
        renamed={
            "enableHttpsTrafficOnly": "supportsHttpsTrafficOnly",
            "enableNfsV3": "isNfsV3Enabled",
            "networkRuleSet": "networkAcls",
        },
    )
    name_rule = NameRule(r"[a-z0-9]{3,24}", "3 to 24 lower-case letters and digits", code="AccountNameInvalid")
    create_only = ("properties.isHnsEnabled", "properties.isNfsV3Enabled")
    private_links = tuple(
        PrivateLink(service, f"privatelink.{_domain(service)}", _domain(service), _host(service))
        for service in _SERVICES
    )
    actions = (
        Action("listKeys", _list_keys, functions=("listStorageAccountKeys",)),
        Action("regenerateKey", _regenerate_key),
    )

    def claims(self, change: Change) -> Iterable[Claim]:
        name = change.id.name
        yield Claim(
            f"host/{name}.core.windows.net",
            "StorageAccountAlreadyTaken",
            f"The storage account named {name} is already taken.",
        )

    def complete(self, change: Change) -> None:
        name, now = change.id.name, timestamp(change.now)
        for default, value in {
            "accessTier": "Hot",
            "allowBlobPublicAccess": False,
            "minimumTlsVersion": "TLS1_0",
            "supportsHttpsTrafficOnly": True,
        }.items():
            change.default(f"properties.{default}", value)
        change.keep("properties.creationTime", lambda: now)
        change.properties.update(
            {
                "primaryLocation": change.location,
                "statusOfPrimary": "available",
                "primaryEndpoints": {service: f"https://{name}.{_domain(service)}/" for service in _SERVICES},
            }
        )
        for key in _KEYS:
            change.keep_secret(key, lambda: access_key(_KEY_BYTES))

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        resource.properties["privateEndpointConnections"] = endpoint_connections(resource, transaction)
        return resource.body


TYPES = (StorageAccount(),)
