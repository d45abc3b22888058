"""Where an Azure host name leads, seen from within each network and from outside."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.core.ids import ArmId
from local_azure.data_plane.dns import NetworkViews
from modules.landscape import Landscape, endpoint_properties

HOST = "red.westeurope.redis.azure.net"
PORTS = {HOST: {10000: 40000}}
HERE = ("127.0.0.1", 40000)


class Network(Landscape):
    """A cache with a private endpoint, a zone and all that belongs to them, and the names that come of it."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / "state.sqlite")
        self.home = home
        self.names = NetworkViews(self.model.store, home)
        self.link = f"{self.zone}/virtualNetworkLinks/vnet"
        self.zone_group = f"{self.endpoint}/privateDnsZoneGroups/default"
        self.connection = f"{self.cache}/privateEndpointConnections/pep.one"
        self.with_network().with_cache().with_zone().with_endpoint()
        config = {"name": "one", "properties": {"privateDnsZoneId": self.zone}}
        self.put(self.zone_group, {"privateDnsZoneConfigs": [config]}, location=None)

    def seen(self, network: str | None = "vnet", port: int = 10000) -> object:
        """Return where a process in a network gets to: a place, or the type of its error."""
        self.names.publish(PORTS)
        return self.locate(network, HOST, port)

    def locate(self, network: str | None, host: str, port: int) -> object:
        vnet = ArmId.parse(self.vnet if network == "vnet" else network) if network else None
        try:
            return self.names.locate(vnet, host, port)
        except OSError as error:
            return type(error)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path)
    yield network
    network.names.close()
    network.model.store.close()


def reject(network: Network, status: str = "Rejected") -> None:
    """Set the state of the endpoint's connection, which is the cache's owner's to set."""
    endpoint = network.get(network.endpoint)
    connection = endpoint.properties["privateLinkServiceConnections"][0]
    connection["properties"]["privateLinkServiceConnectionState"]["status"] = status
    with network.model.store.transaction() as transaction:
        transaction.save(endpoint)


def test_a_linked_zone_with_a_record_leads_to_the_private_endpoint(network: Network) -> None:
    assert network.seen() == HERE
    [address] = network.names.addresses(ArmId.parse(network.vnet), HOST)
    assert address == "10.0.2.4"
    assert network.seen(port=6380) is TimeoutError, "an endpoint has the service's ports alone"


def test_case_and_a_final_dot_make_no_difference(network: Network) -> None:
    network.seen()
    assert network.locate("vnet", f"{HOST.upper()}.", 10000) == HERE


def test_an_unlinked_zone_leads_to_the_public_address_which_refuses(network: Network) -> None:
    network.delete(network.link)
    assert network.seen() is ConnectionRefusedError
    assert network.names.addresses(ArmId.parse(network.vnet), HOST)[0].startswith("20.")


def test_a_zone_linked_to_another_network_serves_only_that(network: Network) -> None:
    network.delete(network.link)
    other = network.vnet.replace("/vnet", "/other")
    network.put(other, {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}})
    network.put(f"{network.zone}/virtualNetworkLinks/other", {"virtualNetwork": {"id": other}}, location="global")
    assert network.seen() is ConnectionRefusedError
    assert network.seen(other) is TimeoutError, "the private address of another network does not answer"


@pytest.mark.parametrize("policy", ["Default", "NxDomainRedirect"])
def test_a_linked_zone_without_the_record_has_no_such_name(network: Network, policy: str) -> None:
    network.delete(network.zone_group)
    properties = {"virtualNetwork": {"id": network.vnet}, "resolutionPolicy": policy}
    network.put(network.link, properties, location="global")
    expected = socket.gaierror if policy == "Default" else ConnectionRefusedError
    assert network.seen() is expected


def test_a_stale_record_leads_nowhere(network: Network) -> None:
    record = f"{network.zone}/A/red.westeurope"
    with network.model.store.transaction() as transaction:
        stored = transaction.get(record)
        assert stored
        stored.properties["aRecords"] = [{"ipv4Address": "10.0.2.77"}]
        transaction.save(stored)
    assert network.seen() is TimeoutError


@pytest.mark.parametrize("status", ["Rejected", "Pending", "Disconnected"])
def test_an_endpoint_that_is_not_approved_does_not_answer(network: Network, status: str) -> None:
    network.seen()
    reject(network, status)
    assert network.seen() is ConnectionRefusedError, "no endpoint, no alias: the public address"
    assert "10.0.2.4" not in network.names.view(ArmId.parse(network.vnet)).routes


def test_a_cache_made_anew_is_not_reached_by_the_endpoint_of_the_one_before(network: Network) -> None:
    network.delete(network.cache)
    network.with_cache()
    assert network.seen() is ConnectionRefusedError, "the connection stays disconnected: the public address"
    network.delete(network.endpoint)
    network.with_endpoint()
    network.put(
        network.zone_group,
        {"privateDnsZoneConfigs": [{"name": "one", "properties": {"privateDnsZoneId": network.zone}}]},
        location=None,
    )
    assert network.seen() == HERE


def test_from_outside_public_access_decides(network: Network) -> None:
    assert network.seen(None) is ConnectionRefusedError
    network.put(network.cache, {"publicNetworkAccess": "Enabled"}, sku={"name": "Balanced_B0"})
    assert network.seen(None) == HERE
    assert network.seen() == HERE
    assert network.seen(None, port=6380) is ConnectionRefusedError


def test_a_cache_that_is_down_refuses(network: Network) -> None:
    network.names.publish({})
    assert network.locate("vnet", HOST, 10000) is ConnectionRefusedError


def test_a_name_of_azures_that_nobody_has_does_not_exist_and_is_asked_of_nobody(network: Network) -> None:
    network.seen()
    assert network.locate("vnet", "redd.westeurope.redis.azure.net", 10000) is socket.gaierror
    assert network.locate(None, "nobody.redis.cache.windows.net", 6380) is socket.gaierror
    assert network.locate("vnet", "example.org", 443) == ("example.org", 443)


def test_the_zones_own_names_are_known_where_it_is_linked(network: Network) -> None:
    network.seen()
    name = "red.westeurope.privatelink.redis.azure.net"
    assert network.locate("vnet", name, 10000) == HERE
    assert network.locate(None, name, 10000) is socket.gaierror


def test_any_private_zone_is_asked(network: Network) -> None:
    zone = network.zone.replace("privatelink.redis.azure.net", "internal.example")
    network.put(zone, location="global")
    network.put(f"{zone}/virtualNetworkLinks/vnet", {"virtualNetwork": {"id": network.vnet}}, location="global")
    network.seen()
    assert network.locate("vnet", "nothing.internal.example", 80) is socket.gaierror
    assert network.locate(None, "nothing.internal.example", 80) == ("nothing.internal.example", 80)


def test_what_is_public_is_reached_from_everywhere(network: Network) -> None:
    fqdn = "web.kindmeadow-1.westeurope.azurecontainerapps.io"
    network.names.publish(PORTS, public={fqdn: {443: 41000}})
    assert network.locate("vnet", fqdn, 443) == ("127.0.0.1", 41000)
    assert network.locate(None, fqdn, 443) == ("127.0.0.1", 41000)
    assert network.locate("vnet", f"x{fqdn}", 443) is socket.gaierror


def test_a_way_that_is_gone_is_told_once(network: Network) -> None:
    publish = network.names.publish
    assert publish(PORTS) == set()
    network.delete(network.link)
    assert publish(PORTS) == set(), "another name server's answer closes no connection"
    reject(network)
    assert publish(PORTS) == {HOST}
    assert publish(PORTS) == set()
    network.put(network.cache, {"publicNetworkAccess": "Enabled"}, sku={"name": "Balanced_B0"})
    assert publish(PORTS) == set()
    network.put(network.cache, {"publicNetworkAccess": "Disabled"}, sku={"name": "Balanced_B0"})
    assert publish(PORTS) == {HOST}


def test_files_are_private_and_only_written_when_something_changed(network: Network) -> None:
    network.seen()
    files = list((network.home / "names").iterdir())
    assert len(files) == 2, "one for the network, one for outside"
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    before = {file: file.stat().st_ino for file in files}
    network.seen()
    assert {file: file.stat().st_ino for file in files} == before
    network.names.publish({HOST: {10000: 40001}})
    assert any(file.stat().st_ino != before[file] for file in files)
    assert all(HOST in json.loads(file.read_text())["names"] for file in files)


def test_two_networks_may_have_an_endpoint_each(network: Network) -> None:
    other = network.vnet.replace("/vnet", "/other")
    subnet = f"{other}/subnets/endpoints"
    network.put(other, {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}})
    network.put(subnet, {"addressPrefix": "10.1.0.0/24"}, location=None)
    network.put(f"{network.endpoint}-2", endpoint_properties(subnet, network.cache, "redisEnterprise"))
    assert network.seen() == HERE
    assert network.seen(other) is ConnectionRefusedError, "no link, so the public address"
    view = network.names.view(ArmId.parse(other))
    assert view.routes["10.1.0.4"]["10000"] == 40000, "the address itself answers"
