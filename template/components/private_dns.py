"""Create a private DNS zone, which resolves a service's public host names to private addresses in one network."""

import pulumi
from pulumi_azure_native import privatedns

from components.placement import Placement


class PrivateDnsZone(pulumi.ComponentResource):
    """A zone such as ``privatelink.redis.azure.net``, linked to one virtual network.

    A network can be linked to one zone of each name, so all private endpoints of a service share a zone.

    Attributes:
        zone_id: resource id of the zone.
        link: the link to the network; without it the names resolve to public addresses.
    """

    zone_id: pulumi.Output[str]
    link: privatedns.VirtualNetworkLink

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        zone_name: str,
        virtual_network_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("django-aca:private_dns:PrivateDnsZone", name, None, opts)
        zone = privatedns.PrivateZone(
            f"{name}-zone",
            private_zone_name=zone_name,
            resource_group_name=placement.resource_group_name,
            location="Global",
            tags=placement.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.link = privatedns.VirtualNetworkLink(
            f"{name}-link",
            virtual_network_link_name="vnet",
            private_zone_name=zone.name,
            resource_group_name=placement.resource_group_name,
            location="Global",
            registration_enabled=False,
            virtual_network=privatedns.SubResourceArgs(id=virtual_network_id),
            tags=placement.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.zone_id = zone.id
        self.register_outputs({"zoneId": self.zone_id})
