"""What `pulumi preview --json` prints of a first deployment, with every name known."""

from __future__ import annotations

from typing import Any

from doctor.preflight.plan import SECRET, UNKNOWN, Plan, parse

GROUP = "rg-westeurope-shop-dev"
REGION = "westeurope"
SUFFIX = "abc12"
IMAGE = "contoso.azurecr.io/shop:1.4.2"
VAULT = f"kv-we-shop-01-{SUFFIX}"
CACHE = f"red-westeurope-shop-01-{SUFFIX}"
NETWORK = "vnet-westeurope-shop-01"
ENVIRONMENT = "cae-westeurope-shop-01"
PULL = "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/" + (
    "7f951dda-4ed3-4680-a7ca-43fe172d538d"
)
TAGS = {"app": "shop", "environment": "dev"}


class Preview:
    """A preview that a test changes before it is read."""

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, str] = {}
        self.operations: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.config: dict[str, str] = {"azure-native:location": REGION, "django-aca:image": IMAGE}

    def add(self, name: str, token: str, /, *, placed: bool = False, **inputs: Any) -> None:
        """Add a resource; one that is `placed` has a region and tags."""
        given: dict[str, Any] = {"resourceGroupName": GROUP, **inputs}
        if placed:
            given = {"location": REGION, "tags": dict(TAGS), **given}
        self._tokens[name] = token
        self.inputs[name] = given

    def remove(self, name: str) -> None:
        """Leave a resource out."""
        del self.inputs[name]

    def digest(self) -> dict[str, Any]:
        """Return the preview as the engine prints it."""
        steps = [self._step(name) for name in self.inputs]
        component = {"op": "create", "newState": {"custom": False, "type": "django-aca:network:Network", "urn": "a::b"}}
        return {"config": self.config, "steps": [component, *steps], "diagnostics": []}

    def plan(self) -> Plan:
        """Return the preview as it is read."""
        return parse("dev", self.digest())

    def _step(self, name: str) -> dict[str, Any]:
        token = self._tokens[name]
        state = {"urn": f"urn:pulumi:dev::django-aca::{token}::{name}", "custom": True, "type": token}
        step: dict[str, Any] = {
            "op": self.operations.get(name, "create"),
            "newState": {**state, "inputs": {**self.inputs[name], "__defaults": []}},
        }
        if name in self.ids:
            step["oldState"] = {**state, "id": self.ids[name]}
        return step


def first_deployment(*, classic: bool = False) -> Preview:
    """Return the preview of a stack that was never deployed."""
    one = Preview()
    one.add("resource-group", "azure-native:resources:ResourceGroup", placed=True)
    one.add(
        "logs-workspace",
        "azure-native:operationalinsights:Workspace",
        placed=True,
        workspaceName="log-westeurope-shop-01",
    )
    one.add(
        "identity-identity",
        "azure-native:managedidentity:UserAssignedIdentity",
        placed=True,
        resourceName="id-westeurope-shop-01",
    )
    one.add(
        "network-vnet",
        "azure-native:network:VirtualNetwork",
        placed=True,
        virtualNetworkName=NETWORK,
        addressSpace={"addressPrefixes": ["10.0.0.0/16"]},
    )
    one.add(
        "network-apps-subnet",
        "azure-native:network:Subnet",
        virtualNetworkName=NETWORK,
        subnetName="snet-apps",
        addressPrefix="10.0.0.0/23",
    )
    one.add(
        "redis-dns-zone",
        "azure-native:privatedns:PrivateZone",
        location="Global",
        tags=dict(TAGS),
        privateZoneName="privatelink.redis.azure.net",
    )
    one.add(
        "redis-dns-link",
        "azure-native:privatedns:VirtualNetworkLink",
        location="Global",
        tags=dict(TAGS),
        privateZoneName="privatelink.redis.azure.net",
        virtualNetworkLinkName="vnet",
        virtualNetwork={"id": UNKNOWN},
    )
    if classic:
        sku = {"name": "Basic", "family": "C", "capacity": 0}
        one.add("redis-cache", "azure-native:redis:Redis", placed=True, name=CACHE, sku=sku)
    else:
        one.add(
            "redis-cluster",
            "azure-native:redisenterprise:RedisEnterprise",
            placed=True,
            clusterName=CACHE,
            sku={"name": "Balanced_B0"},
        )
        one.add(
            "redis-database",
            "azure-native:redisenterprise:Database",
            clusterName=CACHE,
            databaseName="default",
            clientProtocol="Encrypted",
        )
    one.add(
        "redis-private-endpoint",
        "azure-native:network:PrivateEndpoint",
        placed=True,
        privateEndpointName="pep-westeurope-shop-redis-01",
        subnet={"id": UNKNOWN},
        privateLinkServiceConnections=[
            {
                "name": "redis",
                "groupIds": ["redisCache" if classic else "redisEnterprise"],
                "privateLinkServiceId": UNKNOWN,
            }
        ],
    )
    one.add(
        "redis-private-zone-group",
        "azure-native:network:PrivateDnsZoneGroup",
        privateEndpointName="pep-westeurope-shop-redis-01",
        privateDnsZoneGroupName="default",
    )
    one.add(
        "vault-vault",
        "azure-native:keyvault:Vault",
        placed=True,
        vaultName=VAULT,
        properties={"enableRbacAuthorization": True, "sku": {"family": "A", "name": "standard"}, "tenantId": "x"},
    )
    one.add(
        "vault-redis-url",
        "azure-native:keyvault:Secret",
        vaultName=VAULT,
        secretName="redis-url",
        properties={"value": SECRET},
    )
    one.add(
        "identity-key-vault-secrets-user",
        "azure-native:authorization:RoleAssignment",
        scope=UNKNOWN,
        roleAssignmentName=UNKNOWN,
        principalId=UNKNOWN,
    )
    one.add(
        "apps-environment",
        "azure-native:app:ManagedEnvironment",
        placed=True,
        environmentName=ENVIRONMENT,
        vnetConfiguration={"infrastructureSubnetId": UNKNOWN, "internal": False},
        workloadProfiles=[{"name": "Consumption", "workloadProfileType": "Consumption"}],
        zoneRedundant=False,
    )
    one.add(
        "apps-web",
        "azure-native:app:ContainerApp",
        placed=True,
        containerAppName="app-we-shop-01",
        environmentId=UNKNOWN,
        identity={"type": "UserAssigned", "userAssignedIdentities": [UNKNOWN]},
        configuration={"ingress": {"external": True}},
        template={"containers": [{"name": "web", "image": IMAGE, "env": [{"name": "A", "value": SECRET}]}]},
    )
    one.add(
        "observability-vault",
        "azure-native:monitor:DiagnosticSetting",
        name="to-log-analytics",
        resourceUri=UNKNOWN,
        workspaceId=UNKNOWN,
    )
    return one
