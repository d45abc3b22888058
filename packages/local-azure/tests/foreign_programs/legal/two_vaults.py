"""Two vaults: one with access policies and a firewall, one with roles; an app that reads a secret of each."""

import pulumi
from pulumi_azure_native import app, authorization, keyvault, managedidentity, network, resources

group = resources.ResourceGroup("vaults", location="northeurope")
caller = authorization.get_client_config_output()
reader = managedidentity.UserAssignedIdentity("reader", resource_group_name=group.name)
place = network.VirtualNetwork(
    "vaults", resource_group_name=group.name, address_space={"address_prefixes": ["172.16.0.0/20"]}
)
apps = network.Subnet(
    "apps",
    resource_group_name=group.name,
    virtual_network_name=place.name,
    address_prefix="172.16.0.0/27",
    delegations=[{"name": "apps", "service_name": "Microsoft.App/environments"}],
    service_endpoints=[{"service": "Microsoft.KeyVault"}],
)
with_policies = keyvault.Vault(
    "policies",
    resource_group_name=group.name,
    properties={
        "tenant_id": caller.tenant_id,
        "sku": {"family": "A", "name": "premium"},
        "access_policies": [
            {
                "tenant_id": caller.tenant_id,
                "object_id": reader.principal_id,
                "permissions": {"secrets": ["get", "list"], "keys": [], "certificates": []},
            }
        ],
        "network_acls": {
            "bypass": "None",
            "default_action": "Deny",
            "ip_rules": [{"value": "203.0.113.0/24"}],
            "virtual_network_rules": [{"id": apps.id}],
        },
        "soft_delete_retention_in_days": 7,
    },
)
with_roles = keyvault.Vault(
    "roles",
    resource_group_name=group.name,
    properties={
        "tenant_id": caller.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "enable_rbac_authorization": True,
        "enable_purge_protection": True,
    },
)
# The program's own machine is outside of the firewall: it can write the secret (in the control plane), not delete it.
first = keyvault.Secret(
    "first",
    resource_group_name=group.name,
    vault_name=with_policies.name,
    properties={"value": pulumi.Output.secret("1")},
    opts=pulumi.ResourceOptions(retain_on_delete=True),
)


def role_id(guid: str) -> pulumi.Output[str]:
    prefix = "/providers/Microsoft.Authorization/roleDefinitions/"
    return pulumi.Output.concat("/subscriptions/", caller.subscription_id, prefix, guid)


officer = authorization.RoleAssignment(
    "writes-secrets",
    scope=with_roles.id,
    principal_id=caller.object_id,
    principal_type="ServicePrincipal",
    role_definition_id=role_id("b86a8fe4-44ce-4948-aee5-eccb2c155cd7"),
)
second = keyvault.Secret(
    "second",
    resource_group_name=group.name,
    vault_name=with_roles.name,
    secret_name="second",
    properties={"value": pulumi.Output.secret("2"), "attributes": {"enabled": True, "expires": 4102444800}},
    opts=pulumi.ResourceOptions(depends_on=[officer]),
)
# The role is inherited: it is assigned on the group, by a name that the provider makes up.
role = authorization.RoleAssignment(
    "reads-secrets",
    scope=group.id,
    principal_id=reader.principal_id,
    principal_type="ServicePrincipal",
    role_definition_id=role_id("4633458b-17de-408a-b874-0445c86b69e6"),
)
environment = app.ManagedEnvironment(
    "vaults", resource_group_name=group.name, vnet_configuration={"infrastructure_subnet_id": apps.id}
)
app.ContainerApp(
    "reader",
    resource_group_name=group.name,
    managed_environment_id=environment.id,
    identity={"type": "SystemAssigned,UserAssigned", "user_assigned_identities": [reader.id]},
    configuration={
        "secrets": [
            {"name": "first", "key_vault_url": first.properties.secret_uri_with_version, "identity": reader.id},
            {"name": "second", "key_vault_url": second.properties.secret_uri, "identity": reader.id},
            {"name": "third", "value": pulumi.Output.secret("3")},
        ]
    },
    template={
        "containers": [
            {
                "name": "reader",
                "image": "mcr.microsoft.com/k8se/quickstart:latest",
                "env": [{"name": name.upper(), "secret_ref": name} for name in ("first", "second", "third")],
            }
        ]
    },
    opts=pulumi.ResourceOptions(depends_on=[role]),
)
