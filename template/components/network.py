"""Create the virtual network: a subnet for the apps, delegated to Container Apps, and one for private endpoints."""

import pulumi
from pulumi_azure_native import network

from components.address_plan import AddressPlan
from components.placement import Placement
from components.private_dns import PrivateDnsZone


class Network(pulumi.ComponentResource):
    """A virtual network with its two subnets.

    Azure answers concurrent writes to one virtual network with ``AnotherOperationInProgress``, so the subnets are
    created one after the other, and the ids below resolve only after both exist.

    Attributes:
        virtual_network_id: resource id of the virtual network.
        apps_subnet_id: resource id of the subnet delegated to ``Microsoft.App/environments``.
        endpoints_subnet_id: resource id of the subnet for private endpoints.
    """

    virtual_network_id: pulumi.Output[str]
    apps_subnet_id: pulumi.Output[str]
    endpoints_subnet_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        virtual_network_name: pulumi.Input[str],
        plan: AddressPlan | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("django-aca:network:Network", name, None, opts)
        plan = plan or AddressPlan()
        self._placement = placement
        virtual_network = network.VirtualNetwork(
            f"{name}-vnet",
            virtual_network_name=virtual_network_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            address_space=network.AddressSpaceArgs(address_prefixes=[plan.address_space]),
            # The subnets are separate resources; Azure also reports them here, which must not count as a change.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["subnets"]),
        )
        endpoints_subnet = network.Subnet(
            f"{name}-endpoints-subnet",
            subnet_name="snet-endpoints",
            virtual_network_name=virtual_network.name,
            resource_group_name=placement.resource_group_name,
            address_prefix=plan.endpoints_subnet,
            # Stated, because the API's default becomes False in versions after 2026-03-31, and an update of the SDK
            # would change it: https://learn.microsoft.com/azure/virtual-network/ip-services/default-outbound-access.
            default_outbound_access=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        apps_subnet = network.Subnet(
            f"{name}-apps-subnet",
            subnet_name="snet-apps",
            virtual_network_name=virtual_network.name,
            resource_group_name=placement.resource_group_name,
            address_prefix=plan.apps_subnet,
            default_outbound_access=True,
            delegations=[
                network.DelegationArgs(name="Microsoft.App.environments", service_name="Microsoft.App/environments")
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[endpoints_subnet]),
        )
        self.virtual_network_id = pulumi.Output.all(virtual_network.id, apps_subnet.id).apply(lambda ids: str(ids[0]))
        self.apps_subnet_id = apps_subnet.id
        self.endpoints_subnet_id = pulumi.Output.all(endpoints_subnet.id, apps_subnet.id).apply(lambda ids: str(ids[0]))
        self.register_outputs(
            {
                "virtualNetworkId": self.virtual_network_id,
                "appsSubnetId": self.apps_subnet_id,
                "endpointsSubnetId": self.endpoints_subnet_id,
            }
        )

    def private_zone(self, name: str, zone_name: str) -> PrivateDnsZone:
        """Create a private DNS zone, such as ``privatelink.redis.azure.net``, and link it to this network."""
        return PrivateDnsZone(
            name, placement=self._placement, zone_name=zone_name, virtual_network_id=self.virtual_network_id
        )
