"""Validate the virtual network's address ranges for a Container Apps environment and private endpoints."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from pydantic import field_validator

from components.section import Fault, Section

RESERVED_RANGES = tuple(
    IPv4Network(cidr)
    for cidr in (
        "169.254.0.0/16",
        "172.30.0.0/16",
        "172.31.0.0/16",
        "192.0.2.0/24",
        "100.100.0.0/17",
        "100.100.128.0/19",
        "100.100.160.0/19",
        "100.100.192.0/19",
    )
)
"""Ranges that a Container Apps environment reserves for itself.

Source: https://learn.microsoft.com/azure/container-apps/custom-virtual-networks (subnet address range restrictions).
"""

PRIVATE_RANGES = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
"""Private ranges (RFC 1918, RFC 6598); a virtual network elsewhere would hide public addresses."""

APPS_SUBNET_LONGEST_PREFIX = 27
"""A workload-profiles environment needs a subnet of /27 or larger; the size cannot be changed afterwards.

Source: https://learn.microsoft.com/azure/container-apps/custom-virtual-networks (subnet).
"""

SUBNET_LONGEST_PREFIX = 29
"""Azure reserves five addresses of every subnet, so /29 is the smallest.

Source: https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq.
"""

VIRTUAL_NETWORK_SHORTEST_PREFIX = 8
"""The largest address space of a virtual network is /8. Source: as for the smallest subnet."""


class AddressPlan(Section):
    """Address space of the virtual network and of its two subnets, in CIDR notation.

    Attributes:
        address_space: range of the whole network, private; contains both subnets.
        apps_subnet: range of the Container Apps environment, /27 or larger.
        endpoints_subnet: range of the private endpoints.
    """

    address_space: str = "10.0.0.0/16"
    apps_subnet: str = "10.0.0.0/23"
    endpoints_subnet: str = "10.0.2.0/24"

    @field_validator("address_space", "apps_subnet", "endpoints_subnet")
    @classmethod
    def _is_a_range(cls, value: str) -> str:
        try:
            network = IPv4Network(value, strict=False)
        except ValueError:
            raise ValueError("it is not an IPv4 range in CIDR notation; for example 10.0.0.0/16") from None
        # Python reads netmasks and lone addresses as well, Azure does not.
        if value != str(network):
            raise ValueError(f"it is not the first address of a range with its prefix length; did you mean {network}?")
        return value

    def faults(self, at: str) -> Iterator[Fault]:
        """Yield ranges that Azure would refuse, or that would hide public hosts."""
        space = IPv4Network(self.address_space)
        subnets = {
            f"{at}.appsSubnet": (IPv4Network(self.apps_subnet), APPS_SUBNET_LONGEST_PREFIX, "the apps subnet"),
            f"{at}.endpointsSubnet": (IPv4Network(self.endpoints_subnet), SUBNET_LONGEST_PREFIX, "a subnet"),
        }
        if space.prefixlen < VIRTUAL_NETWORK_SHORTEST_PREFIX:
            yield Fault(
                f"{at}.addressSpace",
                str(space),
                f"a virtual network is at most /{VIRTUAL_NETWORK_SHORTEST_PREFIX}",
                "choose a longer prefix, such as 10.0.0.0/16",
            )
        elif not any(space.subnet_of(private) for private in PRIVATE_RANGES):
            yield Fault(
                f"{at}.addressSpace",
                str(space),
                "the range is public and would hide the hosts that use it",
                "choose one inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10",
            )
        for setting, (subnet, longest, what) in subnets.items():
            if subnet.prefixlen > longest:
                yield Fault(
                    setting, str(subnet), f"{what} needs /{longest} or larger", f"shorten the prefix to /{longest}"
                )
            if not subnet.subnet_of(space):
                yield Fault(
                    setting,
                    str(subnet),
                    f"the range lies outside {at}.addressSpace {space}",
                    "choose one inside it",
                    also=(f"{at}.addressSpace",),
                )
            reserved = next((range_ for range_ in RESERVED_RANGES if subnet.overlaps(range_)), None)
            if reserved is not None:
                yield Fault(
                    setting,
                    str(subnet),
                    f"Container Apps reserves {reserved} for itself",
                    "choose a range that does not overlap it",
                )
        (apps_setting, (apps, _, _)), (endpoints_setting, (endpoints, _, _)) = subnets.items()
        if apps.overlaps(endpoints):
            yield Fault(
                endpoints_setting,
                str(endpoints),
                f"the range overlaps {apps_setting} {apps}",
                "give each subnet a range of its own",
                also=(apps_setting,),
            )
