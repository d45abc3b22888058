"""Each judge on plain properties: the spellings of other programs, the edges, and what a preview does not know yet."""

from collections.abc import Mapping
from typing import Any

import pytest

from azure_policies import RULES, secrets
from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Resource, ResourceType
from azure_policies.rule import ResourceRule, StackRule
from azure_policies.templates import with_embedded

RULE = {rule.name: rule for rule in RULES}
REGIONS_AND_TAGS = Options(regions=("westeurope", "North Europe"), tags=("app", "environment"))
PROD = {"environment": "prod"}
KEY = "aB3x" * 10 + "/9+="
STORAGE_ID = (
    "/subscriptions/11111111-2222-3333-4444-123456789abc/resourceGroups/shop"
    "/providers/Microsoft.Storage/storageAccounts/shop"
)

Properties = Mapping[str, Any]


def resource(token: str, properties: Properties, name: str = "it", **references: str) -> Resource:
    """A resource; ``references`` are names of other resources, by the property made from them."""
    made_from = {key: tuple(urn(one) for one in names.split()) for key, names in references.items()}
    return Resource(
        token if token.count(":") == 2 else f"azure-native:{token}", urn(name), properties, "3.29.0", made_from
    )


def urn(name: str) -> str:
    return f"urn:pulumi:dev::shop::type::{name}"


def messages(policy: str, judged: Resource, options: Options = REGIONS_AND_TAGS) -> list[str]:
    rule = RULE[policy]
    assert isinstance(rule, ResourceRule)
    return [message for _, one in with_embedded(judged) for message in rule.judge(one, options)]


def blamed(policy: str, *resources: Resource, options: Options = REGIONS_AND_TAGS) -> list[str]:
    rule = RULE[policy]
    assert isinstance(rule, StackRule)
    return [violation.resource.urn.rpartition("::")[2] for violation in rule.judge(resources, options)]


@pytest.mark.parametrize(
    ("token", "parsed"),
    [
        ("azure-native:redis:Redis", ResourceType("redis", "Redis")),
        ("azure-native:redis/v20240301:Redis", ResourceType("redis", "Redis", "2024-03-01")),
        (
            "azure-native:app/v20250202preview:ContainerApp",
            ResourceType("app", "ContainerApp", "2025-02-02-preview"),
        ),
        ("azure-native_redis_v20240301:redis:Redis", ResourceType("redis", "Redis", "2024-03-01")),
        ("azure-native:keyvault:Vault", ResourceType("keyvault", "Vault")),
        ("random:index/randomString:RandomString", ResourceType("", "RandomString")),
        ("azure:redis/cache:Cache", ResourceType("", "Cache")),
        ("pulumi:pulumi:Stack", ResourceType("", "Stack")),
    ],
)
def test_a_type_is_known_in_every_spelling(token: str, parsed: ResourceType) -> None:
    assert ResourceType.parse(token) == parsed


def app(properties: Properties, kind: str = "app:ContainerApp", name: str = "it", **references: str) -> Resource:
    return resource(kind, properties, name, **references)


def container(**of_container: Any) -> Properties:
    return {"template": {"containers": [{"name": "web", "image": "shop:1", **of_container}]}}


def variable(name: str, value: Any) -> Properties:
    return container(env=[{"name": name, "value": value}])


def ingress(**properties: Any) -> Properties:
    return {"configuration": {"ingress": {"external": True, "transport": "tcp", **properties}}, **container()}


def scaling(metadata: Properties, kind: str = "custom") -> Properties:
    return {"template": {"containers": [], "scale": {"rules": [{"name": "queue", kind: {"metadata": metadata}}]}}}


def probing(name: str, value: Any) -> Properties:
    return container(probes=[{"type": "Liveness", "httpGet": {"httpHeaders": [{"name": name, "value": value}]}}])


def group(**of_container: Any) -> Properties:
    return {"containers": [{"name": "tool", "image": "tool:1", **of_container}]}


def dapr(name: str, value: Any) -> Properties:
    return {"componentType": "state.redis", "metadata": [{"name": name, "value": value}]}


def site(name: str, value: Any) -> Properties:
    return {"siteConfig": {"appSettings": [{"name": name, "value": value}]}}


def pool(**of_container: Any) -> Properties:
    return {"customContainerTemplate": {"containers": [{"name": "tool", "image": "tool:1", **of_container}]}}


def template(*made: Any, parameters: Properties | None = None, **of_template: Any) -> Properties:
    """A deployment whose template makes some resources."""
    given = {name: {"value": value} for name, value in (parameters or {}).items()}
    return {"properties": {"template": {"resources": list(made), **of_template}, "parameters": given}}


def made(kind: str, properties: Properties, **body: Any) -> Properties:
    """A resource of a template."""
    return {"type": f"Microsoft.{kind}", "apiVersion": "2024-11-01", "name": "it", "properties": properties, **body}


def nested(*inner: Properties) -> Properties:
    return made("Resources/deployments", template(*inner)["properties"])


BROKEN: list[tuple[str, str, Properties]] = [
    ("no-public-network-access", "redis/v20230801:Redis", {"publicNetworkAccess": "Enabled"}),
    ("no-public-network-access", "cache:Redis", {}),
    ("no-public-network-access", "synapse:Workspace", {}),
    ("no-public-network-access", "kusto:Cluster", {"publicNetworkAccess": "Enabled"}),
    ("no-public-network-access", "dbforpostgresql:ServerGroupCluster", {"nodeEnablePublicIpAccess": True}),
    ("no-public-network-access", "azure-native_redis_v20240301:redis:Redis", {"publicNetworkAccess": "Enabled"}),
    ("no-public-network-access", "redisenterprise:RedisEnterprise", {}),
    ("no-public-network-access", "redisenterprise/v20250401:RedisEnterprise", {}),
    ("no-public-network-access", "keyvault:Vault", {"properties": {"networkAcls": {"defaultAction": "Deny"}}}),
    ("no-public-network-access", "keyvault:ManagedHsm", {"properties": {"publicNetworkAccess": "Enabled"}}),
    ("no-public-network-access", "dbformysql:Server", {"network": {"publicNetworkAccess": "Enabled"}}),
    ("no-public-network-access", "sql:ManagedInstance", {"publicDataEndpointEnabled": True}),
    ("no-public-network-access", "dbforpostgresql:SingleServer", {"properties": {"publicNetworkAccess": "Enabled"}}),
    ("tls-1.2-or-better", "redis:Redis", {}),
    ("tls-1.2-or-better", "redis:Redis", {"minimumTlsVersion": "1.1"}),
    ("tls-1.2-or-better", "redisenterprise:RedisEnterprise", {"minimumTlsVersion": "1.0"}),
    ("tls-1.2-or-better", "sql:Server", {"minimalTlsVersion": "None"}),
    ("tls-1.2-or-better", "cosmosdb:DatabaseAccount", {"minimalTlsVersion": "Tls11"}),
    ("tls-1.2-or-better", "cosmosdb:DatabaseAccount", {"minimalTlsVersion": "Tls"}),
    ("tls-1.2-or-better", "storage:StorageAccount", {"minimumTlsVersion": "TLS1_0"}),
    ("tls-1.2-or-better", "servicebus:Namespace", {"minimumTlsVersion": "1.1"}),
    (
        "tls-1.2-or-better",
        "dbforpostgresql:Configuration",
        {"configurationName": "ssl_min_protocol_version", "value": "TLSv1.1"},
    ),
    ("tls-1.2-or-better", "dbformysql:Configuration", {"configurationName": "tls_version", "value": "TLSv1,TLSv1.2"}),
    ("no-plaintext-port", "redis/v20240301:Redis", {"enableNonSslPort": True}),
    ("no-plaintext-port", "cache:Database", {"clientProtocol": "plaintext"}),
    ("no-plaintext-port", "storage:StorageAccount", {"enableHttpsTrafficOnly": False}),
    ("no-plaintext-port", "app:ContainerApp", {"configuration": {"ingress": {"allowInsecure": True}}}),
    (
        "no-plaintext-port",
        "dbformysql:Configuration",
        {"configurationName": "require_secure_transport", "value": "OFF"},
    ),
    ("no-plaintext-port", "dbformysql:SingleServer", {"properties": {"sslEnforcement": "Disabled"}}),
    ("vault-access-by-roles", "keyvault/v20230701:Vault", {"properties": {"enableRbacAuthorization": False}}),
    ("vault-access-by-roles", "keyvault:Vault", {"properties": {}}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": PROD, "properties": {}}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": {"Environment": "Production"}, "properties": {}}),
    ("environment-in-a-subnet", "app/v20240301:ManagedEnvironment", {}),
    ("environment-in-a-subnet", "app:ManagedEnvironment", {"vnetConfiguration": {"internal": False}}),
    ("image-by-tag-or-digest", "app:ContainerApp", container(image="shop")),
    ("image-by-tag-or-digest", "app:Job", container(image="registry.example.org:5000/team/shop")),
    ("image-by-tag-or-digest", "app:ContainerApp", {"template": {"initContainers": [{"image": "shop"}]}}),
    ("no-latest-in-production", "app:Job", {"tags": PROD, **container(image="shop:latest")}),
    ("allowed-regions", "storage:StorageAccount", {"location": "East US"}),
    ("required-tags", "storage:StorageAccount", {"location": "westeurope"}),
    ("required-tags", "storage:StorageAccount", {"location": "westeurope", "tags": {"app": "shop"}}),
    ("required-tags", "network:VirtualNetwork", {"location": "x", "tags": {"app": "shop", "environment": ""}}),
    ("redis-url-by-secret", "app:ContainerApp", variable("CACHE", "redis://cache:6379")),
    ("redis-url-by-secret", "app:Job", variable("CACHE", "REDISS://:k@cache:6380/0")),
    ("redis-url-by-secret", "app:ContainerApp", {"template": {"initContainers": [{"env": [
        {"name": "CACHE", "value": "rediss://cache:6380"}]}]}}),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("DATABASE_PASSWORD", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("API_KEY", "01234567")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("secretKey", "unguessable")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("SIGNING_KEY", "unguessable")),
    ("no-secret-in-a-variable", "app:Job", variable("GITHUB_TOKEN", "x")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("DATABASE_URL", "postgres://shop:pw@db/shop")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("STORAGE", "AccountName=shop;AccountKey=abc=")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("CACHE", "shop.redis.cache.windows.net:6380,password=k")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("PEM", "-----BEGIN RSA PRIVATE KEY-----")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("BLOB", f"https://x/y?sv=1&sig={KEY}")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("UNKNOWN_TO_ITS_NAME", KEY)),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("ID_AND_KEY", f"{STORAGE_ID};{KEY}")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("KEY_IN_AN_ID", f"{STORAGE_ID}/{KEY}")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("PGPASSWORD", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("DBPASSWORD", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("DBPasswd", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("DB_PASS", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("SMTP_PASS", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("REDISCLI_AUTH", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("JWT_KEY", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("DJANGO_KEY", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("FIELDS", "aB3-" * 5 + "xY_9" * 5 + "k7Q=")),
    ("no-public-network-access", "redis:FirewallRule", {"startIP": "0.0.0.0", "endIP": "255.255.255.255"}),
    ("no-public-network-access", "sql:FirewallRule", {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}),
    (
        "no-public-network-access",
        "dbforpostgresql/v20240801:FirewallRule",
        {"startIpAddress": "1.0.0.0", "endIpAddress": "223.255.255.255"},
    ),
    (
        "no-public-network-access",
        "cosmosdb:DatabaseAccount",
        {"publicNetworkAccess": "Disabled", "ipRules": [{"ipAddressOrRange": "0.0.0.0/0"}]},
    ),
    (
        "no-public-network-access",
        "keyvault:Vault",
        {"properties": {"publicNetworkAccess": "Disabled", "networkAcls": {"ipRules": [{"value": "0.0.0.0/0"}]}}},
    ),
    (
        "no-public-network-access",
        "storage:StorageAccount",
        {"networkRuleSet": {"ipRules": [{"action": "Allow", "iPAddressOrRange": "128.0.0.0/1"}]}},
    ),
    ("no-public-network-access", "resources:Deployment",
     template(made("Cache/redis", {"publicNetworkAccess": "Enabled"}))),
    ("no-public-network-access", "resources:Deployment", template(nested(made("Cache/redis", {})))),
    (
        "no-public-network-access",
        "resources:DeploymentAtSubscriptionScope",
        template(
            made("KeyVault/vaults", {"publicNetworkAccess": "[parameters('access')]"}),
            parameters={"access": "Enabled"},
        ),
    ),
    (
        "no-public-network-access",
        "resources:Deployment",
        template(
            made("KeyVault/vaults", {"publicNetworkAccess": "[variables('access')]"}),
            parameters={},
            variables={"access": "Enabled"},
        ),
    ),
    (
        "no-public-network-access",
        "resources:DeploymentStackAtResourceGroup",
        {"template": {"resources": {"cache": made("Cache/redis", {"publicNetworkAccess": "Enabled"})}}},
    ),
    (
        "no-public-network-access",
        "resources:Resource",
        {
            "resourceProviderNamespace": "Microsoft.Cache",
            "resourceType": "redis",
            "parentResourcePath": "",
            "properties": {"publicNetworkAccess": "Enabled"},
        },
    ),
    (
        "no-public-network-access",
        "resources:Deployment",
        template(
            made("Sql/servers", {"publicNetworkAccess": "Disabled"}, resources=[
                {"type": "firewallRules", "name": "all",
                 "properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"}}
            ])
        ),
    ),
    ("template-in-the-program", "resources:Deployment", {"properties": {"templateLink": {"uri": "https://x/y.json"}}}),
    ("template-in-the-program", "resources:DeploymentStackAtSubscription", {"templateLink": {"id": "/spec"}}),
    ("no-anonymous-access", "redis:Redis", {"redisConfiguration": {"authnotrequired": "true"}}),
    ("no-anonymous-access", "storage:StorageAccount", {"allowBlobPublicAccess": True}),
    ("no-anonymous-access", "storage:BlobContainer", {"publicAccess": "Blob"}),
    ("no-anonymous-access", "containerregistry:Registry", {"anonymousPullEnabled": True}),
    ("no-plaintext-port", "app:ContainerApp", ingress(targetPort=6379)),
    ("no-plaintext-port", "web/v20210301:ContainerApp", ingress(targetPort=6379.0)),
    ("no-plaintext-port", "app:ContainerApp", ingress(targetPort=7000, exposedPort=6379)),
    (
        "no-plaintext-port",
        "app:ContainerApp",
        {**ingress(targetPort=7000), "template": {"containers": [{"image": "docker.io/redis:7-alpine"}]}},
    ),
    (
        "no-plaintext-port",
        "app:ContainerApp",
        ingress(external=False, additionalPortMappings=[{"external": True, "targetPort": 11211}]),
    ),
    ("allowed-regions", "cosmosdb:DatabaseAccount",
     {"locations": [{"locationName": "westeurope"}, {"locationName": "East US"}]}),
    ("allowed-regions", "apimanagement:ApiManagementService", {"additionalLocations": [{"location": "eastus"}]}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": {"environment": "prod-eu"}, "properties": {}}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": {"environment": "eu_Production2"}, "properties": {}}),
    ("image-by-tag-or-digest", "app:ContainerAppsSessionPool", pool(image="tool")),
    ("image-by-tag-or-digest", "web/v20210301:ContainerApp", container(image="shop")),
    ("image-by-tag-or-digest", "containerinstance:ContainerGroup", group(image="tool")),
    ("redis-url-by-secret", "containerinstance:ContainerGroup", group(environmentVariables=[
        {"name": "CACHE", "value": "redis://cache:6379"}])),
    ("redis-url-by-secret", "web:WebApp", site("REDIS_URL", "rediss://:key@cache:6380/0")),
    # Where a secret can be, in the clear.
    ("no-secret-in-a-variable", "app:ContainerApp", container(args=["--password=hunter2"])),
    ("no-secret-in-a-variable", "app:ContainerApp", container(args=["--requirepass", "hunter2"])),
    ("no-secret-in-a-variable", "app:ContainerApp",
     container(command=["sh", "-c", "DB_PASSWORD=hunter2 exec gunicorn"])),
    ("no-secret-in-a-variable", "app:Job", container(command=["psql", "postgres://shop:pw@db/shop"])),
    ("no-secret-in-a-variable", "app:Job", container(args=["curl -H 'Authorization: Bearer abc' https://x"])),
    ("no-secret-in-a-variable", "web/v20210301:ContainerApp", variable("DATABASE_PASSWORD", "hunter2")),
    ("no-secret-in-a-variable", "app:ContainerAppsSessionPool", pool(env=[{"name": "API_KEY", "value": "01234567"}])),
    ("no-secret-in-a-variable", "containerinstance:ContainerGroup", group(environmentVariables=[
        {"name": "API_KEY", "value": "01234567"}])),
    ("no-secret-in-a-variable", "containerinstance:ContainerGroup", group(command=["tool", "--token=hunter2"])),
    ("no-secret-in-a-variable", "app:DaprComponent", dapr("redisPassword", "hunter2")),
    ("no-secret-in-a-variable", "app:DaprComponent", dapr("accountKey", "hunter2")),
    ("no-secret-in-a-variable", "app:JavaComponent", {"properties": {"configurations": [
        {"propertyName": "spring.cloud.config.server.git.password", "value": "hunter2"}]}}),
    ("no-secret-in-a-variable", "web:WebApp", site("DB_PASSWORD", "hunter2")),
    ("no-secret-in-a-variable", "web:WebAppSlot", {"siteConfig": {"connectionStrings": [
        {"name": "db", "connectionString": "Server=db;User=shop;Password=pw;"}]}}),
    ("no-secret-in-a-variable", "web:WebAppApplicationSettings", {"properties": {"DB_PASSWORD": "hunter2"}}),
    ("no-secret-in-a-variable", "web:WebAppConnectionStrings", {"properties": {"db": {"value": "x;Password=pw;"}}}),
    ("no-secret-in-a-variable", "app:ContainerApp", scaling({"address": "cache:6379", "password": "hunter2"})),
    ("no-secret-in-a-variable", "app:ContainerApp", scaling({"connectionString": "Endpoint=x;SharedAccessKey=k"})),
    ("no-secret-in-a-variable", "app:Job", {"configuration": {"eventTriggerConfig": {"scale": {"rules": [
        {"name": "queue", "type": "redis", "metadata": {"password": "hunter2"}}]}}}}),
    ("no-secret-in-a-variable", "app:ContainerApp", probing("Authorization", "Bearer abc")),
    ("no-secret-in-a-variable", "app:ContainerApp", probing("X-Api-Key", "abc-def")),
    ("no-secret-in-a-variable", "containerinstance:ContainerGroup", group(
        livenessProbe={"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "Basic abc"}]}})),
    ("no-secret-in-a-variable", "resources:Deployment", template(
        made("App/containerApps", variable("API_KEY", "01234567")))),
    ("no-secret-in-a-variable", "resources:Deployment", template(made(
        "ContainerInstance/containerGroups", {"containers": [{"name": "tool", "properties": {
            "image": "tool:1", "environmentVariables": [{"name": "API_KEY", "value": "01234567"}]}}]}))),
    ("no-secret-in-a-variable", "resources:Deployment", template(
        {"type": "Microsoft.Web/sites/config", "name": "shop/appsettings", "properties": {"DB_PASS": "hunter2"}})),
    # How a secret can look.
    ("no-secret-in-a-variable", "app:ContainerApp", variable("HOOK", "https://hooks.example.org/?api_key=hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("HOOK", "https://x/y?size=1&access_token=hunter2")),
    ("no-secret-in-a-variable", "app:ContainerApp",
     variable("FUNCTION", f"https://shop.azurewebsites.net/api/x?code={'a1' * 20}")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("OPTIONS", '{"db": {"password": "hunter2"}}')),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("OPTIONS", '[{"url": "postgres://shop:pw@db/shop"}]')),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("DSN", "host=db user=shop password=hunter2")),
    # What a secret can be called.
    *(
        ("no-secret-in-a-variable", "app:ContainerApp", variable(name, "hunter2"))
        for name in (
            *("STORAGE_KEY", "STORAGE_ACCOUNT_KEY", "COSMOS_KEY", "SESSION_KEY", "API_KEYS", "STORAGEKEY"),
            *("CLIENT_KEY",),
            *("DBPASS", "SMTPPASS", "DB_PASS", "PASSWORDS", "SECRETS", "TOKENS", "DB_CREDENTIALS", "SAS"),
            *("CLIENT_SECRET", "CLIENTSECRET", "clientSecret", "authToken", "DB_PASSWORD_PROD", "TOKEN_2"),
            *("DB_PASSWORD_OLD", "Db--Password", "ConnectionStrings__Password", "SECRET_KEY_FALLBACKS"),
            *("TOKEN_OF_SHOP",),
        )
    ),
    # Tokens that services issue, put together here so that nobody takes this file for a leak.
    *(
        ("no-secret-in-a-variable", "app:ContainerApp", variable("UNNAMED", "".join(token)))
        for token in (
            ("AKIA", "IOSFODNN7EXAMPLE"),
            ("gh", "p_", "a1B2" * 9),
            ("github", "_pat_", "a1B2" * 9),
            ("glp", "at-", "a1B2" * 5),
            ("xox", "b-1234567890-", "a1B2" * 6),
            ("https://hooks.", "slack.com/services/", "T00000000/B00000000/", "a1B2" * 6),
            ("sk", "_live_", "a1B2" * 6),
            ("rk", "_live_", "a1B2" * 6),
            ("S", "G.", "a1B2" * 5, "a1", ".", "a1B2" * 10, "a1B"),
            ("0123456789abcdef" * 2, "-us", "12"),
            ("12345678", "9:", "a1B2" * 8, "a1B"),
            ("A", "C", "0123456789abcdef" * 2),
            ("py", "pi-AgEIcHlwaS5vcmc", "a1B2" * 20),
            ("//registry.example.org/:_auth", "Token=", "npm_", "a1B2" * 9),
            ("sk-", "a1B2" * 5, "T3Blbk", "FJ", "a1B2" * 5),
            ("AI", "za", "a1B2" * 8, "a1B"),
            ("sk-", "ant-", "a1B2" * 8),
            ("h", "f_", "aBcDeFgH" * 4),
            ("do", "p_v1_", "0123456789abcdef" * 4),
            ("shp", "at_", "0123456789abcdef" * 2),
            ("gl", "sa_", "a1B2" * 8, "_", "0123abcd"),
            ("aB1", "2Q~", "a1B2" * 8),
            ("hv", "s.", "a1B2" * 6),
        )
    ),
    ("more-than-one-replica", "app:ContainerApp",
     {"tags": PROD, "configuration": {"ingress": {"targetPort": 80}}, "template": {"scale": {"minReplicas": "1"}}}),
    ("zone-redundancy", "redis:Redis", {"tags": PROD, "zones": 3}),
    ("more-than-one-replica", "redisenterprise:RedisEnterprise", {"tags": PROD, "highAvailability": "Disabled"}),
    ("more-than-one-replica", "redis:Redis", {"tags": PROD, "sku": {"name": "Basic"}}),
    (
        "more-than-one-replica",
        "app:ContainerApp",
        {"tags": PROD, "configuration": {"ingress": {"targetPort": 80}}, **container()},
    ),
    (
        "more-than-one-replica",
        "app:ContainerApp",
        {"tags": PROD, "template": {"containers": [{"name": "worker"}], "scale": {"maxReplicas": 1}}},
    ),
    ("zone-redundancy", "app:ManagedEnvironment", {"tags": PROD}),
    ("zone-redundancy", "redis:Redis", {"tags": PROD, "sku": {"name": "Standard"}, "zones": ["1"]}),
    ("zone-redundancy", "dbforpostgresql:Server", {"tags": PROD, "highAvailability": {"mode": "SameZone"}}),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "token", "properties"), BROKEN)
def test_what_breaks_a_policy(policy: str, token: str, properties: Properties) -> None:
    told = messages(policy, resource(token, properties))
    assert len(told) == 1
    assert ": " in told[0], "it tells the remedy behind what is wrong"


KEPT: list[tuple[str, str, Properties]] = [
    ("no-public-network-access", "redis:Redis", {"publicNetworkAccess": "disabled"}),
    ("no-public-network-access", "redis:Redis", {"publicNetworkAccess": UNKNOWN}),
    ("no-public-network-access", "keyvault:Vault", {"properties": UNKNOWN}),
    ("no-public-network-access", "keyvault:Vault", {"properties": {"publicNetworkAccess": "Disabled"}}),
    ("no-public-network-access", "dbforpostgresql:Server", {"network": {"delegatedSubnetResourceId": UNKNOWN}}),
    ("no-public-network-access", "redisenterprise/v20250401:RedisEnterprise", {"publicNetworkAccess": "Disabled"}),
    ("no-public-network-access", "sql:ManagedInstance", {}),
    ("no-public-network-access", "storage:StorageAccount", {"publicNetworkAccess": "Enabled"}),
    ("no-public-network-access", "aws:redis:Redis", {}),
    ("tls-1.2-or-better", "redis:Redis", {"minimumTlsVersion": "1.2"}),
    ("tls-1.2-or-better", "redis:Redis", {"minimumTlsVersion": UNKNOWN}),
    ("tls-1.2-or-better", "redisenterprise:RedisEnterprise", {}),
    ("tls-1.2-or-better", "sql:Server", {"minimalTlsVersion": "1.3"}),
    ("tls-1.2-or-better", "cosmosdb:DatabaseAccount", {"minimalTlsVersion": "Tls12"}),
    ("tls-1.2-or-better", "storage:StorageAccount", {"minimumTlsVersion": "TLS1_2"}),
    ("tls-1.2-or-better", "dbformysql:Configuration", {"configurationName": "tls_version", "value": "TLSv1.3"}),
    ("no-plaintext-port", "redis:Redis", {}),
    ("no-plaintext-port", "redisenterprise:Database", {"clientProtocol": "Encrypted"}),
    ("no-plaintext-port", "app:ContainerApp", {"configuration": {"ingress": {"allowInsecure": False}}}),
    (
        "no-plaintext-port",
        "dbformysql:Configuration",
        {"configurationName": "require_secure_transport", "value": "on"},
    ),
    ("vault-access-by-roles", "keyvault:Vault", {"properties": {"enableRbacAuthorization": True}}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": {"environment": "dev"}, "properties": {}}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": PROD, "properties": {"enablePurgeProtection": True}}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": UNKNOWN, "properties": {}}),
    ("environment-in-a-subnet", "app:ManagedEnvironment", {"vnetConfiguration": {"infrastructureSubnetId": UNKNOWN}}),
    ("image-by-tag-or-digest", "app:ContainerApp", container(image="registry.example.org:5000/shop:1")),
    ("image-by-tag-or-digest", "app:ContainerApp", container(image=f"shop@sha256:{'0' * 64}")),
    ("image-by-tag-or-digest", "app:ContainerApp", container(image=UNKNOWN)),
    ("no-latest-in-production", "app:ContainerApp", container(image="shop:latest")),
    ("no-latest-in-production", "app:ContainerApp", {"tags": PROD, **container(image="shop:latest@sha256:0")}),
    ("no-latest-in-production", "app:ContainerApp", {"tags": PROD, **container(image="latest/shop:1")}),
    ("allowed-regions", "storage:StorageAccount", {"location": "West Europe"}),
    ("allowed-regions", "storage:StorageAccount", {"location": "northeurope"}),
    ("allowed-regions", "privatedns:PrivateZone", {"location": "Global"}),
    ("allowed-regions", "network:Subnet", {}),
    ("allowed-regions", "aws:s3:Bucket", {"location": "mars"}),
    ("required-tags", "storage:StorageAccount", {"location": "x", "tags": {"App": "shop", "ENVIRONMENT": "dev"}}),
    ("required-tags", "storage:StorageAccount", {"location": "x", "tags": {"app": UNKNOWN, "environment": "dev"}}),
    ("required-tags", "storage:StorageAccount", {"location": "x", "tags": UNKNOWN}),
    ("required-tags", "network:Subnet", {}),
    ("required-tags", "authorization:PolicyAssignment", {"location": "westeurope"}),
    ("redis-url-by-secret", "app:ContainerApp", container(env=[{"name": "REDIS_URL", "secretRef": "redis-url"}])),
    ("redis-url-by-secret", "app:ContainerApp", variable("DOCS", "https://redis.io/docs")),
    ("redis-url-by-secret", "app:ContainerApp", container(env=[UNKNOWN])),
    ("redis-url-by-secret", "web:WebApp", variable("REDIS_URL", "redis://cache")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("REDIS_URL", "rediss://:key@cache:6380/0")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("DATABASE_PASSWORD", UNKNOWN)),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("SECRETS_DIGEST", "0123456789abcdef" * 4)),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("GIT_COMMIT", "0123456789abcdef" * 4)),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("REDIS_KEY_PREFIX", "cache")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("PRIMARY_KEY", "id")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("TOKEN_LIFETIME", "an hour")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("PASSWORD_LOGIN", "false")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("SITE", "https://shop.example.org:8443/a@b")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("GREETING", "password reset by mail")),
    (
        "no-secret-in-a-variable",
        "app:ContainerApp",
        variable("ID", "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-Shop1/providers/x"),
    ),
    (
        "no-secret-in-a-variable",
        "app:ContainerApp",
        variable("PYTHONPATH", "/opt/App1/lib/python/site/packages/something/and/more"),
    ),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("STORAGE_ID", STORAGE_ID)),
    (
        "no-secret-in-a-variable",
        "app:ContainerApp",
        variable("LINK", f"https://portal.azure.com/#resource{STORAGE_ID}"),
    ),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("TOKEN_BUCKETS", "12")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")),
    ("no-public-network-access", "dbforpostgresql:ServerGroupCluster", {"coordinatorEnablePublicIpAccess": False}),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("TOKEN_AUDIENCE", "api://shop")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("SSH_PUBLIC_KEY", f"ssh-rsa {KEY} someone")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("JWT_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----\n" + KEY)),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("OAUTH_TOKEN_AUTH_METHOD", "client_secret_post")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("AUTH_TOKEN_COOKIE", "session")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("KEY_VAULT_SECRET_NAMES", "a,b")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("TOKEN_SCOPE", "shop.read")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("SECRET_STORE", "vault")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("PASSWORD_HASHER", "argon2")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("CREDENTIAL_PROVIDER", "azure")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("SECRET_BACKEND", "vault")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("PASSWORD_POLICY", "strict")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("TOKEN_LOCATION", "header")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("PGPASSFILE", "/etc/pgpass")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("PASS_RATE", "0.95 of all")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("BYPASS", "localhost")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("HOSTS", "a.westeurope.azurecontainerapps.io,b.c")),
    ("no-public-network-access", "documentdb:DatabaseAccount", {"publicNetworkAccess": "SecuredByPerimeter"}),
    ("no-public-network-access", "keyvault:Vault", {"properties": {"publicNetworkAccess": "securedByPerimeter"}}),
    ("no-public-network-access", "redis:FirewallRule", {"startIP": "10.0.0.0", "endIP": "10.0.0.255"}),
    ("no-public-network-access", "sql:FirewallRule", {"startIpAddress": UNKNOWN, "endIpAddress": UNKNOWN}),
    ("no-public-network-access", "storage:StorageAccount",
     {"networkRuleSet": {"ipRules": [{"iPAddressOrRange": "20.1.2.0/24"}]}}),
    ("no-public-network-access", "resources:Deployment",
     template(made("Cache/redis", {"publicNetworkAccess": "Disabled"}))),
    ("no-public-network-access", "resources:Deployment", template(
        made("Cache/redis", {"publicNetworkAccess": "[if(equals(1, 1), 'Disabled', 'Enabled')]"}))),
    ("no-public-network-access", "resources:Deployment", template(
        made("Cache/redis", {"publicNetworkAccess": "[parameters('nowhere')]"}))),
    ("no-public-network-access", "resources:Deployment", {"properties": UNKNOWN}),
    ("no-public-network-access", "resources:Deployment", {"properties": {"template": "no JSON"}}),
    ("template-in-the-program", "resources:Deployment", template(made("Cache/redis", {}))),
    ("no-anonymous-access", "redis:Redis", {"redisConfiguration": {"authnotrequired": "false"}}),
    ("no-anonymous-access", "redis:Redis", {}),
    ("no-anonymous-access", "storage:StorageAccount", {"allowBlobPublicAccess": False}),
    ("no-anonymous-access", "storage:StorageAccount", {}),
    ("no-anonymous-access", "storage:BlobContainer", {"publicAccess": "None"}),
    ("no-anonymous-access", "storage:BlobContainer", {"publicAccess": UNKNOWN}),
    ("no-plaintext-port", "app:ContainerApp", ingress(external=False, targetPort=6379)),
    ("no-plaintext-port", "app:ContainerApp", ingress(targetPort=8443)),
    ("no-plaintext-port", "app:ContainerApp", ingress(transport="http", targetPort=8000)),
    ("no-plaintext-port", "app:ContainerApp", ingress(targetPort=UNKNOWN)),
    ("allowed-regions", "cosmosdb:DatabaseAccount",
     {"locations": [{"locationName": "West Europe"}, {"locationName": UNKNOWN}]}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": {"environment": "non-prod"}, "properties": {}}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": {"environment": "pre-prod-eu"}, "properties": {}}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": {"environment": "preprod"}, "properties": {}}),
    ("vault-purge-protection", "keyvault:Vault", {"tags": {"environment": "products"}, "properties": {}}),
    ("redis-url-by-secret", "containerinstance:ContainerGroup", group(environmentVariables=[
        {"name": "CACHE", "secureValue": "redis://cache:6379"}])),
    ("no-secret-in-a-variable", "app:ContainerApp",
     container(args=["gunicorn", "--bind", "0.0.0.0:8000", "shop.wsgi"])),
    ("no-secret-in-a-variable", "app:ContainerApp", container(args=["--requirepass", "$(REDIS_PASSWORD)"])),
    ("no-secret-in-a-variable", "app:ContainerApp", container(command=["sh", "-c", "DB_PASSWORD=$DB_PASSWORD exec x"])),
    ("no-secret-in-a-variable", "app:ContainerApp", container(args=["--token-file", "/mnt/token"])),
    ("no-secret-in-a-variable", "app:ContainerApp", container(args=UNKNOWN, command=[UNKNOWN, "run"])),
    ("no-secret-in-a-variable", "containerinstance:ContainerGroup", group(environmentVariables=[
        {"name": "API_KEY", "secureValue": "hunter2"}])),
    ("no-secret-in-a-variable", "app:DaprComponent", dapr("redisHost", "cache:6379")),
    ("no-secret-in-a-variable", "app:DaprComponent",
     {"metadata": [{"name": "redisPassword", "secretRef": "password"}]}),
    ("no-secret-in-a-variable", "web:WebApp",
     site("DB_PASSWORD", "@Microsoft.KeyVault(SecretUri=https://kv/secrets/x)")),
    ("no-secret-in-a-variable", "web:WebApp", site("WEBSITE_RUN_FROM_PACKAGE", "1")),
    ("no-secret-in-a-variable", "web:WebAppConnectionStrings", {"properties": {"db": {"value": UNKNOWN}}}),
    ("no-secret-in-a-variable", "app:ContainerApp", scaling({"address": "cache:6379", "listName": "celery"})),
    ("no-secret-in-a-variable", "app:ContainerApp", scaling({"concurrentRequests": "50"}, "http")),
    ("no-secret-in-a-variable", "app:ContainerApp", probing("Host", "shop.example.org")),
    ("no-secret-in-a-variable", "resources:Deployment", template(
        made("App/containerApps", variable("API_KEY", "[parameters('key')]")))),
    ("no-secret-in-a-variable", "app:ContainerApp",
     variable("OPTIONS", '{"db": {"host": "db", "passwordFile": "/mnt/x"}}')),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("OPTIONS", "{not json")),
    ("no-secret-in-a-variable", "app:ContainerApp", variable("LINK", "https://x/y?page=2&sort=name&token_type=bearer")),
    *(
        ("no-secret-in-a-variable", "app:ContainerApp", variable(name, value))
        for name, value in (
            ("TOKEN_EXPIRATION", "15 minutes"),
            ("TOKEN_EXPIRATION", "P1D"),
            ("TOKEN_CACHE", "memory"),
            ("SECRET_MANAGER", "azure"),
            ("TOKEN_EXCHANGER", "keycloak"),
            ("PASSWORD_RESET_SUBJECT", "Your new password"),
            ("SECRET_ROTATION_DAYS", "90"),
            ("SECRET_ROTATION_SCHEDULE", "0 3 * * 1"),
            ("TOKEN_INTROSPECTION", "https://login.example.org/introspect"),
            ("CREDENTIAL_HELPER_HOST", "vault.example.org:8200"),
            ("MAX_TOKENS", "128000"),
            ("USE_TOKEN", "always"),
            ("PASSWORD_MIN_LENGTH", "12345"),
            ("PASSWORD_VALIDATORS", "shop.validators.Long"),
            ("SECRETS_CACHE_SIZE", "10000"),
            ("CACHE_KEY", "site"),
            ("PARTITION_KEY", "customer"),
            ("ENCOMPASS", "everything"),
            ("COMPASS", "north"),
            ("DB_PASSWORD", "${DB_PASSWORD}"),
            ("JWT_ALGORITHM", "RS256"),
            ("APPLICATION_NAME", "APACHE2ROOTED"),
        )
    ),
    ("more-than-one-replica", "app:ContainerApp",
     {"tags": PROD, "configuration": {"ingress": {"targetPort": 80}}, "template": {"scale": {"minReplicas": "2"}}}),
    ("more-than-one-replica", "app:ContainerApp",
     {"tags": PROD, "configuration": {"ingress": {"targetPort": 80}}, "template": {"scale": {"minReplicas": "many"}}}),
    ("zone-redundancy", "redis:Redis", {"tags": PROD, "zones": ["1", "2", "3"]}),
    ("more-than-one-replica", "redisenterprise:RedisEnterprise", {"highAvailability": "Disabled"}),
    ("more-than-one-replica", "redisenterprise:RedisEnterprise", {"tags": PROD}),
    (
        "more-than-one-replica",
        "app:ContainerApp",
        {"tags": PROD, "template": {"containers": [{"name": "beat"}], "scale": {"minReplicas": 1, "maxReplicas": 1}}},
    ),
    (
        "more-than-one-replica",
        "app:ContainerApp",
        {"tags": PROD, "template": {"containers": [{"name": "worker"}], "scale": {"minReplicas": 0}}},
    ),
    ("zone-redundancy", "app:ManagedEnvironment", {"tags": PROD, "zoneRedundant": UNKNOWN}),
    ("zone-redundancy", "redis:Redis", {"tags": PROD, "zonalAllocationPolicy": "Automatic"}),
    ("zone-redundancy", "redis:Redis", {"tags": PROD, "zones": ["1", "2"]}),
    ("zone-redundancy", "redisenterprise:RedisEnterprise", {"tags": PROD, "highAvailability": "Enabled"}),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "token", "properties"), KEPT)
def test_what_keeps_a_policy(policy: str, token: str, properties: Properties) -> None:
    assert messages(policy, resource(token, properties)) == []


def test_what_a_template_makes_is_named_by_its_place_in_it() -> None:
    content = template(nested(made("Cache/redis", {"publicNetworkAccess": "Enabled"})))
    places = [place for place, _ in with_embedded(resource("resources:Deployment", content))]
    assert places == ["", "properties.template.resources[0].properties.template.resources[0]"]
    by_default = {
        "parameters": {"access": {"defaultValue": "Enabled"}},
        "resources": [made("KeyVault/vaults", {"publicNetworkAccess": "[parameters('access')]"})],
    }
    judged = resource("resources:Deployment", {"properties": {"template": by_default}})
    assert messages("no-public-network-access", judged) == [
        "publicNetworkAccess is Enabled: set it to Disabled, and reach the service through a private endpoint"
    ]


def test_each_policy_of_a_resource_is_in_both_tables() -> None:
    wanted = {rule.name for rule in RULES if isinstance(rule, ResourceRule)}
    assert {policy for policy, *_ in BROKEN} == wanted
    assert {policy for policy, *_ in KEPT} == wanted


@pytest.mark.parametrize("secret", ["hunter2", KEY, "postgres://shop:correct-horse@db/shop", "rediss://:k3y@cache/0"])
def test_a_secret_is_never_told(secret: str) -> None:
    judged = app(variable("DATABASE_PASSWORD", secret))
    told = messages("no-secret-in-a-variable", judged) + messages("redis-url-by-secret", judged)
    assert len(told) == 1
    assert secret not in told[0]
    assert "DATABASE_PASSWORD" in told[0]


def test_ids_digests_and_addresses_do_not_load_the_library_of_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a tenth of a second of each preview."""
    monkeypatch.setattr(secrets, "_detectors", lambda: pytest.fail("it is loaded"))
    for value in (
        "11111111-2222-3333-4444-123456789abc",
        STORAGE_ID,
        "0123456789abcdef" * 4,
        "https://shop.westeurope.azurecontainerapps.io:8443/path",
        "red-westeurope-magictoolbox.westeurope.redis.azure.net:10000",
    ):
        assert secrets.looks(value) is None
    with pytest.raises(pytest.fail.Exception):
        secrets.looks("gh" + "p_" + "a1" * 9)


def test_a_team_says_what_is_no_secret_and_which_tags_mean_production() -> None:
    options = Options(plain_variables=("FEATURE_TOKEN",), production=("live",))
    assert messages("no-secret-in-a-variable", app(variable("FEATURE_TOKEN", "blue")), options) == []
    vault = resource("keyvault:Vault", {"tags": {"environment": "Live"}, "properties": {}})
    assert messages("vault-purge-protection", vault, options)
    assert not messages("vault-purge-protection", resource("keyvault:Vault", {"tags": PROD}), options)
    assert messages("allowed-regions", resource("storage:StorageAccount", {"location": "mars"}), options) == []


ENDPOINT = resource("network:PrivateEndpoint", {"privateEndpointName": UNKNOWN}, "endpoint")
ZONE = resource("privatedns:PrivateZone", {"privateZoneName": "privatelink.redis.azure.net"}, "zone")
GROUP = resource(
    "network:PrivateDnsZoneGroup",
    {"privateEndpointName": UNKNOWN, "privateDnsZoneConfigs": [{"privateDnsZoneId": UNKNOWN}]},
    "group",
    privateEndpointName="endpoint",
    privateDnsZoneConfigs="zone",
)
LINK = resource("network:VirtualNetworkLink", {"privateZoneName": UNKNOWN}, "link", privateZoneName="zone")


def test_a_private_endpoint_has_a_zone_group() -> None:
    policy = "private-endpoint-has-a-zone-group"
    assert blamed(policy, ENDPOINT, ZONE, LINK) == ["endpoint"]
    assert blamed(policy, ENDPOINT, GROUP) == []
    by_name = resource("network/v20240501:PrivateEndpoint", {"privateEndpointName": "pep-Cache"}, "by-name")
    written = resource(
        "network/v20240501:PrivateDnsZoneGroup",
        {"privateEndpointName": "pep-cache", "privateDnsZoneConfigs": [{"privateDnsZoneId": "/x"}]},
        "written",
    )
    assert blamed(policy, by_name, written) == []
    assert blamed(policy, by_name, GROUP) == ["by-name"]
    empty = resource("network:PrivateDnsZoneGroup", {}, "empty", privateEndpointName="endpoint")
    assert blamed(policy, ENDPOINT, empty) == ["empty"]


def test_a_zone_with_records_is_linked() -> None:
    policy = "private-zone-is-linked"
    assert blamed(policy, ENDPOINT, GROUP, ZONE) == ["zone"]
    assert blamed(policy, ENDPOINT, GROUP, ZONE, LINK) == []
    assert blamed(policy, ZONE) == [], "a zone without an endpoint's records needs no link"
    assert blamed(policy, ENDPOINT, GROUP) == [], "a zone of another stack cannot be judged"
    zone_id = (
        "/subscriptions/x/resourceGroups/y/providers/Microsoft.Network/privateDnsZones/PRIVATELINK.redis.azure.net"
    )
    written = resource("network:PrivateDnsZoneGroup", {"privateDnsZoneConfigs": [{"privateDnsZoneId": zone_id}]}, "w")
    assert blamed(policy, written, ZONE) == ["zone"]
    link = resource("privatedns:VirtualNetworkLink", {"privateZoneName": "privatelink.redis.azure.net"}, "written")
    assert blamed(policy, written, ZONE, link) == []


def classic(name: str, policy: str | None, cache_name: Any = UNKNOWN) -> Resource:
    configuration = {"maxmemoryPolicy": policy} if policy else {}
    return resource("redis:Redis", {"name": cache_name, "redisConfiguration": configuration}, name)


def managed(name: str, policy: str, cache_name: Any = UNKNOWN) -> tuple[Resource, Resource]:
    cluster = resource("redisenterprise:RedisEnterprise", {"clusterName": cache_name}, f"{name}-cluster")
    properties = {"clusterName": cache_name, "evictionPolicy": policy}
    database = resource("redisenterprise:Database", properties, name, clusterName=f"{name}-cluster")
    return cluster, database


def worker(secret: Any, sources: str = "", reference: str = "celery-broker-url") -> Resource:
    env = [{"name": "CELERY_BROKER_URL", "secretRef": reference}]
    properties = {
        "configuration": {"secrets": [{"name": reference, "value": secret}]},
        "template": {"containers": [{"env": env}]},
    }
    return app(properties, configuration=sources)


def scaled(address: Any, sources: str = "") -> Resource:
    rule = {"name": "queue", "custom": {"type": "redis", "metadata": {"address": address}}}
    return app({"template": {"scale": {"rules": [rule]}}}, template=sources)


def test_a_queue_is_seen_in_every_way_that_a_program_shows_it() -> None:
    policy = "queue-is-never-evicted"
    bad = classic("bad", "allkeys-lru", "shop")
    url = "rediss://:key@shop.redis.cache.windows.net:6380/1"
    vault_secret = resource("keyvault:Secret", {"secretName": "shop-broker-url", "properties": {"value": url}})
    in_the_clear = app(variable("CELERY_BROKER_URL", url))
    for evidence in (
        worker(url),
        worker(url, reference="cache"),
        worker(UNKNOWN, "bad"),
        scaled("shop.redis.cache.windows.net:6380"),
        scaled(UNKNOWN, "bad"),
        vault_secret,
        in_the_clear,
    ):
        assert blamed(policy, bad, evidence) == ["bad"], evidence
        assert blamed(policy, classic("good", "volatile-lru", "shop"), evidence) == []
        assert blamed(policy, classic("default", None, "shop"), evidence) == [], "Azure's default is volatile-lru"
    assert blamed(policy, bad) == [], "a cache that holds no queue may drop what it likes"


def test_a_queue_is_seen_through_a_secret_of_a_vault_and_in_a_job() -> None:
    policy = "queue-is-never-evicted"
    bad = classic("bad", "allkeys-lru", "shop")
    url = "rediss://:key@shop.redis.cache.windows.net:6380/1"
    stored = resource("keyvault:Secret", {"secretName": "celery", "properties": {"value": url}}, "stored")
    referred = {
        "configuration": {
            "secrets": [{"name": "one", "keyVaultUrl": "https://kv-shop.vault.azure.net/secrets/Celery"}]
        },
        "template": {"containers": [{"env": [{"name": "CELERY_BROKER_URL", "secretRef": "one"}]}]},
    }
    assert blamed(policy, bad, stored) == [], "nothing says that it is a queue's"
    assert blamed(policy, bad, stored, app(referred)) == ["bad"]
    rule = {"name": "tasks", "type": "redis", "metadata": {"address": "shop.redis.cache.windows.net:6380"}}
    job = {"configuration": {"eventTriggerConfig": {"scale": {"rules": [rule]}}}}
    assert blamed(policy, bad, app(job, "app:Job")) == ["bad"]


@pytest.mark.parametrize(
    "value", ["DefaultEndpointsProtocol=https;AccountName=a", "Endpoint=sb://shop.example", UNKNOWN]
)
def test_another_services_queue_is_not_taken_for_a_cache(value: Any) -> None:
    secrets = [{"name": "queue-connection", "value": value}, {"name": "cache", "value": UNKNOWN}]
    served = app({"configuration": {"secrets": secrets}}, configuration="cache")
    assert blamed("queue-is-never-evicted", classic("cache", "allkeys-lru", "shop"), served) == []


def test_a_queue_is_blamed_on_the_cache_that_holds_it() -> None:
    policy = "queue-is-never-evicted"
    cache, broker = managed("cache", "AllKeysLRU", "shop-cache"), managed("broker", "NoEviction", "shop-broker")
    url = "rediss://:key@shop-{}.westeurope.redis.azure.net:10000/0"
    assert blamed(policy, *cache, *broker, worker(url.format("broker"))) == []
    assert blamed(policy, *cache, *broker, worker(url.format("cache"))) == ["cache"]
    assert blamed(policy, *cache, *broker, worker("rediss://:key@elsewhere.example.org:6380/0")) == []
    assert blamed(policy, *cache, worker("rediss://[not-a-url/0")) == []


def test_before_a_url_is_known_one_possible_cache_that_is_right_is_enough() -> None:
    policy = "queue-is-never-evicted"
    right, wrong, worse = managed("right", "NoEviction"), managed("wrong", "AllKeysLRU"), managed("worse", "AllKeysLFU")
    unknown = worker(UNKNOWN, "right-cluster wrong-cluster worse")
    assert blamed(policy, *right, *wrong, *worse, unknown) == []
    assert sorted(blamed(policy, *wrong, *worse, unknown)) == ["worse", "wrong"]


def alert(sources: str = "", **changed: Any) -> Resource:
    properties = {"enabled": True, "actions": [{"actionGroupId": UNKNOWN}], "scopes": [UNKNOWN], **changed}
    return resource("insights:MetricAlert", properties, "alert", scopes=sources)


def test_what_production_rests_on_is_watched() -> None:
    cache = resource("redis:Redis", {"name": "shop", "tags": PROD}, "cache")
    cache_id = "/subscriptions/x/resourceGroups/y/providers/Microsoft.Cache/redis/Shop"
    assert blamed("alerts", cache) == ["cache"]
    assert blamed("alerts", resource("redis:Redis", {"name": "shop"}, "cache")) == [], "development is not watched"
    assert blamed("alerts", cache, alert("cache")) == []
    assert blamed("alerts", cache, alert(scopes=[cache_id])) == []
    assert blamed("alerts", cache, alert("another")) == ["cache"]
    assert blamed("alerts", cache, alert("cache", enabled=False)) == ["cache"]
    assert blamed("alerts", cache, alert("cache", actions=[])) == ["cache"], "nobody is told"
    server = resource("dbforpostgresql:Server", {"tags": PROD}, "server")
    assert blamed("alerts", server, alert("server")) == []


def test_an_api_version_is_told_once_whether_the_program_names_it_or_the_sdk_sends_it() -> None:
    policy = "retiring-api-versions"
    vault, secret = resource("keyvault:Vault", {}, "vault"), resource("keyvault:Secret", {}, "secret")
    assert blamed(policy, vault, secret) == blamed(policy, secret, vault) == ["secret"]
    assert blamed(policy, vault, resource("keyvault/v20230701:Vault", {}, "older")) == ["older", "vault"]
    assert blamed(policy, resource("keyvault/v20260201:Vault", {})) == []
    assert blamed(policy, Resource("azure-native:keyvault:Vault", urn("new"), {}, "4.0.0")) == []
    assert blamed(policy, Resource("azure-native:keyvault:Vault", urn("old"), {}, "2.90.0")) == ["old"]
    assert blamed(policy, resource("app/v20230401preview:ContainerApp", {}, "app")) == ["app"]
    assert blamed(policy, resource("app/v20230501:ContainerApp", {})) == []
    assert blamed(policy, resource("redisenterprise/v20250401:RedisEnterprise", {}, "cache")) == ["cache"]
