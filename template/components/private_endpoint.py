"""Create a private endpoint, the address of a service inside the network, and its DNS record."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import network

from components.placement import Placement
from components.private_dns import PrivateDnsZone

_FIXED = ("name", "groupIds", "privateLinkServiceId", "privateLinkServiceConnectionState.status")
"""What an endpoint keeps for life. The status is Azure's to set, and a PUT leaves it as it is; it is stated so that a
refresh that finds another one makes a difference of its own, and a new description makes none."""


@dataclass(frozen=True)
class EndpointPlacement:
    """Where a service's private endpoint is created.

    Attributes:
        name: Azure's name of the endpoint.
        subnet_id: resource id of its subnet.
        zone: private DNS zone of the service: Azure accepts any other without an error, and writes no record.
    """

    name: pulumi.Input[str]
    subnet_id: pulumi.Input[str]
    zone: PrivateDnsZone


class PrivateEndpoint(pulumi.ComponentResource):
    """A private endpoint of a service, and the zone group that keeps its record in the service's zone.

    Attributes:
        reachable: resources that must exist before a client in the network can resolve and reach the service.
    """

    reachable: Sequence[pulumi.Resource]

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        endpoint: EndpointPlacement,
        target_id: pulumi.Input[str],
        group_id: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Connect a service by its private-link group, such as ``redisEnterprise`` or ``vault``.

        An endpoint keeps its connection for life. Azure refuses to change it, and disconnects it for good when the
        service is deleted, though another comes under the same id
        (https://github.com/hashicorp/terraform-provider-azurerm/issues/20776). So the endpoint is replaced when the
        connection changes, its status after a refresh included. Its name stays, so the old one is deleted first.

        Args:
            name: Pulumi's name of the component.
            placement: resource group, region, tags.
            endpoint: name, subnet and zone.
            target_id: resource id of the service, known once it accepts endpoints.
            group_id: its private-link group.
            opts: as for every resource.
        """
        super().__init__("django-aca:private_endpoint:PrivateEndpoint", name, None, opts)
        private_endpoint = network.PrivateEndpoint(
            f"{name}-endpoint",
            private_endpoint_name=endpoint.name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            subnet=network.SubnetArgs(id=endpoint.subnet_id),
            private_link_service_connections=[
                network.PrivateLinkServiceConnectionArgs(
                    name=group_id,
                    group_ids=[group_id],
                    private_link_service_id=target_id,
                    private_link_service_connection_state=network.PrivateLinkServiceConnectionStateArgs(
                        status="Approved"
                    ),
                )
            ],
            opts=pulumi.ResourceOptions(
                parent=self,
                replace_on_changes=[f"privateLinkServiceConnections[*].{path}" for path in _FIXED],
                delete_before_replace=True,
            ),
        )
        zone_group = network.PrivateDnsZoneGroup(
            f"{name}-zone-group",
            private_dns_zone_group_name="default",
            private_endpoint_name=private_endpoint.name,
            resource_group_name=placement.resource_group_name,
            private_dns_zone_configs=[
                network.PrivateDnsZoneConfigArgs(name=group_id, private_dns_zone_id=endpoint.zone.zone_id)
            ],
            # Azure deletes the group with its endpoint, and refuses another zone for a configuration.
            opts=pulumi.ResourceOptions(
                parent=self,
                replace_on_changes=["privateDnsZoneConfigs"],
                replace_with=[private_endpoint],
                delete_before_replace=True,
            ),
        )
        self.reachable = (zone_group, endpoint.zone.link)
        self.register_outputs({})
