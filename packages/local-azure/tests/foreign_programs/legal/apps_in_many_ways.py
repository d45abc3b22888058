"""Apps in an environment without a network: several containers, Multiple mode with weights, TCP, storage, scaling."""

import pulumi
from pulumi_azure_native import app, resources, storage

version = pulumi.Config().get("version") or "v1"
group = resources.ResourceGroup("apps", location="West Europe")
environment = app.ManagedEnvironment("apps", resource_group_name=group.name)
account = storage.StorageAccount(
    "share", resource_group_name=group.name, kind="StorageV2", sku={"name": "Standard_LRS"}
)
account_keys = storage.list_storage_account_keys_output(resource_group_name=group.name, account_name=account.name)
files = app.ManagedEnvironmentsStorage(
    "share",
    resource_group_name=group.name,
    environment_name=environment.name,
    storage_name="share",
    properties={
        "azure_file": {
            "account_name": account.name,
            "account_key": pulumi.Output.secret(account_keys.keys.apply(lambda found: found[0].value)),
            "share_name": "data",
            "access_mode": "ReadWrite",
        }
    },
)
app.ContainerApp(
    "side-cars",
    resource_group_name=group.name,
    managed_environment_id=environment.id,
    configuration={
        "secrets": [{"name": "config", "value": "a: 1"}, {"name": "queue", "value": "Endpoint=sb://x/"}],
        "ingress": {
            "external": False,
            "target_port": 8080,
            "allow_insecure": True,
            "sticky_sessions": {"affinity": "sticky"},
            "ip_security_restrictions": [
                {"name": "office", "ip_address_range": "203.0.113.0/24", "action": "Allow"},
            ],
        },
        "dapr": {"enabled": True, "app_id": "side-cars", "app_port": 8080},
    },
    template={
        "init_containers": [
            {"name": "first", "image": "busybox", "command": ["true"], "resources": {"cpu": 0.25, "memory": "0.5Gi"}}
        ],
        "containers": [
            {
                "name": "main",
                "image": "nginx",
                "resources": {"cpu": 0.5, "memory": "1Gi"},
                "volume_mounts": [
                    {"volume_name": "scratch", "mount_path": "/scratch"},
                    {"volume_name": "share", "mount_path": "/share", "sub_path": "main"},
                    {"volume_name": "config", "mount_path": "/etc/main"},
                ],
                "probes": [
                    {"type": "Liveness", "tcp_socket": {"port": 8080}, "period_seconds": 20},
                    {"type": "Readiness", "http_get": {"path": "/", "port": 8080, "scheme": "HTTP"}},
                ],
            },
            {
                "name": "side",
                "image": "envoy",
                "args": ["--quiet"],
                "resources": {"cpu": 0.25, "memory": "0.5Gi"},
                "volume_mounts": [{"volume_name": "scratch", "mount_path": "/scratch"}],
            },
            {"name": "logs", "image": "fluent", "resources": {"cpu": 0.25, "memory": "0.5Gi"}},
        ],
        "volumes": [
            {"name": "scratch", "storage_type": "EmptyDir"},
            {"name": "share", "storage_type": "AzureFile", "storage_name": files.name},
            {"name": "config", "storage_type": "Secret", "secrets": [{"secret_ref": "config", "path": "config.yaml"}]},
        ],
        "scale": {
            "min_replicas": 0,
            "max_replicas": 5,
            "rules": [
                {"name": "requests", "http": {"metadata": {"concurrentRequests": "20"}}},
                {
                    "name": "queue",
                    "custom": {
                        "type": "azure-servicebus",
                        "metadata": {"queueName": "work", "messageCount": "5"},
                        "auth": [{"secret_ref": "queue", "trigger_parameter": "connection"}],
                    },
                },
            ],
        },
    },
)
app.ContainerApp(
    "blue-green",
    resource_group_name=group.name,
    container_app_name="blue-green",
    managed_environment_id=environment.id,
    configuration={
        "active_revisions_mode": "Multiple",
        "max_inactive_revisions": 10,
        "ingress": {
            "external": True,
            "target_port": 80,
            "traffic": [
                {"revision_name": "blue-green--v1", "weight": 80, "label": "blue"},
                {"latest_revision": True, "weight": 20},
            ],
        },
    },
    template={
        "revision_suffix": version,
        "containers": [{"name": "web", "image": f"nginx:{version}", "resources": {"cpu": 0.25, "memory": "0.5Gi"}}],
    },
)
app.ContainerApp(
    "broker",
    resource_group_name=group.name,
    environment_id=environment.id,
    configuration={"ingress": {"external": False, "target_port": 1883, "exposed_port": 1883, "transport": "tcp"}},
    template={"containers": [{"name": "broker", "image": "eclipse-mosquitto"}], "scale": {"max_replicas": 1}},
)
