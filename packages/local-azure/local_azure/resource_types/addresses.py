"""Ranges of addresses: how they are written, and who has which. A subnet gives out its own, and no address twice."""

from __future__ import annotations

import ipaddress
import re

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import as_list

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
RESERVED = 4
"""The first addresses of a subnet are Azure's (as is the last one), see
https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq#are-there-any-restrictions-on-using-ip-addresses-within-these-subnets."""
_CIDR = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")


def network(prefix: object, target: str) -> Network:
    """Read a range in CIDR notation.

    Raises `InvalidAddressPrefixFormat` for what is none, and `InvalidCIDRNotation` for a range that does not start
    where it should; code and words as public logs of deployments have them.
    """
    text = prefix if isinstance(prefix, str) else ""
    try:
        read = ipaddress.ip_network(text, strict=False) if _CIDR.fullmatch(text) else None
    except ValueError:
        read = None
    if read is None:
        raise AzureError(
            "InvalidAddressPrefixFormat",
            f"Address prefix {prefix} has an invalid format; expected CIDR notation such as 10.0.0.0/16.",
            target=target,
        )
    if read != _strict(text):
        raise AzureError(
            "InvalidCIDRNotation",
            f"The address prefix {text} has an invalid CIDR notation. For the given prefix length, the address prefix "
            f"should be {read}.",
            target=target,
        )
    return read


def _strict(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def contains(space: Network, inner: Network) -> bool:
    """Return whether one range holds another; ranges of two versions never do."""
    if isinstance(space, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(space)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(space)


def subnet_prefixes(subnet: Resource) -> list[str]:
    """Return the ranges of a subnet."""
    return as_list(subnet.properties.get("addressPrefixes")) or [subnet.properties["addressPrefix"]]


# -- the ranges of a network


def take_range(vnet: ArmId, own: Network, owner: ArmId, transaction: Transaction) -> str | None:
    """Give a range of a network to a subnet; returns the key of a subnet that has a part of it, else None.

    Ranges in CIDR notation lie within one another or apart. So whoever overlaps either starts within the range, or is
    the last to start before it; both are found by the order of the names of claims.
    """
    prefix = _ranges(vnet, own)
    first, last = _place(own.network_address), _place(own.broadcast_address)
    before = transaction.last_claim(prefix, f"{prefix}{first}")
    inside = transaction.claims_between(f"{prefix}{first}", f"{prefix}{last}~")
    reaching = [before] if before and before.rsplit("/", 1)[1].split("-")[1] >= first else []
    for name in (*reaching, *inside):
        holder = transaction.holder(name)
        if holder and holder != owner.key:
            return holder
    transaction.claim(f"{prefix}{first}-{last}", owner)
    return None


def free_ranges(vnet: ArmId, prefixes: list[str], transaction: Transaction) -> None:
    """Take ranges back from the subnet that had them."""
    for own in (network(prefix, "") for prefix in prefixes):
        first, last = _place(own.network_address), _place(own.broadcast_address)
        transaction.release(f"{_ranges(vnet, own)}{first}-{last}")


def _ranges(vnet: ArmId, own: Network) -> str:
    return f"range{own.version}{vnet.key}/"


def _place(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return address.packed.hex()


# -- the addresses of a subnet


def allot(subnet: Resource, owner: ArmId, transaction: Transaction, wanted: str | None = None) -> str:
    """Give a resource an address of a subnet: the lowest free one, or the address that it asks for."""
    if wanted:
        return _allot_wanted(subnet, owner, transaction, wanted)
    prefix = f"address{subnet.id.key}/"
    used = {name.rsplit("/", 1)[-1] for name in transaction.claims(prefix)}
    for text in subnet_prefixes(subnet):
        own = network(text, "properties.addressPrefix")
        for number in range(RESERVED, own.num_addresses - 1):
            if (address := str(own[number])) not in used:
                transaction.claim(f"{prefix}{address}", owner)
                return address
    raise AzureError(
        "SubnetIsFull",
        f"Subnet {subnet.id.name} with address prefix {', '.join(subnet_prefixes(subnet))} does not have enough "
        "capacity for 1 IP addresses.",
        target=subnet.id.text,
    )


STATIC_ADDRESS = "properties.ipConfigurations[*].properties.privateIPAddress"
"""Where a resource asks for an address of its own choice."""


def _allot_wanted(subnet: Resource, owner: ArmId, transaction: Transaction, wanted: str) -> str:
    """Return the address that a configuration asks for; refuse it where Azure does.

    Source: https://learn.microsoft.com/azure/virtual-network/ip-services/private-ip-addresses; codes as public logs of
    deployments have them.
    """
    target = STATIC_ADDRESS.replace("[*]", "[0]")
    try:
        address = ipaddress.ip_address(wanted)
    except ValueError:
        raise AzureError(
            "InvalidIPAddressFormat", f"The IP address {wanted} has an invalid format.", target=target
        ) from None
    own = next((item for item in (network(text, "") for text in subnet_prefixes(subnet)) if address in item), None)
    if own is None:
        raise AzureError(
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {wanted} does not belong to the range of subnet prefix "
            f"{', '.join(subnet_prefixes(subnet))}.",
            target=target,
        )
    number = int(address) - int(own.network_address)
    if number < RESERVED or number >= own.num_addresses - 1:
        raise AzureError(
            "PrivateIPAddressInReservedRange",
            f"Private static IP address {wanted} falls within the reserved IP range of subnet prefix {own}.",
            target=target,
        )
    if transaction.claim(f"address{subnet.id.key}/{address}", owner):
        raise AzureError(
            "PrivateIPAddressIsAllocated",
            f"IP address {wanted} is already allocated to another resource in {subnet.id}.",
            target=target,
        )
    return str(address)
