"""Key vaults, deleted vaults that keep their name, and secrets."""

from __future__ import annotations

import secrets as random_values
from collections.abc import Iterable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from local_azure.arm_body import BodyShape
from local_azure.azure_error import AzureError, conflict
from local_azure.ids import ArmId
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
from local_azure.resource_types.network import SUBNET_TYPE
from local_azure.resource_types.private_endpoint import endpoint_connections
from local_azure.state import Resource, Transaction, timestamp
from local_azure.values import JsonObject, as_list, as_object

VAULT_TYPE = "Microsoft.KeyVault/vaults"
DELETED_VAULT_TYPE = "Microsoft.KeyVault/locations/deletedVaults"
SECRET_TYPE = f"{VAULT_TYPE}/secrets"
DELETED_SECRET_TYPE = f"{VAULT_TYPE}/deletedSecrets"
"""A secret that was deleted in the data plane and keeps its name until it is purged or recovered."""


def _host_name(name: str) -> str:
    return f"{name}.vault.azure.net".lower()


def _vault_host(vault: Resource) -> str:
    return _host_name(vault.id.name)


def _deleted_namesake(change: Change) -> Resource | None:
    """The deleted vault that holds the name, if any."""
    holder = change.transaction.holder(f"host/{_host_name(change.id.name)}")
    found = change.transaction.get(holder) if holder else None
    return found if found and found.id.type == DELETED_VAULT_TYPE else None


def _recovers(change: Change) -> bool:
    return change.existing is None and change.desires("properties.createMode") == "recover"


def _deleted_name_is_taken(change: Change) -> None:
    """https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview: a deleted vault keeps its name."""
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
        )
    if _recovers(change) and not deleted:
        raise AzureError(
            "VaultNotFound",
            f"There is no deleted vault '{change.id.name}' to recover.",
            target="properties.createMode",
            status=HTTPStatus.NOT_FOUND,
        )


def _protection_stays(change: Change) -> None:
    """https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview#purge-protection: never turned off."""
    for name in ("enablePurgeProtection", "enableSoftDelete"):
        earlier = change.existing.properties.get(name) if change.existing else None
        if change.desires(f"properties.{name}") is False and (name == "enablePurgeProtection" or earlier):
            raise AzureError(
                "BadRequest",
                f'The property "{name}" cannot be set to false. Enabling it for a vault is an irreversible action.',
                target=f"properties.{name}",
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
    """https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults"""

    token = "azure-native:keyvault:Vault"
    arm_type = VAULT_TYPE
    inputs = Inputs(name="vaultName")
    shape = BodyShape(flat=False, nested=("properties.privateEndpointConnections[*]",))
    name_rule = NameRule(
        r"(?=.{3,24}$)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*",
        "3 to 24 letters, digits and single '-', starting with a letter and ending with a letter or digit",
        code="VaultNameNotValid",
    )
    create_only = ("properties.softDeleteRetentionInDays",)
    write_only = ("properties.createMode",)
    collections = ("properties.accessPolicies",)
    references = (Reference("properties.networkAcls.virtualNetworkRules[*].id", (SUBNET_TYPE,)),)
    rules = (_deleted_name_is_taken, _protection_stays, _has_an_access_model)
    private_links = (PrivateLink("vault", "privatelink.vaultcore.azure.net", "vault.azure.net", _vault_host),)

    def claims(self, change: Change) -> Iterable[Claim]:
        host = _host_name(change.id.name)
        deleted = _deleted_namesake(change)
        if deleted:
            change.transaction.transfer_claim(f"host/{host}", change.id)
        yield name_taken(change.id.name, host, "VaultAlreadyExists", "The vault name")

    def complete(self, change: Change) -> None:
        change.secrets.clear()  # `createMode` says what to do and is nothing to keep.
        change.default("properties.accessPolicies", [])
        for name, value in {
            "enabledForDeployment": False,
            "enableSoftDelete": True,
            "enableRbacAuthorization": False,
            "publicNetworkAccess": "Enabled",
            "softDeleteRetentionInDays": 90,
        }.items():
            change.default(f"properties.{name}", value)
        change.properties["vaultUri"] = f"https://{_host_name(change.id.name)}/"

    def applied(self, change: Change, resource: Resource) -> None:
        deleted_id = _deleted_id(resource, change.directory.subscription_id)
        deleted = change.transaction.get(deleted_id)
        for nested in as_list(deleted.secrets["nested"]) if deleted else ():
            change.transaction.save(Resource(ArmId.parse(nested["id"]), nested["body"], nested["secrets"]))
        change.transaction.remove(deleted_id)

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        if connections := endpoint_connections(resource, transaction):
            resource.properties["privateEndpointConnections"] = connections
        return resource.body

    def removed(self, resource: Resource, transaction: Transaction, operations: Operations) -> None:
        deleted_id = _deleted_id(resource, resource.id.subscription or "")
        retention = timedelta(days=resource.properties["softDeleteRetentionInDays"])
        nested = [
            {"id": one.id.text, "body": one.body, "secrets": one.secrets}
            for one in transaction.under(resource.id)
            if one.id.type in (SECRET_TYPE, DELETED_SECRET_TYPE)
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
                {"nested": nested},
            )
        )
        transaction.transfer_claim(f"host/{_host_name(resource.id.name)}", deleted_id)


def _deleted_id(vault: Resource, subscription: str) -> ArmId:
    scope = f"/subscriptions/{vault.id.subscription or subscription}"
    return ArmId.build(scope, DELETED_VAULT_TYPE, vault.location, vault.id.name)


def _purge(request: Request) -> JsonObject:
    if request.resource.properties["purgeProtectionEnabled"]:
        raise AzureError(
            "MethodNotAllowed",
            f"Operation 'DeletedVaultPurge' is not allowed: purge protection holds '{request.resource.id.name}' until "
            f"{request.resource.properties['scheduledPurgeDate']}.",
            status=HTTPStatus.METHOD_NOT_ALLOWED,
        )
    request.transaction.remove(request.resource.id)
    return {}


class DeletedVault(ResourceType):
    """https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/get-deleted: made by deleting a vault."""

    arm_type = DELETED_VAULT_TYPE
    actions = (Action("purge", _purge),)


# -- secrets


def _value_is_given(change: Change) -> None:
    if change.existing is None and not isinstance(change.desires("properties.value"), str):
        raise AzureError("BadParameter", "The secret has no value; one is required.", target="properties.value")


def new_version(value: str, now: datetime) -> JsonObject:
    """A version of a secret as it is kept: its id and value, times in seconds, and what its writer says of it."""
    seconds = _seconds(now)
    return {
        "id": random_values.token_hex(16),
        "value": value,
        "created": seconds,
        "updated": seconds,
        "contentType": None,
        "attributes": {"enabled": True},
        "tags": {},
    }


def show_newest_version(secret: ArmId, body: JsonObject, version: JsonObject) -> None:
    """Write into the body of a secret what the control plane shows of its newest version."""
    uri = f"https://{_host_name(secret.names[0])}/secrets/{secret.name}"
    properties = body.setdefault("properties", {})
    properties.update({"secretUri": uri, "secretUriWithVersion": f"{uri}/{version['id']}"})
    given = {name: value for name, value in version["attributes"].items() if value is not None}
    properties["attributes"] = given | {"created": version["created"], "updated": version["updated"]}
    for holder, name in ((properties, "contentType"), (body, "tags")):
        if version[name]:
            holder[name] = version[name]
        else:
            holder.pop(name, None)


def _name_is_not_deleted(change: Change) -> None:
    """https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview: a deleted secret keeps its name."""
    vault = change.id.parent
    if vault and change.transaction.get(vault.child("deletedSecrets", change.id.name)):
        raise conflict(
            f"Secret {change.id.name} is currently in a deleted but recoverable state, and its name cannot be reused; "
            "in this state, the secret can only be recovered or purged.",
            target=change.id.text,
        )


class Secret(ResourceType):
    """https://learn.microsoft.com/rest/api/keyvault/keyvault/secrets

    A changed value is a new version; the value itself is never returned. Deleting one takes the vault's data plane.
    """

    token = "azure-native:keyvault:Secret"
    arm_type = SECRET_TYPE
    inputs = Inputs(name="secretName", parents=("vaultName",))
    shape = BodyShape(flat=False)
    name_rule = NameRule(r"[A-Za-z0-9-]{1,127}", "1 to 127 letters, digits and '-'", code="InvalidSecretName")
    write_only = ("properties.value",)
    rules = (_value_is_given, _name_is_not_deleted)
    has_provisioning_state = False
    tracked = False

    def complete(self, change: Change) -> None:
        value: str | None = change.secrets.pop("properties.value", None)
        versions: list[JsonObject] = change.keep_secret("versions", list[Any])
        if not versions or (value is not None and versions[-1]["value"] != value):
            versions = [*versions, new_version(str(value), change.now)]
        newest = versions[-1] | {
            "updated": _seconds(change.now),
            "contentType": change.desires("properties.contentType"),
            "attributes": {"enabled": True, **as_object(change.desires("properties.attributes"))},
            "tags": as_object(change.desires("tags")),
        }
        change.secrets["versions"] = [*versions[:-1], newest]
        show_newest_version(change.id, change.body, newest)
        vault = change.transaction.get(change.id.parent) if change.id.parent else None
        if vault:
            change.body["location"] = vault.location

    def refuse_delete(self, resource: Resource, transaction: Transaction) -> None:
        vault = transaction.get(resource.id.parent) if resource.id.parent else None
        if vault and vault.properties["publicNetworkAccess"] == "Disabled":
            raise AzureError(
                "Forbidden",
                "Public network access is disabled and request is not from a trusted service nor via an approved "
                f"private link. Vault: {vault.id.name};location={vault.location}. Deleting a secret takes the vault's "
                "data plane: delete it from within the network, or keep it (retain_on_delete).",
                target=resource.id.text,
                status=HTTPStatus.FORBIDDEN,
            )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


TYPES = (Vault(), DeletedVault(), Secret())
