"""Private addresses: each subnet gives out its own, and no address twice."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from local_azure.azure_error import AzureError
from local_azure.ids import ArmId
from local_azure.state import Resource, Transaction
from local_azure.values import as_list

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
RESERVED = 4
"""The first addresses of a subnet are Azure's (as is the last one), see
https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq#are-there-any-restrictions-on-using-ip-addresses-within-these-subnets."""


def network(prefix: str, target: str) -> Network:
    """Read a range in CIDR notation; raise `InvalidAddressPrefixFormat` when it is none."""
    try:
        return ipaddress.ip_network(prefix)
    except ValueError:
        raise AzureError(
            "InvalidAddressPrefixFormat",
            f"Address prefix '{prefix}' is not a range in CIDR notation with no bits set after its length.",
            target=target,
        ) from None


def subnet_prefixes(subnet: Resource) -> list[str]:
    """The ranges of a subnet."""
    return as_list(subnet.properties.get("addressPrefixes")) or [subnet.properties["addressPrefix"]]


def allot(subnet: Resource, owner: ArmId, transaction: Transaction, wanted: str | None = None) -> str:
    """Give a resource an address of a subnet: the lowest free one, or the one that it wants."""
    prefix = f"address{subnet.id.key}/"
    used = {name.rsplit("/", 1)[-1] for name in transaction.claims(prefix)}
    if wanted:
        return _allot_wanted(subnet, owner, transaction, wanted)
    for address in _usable(subnet):
        if address not in used:
            transaction.claim(f"{prefix}{address}", owner)
            return address
    raise AzureError(
        "SubnetIsFull",
        f"Subnet {subnet.id.name} with address prefix {', '.join(subnet_prefixes(subnet))} does not have enough "
        "capacity for 1 IP addresses.",
        target=subnet.id.text,
    )


def _allot_wanted(subnet: Resource, owner: ArmId, transaction: Transaction, wanted: str) -> str:
    if wanted not in _usable(subnet):
        raise AzureError(
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {wanted} does not belong to the range of subnet {subnet.id.name}, "
            "or is one of those that Azure reserves in it.",
        )
    if transaction.claim(f"address{subnet.id.key}/{wanted}", owner):
        raise AzureError("PrivateIPAddressInUse", f"IP address {wanted} is already allocated in {subnet.id}.")
    return wanted


def _usable(subnet: Resource) -> Iterator[str]:
    for prefix in subnet_prefixes(subnet):
        read = network(prefix, "properties.addressPrefix")
        for number in range(RESERVED, read.num_addresses - 1):
            yield str(read[number])
