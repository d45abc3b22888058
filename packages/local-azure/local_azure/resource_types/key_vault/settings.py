"""What the properties of a vault may be: protection, access policies, network rules."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.values import JsonObject, as_list, as_object, find, get
from local_azure.resource_types.base import Change

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_RETENTION_DAYS = range(7, 91)
_MOST_POLICIES = 1024
_MOST_ADDRESS_RULES = 1000
_MOST_NETWORK_RULES = 200
_PRIVATE_RANGES = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_SERVICE = "Microsoft.KeyVault"

_PERMISSIONS = {
    "keys": "all backup create decrypt delete encrypt get getrotationpolicy import list purge recover release restore "
    "rotate setrotationpolicy sign unwrapkey update verify wrapkey",
    "secrets": "all backup delete get list purge recover restore set",
    "certificates": "all backup create delete deleteissuers get getissuers import list listissuers managecontacts "
    "manageissuers purge recover restore setissuers update",
    "storage": "all backup delete deletesas get getsas list listsas purge recover regeneratekey restore set setsas "
    "update",
}
"""The permissions of an access policy, by what they are about:
https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/create-or-update#permissions."""


def _bad_request(message: str, at: str) -> AzureError:
    return AzureError("BadRequest", message, target=at)


def tenant_is_guid(change: Change) -> None:
    """Check that the tenant, whose principals alone get access, is a GUID (format `uuid` in the API's schema)."""
    if not re.fullmatch(_GUID, str(change.desires("properties.tenantId"))):
        raise _bad_request("An invalid value was provided for 'tenantId'.", "properties.tenantId")


def retention_is_in_range_and_stays(change: Change) -> None:
    """Check that deleted items are kept for 7 to 90 days, a number that is set at creation.

    Source: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview.
    """
    path = "properties.softDeleteRetentionInDays"
    days = change.desires(path)
    earlier = change.existing.properties.get("softDeleteRetentionInDays") if change.existing else None
    if days is None:
        return
    if days not in _RETENTION_DAYS:
        raise _bad_request(
            'The property "softDeleteRetentionInDays" is invalid: it must be between '
            f"{_RETENTION_DAYS[0]} and {_RETENTION_DAYS[-1]}.",
            path,
        )
    if earlier is not None and days != earlier:
        raise _bad_request(
            'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.', path
        )


def protection_stays(change: Change) -> None:
    """Check that purge protection is never turned off.

    Source: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview#purge-protection.
    """
    for name in ("enablePurgeProtection", "enableSoftDelete"):
        earlier = change.existing.properties.get(name) if change.existing else None
        if change.desires(f"properties.{name}") is False and (name == "enablePurgeProtection" or earlier):
            raise _bad_request(
                f'The property "{name}" cannot be set to false. Enabling it for a vault is an irreversible action.',
                f"properties.{name}",
            )


def policies_are_valid(change: Change) -> None:
    """Enforce Azure's rule: at most 1,024, each of a principal of the vault's own tenant.

    Source: https://learn.microsoft.com/azure/key-vault/general/assign-access-policy; the wording for wrong values is
    that of https://github.com/Azure/azure-libraries-for-net/issues/361.
    """
    at = "properties.accessPolicies"
    policies = [as_object(item) for item in as_list(change.desires(at))]
    if len(policies) > _MOST_POLICIES:
        raise _bad_request(f"A vault may have at most {_MOST_POLICIES} access policies.", at)
    for index, policy in enumerate(policies):
        for fault in _policy_faults(policy, str(change.desires("properties.tenantId"))):
            raise _bad_request("An invalid value was provided for 'accessPolicies'.", f"{at}[{index}].{fault}")


def _policy_faults(policy: JsonObject, tenant: str) -> Iterator[str]:
    if str(policy.get("tenantId")).lower() != tenant.lower():
        yield "tenantId"
    for name in ("objectId", "applicationId"):
        value = policy.get(name)
        if (value is not None or name == "objectId") and not re.fullmatch(_GUID, str(value)):
            yield name
    for kind, granted in as_object(policy.get("permissions")).items():
        known = _PERMISSIONS.get(kind, "").split()
        for index, permission in enumerate(as_list(granted)):
            if str(permission).lower() not in known:
                yield f"permissions.{kind}[{index}]"


def network_rules_are_valid(change: Change) -> None:
    """Enforce Azure's rule: addresses are public IPv4 ones, networks are subnets with the service endpoint of Key
    Vault.

    Source: https://learn.microsoft.com/azure/key-vault/general/network-security.
    """
    rules = as_object(change.desires("properties.networkAcls"))
    _require_at_most(rules, "ipRules", _MOST_ADDRESS_RULES)
    _require_at_most(rules, "virtualNetworkRules", _MOST_NETWORK_RULES)
    for index, rule in enumerate(as_list(rules.get("ipRules"))):
        if not _is_public_range(str(as_object(rule).get("value"))):
            raise _bad_request(
                f"The address rule '{as_object(rule).get('value')}' is invalid: it must be a public IPv4 address or "
                "range in CIDR notation.",
                f"properties.networkAcls.ipRules[{index}].value",
            )
    for index, rule in enumerate(as_list(rules.get("virtualNetworkRules"))):
        _require_service_endpoint(change, as_object(rule), index)


def _require_at_most(rules: JsonObject, name: str, most: int) -> None:
    if len(as_list(rules.get(name))) > most:
        raise _bad_request(f"A vault may have at most {most} {name}.", f"properties.networkAcls.{name}")


def _is_public_range(value: str) -> bool:
    try:
        read = ipaddress.ip_network(value)
    except ValueError:
        return False
    return isinstance(read, ipaddress.IPv4Network) and not any(read.overlaps(item) for item in _PRIVATE_RANGES)


def _require_service_endpoint(change: Change, rule: JsonObject, index: int) -> None:
    subnet = change.transaction.get(str(rule.get("id")))
    if subnet is None or rule.get("ignoreMissingVnetServiceEndpoint"):
        return
    services = [str(name).lower() for _, name in find(subnet.body, "properties.serviceEndpoints[*].service")]
    if _SERVICE.lower() not in services:
        raise AzureError(
            "VirtualNetworkNotValid",
            "Call to Microsoft.Network failed. Error Code: SubnetsHaveNoServiceEndpointsConfigured. Error Message: "
            f"Subnets {subnet.id.name} of virtual network {subnet.id.parent} do not have ServiceEndpoints for "
            f"{_SERVICE} resources configured. Add {_SERVICE} to subnet's ServiceEndpoints collection before trying "
            f"to ACL {_SERVICE} resources to these subnets.",
            target=f"properties.networkAcls.virtualNetworkRules[{index}].id",
        )


def admits_subnet(rules: JsonObject, subnet: ArmId) -> bool:
    """Return whether a vault's network rules let a subnet in."""
    return any(str(item).lower() == subnet.key for _, item in find(rules, "virtualNetworkRules[*].id"))


def admits_address(rules: JsonObject, address: str) -> bool:
    """Return whether a vault's network rules let an address in."""
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(
        caller in ipaddress.ip_network(str(get(rule, "value")), strict=False)
        for rule in as_list(rules.get("ipRules"))
        if _is_public_range(str(get(rule, "value")))
    )
