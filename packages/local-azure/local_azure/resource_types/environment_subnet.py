"""What Azure asks of the subnet that a Container Apps environment lies in.

https://learn.microsoft.com/azure/container-apps/custom-virtual-networks has the rules; codes and words are those of
public logs of deployments.
"""

from __future__ import annotations

import ipaddress

from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource
from local_azure.resource_types import service_links
from local_azure.resource_types.addresses import network, subnet_prefixes
from local_azure.resource_types.base import Change, Reference
from local_azure.resource_types.network import SUBNET_IN_USE, SUBNET_TYPE, delegated_services, holders

SUBNET_PATH = "properties.vnetConfiguration.infrastructureSubnetId"
_DELEGATION = "Microsoft.App/environments"
_LONGEST_PREFIX = 27
_RESERVED_RANGES = tuple(
    ipaddress.ip_network(item)
    for item in (
        *("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24"),
        *("100.100.0.0/17", "100.100.128.0/19", "100.100.160.0/19", "100.100.192.0/19"),
    )
)
_INVALID = "ManagedEnvironmentInvalidNetworkConfiguration"
_INVALID_WORDS = "The environment network configuration is invalid:"

SUBNET_REFERENCE = Reference(
    SUBNET_PATH,
    (SUBNET_TYPE,),
    missing=_INVALID,
    words=f"{_INVALID_WORDS} Invalid vnet resource ID provided, or the virtual network could not be found.",
    in_use=SUBNET_IN_USE,
    same_region=True,
)


def environment_subnet(change: Change) -> Resource | None:
    """Return the subnet that an environment asks for, if any."""
    subnet = change.desires(SUBNET_PATH)
    return change.transaction.get(subnet) if isinstance(subnet, str) else None


def subnet_suits_an_environment(change: Change) -> None:
    """Refuse a subnet that is not delegated, too small, in a reserved range, or in use by something else."""
    subnet = environment_subnet(change)
    if subnet is None or change.existing:
        return
    if _DELEGATION.lower() not in map(str.lower, delegated_services(subnet.body)):
        raise AzureError(
            "ManagedEnvironmentSubnetDelegationError",
            f"The subnet of the environment must be delegated to the service '{_DELEGATION}'.",
            target=SUBNET_PATH,
        )
    prefixes = subnet_prefixes(subnet)
    if len(prefixes) > 1:
        raise _invalid("The subnet or its addressPrefix could not be found, or it has multiple addressPrefixes.")
    own = network(prefixes[0], SUBNET_PATH)
    if own.version != 4 or own.prefixlen > _LONGEST_PREFIX:
        raise _invalid(f"The subnet must have a size of at least /{_LONGEST_PREFIX}.")
    for reserved in _RESERVED_RANGES:
        if own.version == reserved.version and own.overlaps(reserved):
            raise _invalid(f"The subnet range {own} overlaps {reserved}, which the platform reserves.")
    if service_links.is_held(subnet.id, change.transaction):
        raise AzureError(
            "ManagedEnvironmentSubnetInUse",
            f"The subnet {subnet.id} is still held by the link 'legionservicelink' of an environment that was deleted.",
            target=SUBNET_PATH,
        )
    for holder, _ in holders(subnet, change.transaction, change.operations):
        if holder.id.type_key == change.id.type_key:
            raise AzureError(
                "ManagedEnvironmentSubnetInUse",
                f"The subnet {subnet.id} is already in use by the environment {holder.id}.",
                target=SUBNET_PATH,
            )
        raise _invalid("The delegated subnet cannot be used by any other Azure resources.")


def _invalid(words: str) -> AzureError:
    return AzureError(_INVALID, f"{_INVALID_WORDS} {words}", target=SUBNET_PATH)
