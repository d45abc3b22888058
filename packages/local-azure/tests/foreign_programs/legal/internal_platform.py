"""An internal environment with dedicated machines, its domain in a zone of the network; a registry and a job."""

import pulumi
from pulumi_azure_native import (
    app,
    containerregistry,
    managedidentity,
    network,
    operationalinsights,
    privatedns,
    resources,
)

group = resources.ResourceGroup("platform")
place = network.VirtualNetwork(
    "platform", resource_group_name=group.name, address_space={"address_prefixes": ["10.10.0.0/22"]}
)
apps = network.Subnet(
    "platform-apps",
    resource_group_name=group.name,
    virtual_network_name=place.name,
    address_prefixes=["10.10.0.0/26"],
    delegations=[{"name": "environment", "service_name": "Microsoft.App/environments"}],
)
logs = operationalinsights.Workspace(
    "platform", resource_group_name=group.name, sku={"name": "PerGB2018"}, retention_in_days=30
)
keys = operationalinsights.get_shared_keys_output(resource_group_name=group.name, workspace_name=logs.name)
environment = app.ManagedEnvironment(
    "platform-environment",
    resource_group_name=group.name,
    vnet_configuration={"infrastructure_subnet_id": apps.id, "internal": True},
    workload_profiles=[
        {"name": "Consumption", "workload_profile_type": "Consumption"},
        {"name": "machines", "workload_profile_type": "D4", "minimum_count": 1, "maximum_count": 3},
    ],
    app_logs_configuration={
        "destination": "log-analytics",
        "log_analytics_configuration": {
            "customer_id": logs.customer_id,
            "shared_key": pulumi.Output.secret(keys.primary_shared_key.apply(lambda key: key or "")),
        },
    },
)
zone = privatedns.PrivateZone(
    "platform", resource_group_name=group.name, private_zone_name=environment.default_domain, location="global"
)
privatedns.PrivateRecordSet(
    "platform",
    resource_group_name=group.name,
    private_zone_name=zone.name,
    record_type="A",
    relative_record_set_name="*",
    ttl=60,
    a_records=[{"ipv4_address": environment.static_ip}],
)
privatedns.VirtualNetworkLink(
    "platform",
    resource_group_name=group.name,
    private_zone_name=zone.name,
    location="global",
    registration_enabled=False,
    virtual_network={"id": place.id},
)
registry = containerregistry.Registry(
    "platform", resource_group_name=group.name, sku={"name": "Standard"}, admin_user_enabled=True
)
passwords = containerregistry.list_registry_credentials_output(
    resource_group_name=group.name, registry_name=registry.name
)
pulls = managedidentity.UserAssignedIdentity("pulls", resource_group_name=group.name)
app.ContainerApp(
    "machine",
    resource_group_name=group.name,
    managed_environment_id=environment.id,
    workload_profile_name="machines",
    configuration={
        "ingress": {"external": True, "target_port": 8080, "transport": "http2"},
        "registries": [
            {"server": registry.login_server, "username": passwords.username, "password_secret_ref": "registry"}
        ],
        "secrets": [
            {"name": "registry", "value": pulumi.Output.secret(passwords.passwords.apply(lambda all: all[0].value))}
        ],
    },
    template={
        "containers": [
            {
                "name": "main",
                "image": pulumi.Output.concat(registry.login_server, "/main:1"),
                # On a machine of one's own the halves need not be in the fixed proportion.
                "resources": {"cpu": 1.5, "memory": "6Gi"},
            }
        ],
        "scale": {"min_replicas": 1, "max_replicas": 2},
    },
)
app.Job(
    "nightly",
    resource_group_name=group.name,
    environment_id=environment.id,
    identity={"type": "UserAssigned", "user_assigned_identities": [pulls.id]},
    configuration={
        "trigger_type": "Schedule",
        "replica_timeout": 600,
        "schedule_trigger_config": {"cron_expression": "0 2 * * *", "parallelism": 1, "replica_completion_count": 1},
    },
    template={
        "containers": [{"name": "job", "image": "busybox", "resources": {"cpu": 0.25, "memory": "0.5Gi"}}],
    },
)
