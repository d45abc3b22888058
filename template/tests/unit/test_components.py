"""Each component alone: its resources, their order, and its outputs."""

import asyncio
import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import key_vault, redis_cache
from components.address_plan import AddressPlan
from components.app_plan import BeatPlan, Processes, WebPlan
from components.app_secrets import AppSecret, AppSecrets
from components.container_app import Runtime
from components.container_apps import ContainerApps
from components.identity import AppIdentity, Role, role_assignment_name
from components.key_vault import KeyVault
from components.key_vault_plan import KeyVaultPlan
from components.log_analytics import LogAnalytics
from components.naming import Names
from components.network import Network
from components.observability import Observability
from components.placement import Placement
from components.private_dns import PrivateDnsZone
from components.private_endpoint import EndpointPlacement, PrivateEndpoint
from components.redis_cache import RedisCache
from components.redis_caches import QueueAddress
from components.redis_plan import RedisPlan, RedisService
from components.stack_names import StackNames
from tests.unit.pulumi_mocks import KEYS, SUBSCRIPTION, Recorder, run_with_mocks

PLACEMENT = Placement("group", "westeurope", {"team": "shop"})
SUBNET = f"{SUBSCRIPTION}/subnet"
TARGET = f"{SUBSCRIPTION}/target"
VAULT = f"{SUBSCRIPTION}/resourceGroups/group/providers/Microsoft.KeyVault/vaults/kv"


def _zone(name: str = "privatelink.redis.azure.net") -> PrivateDnsZone:
    return PrivateDnsZone("dns", placement=PLACEMENT, zone_name=name, virtual_network_id=TARGET)


def _cache(plan: RedisPlan | None = None, placement: Placement = PLACEMENT) -> RedisCache:
    plan = plan or RedisPlan()
    return RedisCache(
        "redis",
        placement=placement,
        cache_name="red",
        endpoint=EndpointPlacement("pep", SUBNET, _zone(redis_cache.PRIVATE_DNS_ZONE[plan.service])),
        plan=plan,
    )


def _vault(plan: KeyVaultPlan | None = None, placement: Placement = PLACEMENT) -> KeyVault:
    return KeyVault(
        "vault",
        placement=placement,
        vault_name="kv",
        endpoint=EndpointPlacement("pep", SUBNET, _zone(key_vault.PRIVATE_DNS_ZONE)),
        tenant_id=str(uuid.UUID(int=1)),
        plan=plan,
    )


def test_subnets_are_created_one_after_the_other() -> None:
    def program() -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        network = Network("network", placement=PLACEMENT, virtual_network_name="vnet")
        return network.apps_subnet_id, network.endpoints_subnet_id

    recorder, ids = run_with_mocks(program)
    assert recorder.one(":Subnet", "network-endpoints-subnet").dependencies >= {"network-vnet"}
    assert recorder.one(":Subnet", "network-apps-subnet").dependencies >= {"network-endpoints-subnet"}
    assert ids == (f"{SUBSCRIPTION}/network-apps-subnet", f"{SUBSCRIPTION}/network-endpoints-subnet")


def test_a_subnet_id_resolves_after_both_subnets() -> None:
    def program() -> None:
        network = Network("network", placement=PLACEMENT, virtual_network_name="vnet")
        PrivateEndpoint(
            "private",
            placement=PLACEMENT,
            endpoint=EndpointPlacement("pep", network.endpoints_subnet_id, _zone()),
            target_id=TARGET,
            group_id="vault",
        )

    recorder, _ = run_with_mocks(program)
    assert recorder.waits_for("private-endpoint") >= {"network-endpoints-subnet", "network-apps-subnet"}


def test_the_network_takes_its_ranges_from_the_plan_and_delegates_the_apps_subnet() -> None:
    plan = AddressPlan(address_space="10.1.0.0/20", apps_subnet="10.1.0.0/27", endpoints_subnet="10.1.1.0/28")
    recorder, _ = run_with_mocks(
        lambda: Network("network", placement=PLACEMENT, virtual_network_name="vnet", plan=plan) and None
    )
    assert recorder.one(":VirtualNetwork").inputs["addressSpace"] == {"addressPrefixes": ["10.1.0.0/20"]}
    apps = recorder.one(":Subnet", "network-apps-subnet").inputs
    assert apps["addressPrefix"] == "10.1.0.0/27"
    assert [delegation["serviceName"] for delegation in apps["delegations"]] == ["Microsoft.App/environments"]
    assert recorder.one(":Subnet", "network-endpoints-subnet").inputs["addressPrefix"] == "10.1.1.0/28"


def test_a_zone_is_global_and_linked_without_registration() -> None:
    recorder, _ = run_with_mocks(lambda: _zone() and None)
    link = recorder.one(":VirtualNetworkLink").inputs
    assert link["location"] == "Global"
    assert link["registrationEnabled"] is False
    assert link["virtualNetwork"] == {"id": TARGET}


def test_an_endpoint_is_reachable_with_its_zone_group_and_the_zones_link() -> None:
    def program() -> list[str]:
        endpoint = PrivateEndpoint(
            "private",
            placement=PLACEMENT,
            endpoint=EndpointPlacement("pep", SUBNET, _zone()),
            target_id=TARGET,
            group_id="redisEnterprise",
        )
        return [resource._name for resource in endpoint.reachable]

    recorder, reachable = run_with_mocks(program)
    assert reachable == ["private-zone-group", "dns-link"]
    endpoint, group = (recorder.one(kind).request for kind in (":PrivateEndpoint", ":PrivateDnsZoneGroup"))
    assert endpoint.deleteBeforeReplace, "the names stay, and Azure changes neither in place"
    assert group.deleteBeforeReplace, "the names stay, and Azure changes neither in place"
    at = "privateLinkServiceConnections[*]"
    assert f"{at}.privateLinkServiceId" in endpoint.replaceOnChanges
    assert f"{at}.privateLinkServiceConnectionState.status" in endpoint.replaceOnChanges
    (connection,) = recorder.one(":PrivateEndpoint").inputs["privateLinkServiceConnections"]
    assert connection["groupIds"] == ["redisEnterprise"]
    assert connection["privateLinkServiceId"] == TARGET


@pytest.mark.parametrize("service", RedisService)
def test_both_services_have_the_same_outputs(service: RedisService) -> None:
    def program() -> dict[str, Any]:
        cache = _cache(RedisPlan(service=service, active_key="secondary"))
        return {
            "keys": [cache.primary_key, cache.secondary_key, cache.active_key],
            "url": cache.url(0),
            "secret": [pulumi.Output.from_input(cache.active_key.is_secret()), cache.url(0).is_secret()],
            "host": cache.host_name,
            "port": cache.port,
        }

    recorder, face = run_with_mocks(program)
    assert face["keys"] == [KEYS["primary"], KEYS["secondary"], KEYS["secondary"]]
    assert face["secret"] == [True, True], "keys are secret outputs"
    assert face["url"] == f"rediss://:123%2Fabc%3D@{face['host']}:{face['port']}/0?ssl_cert_reqs=required"
    for one in recorder.registered:
        if one.type.startswith(("azure-native:redis", "azure-native:redisenterprise")):
            assert (one.request.customTimeouts.create, one.request.customTimeouts.delete) == ("60m", "60m")
            assert "listDatabaseKeys" not in one.inputs


def test_a_managed_cache_has_no_public_access_and_no_clustering() -> None:
    recorder, _ = run_with_mocks(lambda: _cache(RedisPlan(high_availability=True)) and None)
    cluster, database = recorder.one(":RedisEnterprise").inputs, recorder.one(":Database").inputs
    assert cluster["publicNetworkAccess"] == "Disabled"
    assert cluster["minimumTlsVersion"] == "1.2"
    assert cluster["highAvailability"] == "Enabled"
    assert cluster["sku"] == {"name": "Balanced_B0"}
    assert database == {
        "accessKeysAuthentication": "Enabled",
        "clientProtocol": "Encrypted",
        "clusterName": "red",
        "clusteringPolicy": "NoCluster",
        "databaseName": "default",
        "evictionPolicy": "VolatileLRU",
        "port": 10000,
        "resourceGroupName": "group",
    }
    assert "redis-database" in recorder.one(":PrivateEndpoint").dependencies, (
        "the endpoint is created after the database"
    )


def test_a_classic_cache_has_no_public_access_and_requires_tls() -> None:
    plan = RedisPlan(service=RedisService.CLASSIC, sku="Standard_C1")
    recorder, _ = run_with_mocks(lambda: _cache(plan, dataclasses.replace(PLACEMENT, zone_redundant=True)) and None)
    cache = recorder.one(":Redis").inputs
    assert cache["publicNetworkAccess"] == "Disabled"
    assert cache["enableNonSslPort"] is False
    assert cache["minimumTlsVersion"] == "1.2"
    assert cache["disableAccessKeyAuthentication"] is False
    assert cache["sku"] == {"name": "Standard", "family": "C", "capacity": 1}
    assert cache["redisConfiguration"] == {"maxmemoryPolicy": "volatile-lru"}
    assert cache["zonalAllocationPolicy"] == "Automatic"


def test_the_vault_has_no_public_access_and_uses_rbac() -> None:
    recorder, _ = run_with_mocks(lambda: _vault() and None)
    properties = recorder.one("keyvault:Vault").inputs["properties"]
    assert properties["publicNetworkAccess"] == "Disabled"
    assert properties["enableRbacAuthorization"] is True
    assert "enablePurgeProtection" not in properties, "Azure refuses false"
    assert "createMode" not in properties


def test_the_vault_can_be_recovered_and_protected_from_purging() -> None:
    recorder, _ = run_with_mocks(
        lambda: (
            _vault(KeyVaultPlan(purge_protection=True, recover=True), dataclasses.replace(PLACEMENT, protect=True))
            and None
        )
    )
    vault = recorder.one("keyvault:Vault")
    assert vault.inputs["properties"]["enablePurgeProtection"] is True
    assert vault.inputs["properties"]["createMode"] == "recover"
    assert vault.request.protect


def test_a_vault_secret_is_secret_versioned_and_retained() -> None:
    def program() -> pulumi.Output[str]:
        return _vault().add_secret("redis-url", "rediss://:hush@host", "0123456789abcdef").uri_with_version

    recorder, uri = run_with_mocks(program)
    secret = recorder.one("keyvault:Secret")
    assert uri == f"https://kv.vault.azure.net/secrets/redis-url/{'0' * 32}"
    assert secret.request.retainOnDelete, "deleting needs the data plane of a closed vault"
    assert not [text for text in secret.plain_texts() if "hush" in text]
    assert secret.inputs["tags"] == {"digest": "0123456789abcdef"}, "another key of the digest writes the value anew"


def _granted(seconds: int) -> Callable[[], list[str]]:
    def program() -> list[str]:
        identity = AppIdentity("identity", placement=PLACEMENT, identity_name="id")
        identity.grant(Role.KEY_VAULT_SECRETS_USER, VAULT)
        return [resource._name for resource in identity.roles_in_force(seconds)]

    return program


def test_a_role_assignment_is_named_after_scope_principal_and_role() -> None:
    recorder, _ = run_with_mocks(_granted(0))
    assignment = recorder.one(":RoleAssignment").inputs
    principal = assignment["principalId"]
    assert assignment["roleAssignmentName"] == role_assignment_name(VAULT, principal, Role.KEY_VAULT_SECRETS_USER)
    assert assignment["principalType"] == "ServicePrincipal"
    assert assignment["roleDefinitionId"] == (
        f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{Role.KEY_VAULT_SECRETS_USER}"
    )
    assert uuid.UUID(assignment["roleAssignmentName"]).version == 5
    others = {
        role_assignment_name(VAULT + "x", principal, Role.KEY_VAULT_SECRETS_USER),
        role_assignment_name(VAULT, principal + "x", Role.KEY_VAULT_SECRETS_USER),
        role_assignment_name(VAULT, principal, Role.ACR_PULL),
    }
    assert assignment["roleAssignmentName"] not in others
    assert len(others) == 3


def test_the_wait_is_a_hook_of_a_marker_after_the_assignments(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, names = run_with_mocks(_granted(70))
    assert names == ["identity-roles-in-force"]
    marker = recorder.one("RandomUuid")
    assert marker.dependencies >= {"identity-key-vault-secrets-user"}
    (hook,) = marker.request.hooks.before_create
    assert not list(marker.request.hooks.before_update), "the wait runs at creation only"
    assert not recorder.one(":RoleAssignment").request.hooks.before_create

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(pulumi.log, "info", lambda message, resource: None)
    waiting: Any = recorder.callbacks.hooks[hook](pulumi.ResourceHookArgs("", "", "", ""))
    asyncio.run(waiting)
    assert sum(slept) == 70


def test_without_a_role_there_is_nothing_to_wait_for() -> None:
    def program() -> int:
        return len(AppIdentity("identity", placement=PLACEMENT, identity_name="id").roles_in_force(120))

    recorder, count = run_with_mocks(program)
    assert count == 0
    assert not recorder.of_type("RandomUuid")


def _apps(processes: Processes | None = None, placement: Placement = PLACEMENT) -> Recorder:
    def program() -> None:
        secrets = {"redis-url": AppSecret("hush", "REDIS_URL"), "redis-key": AppSecret("hush")}
        ContainerApps(
            "apps",
            placement=placement,
            names=StackNames(Names("shop", "dev", "westeurope", "01"), unique_suffix=""),
            subnet_id=SUBNET,
            runtime=Runtime(
                application="shop",
                image="contoso.azurecr.io/shop:1",
                identity_id=f"{SUBSCRIPTION}/identity",
                secrets=AppSecrets(secrets, digest_key="key"),
            ),
            processes=processes or Processes(),
            queue=QueueAddress("red.example.org", 10000, 0),
        )

    return run_with_mocks(program)[0]


def test_the_environment_is_in_its_subnet_encrypts_and_uses_no_shared_key() -> None:
    environment = _apps(placement=dataclasses.replace(PLACEMENT, zone_redundant=True)).one(":ManagedEnvironment").inputs
    assert environment["vnetConfiguration"] == {"infrastructureSubnetId": SUBNET, "internal": False}
    (profile,) = environment["workloadProfiles"]
    assert profile["name"] == profile["workloadProfileType"] == "Consumption"
    assert environment["peerTrafficConfiguration"] == {"encryption": {"enabled": True}}
    assert environment["appLogsConfiguration"] == {"destination": "azure-monitor"}
    assert environment["zoneRedundant"] is True


def test_web_is_served_over_https_only() -> None:
    ingress = _apps().one(":ContainerApp", "apps-web").inputs["configuration"]["ingress"]
    assert ingress == {"external": True, "targetPort": 8000, "allowInsecure": False, "transport": "auto"}


def test_only_workers_have_the_raw_key() -> None:
    recorder = _apps(Processes(beat=BeatPlan(enabled=True)))
    holders = {
        one.name
        for one in recorder.of_type(":ContainerApp")
        if "redis-key" in {secret["name"] for secret in one.inputs["configuration"]["secrets"]}
    }
    assert holders == {"apps-worker"}


def test_configured_commands_override_the_defaults() -> None:
    recorder = _apps(Processes(web=WebPlan(command=("uvicorn", "shop.asgi"), init_command=("true",))))
    template = recorder.one(":ContainerApp", "apps-web").inputs["template"]
    assert template["containers"][0]["command"] == ["uvicorn", "shop.asgi"]
    assert template["initContainers"][0]["command"] == ["true"]
    worker = recorder.one(":ContainerApp", "apps-worker").inputs["template"]["containers"][0]
    assert worker["command"][:3] == ["celery", "-A", "shop"]


def test_a_workspace_keeps_logs_for_thirty_days() -> None:
    recorder, _ = run_with_mocks(lambda: LogAnalytics("logs", placement=PLACEMENT, workspace_name="log") and None)
    assert recorder.one(":Workspace").inputs["retentionInDays"] == 30


def test_a_managed_cache_sends_metrics_from_the_cluster_and_logs_from_the_database() -> None:
    def program() -> None:
        Observability(
            "observability",
            placement=PLACEMENT,
            workspace_id=TARGET,
            caches={"redis": _cache()},
            vault_id=VAULT,
            environment_id=TARGET,
        )

    recorder, _ = run_with_mocks(program)
    sent = {
        one.inputs["resourceUri"].rsplit("/", 1)[1]: (one.inputs.get("logs"), one.inputs.get("metrics"))
        for one in recorder.of_type(":DiagnosticSetting")
    }
    logs = [{"categoryGroup": "allLogs", "enabled": True}]
    metrics = [{"category": "AllMetrics", "enabled": True}]
    assert sent == {
        "redis-cluster": (None, metrics),
        "redis-database": (logs, None),
        "kv": (logs, metrics),
        "target": (logs, metrics),
    }
