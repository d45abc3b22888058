"""Microsoft's clients of virtual networks, private endpoints and private DNS."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.privatedns import PrivateDnsManagementClient

from arm.landscape import GROUP, Azure

ZONE = "privatelink.redis.cache.windows.net"


@pytest.fixture
def network(azure: Azure, deployed: dict[str, str]) -> NetworkManagementClient:
    return azure.client(NetworkManagementClient)


@pytest.fixture
def dns(azure: Azure, deployed: dict[str, str]) -> PrivateDnsManagementClient:
    return azure.client(PrivateDnsManagementClient)


def test_a_network_shows_its_subnets(network: NetworkManagementClient, deployed: dict[str, str]) -> None:
    vnet = network.virtual_networks.get(GROUP, "vnet-dev")
    assert vnet.id == deployed["network"]
    assert vnet.address_space
    assert vnet.address_space.address_prefixes == ["10.0.0.0/16"]
    assert [(one.name, one.address_prefix) for one in vnet.subnets or []] == [
        ("apps", "10.0.0.0/23"),
        ("endpoints", "10.0.2.0/24"),
    ]
    assert [one.name for one in network.virtual_networks.list_all()] == ["vnet-dev"]
    assert [one.name for one in network.virtual_networks.list(GROUP)] == ["vnet-dev"]
    apps = network.subnets.get(GROUP, "vnet-dev", "apps")
    assert [one.service_name for one in apps.delegations or []] == ["Microsoft.App/environments"]
    assert [one.name for one in network.subnets.list(GROUP, "vnet-dev")] == ["apps", "endpoints"]


def test_a_network_read_and_put_again_stays_as_it_is(network: NetworkManagementClient, azure: Azure) -> None:
    before = azure.model.get(azure.id("Microsoft.Network/virtualNetworks", "vnet-dev")).body
    vnet = network.virtual_networks.get(GROUP, "vnet-dev")
    network.virtual_networks.begin_create_or_update(GROUP, "vnet-dev", vnet).result()
    after = azure.model.get(azure.id("Microsoft.Network/virtualNetworks", "vnet-dev")).body
    for body in (before, after):
        for volatile in ("etag", "systemData"):
            body.pop(volatile)
        for subnet in body["properties"]["subnets"]:
            for volatile in ("etag", "systemData"):
                subnet.pop(volatile, None)
    assert after == before


def test_tags_of_a_network_are_updated_alone(network: NetworkManagementClient) -> None:
    tagged = network.virtual_networks.update_tags(GROUP, "vnet-dev", {"tags": {"owner": "team"}})
    assert tagged.tags == {"owner": "team"}
    assert len(tagged.subnets or []) == 2


def test_a_subnet_is_created_and_deleted(network: NetworkManagementClient) -> None:
    made = network.subnets.begin_create_or_update(
        GROUP, "vnet-dev", "third", {"properties": {"addressPrefix": "10.0.3.0/24"}}
    ).result()
    assert (made.name, made.provisioning_state) == ("third", "Succeeded")
    network.subnets.begin_delete(GROUP, "vnet-dev", "third").result()
    with pytest.raises(ResourceNotFoundError):
        network.subnets.get(GROUP, "vnet-dev", "third")


def test_a_subnet_in_use_is_not_deleted(network: NetworkManagementClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        network.subnets.begin_delete(GROUP, "vnet-dev", "endpoints").result()
    assert refused.value.error
    assert refused.value.error.code == "InUseSubnetCannotBeDeleted"


def test_overlapping_subnets_are_refused(network: NetworkManagementClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        network.subnets.begin_create_or_update(
            GROUP, "vnet-dev", "third", {"properties": {"addressPrefix": "10.0.2.128/25"}}
        ).result()
    assert refused.value.error
    assert refused.value.error.code == "NetcfgSubnetRangesOverlap"


def test_a_private_endpoint_reads_back(network: NetworkManagementClient, deployed: dict[str, str]) -> None:
    endpoint = network.private_endpoints.get(GROUP, "pe-redis")
    assert endpoint.subnet
    assert endpoint.subnet.id == deployed["endpoints"]
    (connection,) = endpoint.private_link_service_connections or []
    assert connection.private_link_service_id == deployed["redis"]
    assert connection.group_ids == ["redisCache"]
    state = connection.private_link_service_connection_state
    assert state
    assert state.status == "Approved"
    (interface,) = endpoint.network_interfaces or []
    name = str(interface.id).rsplit("/", 1)[-1]
    (address,) = network.network_interfaces.get(GROUP, name).ip_configurations or []
    assert address.private_ip_address == "10.0.2.4"
    assert [one.name for one in network.private_endpoints.list_by_subscription()] == ["pe-redis"]
    groups = network.private_dns_zone_groups
    assert [one.name for one in groups.list("pe-redis", GROUP)] == ["default"]
    assert groups.get(GROUP, "pe-redis", "default").private_dns_zone_configs


def test_a_private_endpoint_is_created_and_deleted(
    network: NetworkManagementClient, dns: PrivateDnsManagementClient, deployed: dict[str, str]
) -> None:
    made = network.private_endpoints.begin_create_or_update(
        GROUP,
        "pe-vault",
        {
            "location": "westeurope",
            "properties": {
                "subnet": {"id": deployed["endpoints"]},
                "privateLinkServiceConnections": [
                    {"name": "vault", "properties": {"privateLinkServiceId": deployed["vault"], "groupIds": ["vault"]}}
                ],
            },
        },
    ).result()
    assert [one.fqdn for one in made.custom_dns_configs or []] == ["kv-dev.vault.azure.net"]
    dns.private_zones.begin_create_or_update(GROUP, "privatelink.vaultcore.azure.net", {"location": "global"}).result()
    zone = dns.private_zones.get(GROUP, "privatelink.vaultcore.azure.net").id
    network.private_dns_zone_groups.begin_create_or_update(
        GROUP,
        "pe-vault",
        "default",
        {"properties": {"privateDnsZoneConfigs": [{"name": "v", "properties": {"privateDnsZoneId": zone}}]}},
    ).result()
    record = dns.record_sets.get(GROUP, "privatelink.vaultcore.azure.net", "A", "kv-dev")
    assert [one.ipv4_address for one in record.a_records or []] == ["10.0.2.5"]
    network.private_endpoints.begin_delete(GROUP, "pe-vault").result()
    with pytest.raises(ResourceNotFoundError):
        dns.record_sets.get(GROUP, "privatelink.vaultcore.azure.net", "A", "kv-dev")


def test_zones_links_and_records_are_listed(dns: PrivateDnsManagementClient, deployed: dict[str, str]) -> None:
    zone = dns.private_zones.get(GROUP, ZONE)
    assert (zone.id, zone.number_of_virtual_network_links, zone.number_of_record_sets) == (deployed["zone"], 1, 2)
    assert [one.name for one in dns.private_zones.list()] == [ZONE]
    assert [one.name for one in dns.private_zones.list_by_resource_group(GROUP)] == [ZONE]
    (link,) = dns.virtual_network_links.list(GROUP, ZONE)
    assert link.virtual_network
    assert link.virtual_network.id == deployed["network"]
    assert link.virtual_network_link_state == "Completed"
    assert dns.virtual_network_links.get(GROUP, ZONE, "vnet-dev").registration_enabled is False
    assert {str(one.type).rsplit("/", 1)[-1] for one in dns.record_sets.list(GROUP, ZONE)} == {"A", "SOA"}
    assert [one.name for one in dns.record_sets.list_by_type(GROUP, ZONE, "A")] == ["red-westeurope-magictoolbox-01"]


def test_a_zone_with_a_link_is_not_deleted(dns: PrivateDnsManagementClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        dns.private_zones.begin_delete(GROUP, ZONE).result()
    assert refused.value.error
    assert refused.value.error.code == "CannotDeleteResource"
    dns.virtual_network_links.begin_delete(GROUP, ZONE, "vnet-dev").result()
    assert list(dns.virtual_network_links.list(GROUP, ZONE)) == []


def test_an_etag_guards_a_change(dns: PrivateDnsManagementClient) -> None:
    zone = dns.private_zones.get(GROUP, ZONE)
    dns.private_zones.begin_update(GROUP, ZONE, {"tags": {"a": "b"}}).result()
    with pytest.raises(HttpResponseError) as refused:
        dns.private_zones.begin_create_or_update(GROUP, ZONE, zone, headers={"If-Match": str(zone.etag)}).result()
    assert refused.value.status_code == 412
    assert refused.value.error
    assert refused.value.error.code == "PreconditionFailed"
    with pytest.raises(HttpResponseError):
        dns.private_zones.begin_create_or_update(GROUP, ZONE, zone, headers={"If-None-Match": "*"}).result()
