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


def network(one: Landscape) -> None:
    one.with_network()


def subnet(prefix: str = "10.0.4.0/27", **properties: Any) -> Step:
    """Return a subnet of its own for an environment."""
    body = {"addressPrefix": prefix, "delegations": DELEGATED, **properties}
    return lambda one: (one.with_network(), one.put(f"{one.vnet}/subnets/own", body, location=None))


def in_own_subnet(one: Landscape) -> object:
    return environment(vnetConfiguration={"infrastructureSubnetId": f"{one.vnet}/subnets/own"})(one)


def other_environment(one: Landscape) -> object:
    network = {"vnetConfiguration": {"infrastructureSubnetId": one.apps_subnet}}
    return one.put(f"{one.environment}-2", network)


def in_foreign_region(one: Landscape) -> object:
    network = {"vnetConfiguration": {"infrastructureSubnetId": one.apps_subnet}}
    return one.put(one.environment, network, location="northeurope")


def reserved_range(one: Landscape) -> None:
    one.with_network()
    vnet = one.vnet.replace("/vnet", "/reserved")
    one.put(vnet, {"addressSpace": {"addressPrefixes": ["172.16.0.0/12"]}})
    for name, prefix in (("bad", "172.30.4.0/24"), ("good", "172.29.4.0/24")):
        one.put(f"{vnet}/subnets/{name}", {"addressPrefix": prefix, "delegations": DELEGATED}, location=None)


def in_reserved(name: str) -> Step:
    return lambda one: environment(
        vnetConfiguration={"infrastructureSubnetId": f"{one.vnet.replace('/vnet', '/reserved')}/subnets/{name}"}
    )(one)


def two_prefixes(one: Landscape) -> None:
    one.with_network()
    body = {"addressPrefixes": ["10.0.4.0/27", "10.0.5.0/27"], "delegations": DELEGATED}
    one.put(f"{one.vnet}/subnets/own", body, location=None)


def one_prefix(one: Landscape) -> None:
    body = {"addressPrefixes": ["10.0.4.0/27"], "delegations": DELEGATED}
    one.put(f"{one.vnet}/subnets/own", body, location=None)
    in_own_subnet(one)


def foreign(resource_id: str) -> str:
    """Return the same id in another subscription."""
    return resource_id.replace(resource_id.split("/")[2], GUID)


def foreign_network(one: Landscape) -> None:
    one.put(foreign(one.group))
    one.put(foreign(one.vnet), {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}})
    one.put(foreign(one.apps_subnet), {"addressPrefix": "10.0.0.0/23", "delegations": DELEGATED}, location=None)


def profiles(*given: dict[str, Any]) -> Step:
    return environment(workloadProfiles=list(given))


CONSUMPTION = {"name": "Consumption", "workloadProfileType": "Consumption"}
D4 = {"name": "big", "workloadProfileType": "D4", "minimumCount": 0, "maximumCount": 3}


def with_app_on_d4(one: Landscape) -> None:
    with_environment(one)
    profiles(CONSUMPTION, D4)(one)
    app(("workloadProfileName", "big"))(one)


def logs(destination: str, **configuration: Any) -> Step:
    given = {"logAnalyticsConfiguration": configuration} if configuration else {}
    return environment(appLogsConfiguration={"destination": destination, **given})


REFUSALS = [
    Refusal(
        "an environment's name with two hyphens",
        network,
        lambda one: one.put(f"{one.environment}--2"),
        "ManagedEnvironmentInvalidName",
        "env--2",
        lambda one: one.put(f"{one.environment}-2"),
    ),
    Refusal(
        "zones without a network",
        network,
        lambda one: one.put(one.environment, {"zoneRedundant": True}),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        "properties.zoneRedundant",
        environment(zoneRedundant=True),
        "ZoneRedundant must be disabled",
    ),
    Refusal(
        "zones in a region that has none",
        lambda one: (
            one.put(f"{one.subscription}/resourceGroups/rg", location="westus"),
            regional_network(one, "westus"),
        ),
        lambda one: regional_environment(one, "westus", True),
        "ManagedEnvironmentZoneRedundantNotSupportedInRegion",
        "properties.zoneRedundant",
        lambda one: regional_environment(one, "westus", False),
    ),
    Refusal(
        "an internal environment without a network",
        network,
        lambda one: one.put(one.environment, {"vnetConfiguration": {"internal": True}}),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        "properties.vnetConfiguration.internal",
        lambda one: environment(vnetConfiguration={"internal": True, "infrastructureSubnetId": one.apps_subnet})(one),
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
        lambda one: (network(one), foreign_network(one)),
        lambda one: environment(vnetConfiguration={"infrastructureSubnetId": foreign(one.apps_subnet)})(one),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET,
        environment(),
        "Invalid vnet resource ID provided",
    ),
    Refusal(
        "a subnet that is not delegated",
        network,
        lambda one: environment(vnetConfiguration={"infrastructureSubnetId": one.endpoints_subnet})(one),
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
        lambda one: (one.delete(f"{one.vnet}/subnets/own"), subnet()(one), in_own_subnet(one)),
        "at least /27",
    ),
    Refusal(
        "a subnet of two ranges",
        two_prefixes,
        in_own_subnet,
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET,
        lambda one: (one.delete(f"{one.vnet}/subnets/own"), one_prefix(one)),
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
        lambda one: (one.delete(one.environment), other_environment(one)),
    ),
    Refusal(
        "a network that is not there",
        network,
        lambda one: environment(vnetConfiguration={"infrastructureSubnetId": f"{one.vnet}/subnets/no"})(one),
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
        lambda one: logs("log-analytics", customerId="log-dev", sharedKey="k")(one),
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
        lambda one: (app(("workloadProfileName", "Consumption"))(one), profiles(CONSUMPTION)(one)),
    ),
    Refusal(
        "another subnet for an environment",
        lambda one: (subnet()(one), environment()(one)),
        in_own_subnet,
        "PropertyChangeNotAllowed",
        SUBNET,
        lambda one: (one.delete(one.environment), in_own_subnet(one)),
    ),
    Refusal(
        "deleting an environment with apps",
        with_app,
        lambda one: one.delete(one.environment),
        "ManagedEnvironmentHasContainerApps",
        "managedEnvironments/env",
        lambda one: (one.delete(one.app), one.delete(one.environment)),
    ),
    Refusal(
        "deleting a subnet with an environment",
        with_environment,
        lambda one: one.delete(one.apps_subnet),
        "InUseSubnetCannotBeDeleted",
        "subnets/apps",
        lambda one: (one.delete(one.environment), one.delete(one.apps_subnet)),
    ),
]


def regional_network(one: Landscape, region: str) -> None:
    """Create a network in a region of its own."""
    one.put(one.vnet, {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}, location=region)
    one.put(one.apps_subnet, {"addressPrefix": "10.0.0.0/23", "delegations": DELEGATED}, location=None)


def regional_environment(one: Landscape, region: str, zones: bool) -> object:
    """Return an environment in it."""
    network = {"vnetConfiguration": {"infrastructureSubnetId": one.apps_subnet}}
    return one.put(one.environment, {**network, "zoneRedundant": zones}, location=region)


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


def test_a_later_put_may_leave_the_workspaces_key_out(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    one.with_network()
    logs("log-analytics", customerId=GUID, sharedKey="k")(one)
    logs("log-analytics", customerId=GUID)(one)
    with one.model.store.transaction() as transaction:
        stored = transaction.get(one.environment)
    assert stored
    assert stored.secrets["properties.appLogsConfiguration.logAnalyticsConfiguration.sharedKey"] == "k"


def test_a_network_rule_that_names_the_subnet_does_not_occupy_it(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    one.with_network()
    rules = [{"id": one.apps_subnet, "ignoreMissingVnetServiceEndpoint": True}]
    one.with_vault("Enabled", networkAcls={"bypass": "None", "defaultAction": "Deny", "virtualNetworkRules": rules})
    environment()(one)


def test_a_private_endpoint_in_the_subnet_keeps_an_environment_out(tmp_path: Path) -> None:
    """Azure lets no endpoint into a delegated subnet; one that was there before keeps the subnet its own."""
    one = Landscape(tmp_path / "state.sqlite")
    one.with_network().with_cache()
    plain = {"addressPrefix": "10.0.4.0/24"}
    shared = f"{one.vnet}/subnets/shared"
    one.put(shared, plain, location=None)
    one.put(one.endpoint, endpoint_properties(shared, one.cache, "redisEnterprise"))
    one.put(shared, {**plain, "delegations": DELEGATED}, location=None)
    with pytest.raises(Exception, match="cannot be used by any other Azure resources"):
        environment(vnetConfiguration={"infrastructureSubnetId": shared})(one)
    one.delete(one.endpoint)
    environment(vnetConfiguration={"infrastructureSubnetId": shared})(one)
