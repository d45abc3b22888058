"""The kinds of resources that several rules speak of."""

from azure_policies.resource import Kind

CLASSIC_REDIS = Kind("redis:Redis", "cache:Redis")
MANAGED_REDIS = Kind("redisenterprise:RedisEnterprise", "cache:RedisEnterprise")
MANAGED_REDIS_DATABASE = Kind("redisenterprise:Database", "cache:Database", "cache:RedisEnterpriseDatabase")
REDIS = Kind("redis:Redis", "cache:Redis", "redisenterprise:RedisEnterprise", "cache:RedisEnterprise")

VAULT = Kind("keyvault:Vault")
VAULT_SECRET = Kind("keyvault:Secret")

FLEXIBLE_SERVER = Kind(
    "dbforpostgresql:Server", "dbforpostgresql:FlexibleServer", "dbformysql:Server", "dbformysql:FlexibleServer"
)
SQL_SERVER = Kind("sql:Server")
SQL_MANAGED_INSTANCE = Kind("sql:ManagedInstance")
COSMOS_ACCOUNT = Kind("cosmosdb:DatabaseAccount", "documentdb:DatabaseAccount")
STORAGE_ACCOUNT = Kind("storage:StorageAccount")
BLOB_CONTAINER = Kind("storage:BlobContainer")
REGISTRY = Kind("containerregistry:Registry")

CONTAINER_APP = Kind("app:ContainerApp", "web:ContainerApp")
CONTAINER_JOB = Kind("app:Job")
CONTAINER_ENVIRONMENT = Kind("app:ManagedEnvironment")
SESSION_POOL = Kind("app:ContainerAppsSessionPool")
DAPR_COMPONENT = Kind("app:DaprComponent", "app:ConnectedEnvironmentsDaprComponent")
JAVA_COMPONENT = Kind("app:JavaComponent")
CONTAINER_GROUP = Kind("containerinstance:ContainerGroup", "containerinstance:ContainerGroupProfile")

WEB_APP = Kind("web:WebApp", "web:WebAppSlot")
WEB_APP_SETTINGS = Kind("web:WebAppApplicationSettings", "web:WebAppApplicationSettingsSlot")
WEB_APP_CONNECTION_STRINGS = Kind("web:WebAppConnectionStrings", "web:WebAppConnectionStringsSlot")

DEPLOYMENT = Kind(
    "resources:Deployment",
    "resources:DeploymentAtScope",
    "resources:DeploymentAtSubscriptionScope",
    "resources:DeploymentAtManagementGroupScope",
    "resources:DeploymentAtTenantScope",
)
DEPLOYMENT_STACK = Kind(
    "resources:DeploymentStackAtResourceGroup",
    "resources:DeploymentStackAtSubscription",
    "resources:DeploymentStackAtManagementGroup",
)
GENERIC_RESOURCE = Kind("resources:Resource")

PRIVATE_ENDPOINT = Kind("network:PrivateEndpoint")
PRIVATE_ZONE_GROUP = Kind("network:PrivateDnsZoneGroup")
PRIVATE_ZONE = Kind("privatedns:PrivateZone", "network:PrivateZone")
PRIVATE_ZONE_LINK = Kind("privatedns:VirtualNetworkLink", "network:VirtualNetworkLink")

METRIC_ALERT = Kind("monitor:MetricAlert", "insights:MetricAlert")
LOG_ALERT = Kind("monitor:ScheduledQueryRule", "insights:ScheduledQueryRule")
