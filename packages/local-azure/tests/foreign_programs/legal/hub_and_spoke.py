"""A hub and two spokes whose ranges overlap with one another's, for they are not peered; names made up by Pulumi."""

import pulumi
from pulumi_azure_native import network, privatedns, resources, storage

group = resources.ResourceGroup("hub")
rules = network.NetworkSecurityGroup(
    "endpoints-rules",
    resource_group_name=group.name,
    security_rules=[
        {
            "name": "https",
            "priority": 100,
            "direction": "Inbound",
            "access": "Allow",
            "protocol": "Tcp",
            "source_address_prefix": "VirtualNetwork",
            "source_port_range": "*",
            "destination_address_prefix": "*",
            "destination_port_range": "443",
        }
    ],
)
# Subnets inside the network's own body, as many programs have them; two ranges, one of them IPv6.
hub = network.VirtualNetwork(
    "hub",
    resource_group_name=group.name,
    address_space={"address_prefixes": ["192.168.0.0/20", "fd00:db8::/48"]},
    subnets=[
        {"name": "endpoints", "address_prefix": "192.168.0.0/26", "network_security_group": {"id": rules.id}},
        {"name": "dual", "address_prefixes": ["192.168.1.0/24", "fd00:db8:0:1::/64"]},
        {"name": "GatewaySubnet", "address_prefix": "192.168.15.224/27"},
    ],
)
spokes = [
    network.VirtualNetwork(
        f"spoke-{number}",
        resource_group_name=group.name,
        address_space={"address_prefixes": ["10.0.0.0/16"]},
        subnets=[
            {"name": "work", "address_prefix": "10.0.0.0/29", "service_endpoints": [{"service": "Microsoft.Sql"}]}
        ],
    )
    for number in (1, 2)
]
account = storage.StorageAccount(
    "files",
    resource_group_name=group.name,
    kind="StorageV2",
    sku={"name": "Standard_LRS"},
    public_network_access="Disabled",
)
zone = privatedns.PrivateZone(
    "blobs",
    resource_group_name=group.name,
    private_zone_name="privatelink.blob.core.windows.net",
    location="global",
)
for number, place in enumerate([hub, *spokes]):
    privatedns.VirtualNetworkLink(
        f"link-{number}",
        resource_group_name=group.name,
        private_zone_name=zone.name,
        location="global",
        registration_enabled=False,
        virtual_network={"id": place.id},
    )
endpoint = network.PrivateEndpoint(
    "files-endpoint",
    resource_group_name=group.name,
    subnet={
        "id": hub.subnets.apply(lambda found: next(one.id for one in found or [] if one.name == "endpoints") or "")
    },
    private_link_service_connections=[
        {"name": "files", "private_link_service_id": account.id, "group_ids": ["blob"]},
    ],
    custom_network_interface_name="nic-files",
    ip_configurations=[
        {"name": "fixed", "group_id": "blob", "member_name": "blob", "private_ip_address": "192.168.0.40"},
    ],
)
network.PrivateDnsZoneGroup(
    "files",
    resource_group_name=group.name,
    private_endpoint_name=endpoint.name,
    private_dns_zone_group_name="zones",
    private_dns_zone_configs=[{"name": "blob", "private_dns_zone_id": zone.id}],
)
# A zone of one's own, with registration: a network may have one such link, and any number of the other kind.
own = privatedns.PrivateZone(
    "own", resource_group_name=group.name, private_zone_name="corp.internal", location="global"
)
privatedns.VirtualNetworkLink(
    "own",
    resource_group_name=group.name,
    private_zone_name=own.name,
    location="global",
    registration_enabled=True,
    virtual_network={"id": hub.id},
)
privatedns.PrivateRecordSet(
    "mail",
    resource_group_name=group.name,
    private_zone_name=own.name,
    record_type="A",
    relative_record_set_name="mail",
    ttl=300,
    a_records=[{"ipv4_address": "192.168.1.4"}],
)
pulumi.export("hubEndpointAddress", endpoint.custom_dns_configs)
