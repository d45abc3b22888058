"""A small landscape, deployed by PUTs to a running endpoint, and the clients that read it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential

from local_azure.arm import Served, serve
from local_azure.arm.tokens import Principal, TokenIssuer
from local_azure.control_plane.model import Model
from local_azure.core.ids import ArmId
from local_azure.core.state import Store

T = TypeVar("T")
GROUP = "rg-westeurope-magictoolbox-dev"
LOCATION = "westeurope"
VERSION = {"api-version": "2024-11-01"}


@dataclass
class Azure:
    """A running endpoint, its model, and what clients need to reach it."""

    model: Model
    served: Served
    home: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.served.ports['arm']}"

    @property
    def tenant(self) -> str:
        return self.model.tenant.tenant_id

    @property
    def subscription(self) -> str:
        return self.model.tenant.subscription_id

    @property
    def authority_file(self) -> str:
        return str(self.served.certificate_authority)

    @property
    def client_secret(self) -> str:
        return (self.home / "service-principal-secret").read_text().strip()

    def credential(self, secret: str | None = None) -> ClientSecretCredential:
        """Return Microsoft's credential with the emulator's authority and certificate."""
        return ClientSecretCredential(
            self.tenant,
            self.model.tenant.client_id,
            self.client_secret if secret is None else secret,
            authority=self.url,
            disable_instance_discovery=True,
            transport=RequestsTransport(connection_verify=self.authority_file),
        )

    def client(self, kind: Callable[..., T], **options: Any) -> T:
        """Return a management client, unchanged but for address, certificate authority and credential."""
        return kind(
            self.credential(),
            self.subscription,
            base_url=self.url,
            credential_scopes=[f"{self.url}/.default"],
            connection_verify=self.authority_file,
            **options,
        )

    def vault_options(self) -> dict[str, Any]:
        """Return the options with which a data-plane client reaches a vault by host name."""
        return {
            "transport": RequestsTransport(connection_verify=self.authority_file, use_env_settings=False),
            "proxies": {"https": f"http://127.0.0.1:{self.served.ports['vault-proxy']}"},
        }

    def id(self, resource_type: str, *names: str, group: str = GROUP) -> ArmId:
        """Return the id of a resource in the landscape's group."""
        return ArmId.build(f"/subscriptions/{self.subscription}/resourceGroups/{group}", resource_type, *names)

    def put(self, resource_type: str, *names: str, **body: Any) -> str:
        """Put a resource into the model; return its id."""
        return self.model.put(self.id(resource_type, *names), body).id.text

    def make_group(self) -> None:
        group = f"/subscriptions/{self.subscription}/resourceGroups/{GROUP}"
        self.model.put(ArmId.parse(group), {"location": LOCATION, "tags": {"environment": "dev"}})


@contextmanager
def running(home: Path) -> Iterator[Azure]:
    """An endpoint on a model of its own, in a thread of this process."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    store = Store(home / "state.sqlite")
    model = Model(store)
    served = asyncio.run_coroutine_threadsafe(serve(model, home), loop).result(120)
    try:
        yield Azure(model, served, home)
    finally:

        async def close() -> None:
            await served.close()

        asyncio.run_coroutine_threadsafe(close(), loop).result(120)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(120)
        loop.close()
        store.close()


def deploy(azure: Azure) -> dict[str, str]:
    """Return a network, both Redis services, a vault, an app, and what watches them; return their ids by short
    names."""
    azure.make_group()
    ids: dict[str, str] = {}
    ids["logs"] = azure.put("Microsoft.OperationalInsights/workspaces", "log-dev", location=LOCATION)
    ids["identity"] = azure.put("Microsoft.ManagedIdentity/userAssignedIdentities", "id-dev", location=LOCATION)
    ids["network"] = azure.put(
        "Microsoft.Network/virtualNetworks",
        "vnet-dev",
        location=LOCATION,
        properties={"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
    )
    ids["apps"] = azure.put(
        "Microsoft.Network/virtualNetworks/subnets",
        "vnet-dev",
        "apps",
        properties={
            "addressPrefix": "10.0.0.0/23",
            "delegations": [{"name": "apps", "properties": {"serviceName": "Microsoft.App/environments"}}],
        },
    )
    ids["endpoints"] = azure.put(
        "Microsoft.Network/virtualNetworks/subnets",
        "vnet-dev",
        "endpoints",
        properties={"addressPrefix": "10.0.2.0/24"},
    )
    ids["redis"] = azure.put(
        "Microsoft.Cache/redis",
        "red-westeurope-magictoolbox-01",
        location=LOCATION,
        properties={
            "sku": {"name": "Basic", "family": "C", "capacity": 0},
            "enableNonSslPort": False,
            "minimumTlsVersion": "1.2",
            "publicNetworkAccess": "Disabled",
        },
    )
    ids["cluster"] = azure.put(
        "Microsoft.Cache/redisEnterprise",
        "amr-dev",
        location=LOCATION,
        sku={"name": "Balanced_B0"},
        properties={"minimumTlsVersion": "1.2", "publicNetworkAccess": "Disabled"},
    )
    ids["database"] = azure.put(
        "Microsoft.Cache/redisEnterprise/databases",
        "amr-dev",
        "default",
        properties={
            "accessKeysAuthentication": "Enabled",
            "clientProtocol": "Encrypted",
            "clusteringPolicy": "NoCluster",
            "evictionPolicy": "VolatileLRU",
            "port": 10000,
        },
    )
    zone = "privatelink.redis.cache.windows.net"
    ids["zone"] = azure.put("Microsoft.Network/privateDnsZones", zone, location="global")
    ids["link"] = azure.put(
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        zone,
        "vnet-dev",
        location="global",
        properties={"virtualNetwork": {"id": ids["network"]}, "registrationEnabled": False},
    )
    ids["endpoint"] = azure.put(
        "Microsoft.Network/privateEndpoints",
        "pe-redis",
        location=LOCATION,
        properties={
            "subnet": {"id": ids["endpoints"]},
            "privateLinkServiceConnections": [
                {"name": "redis", "properties": {"privateLinkServiceId": ids["redis"], "groupIds": ["redisCache"]}}
            ],
        },
    )
    ids["zone-group"] = azure.put(
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
        "pe-redis",
        "default",
        properties={"privateDnsZoneConfigs": [{"name": "redis", "properties": {"privateDnsZoneId": ids["zone"]}}]},
    )
    ids["vault"] = azure.put(
        "Microsoft.KeyVault/vaults",
        "kv-dev",
        location=LOCATION,
        properties={
            "tenantId": azure.tenant,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
            "publicNetworkAccess": "Enabled",
        },
    )
    ids["secret"] = azure.put(
        "Microsoft.KeyVault/vaults/secrets", "kv-dev", "redis-url", properties={"value": "rediss://first"}
    )
    ids["environment"] = azure.put(
        "Microsoft.App/managedEnvironments",
        "cae-dev",
        location=LOCATION,
        properties={"vnetConfiguration": {"infrastructureSubnetId": ids["apps"], "internal": False}},
    )
    ids["app"] = azure.put(
        "Microsoft.App/containerApps",
        "app-we-magictoolbox-01",
        location=LOCATION,
        identity={"type": "UserAssigned", "userAssignedIdentities": {ids["identity"]: {}}},
        properties={
            "managedEnvironmentId": ids["environment"],
            "configuration": {
                "activeRevisionsMode": "Single",
                "ingress": {"external": True, "targetPort": 8000, "transport": "auto"},
                "secrets": [{"name": "redis-url", "value": "rediss://secret"}],
            },
            "template": {
                "containers": [
                    {
                        "name": "web",
                        "image": "contoso.azurecr.io/shop:1.0",
                        "env": [{"name": "REDIS_URL", "secretRef": "redis-url"}],
                        "resources": {"cpu": 0.5, "memory": "1Gi"},
                    }
                ],
                "scale": {"minReplicas": 1, "maxReplicas": 3},
            },
        },
    )
    ids["registry"] = azure.put(
        "Microsoft.ContainerRegistry/registries", "acrdev", location=LOCATION, sku={"name": "Basic"}
    )
    ids["action-group"] = azure.put(
        "Microsoft.Insights/actionGroups",
        "ag-dev",
        location="global",
        properties={
            "groupShortName": "ag",
            "enabled": True,
            "emailReceivers": [{"name": "ops", "emailAddress": "ops@example.com", "useCommonAlertSchema": True}],
        },
    )
    ids["alert"] = azure.put(
        "Microsoft.Insights/metricAlerts",
        "redis-memory",
        location="global",
        properties={
            "severity": 2,
            "enabled": True,
            "scopes": [ids["redis"]],
            "evaluationFrequency": "PT1M",
            "windowSize": "PT5M",
            "criteria": {
                "odata.type": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                "allOf": [
                    {
                        "criterionType": "StaticThresholdCriterion",
                        "name": "memory",
                        "metricName": "usedmemorypercentage",
                        "operator": "GreaterThan",
                        "threshold": 80,
                        "timeAggregation": "Maximum",
                    }
                ],
            },
            "actions": [{"actionGroupId": ids["action-group"]}],
        },
    )
    setting = ArmId.parse(ids["redis"]).extension("Microsoft.Insights/diagnosticSettings", "logs")
    azure.model.put(
        setting,
        {
            "properties": {
                "workspaceId": ids["logs"],
                "metrics": [{"category": "AllMetrics", "enabled": True}],
            }
        },
    )
    ids["diagnostics"] = setting.text
    return ids


class Raw:
    """Sends plain HTTP requests to the endpoint, by default with a token."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.issuer = TokenIssuer(azure.home, azure.model.tenant)
        self.session = requests.Session()
        self.session.verify = azure.authority_file
        self.session.trust_env = False
        self.group = f"/subscriptions/{azure.subscription}/resourceGroups/{GROUP}"

    def token(self, audience: str = "https://management.azure.com/", principal: Principal | None = None) -> str:
        return self.issuer.issue(principal or self.issuer.service_principal, audience)

    def send(self, method: str, path: str, *, token: str | None = "", **options: Any) -> requests.Response:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.token()}"
        params = options.pop("params", VERSION)
        return self.session.request(
            method, f"{self.azure.url}{path}", headers=headers, params=params, timeout=30, **options
        )
