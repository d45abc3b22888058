"""What Azure refuses of Container Apps environments, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modules.landscape import Landscape, endpoint_properties
from rules.apps import app, environment, with_app, with_environment
from rules.cases import Refusal, Step, check

DELEGATED = [{"name": "apps", "properties": {"serviceName": "Microsoft.App/environments"}}]
SUBNET = "properties.vnetConfiguration.infrastructureSubnetId"
LOGS = "properties.appLogsConfiguration"
GUID = "11111111-1111-1111-1111-111111111111"


def network(landscape: Landscape) -> None:
    landscape.with_network()


def subnet(prefix: str = "10.0.4.0/27", **properties: Any) -> Step:
    """Return a subnet of its own for an environment."""
    body = {"addressPrefix": prefix, "delegations": DELEGATED, **properties}
    return lambda landscape: (
        landscape.with_network(),
        landscape.put(f"{landscape.vnet}/subnets/own", body, location=None),
    )


def in_own_subnet(landscape: Landscape) -> object:
    return environment(vnetConfiguration={"infrastructureSubnetId": f"{landscape.vnet}/subnets/own"})(landscape)


def other_environment(landscape: Landscape) -> object:
    network = {"vnetConfiguration": {"infrastructureSubnetId": landscape.apps_subnet}}
    return landscape.put(f"{landscape.environment}-2", network)


def in_foreign_region(landscape: Landscape) -> object:
    network = {"vnetConfiguration": {"infrastructureSubnetId": landscape.apps_subnet}}
    return landscape.put(landscape.environment, network, location="northeurope")


def reserved_range(landscape: Landscape) -> None:
    landscape.with_network()
    vnet = landscape.vnet.replace("/vnet", "/reserved")
    landscape.put(vnet, {"addressSpace": {"addressPrefixes": ["172.16.0.0/12"]}})
    for name, prefix in (("bad", "172.30.4.0/24"), ("good", "172.29.4.0/24")):
        landscape.put(f"{vnet}/subnets/{name}", {"addressPrefix": prefix, "delegations": DELEGATED}, location=None)


def in_reserved(name: str) -> Step:
    return lambda landscape: environment(
        vnetConfiguration={"infrastructureSubnetId": f"{landscape.vnet.replace('/vnet', '/reserved')}/subnets/{name}"}
    )(landscape)


def two_prefixes(landscape: Landscape) -> None:
    landscape.with_network()
    body = {"addressPrefixes": ["10.0.4.0/27", "10.0.5.0/27"], "delegations": DELEGATED}
    landscape.put(f"{landscape.vnet}/subnets/own", body, location=None)


def one_prefix(landscape: Landscape) -> None:
    body = {"addressPrefixes": ["10.0.4.0/27"], "delegations": DELEGATED}
    landscape.put(f"{landscape.vnet}/subnets/own", body, location=None)
    in_own_subnet(landscape)


def foreign(resource_id: str) -> str:
    """Return the same id in another subscription."""
    return resource_id.replace(resource_id.split("/")[2], GUID)


def foreign_network(landscape: Landscape) -> None:
    landscape.put(foreign(landscape.group))
    landscape.put(foreign(landscape.vnet), {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}})
    landscape.put(
        foreign(landscape.apps_subnet), {"addressPrefix": "10.0.0.0/23", "delegations": DELEGATED}, location=None
    )


def profiles(*given: dict[str, Any]) -> Step:
    return environment(workloadProfiles=list(given))


CONSUMPTION = {"name": "Consumption", "workloadProfileType": "Consumption"}
D4 = {"name": "big", "workloadProfileType": "D4", "minimumCount": 0, "maximumCount": 3}


def with_app_on_d4(landscape: Landscape) -> None:
    with_environment(landscape)
    profiles(CONSUMPTION, D4)(landscape)
    app(("workloadProfileName", "big"))(landscape)


def logs(destination: str, **configuration: Any) -> Step:
    given = {"logAnalyticsConfiguration": configuration} if configuration else {}
    return environment(appLogsConfiguration={"destination": destination, **given})


REFUSALS = [
    Refusal(
        "an environment's name with two hyphens",
        network,
        lambda landscape: landscape.put(f"{landscape.environment}--2"),
        "ManagedEnvironmentInvalidName",
        "env--2",
        lambda landscape: landscape.put(f"{landscape.environment}-2"),
    ),
    Refusal(
        "zones without a network",
        network,
        lambda landscape: landscape.put(landscape.environment, {"zoneRedundant": True}),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        "properties.zoneRedundant",
        environment(zoneRedundant=True),
        "ZoneRedundant must be disabled",
    ),
    Refusal(
        "zones in a region that has none",
        lambda landscape: (
            landscape.put(f"{landscape.subscription}/resourceGroups/rg", location="westus"),
            regional_network(landscape, "westus"),
        ),
        lambda landscape: regional_environment(landscape, "westus", True),
        "ManagedEnvironmentZoneRedundantNotSupportedInRegion",
        "properties.zoneRedundant",
        lambda landscape: regional_environment(landscape, "westus", False),
    ),
    Refusal(
        "an internal environment without a network",
        network,
        lambda landscape: landscape.put(landscape.environment, {"vnetConfiguration": {"internal": True}}),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        "properties.vnetConfiguration.internal",
        lambda landscape: environment(
            vnetConfiguration={"internal": True, "infrastructureSubnetId": landscape.apps_subnet}
        )(landscape),
    ),
    Refusal(
        "a network in another region",
        network,
        in_foreign_region,
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET,
        environment(),
    ),
    Refusal(
        "a network in another subscription",
        lambda landscape: (network(landscape), foreign_network(landscape)),
        lambda landscape: environment(vnetConfiguration={"infrastructureSubnetId": foreign(landscape.apps_subnet)})(
            landscape
        ),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET,
        environment(),
        "Invalid vnet resource ID provided",
    ),
    Refusal(
        "a subnet that is not delegated",
        network,
        lambda landscape: environment(vnetConfiguration={"infrastructureSubnetId": landscape.endpoints_subnet})(
            landscape
        ),
        "ManagedEnvironmentSubnetDelegationError",
        SUBNET,
        environment(),
    ),
    Refusal(
        "a subnet of /28",
        subnet("10.0.4.0/28"),
        in_own_subnet,
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET,
        lambda landscape: (
            landscape.delete(f"{landscape.vnet}/subnets/own"),
            subnet()(landscape),
            in_own_subnet(landscape),
        ),
        "at least /27",
    ),
    Refusal(
        "a subnet of two ranges",
        two_prefixes,
        in_own_subnet,
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET,
        lambda landscape: (landscape.delete(f"{landscape.vnet}/subnets/own"), one_prefix(landscape)),
        "multiple addressPrefixes",
    ),
    Refusal(
        "a range that the platform keeps",
        reserved_range,
        in_reserved("bad"),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET,
        in_reserved("good"),
        "172.30.0.0/16",
    ),
    Refusal(
        "two environments in one subnet",
        with_environment,
        other_environment,
        "ManagedEnvironmentSubnetInUse",
        SUBNET,
        lambda landscape: (landscape.delete(landscape.environment), other_environment(landscape)),
    ),
    Refusal(
        "a network that is not there",
        network,
        lambda landscape: environment(vnetConfiguration={"infrastructureSubnetId": f"{landscape.vnet}/subnets/no"})(
            landscape
        ),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET,
        environment(),
    ),
    Refusal(
        "logs to nowhere known",
        network,
        logs("syslog"),
        "InvalidRequestParameterWithDetails",
        f"{LOGS}.destination",
        logs("azure-monitor"),
    ),
    Refusal(
        "logs to a workspace without its key",
        network,
        logs("log-analytics", customerId=GUID),
        "InvalidRequestParameterWithDetails",
        f"{LOGS}.logAnalyticsConfiguration",
        logs("log-analytics", customerId=GUID, sharedKey="k"),
        "Must provide a valid LogAnalyticsConfiguration",
    ),
    Refusal(
        "logs to a workspace by its resource id",
        network,
        lambda landscape: logs("log-analytics", customerId="log-dev", sharedKey="k")(landscape),
        "InvalidRequestParameterWithDetails",
        f"{LOGS}.logAnalyticsConfiguration.customerId",
        logs("log-analytics", customerId=GUID, sharedKey="k"),
        "must be a GUID",
    ),
    Refusal(
        "two workload profiles of one name",
        network,
        profiles(CONSUMPTION, CONSUMPTION),
        "InvalidRequestParameterWithDetails",
        "properties.workloadProfiles[1].name",
        profiles(CONSUMPTION, D4),
    ),
    Refusal(
        "a workload profile of no type",
        network,
        profiles({**D4, "workloadProfileType": "Z4"}),
        "InvalidRequestParameterWithDetails",
        "properties.workloadProfiles[0].workloadProfileType",
        profiles(D4),
    ),
    Refusal(
        "a workload profile with a long name",
        network,
        profiles({**D4, "name": "a" * 16}),
        "WorkloadProfileInvalidNameTooLong",
        "properties.workloadProfiles[0].name",
        profiles({**D4, "name": "a" * 15}),
    ),
    Refusal(
        "a dedicated workload profile without counts",
        network,
        profiles({"name": "big", "workloadProfileType": "D4"}),
        "InvalidRequestParameterWithDetails",
        "properties.workloadProfiles[0]",
        profiles(D4),
    ),
    Refusal(
        "a consumption workload profile with counts",
        network,
        profiles({**CONSUMPTION, "minimumCount": 1, "maximumCount": 2}),
        "InvalidRequestParameterWithDetails",
        "properties.workloadProfiles[0]",
        profiles(CONSUMPTION),
    ),
    Refusal(
        "counts upside down",
        network,
        profiles({**D4, "minimumCount": 4}),
        "InvalidRequestParameterWithDetails",
        "properties.workloadProfiles[0].minimumCount",
        profiles({**D4, "minimumCount": 3}),
    ),
    Refusal(
        "taking away a workload profile in use",
        with_app_on_d4,
        profiles(CONSUMPTION),
        "WorkloadProfileInUse",
        "properties.workloadProfiles",
        lambda landscape: (app(("workloadProfileName", "Consumption"))(landscape), profiles(CONSUMPTION)(landscape)),
    ),
    Refusal(
        "another subnet for an environment",
        lambda landscape: (subnet()(landscape), environment()(landscape)),
        in_own_subnet,
        "PropertyChangeNotAllowed",
        SUBNET,
        lambda landscape: (landscape.delete(landscape.environment), in_own_subnet(landscape)),
    ),
    Refusal(
        "deleting an environment with apps",
        with_app,
        lambda landscape: landscape.delete(landscape.environment),
        "ManagedEnvironmentHasContainerApps",
        "managedEnvironments/env",
        lambda landscape: (landscape.delete(landscape.app), landscape.delete(landscape.environment)),
    ),
    Refusal(
        "deleting a subnet with an environment",
        with_environment,
        lambda landscape: landscape.delete(landscape.apps_subnet),
        "InUseSubnetCannotBeDeleted",
        "subnets/apps",
        lambda landscape: (landscape.delete(landscape.environment), landscape.delete(landscape.apps_subnet)),
    ),
]


def regional_network(landscape: Landscape, region: str) -> None:
    """Create a network in a region of its own."""
    landscape.put(landscape.vnet, {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}, location=region)
    landscape.put(landscape.apps_subnet, {"addressPrefix": "10.0.0.0/23", "delegations": DELEGATED}, location=None)


def regional_environment(landscape: Landscape, region: str, zones: bool) -> object:
    """Return an environment in it."""
    network = {"vnetConfiguration": {"infrastructureSubnetId": landscape.apps_subnet}}
    return landscape.put(landscape.environment, {**network, "zoneRedundant": zones}, location=region)


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


def test_a_later_put_may_leave_the_workspaces_key_out(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    landscape.with_network()
    logs("log-analytics", customerId=GUID, sharedKey="k")(landscape)
    logs("log-analytics", customerId=GUID)(landscape)
    with landscape.model.store.transaction() as transaction:
        stored = transaction.get(landscape.environment)
    assert stored
    assert stored.secrets["properties.appLogsConfiguration.logAnalyticsConfiguration.sharedKey"] == "k"


def test_a_network_rule_that_names_the_subnet_does_not_occupy_it(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    landscape.with_network()
    rules = [{"id": landscape.apps_subnet, "ignoreMissingVnetServiceEndpoint": True}]
    landscape.with_vault(
        "Enabled", networkAcls={"bypass": "None", "defaultAction": "Deny", "virtualNetworkRules": rules}
    )
    environment()(landscape)


def test_a_private_endpoint_in_the_subnet_keeps_an_environment_out(tmp_path: Path) -> None:
    """Azure lets no endpoint into a delegated subnet; one that was there before keeps the subnet its own."""
    landscape = Landscape(tmp_path / "state.sqlite")
    landscape.with_network().with_cache()
    plain = {"addressPrefix": "10.0.4.0/24"}
    shared = f"{landscape.vnet}/subnets/shared"
    landscape.put(shared, plain, location=None)
    landscape.put(landscape.endpoint, endpoint_properties(shared, landscape.cache, "redisEnterprise"))
    landscape.put(shared, {**plain, "delegations": DELEGATED}, location=None)
    with pytest.raises(Exception, match="cannot be used by any other Azure resources"):
        environment(vnetConfiguration={"infrastructureSubnetId": shared})(landscape)
    landscape.delete(landscape.endpoint)
    environment(vnetConfiguration={"infrastructureSubnetId": shared})(landscape)
