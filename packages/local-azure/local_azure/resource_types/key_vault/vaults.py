"""Vaults, and the deleted ones that keep their name until they are recovered or purged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from http import HTTPStatus

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction, timestamp
from local_azure.core.values import JsonObject, as_list, copied
from local_azure.resource_types.base import (
    Action,
    Change,
    Claim,
    Inputs,
    NameRule,
    Operations,
    PrivateLink,
    Reference,
    Request,
    ResourceType,
    name_taken,
)
from local_azure.resource_types.key_vault.names import (
    DELETED_SECRET_TYPE,
    DELETED_VAULT_TYPE,
    DOMAIN,
    SECRET_TYPE,
    VAULT_TYPE,
    host_claim,
    host_name,
)
from local_azure.resource_types.key_vault.settings import (
    network_rules_are_valid,
    policies_are_valid,
    protection_stays,
    retention_is_in_range_and_stays,
    tenant_is_guid,
)
from local_azure.resource_types.network import SUBNET_TYPE
from local_azure.resource_types.private_endpoint import endpoint_connections


def _vault_host(vault: Resource) -> str:
    return host_name(vault.id.name)


VAULT_LINK = PrivateLink("vault", "privatelink.vaultcore.azure.net", DOMAIN, _vault_host)
"""https://learn.microsoft.com/azure/private-link/private-endpoint-dns"""


def _deleted_namesake(change: Change) -> Resource | None:
    """Return the deleted vault that holds the name, if any, and if its time is not over."""
    holder = change.transaction.holder(host_claim(change.id.name))
    found = change.transaction.get(holder) if holder else None
    if found is None or found.id.type != DELETED_VAULT_TYPE:
        return None
    if change.now >= datetime.fromisoformat(found.properties["scheduledPurgeDate"]):
        change.transaction.remove(found.id)
        return None
    return found


def _recovers(change: Change) -> bool:
    return change.existing is None and change.desires("properties.createMode") == "recover"


def _deleted_name_is_taken(change: Change) -> None:
    """Enforce Azure's rule: a deleted vault keeps its name.

    Source: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview.
    """
    if change.existing:
        return
    deleted = _deleted_namesake(change)
    if deleted and not _recovers(change):
        raise conflict(
            f"A vault with the same name '{change.id.name}' already exists in deleted state. You need to either "
            "recover or purge existing key vault.",
            "ConflictError",
            "properties.createMode",
        )
    if deleted and deleted.properties["vaultId"].lower() != change.id.key:
        raise conflict(
            f"The vault name '{change.id.name}' belongs to the deleted vault {deleted.properties['vaultId']}; it can "
            "be recovered only there.",
            "VaultAlreadyExists",
            "properties.createMode",
        )
    if deleted and deleted.properties["location"] != change.location:
        raise conflict(
            f"The deleted vault '{change.id.name}' is in '{deleted.properties['location']}'; it can be recovered only "
            "there.",
            "VaultAlreadyExists",
            "location",
        )
    if _recovers(change) and not deleted:
        raise AzureError(
            "VaultNotFound",
            f"There is no deleted vault '{change.id.name}' to recover.",
            target="properties.createMode",
            status=HTTPStatus.NOT_FOUND,
        )


def _has_an_access_model(change: Change) -> None:
    # Recovery brings the policies back, so it takes none.
    if _recovers(change) or change.desires("properties.enableRbacAuthorization"):
        return
    if change.desires("properties.accessPolicies") is None:
        raise AzureError(
            "BadRequest",
            "The property 'accessPolicies' is required unless role-based access control is enabled or the vault is "
            "recovered.",
            target="properties.accessPolicies",
        )


class Vault(ResourceType):
    """https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults

    A vault that is recovered has its secrets and its settings again, and no role assignment, diagnostic setting or
    private endpoint connection of before: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview,
    https://github.com/microsoft/azure-container-apps/issues/930.
    """

    token = "azure-native:keyvault:Vault"
    arm_type = VAULT_TYPE
    inputs = Inputs(name="vaultName")
    shape = BodyShape(flat=False, nested=("properties.privateEndpointConnections[*]",))
    name_rule = NameRule(
        r"(?=.{3,24}$)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*",
        "3 to 24 letters, digits and single '-', starting with a letter and ending with a letter or digit",
        code="VaultNameNotValid",
    )
    write_only = ("properties.createMode",)
    collections = ("properties.accessPolicies",)
    references = (Reference("properties.networkAcls.virtualNetworkRules[*].id", (SUBNET_TYPE,)),)
    rules = (
        _deleted_name_is_taken,
        tenant_is_guid,
        retention_is_in_range_and_stays,
        protection_stays,
        _has_an_access_model,
        policies_are_valid,
        network_rules_are_valid,
    )
    private_links = (VAULT_LINK,)

    def claims(self, change: Change) -> Iterable[Claim]:
        if _deleted_namesake(change):
            change.transaction.transfer_claim(host_claim(change.id.name), change.id)
        yield name_taken(change.id.name, host_name(change.id.name), "VaultAlreadyExists", "The vault name")

    def complete(self, change: Change) -> None:
        change.secrets.clear()  # `createMode` says what to do and is nothing to keep.
        deleted = change.transaction.get(_deleted_id(change.id, change.location))
        if deleted and _recovers(change):
            # https://github.com/Azure/azure-rest-api-specs/issues/21306: a recovery takes none of what it asks for.
            change.body["properties"] = copied(deleted.secrets["properties"])
            change.body["tags"] = copied(deleted.properties["tags"])
        defaults: JsonObject = {
            "accessPolicies": [],
            "enabledForDeployment": False,
            "enableRbacAuthorization": False,
            "publicNetworkAccess": "Enabled",
            "softDeleteRetentionInDays": 90,
        }
        for name, value in defaults.items():
            change.default(f"properties.{name}", value)
        # Azure turns it on for every vault, whatever a new one asks for.
        change.properties["enableSoftDelete"] = True
        change.properties["vaultUri"] = f"https://{host_name(change.id.name)}/"

    def applied(self, change: Change, resource: Resource) -> None:
        deleted_id = _deleted_id(resource.id, resource.location)
        deleted = change.transaction.get(deleted_id)
        if deleted is None:
            return
        for nested in as_list(deleted.secrets["nested"]):
            change.transaction.save(Resource(ArmId.parse(nested["id"]), nested["body"], nested["secrets"]))
        change.transaction.remove(deleted_id)

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        if connections := endpoint_connections(resource, transaction):
            resource.properties["privateEndpointConnections"] = connections
        return resource.body

    def removed(self, resource: Resource, transaction: Transaction, operations: Operations) -> None:
        deleted_id = _deleted_id(resource.id, resource.location)
        retention = timedelta(days=resource.properties["softDeleteRetentionInDays"])
        nested = [
            {"id": item.id.text, "body": item.body, "secrets": item.secrets}
            for item in transaction.under(resource.id)
            if item.id.type in (SECRET_TYPE, DELETED_SECRET_TYPE)
        ]
        transaction.save(
            Resource(
                deleted_id,
                {
                    "id": deleted_id.text,
                    "name": resource.id.name,
                    "type": DELETED_VAULT_TYPE,
                    "properties": {
                        "vaultId": resource.id.text,
                        "location": resource.location,
                        "tags": resource.body.get("tags") or {},
                        "deletionDate": timestamp(transaction.now),
                        "scheduledPurgeDate": timestamp(transaction.now + retention),
                        "purgeProtectionEnabled": bool(resource.properties.get("enablePurgeProtection")),
                    },
                },
                {"nested": nested, "properties": resource.properties},
            )
        )
        transaction.transfer_claim(host_claim(resource.id.name), deleted_id)


def _deleted_id(vault: ArmId, location: str) -> ArmId:
    return ArmId.build(f"/subscriptions/{vault.subscription}", DELETED_VAULT_TYPE, location, vault.name)


def _purge(request: Request) -> JsonObject:
    if request.resource.properties["purgeProtectionEnabled"]:
        raise AzureError(
            "MethodNotAllowed",
            f"Operation 'DeletedVaultPurge' is not allowed: purge protection holds '{request.resource.id.name}' until "
            f"{request.resource.properties['scheduledPurgeDate']}.",
            target=request.resource.id.text,
            status=HTTPStatus.METHOD_NOT_ALLOWED,
        )
    request.transaction.remove(request.resource.id)
    return {}


class DeletedVault(ResourceType):
    """https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/get-deleted: made by deleting a vault."""

    arm_type = DELETED_VAULT_TYPE
    actions = (Action("purge", _purge),)
