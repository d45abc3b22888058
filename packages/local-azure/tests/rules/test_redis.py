"""What Azure refuses of its two Redis services, and the nearest thing that it accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_azure.core import options
from modules.landscape import Landscape, endpoint_properties
from rules.cases import Refusal, Step, all_of, check, group

SKU = "properties.sku"
CONFIGURATION = "properties.redisConfiguration"


def cluster(size: str = "Balanced_B0", name: str = "red", **properties: Any) -> Step:
    """Return a managed cluster; `zones` and `capacity` stand beside its properties."""

    def step(landscape: Landscape) -> object:
        zones, capacity = properties.get("zones"), properties.get("capacity")
        given = {key: value for key, value in properties.items() if key not in ("zones", "capacity")}
        sku = {"name": size, **({"capacity": capacity} if capacity else {})}
        return landscape.put(landscape.cache.removesuffix("red") + name, given, sku=sku, zones=zones)

    return step


def database(name: str = "default", **properties: Any) -> Step:
    """Return the database of the managed cluster."""
    return lambda landscape: landscape.put(f"{landscape.cache}/databases/{name}", properties, location=None)


def classic(
    size: str = "Standard C1", cache: str = "classic", zones: list[str] | None = None, **properties: Any
) -> Step:
    """Return a classic cache of a size such as `Basic C0`."""
    name, family = size.split(" ")
    sku = {"name": name, "family": family[0], "capacity": int(family[1:])}

    def step(landscape: Landscape) -> object:
        return landscape.put(
            landscape.classic.replace("/classic", f"/{cache}"), {"sku": sku, **properties}, zones=zones
        )

    return step


def configured(size: str, **settings: str) -> Step:
    """Return a classic cache with settings of Redis itself."""
    spelled = {name.replace("_", "-"): value for name, value in settings.items()}
    return classic(size, redisConfiguration=spelled)


def without_classic(landscape: Landscape) -> None:
    """Use a subscription that had no classic cache."""
    with landscape.model.store.transaction() as transaction:
        options.change(transaction, classic_redis=False)


def managed(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    landscape.with_cache()


CLUSTERS = [
    Refusal("an unknown size", group, cluster("Balanced_B2"), "BadRequest", "sku.name", cluster("Balanced_B3")),
    Refusal(
        "a size of a retired tier", group, cluster("Enterprise_E10"), "BadRequest", "sku.name", cluster("Balanced_B10")
    ),
    Refusal("a capacity", group, cluster(capacity=2), "BadRequest", "sku.capacity", cluster()),
    Refusal(
        "zones",
        group,
        cluster(zones=["1", "2"]),
        "BadRequest",
        "zones",
        cluster(),
        "Zone redundancy is enabled by default",
    ),
    Refusal(
        "high availability turned off",
        all_of(group, cluster(highAvailability="Enabled")),
        cluster(highAvailability="Disabled"),
        "BadRequest",
        "properties.highAvailability",
        cluster("Balanced_B1", highAvailability="Enabled"),
    ),
    Refusal(
        "high availability turned off that was on by default",
        all_of(group, cluster()),
        cluster(highAvailability="Disabled"),
        "BadRequest",
        "properties.highAvailability",
        all_of(
            cluster(name="two", highAvailability="Disabled"),
            cluster(name="two", highAvailability="Enabled"),
        ),
    ),
    Refusal(
        "high availability of another word",
        group,
        cluster(highAvailability="true"),
        "BadRequest",
        "properties.highAvailability",
        cluster(highAvailability="Enabled"),
    ),
    Refusal(
        "public access of another word",
        group,
        cluster(publicNetworkAccess="Off"),
        "BadRequest",
        "properties.publicNetworkAccess",
        cluster(publicNetworkAccess="Disabled"),
    ),
    Refusal(
        "an unknown version of TLS",
        group,
        cluster(minimumTlsVersion="TLS1_2"),
        "BadRequest",
        "properties.minimumTlsVersion",
        cluster(minimumTlsVersion="1.2"),
    ),
    Refusal(
        "scaling from memory to flash",
        all_of(group, cluster("MemoryOptimized_M10")),
        cluster("FlashOptimized_A250"),
        "BadRequest",
        "sku.name",
        cluster("Balanced_B20"),
    ),
    Refusal(
        "scaling a database without clustering over 25 GB",
        all_of(group, cluster("Balanced_B20"), database(clusteringPolicy="NoCluster")),
        cluster("Balanced_B50"),
        "BadRequest",
        "sku.name",
        cluster("ComputeOptimized_X20"),
    ),
    Refusal(
        "a name with two hyphens",
        group,
        cluster(name="red--is"),
        "InvalidResourceName",
        "red--is",
        cluster(name="red-is"),
    ),
    Refusal(
        "a name of 61 characters",
        group,
        cluster(name="r" * 61),
        "InvalidResourceName",
        "r" * 61,
        cluster(name="r" * 60),
    ),
    Refusal(
        "a name that another cluster has, in other case",
        all_of(managed, lambda landscape: landscape.put(f"{landscape.subscription}/resourceGroups/two")),
        lambda landscape: landscape.put(
            landscape.cache.replace("/rg/", "/two/").removesuffix("red") + "RED", sku={"name": "Balanced_B0"}
        ),
        "NameNotAvailable",
        "redisEnterprise/RED",
        lambda landscape: landscape.put(
            landscape.cache.replace("/rg/", "/two/"), sku={"name": "Balanced_B0"}, location="northeurope"
        ),  # The region is part of the host name.
    ),
]
DATABASES = [
    Refusal(
        "a database of another name",
        all_of(group, cluster()),
        database("mine"),
        "InvalidDatabaseName",
        "mine",
        database("default"),
    ),
    Refusal(
        "a second database",
        managed,
        database("second"),
        "InvalidDatabaseName",
        "second",
        database("default", clusteringPolicy="NoCluster"),
    ),
    Refusal(
        "a database without cluster",
        group,
        database(),
        "ParentResourceNotFound",
        "",
        all_of(cluster(), database()),
    ),
    *(
        Refusal(
            f"another {name} for a database",
            all_of(group, cluster(), database(**{name: before})),
            database(**{name: after}),
            "PropertyChangeNotAllowed",
            f"properties.{name}",
            database(**{name: before}, accessKeysAuthentication="Enabled"),
        )
        for name, before, after in (
            ("port", 10000, 10001),
            ("modules", [{"name": "RedisJSON"}], [{"name": "RedisBloom"}]),
            ("geoReplication", {"groupNickname": "a"}, {"groupNickname": "b"}),
        )
    ),
    *(
        Refusal(
            f"an unknown {name}",
            all_of(group, cluster()),
            database(**{name: wrong}),
            "BadRequest",
            f"properties.{name}",
            database(**{name: right}),
        )
        for name, wrong, right in (
            ("accessKeysAuthentication", "On", "Enabled"),
            ("clientProtocol", "TLS", "Encrypted"),
            ("clusteringPolicy", "None", "NoCluster"),
            ("evictionPolicy", "volatile-lru", "VolatileLRU"),
        )
    ),
    *(
        Refusal(
            f"from {before} to {after}",
            all_of(group, cluster(), database(clusteringPolicy=before)),
            database(clusteringPolicy=after),
            "BadRequest",
            "properties.clusteringPolicy",
            all_of(lambda landscape: landscape.delete(landscape.database), database(clusteringPolicy=after)),
        )
        for before, after in (
            ("OSSCluster", "EnterpriseCluster"),
            ("OSSCluster", "NoCluster"),
            ("EnterpriseCluster", "OSSCluster"),
        )
    ),
    Refusal(
        "a policy other than the default one, which is OSSCluster",
        all_of(group, cluster(), database()),
        database(clusteringPolicy="NoCluster"),
        "BadRequest",
        "properties.clusteringPolicy",
        database(clusteringPolicy="OSSCluster"),
    ),
    Refusal(
        "no clustering on more than 25 GB",
        all_of(group, cluster("Balanced_B50")),
        database(clusteringPolicy="NoCluster"),
        "BadRequest",
        "properties.clusteringPolicy",
        database(clusteringPolicy="EnterpriseCluster"),
    ),
    Refusal(
        "an unknown module",
        all_of(group, cluster()),
        database(modules=[{"name": "RedisGraph"}]),
        "BadRequest",
        "properties.modules[0].name",
        database(modules=[{"name": "RedisJSON"}]),
    ),
    Refusal(
        "search on an OSS cluster",
        all_of(group, cluster()),
        database(modules=[{"name": "RediSearch"}], evictionPolicy="NoEviction"),
        "BadRequest",
        "properties.clusteringPolicy",
        database(modules=[{"name": "RediSearch"}], evictionPolicy="NoEviction", clusteringPolicy="EnterpriseCluster"),
    ),
    Refusal(
        "search with eviction",
        all_of(group, cluster()),
        database(modules=[{"name": "RediSearch"}], clusteringPolicy="EnterpriseCluster"),
        "BadRequest",
        "properties.evictionPolicy",
        database(modules=[{"name": "RediSearch"}], evictionPolicy="NoEviction", clusteringPolicy="EnterpriseCluster"),
    ),
    Refusal(
        "two ways to persist",
        all_of(group, cluster()),
        database(persistence={"aofEnabled": True, "rdbEnabled": True}),
        "BadRequest",
        "properties.persistence",
        database(persistence={"aofEnabled": True, "rdbEnabled": False}),
    ),
    Refusal(
        "listing keys that are not in use",
        all_of(group, cluster(), database()),
        lambda landscape: landscape.action(landscape.database, "listKeys"),
        "AccessKeysDisabled",
        "properties.accessKeysAuthentication",
        all_of(
            database(accessKeysAuthentication="Enabled"),
            lambda landscape: landscape.action(landscape.database, "listKeys"),
        ),
    ),
    Refusal(
        "regenerating a key that is not in use",
        all_of(group, cluster(), database()),
        lambda landscape: landscape.action(landscape.database, "regenerateKey", {"keyType": "Primary"}),
        "AccessKeysDisabled",
        "properties.accessKeysAuthentication",
        all_of(
            database(accessKeysAuthentication="Enabled"),
            lambda landscape: landscape.action(landscape.database, "regenerateKey", {"keyType": "Primary"}),
        ),
    ),
    Refusal(
        "regenerating a key that there is not",
        managed,
        lambda landscape: landscape.action(landscape.database, "regenerateKey", {"keyType": "Third"}),
        "InvalidRequestBody",
        "keyType",
        lambda landscape: landscape.action(landscape.database, "regenerateKey", {"keyType": "Secondary"}),
    ),
]
CLASSIC = [
    Refusal(
        "another size and public access at once",
        all_of(group, classic("Standard C1", publicNetworkAccess="Disabled")),
        classic("Standard C2", publicNetworkAccess="Enabled"),
        "BadRequest",
        "properties.publicNetworkAccess",
        all_of(
            classic("Standard C2", publicNetworkAccess="Disabled"),
            classic("Standard C2", redisConfiguration={"maxmemory-policy": "noeviction"}),
        ),
        "please send seperate request to update them: 'properties.publicNetworkAccess,properties.sku'",
    ),
    Refusal(
        "zones given up",
        all_of(group, classic(zonalAllocationPolicy="Automatic")),
        classic(zonalAllocationPolicy="NoZones"),
        "BadRequest",
        "properties.zonalAllocationPolicy",
        all_of(classic(), classic("Standard C2"), classic(cache="two", zonalAllocationPolicy="NoZones")),
    ),
    Refusal(
        "zones given up after a PUT without them",
        all_of(group, classic(zonalAllocationPolicy="Automatic"), classic()),
        classic(zonalAllocationPolicy="NoZones"),
        "BadRequest",
        "properties.zonalAllocationPolicy",
        classic(zonalAllocationPolicy="Automatic"),
    ),
    Refusal(
        "a new cache where there was none before April 2026",
        all_of(group, classic(cache="old"), without_classic),
        classic(),
        "BadRequest",
        "redis/classic",
        classic(cache="old", enableNonSslPort=True),
        "Azure Cache for Redis is retiring",
    ),
    Refusal("an unknown tier", group, classic("Enterprise C1"), "BadRequest", f"{SKU}.name", classic("Standard C1")),
    Refusal("Basic of family P", group, classic("Basic P1"), "BadRequest", f"{SKU}.family", classic("Basic C1")),
    Refusal("Premium of family C", group, classic("Premium C1"), "BadRequest", f"{SKU}.family", classic("Premium P1")),
    Refusal("C7", group, classic("Standard C7"), "BadRequest", f"{SKU}.capacity", classic("Standard C6")),
    Refusal("P0", group, classic("Premium P0"), "BadRequest", f"{SKU}.capacity", classic("Premium P1")),
    Refusal("P6", group, classic("Premium P6"), "BadRequest", f"{SKU}.capacity", classic("Premium P5")),
    *(
        Refusal(
            f"{before} to {after}",
            all_of(group, classic(before)),
            classic(after),
            "BadRequest",
            f"{SKU}.{part}",
            classic(allowed),
            "not permitted",
        )
        for before, after, part, allowed in (
            ("Basic C1", "Premium P1", "name", "Standard C1"),
            ("Standard C1", "Basic C1", "name", "Premium P1"),
            ("Premium P1", "Standard C1", "name", "Premium P2"),
            ("Standard C1", "Standard C0", "capacity", "Standard C6"),
            ("Standard C6", "Standard C0", "capacity", "Standard C1"),
            ("Basic C1", "Standard C2", "name", "Basic C2"),
        )
    ),
    *(
        Refusal(
            f"{name} on Standard",
            group,
            classic("Standard C1", **{name: value}),
            "BadRequest",
            f"properties.{name}",
            classic("Premium P1", **{name: value}),
            "not allowed on 'Standard'",
        )
        for name, value in (("shardCount", 2), ("replicasPerMaster", 2), ("replicasPerPrimary", 2))
    ),
    *(
        Refusal(
            f"{name} on Standard",
            group,
            configured("Standard C1", **{name.replace("-", "_"): "true"}),
            "BadRequest",
            f"{CONFIGURATION}.{name}",
            configured("Premium P1", **{name.replace("-", "_"): "true"}),
        )
        for name in ("rdb-backup-enabled", "aof-backup-enabled")
    ),
    *(
        Refusal(
            f"{name} on Basic",
            group,
            configured("Basic C1", **{name.replace("-", "_"): value}),
            "BadRequest",
            f"{CONFIGURATION}.{name}",
            configured("Standard C1", **{name.replace("-", "_"): value}),
            "not allowed on 'Basic' cache instances",
        )
        for name, value in (
            ("maxmemory-reserved", "50"),
            ("maxmemory-delta", "50"),
            ("maxfragmentationmemory-reserved", "50"),
            ("notify-keyspace-events", "KEA"),
        )
    ),
    Refusal(
        "zones on Basic", group, classic("Basic C1", zones=["1"]), "BadRequest", "zones", classic(zones=["1", "2"])
    ),
    Refusal(
        "a zone that there is not",
        group,
        classic("Premium P1", zones=["1", "4"]),
        "BadRequest",
        "zones",
        classic("Premium P1", zones=["1", "3"]),
    ),
    Refusal(
        "eleven shards",
        group,
        classic("Premium P1", shardCount=11),
        "BadRequest",
        "properties.shardCount",
        classic("Premium P1", shardCount=10),
    ),
    Refusal(
        "a subnet on Standard",
        lambda landscape: landscape.with_network(),
        lambda landscape: classic("Standard C1", subnetId=landscape.endpoints_subnet)(landscape),
        "BadRequest",
        "properties.subnetId",
        lambda landscape: classic("Premium P1", subnetId=landscape.endpoints_subnet)(landscape),
    ),
    Refusal(
        "a subnet that is not there",
        lambda landscape: landscape.with_network(),
        lambda landscape: classic("Premium P1", subnetId=f"{landscape.vnet}/subnets/none")(landscape),
        "InvalidResourceReference",
        "properties.subnetId",
        lambda landscape: classic("Premium P1", subnetId=landscape.endpoints_subnet)(landscape),
    ),
    Refusal(
        "an address without a subnet",
        lambda landscape: landscape.with_network(),
        classic("Premium P1", staticIP="10.0.2.10"),
        "BadRequest",
        "properties.staticIP",
        lambda landscape: classic("Premium P1", staticIP="10.0.2.10", subnetId=landscape.endpoints_subnet)(landscape),
    ),
    Refusal(
        "another subnet",
        all_of(
            lambda landscape: landscape.with_network(),
            lambda landscape: classic("Premium P1", subnetId=landscape.endpoints_subnet)(landscape),
            lambda landscape: landscape.put(
                f"{landscape.vnet}/subnets/more", {"addressPrefix": "10.0.3.0/24"}, location=None
            ),
        ),
        lambda landscape: classic("Premium P1", subnetId=f"{landscape.vnet}/subnets/more")(landscape),
        "BadRequest",
        "properties.subnetId",
        lambda landscape: classic("Premium P2", subnetId=landscape.endpoints_subnet)(landscape),
        "cannot be modified: 'properties.subnetId'",
    ),
    Refusal(
        "a private endpoint of a cache within a network",
        all_of(
            lambda landscape: landscape.with_network(),
            lambda landscape: classic("Premium P1", subnetId=landscape.endpoints_subnet)(landscape),
            lambda landscape: landscape.put(
                f"{landscape.vnet}/subnets/more", {"addressPrefix": "10.0.3.0/24"}, location=None
            ),
            classic(cache="outside"),
        ),
        lambda landscape: landscape.put(
            landscape.endpoint, endpoint_properties(f"{landscape.vnet}/subnets/more", landscape.classic, "redisCache")
        ),
        "BadRequest",
        "properties.privateLinkServiceConnections[0].properties.privateLinkServiceId",
        lambda landscape: landscape.put(
            landscape.endpoint,
            endpoint_properties(
                f"{landscape.vnet}/subnets/more", landscape.classic.replace("/classic", "/outside"), "redisCache"
            ),
        ),
    ),
    Refusal(
        "a policy in the other service's spelling",
        group,
        configured("Standard C1", maxmemory_policy="VolatileLRU"),
        "BadRequest",
        f"{CONFIGURATION}.maxmemory-policy",
        configured("Standard C1", maxmemory_policy="volatile-lru"),
    ),
    Refusal(
        "sign-in by directory that is neither true nor false",
        group,
        configured("Standard C1", aad_enabled="Enabled"),
        "BadRequest",
        f"{CONFIGURATION}.aad-enabled",
        configured("Standard C1", aad_enabled="true"),
    ),
    Refusal(
        "a retired version of Redis",
        group,
        classic(redisVersion="4"),
        "BadRequest",
        "properties.redisVersion",
        classic(redisVersion="6"),
    ),
    Refusal(
        "an unknown version of TLS",
        group,
        classic(minimumTlsVersion="1.4"),
        "BadRequest",
        "properties.minimumTlsVersion",
        classic(minimumTlsVersion="1.2"),
    ),
    Refusal(
        "public access of another word",
        group,
        classic(publicNetworkAccess="No"),
        "BadRequest",
        "properties.publicNetworkAccess",
        classic(publicNetworkAccess="Disabled"),
    ),
    Refusal(
        "another region for a cache, whose id is written in other case",
        all_of(group, classic()),
        lambda landscape: landscape.put(
            landscape.classic.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/"),
            {"sku": {"name": "Basic", "family": "C", "capacity": 0}},
            location="northeurope",
        ),
        "InvalidResourceLocation",
        "location",
        classic(cache="classic2"),
    ),
    Refusal(
        "a name that a cache of another group has",
        all_of(group, classic(), lambda landscape: landscape.put(f"{landscape.subscription}/resourceGroups/two")),
        lambda landscape: landscape.put(
            landscape.classic.replace("/rg/", "/two/").replace("/classic", "/Classic"),
            {"sku": {"name": "Basic", "family": "C", "capacity": 0}},
            location="northeurope",
        ),
        "NameNotAvailable",
        "redis/Classic",
        lambda landscape: landscape.put(
            landscape.classic.replace("/rg/", "/two/").replace("/classic", "/other"),
            {"sku": {"name": "Basic", "family": "C", "capacity": 0}},
        ),
    ),
    Refusal(
        "regenerating a key that there is not",
        all_of(group, classic()),
        lambda landscape: landscape.action(landscape.classic, "regenerateKey", {}),
        "InvalidRequestBody",
        "keyType",
        lambda landscape: landscape.action(landscape.classic, "regenerateKey", {"keyType": "Secondary"}),
    ),
]


@pytest.mark.parametrize("refusal", [*CLUSTERS, *DATABASES, *CLASSIC], ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


@pytest.mark.parametrize("to", ["EnterpriseCluster", "OSSCluster"])
def test_a_database_without_clustering_may_get_it(tmp_path: Path, to: str) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    all_of(group, cluster(), database(clusteringPolicy="NoCluster"), database(clusteringPolicy=to))(landscape)
    assert landscape.get(landscape.database).properties["clusteringPolicy"] == to


def test_a_put_that_leaves_out_a_setting_of_a_database_keeps_it(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    all_of(group, cluster(), database(clusteringPolicy="NoCluster", accessKeysAuthentication="Enabled"), database())(
        landscape
    )
    kept = landscape.get(landscape.database).properties
    assert (kept["clusteringPolicy"], kept["accessKeysAuthentication"]) == ("NoCluster", "Enabled")
