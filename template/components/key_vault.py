"""Create the Key Vault, reachable through its private endpoint only, and its secrets."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import keyvault

from components.key_vault_plan import KeyVaultPlan
from components.placement import Placement
from components.private_endpoint import EndpointPlacement, PrivateEndpoint

PRIVATE_DNS_ZONE = "privatelink.vaultcore.azure.net"
"""Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns."""


@dataclass(frozen=True)
class VaultSecret:
    """A secret in the vault.

    Attributes:
        uri_with_version: URI of this version of the secret.
    """

    uri_with_version: pulumi.Output[str]


class KeyVault(pulumi.ComponentResource):
    """A Key Vault with role-based access control, without public access, and its private endpoint.

    Secrets are written through Azure Resource Manager, which does not need network access to the vault.

    Attributes:
        vault_id: resource id of the vault.
        uri: URI of its data plane.
        private_endpoint: its private endpoint.
    """

    vault_id: pulumi.Output[str]
    uri: pulumi.Output[str]
    private_endpoint: PrivateEndpoint

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        vault_name: pulumi.Input[str],
        endpoint: EndpointPlacement,
        tenant_id: pulumi.Input[str],
        plan: KeyVaultPlan | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create a vault, or recover the soft-deleted one of this name.

        Args:
            name: Pulumi's name of the component.
            placement: resource group, region, tags, protection.
            vault_name: Azure's name of the vault, globally unique; a soft-deleted vault still occupies its name.
            endpoint: name, subnet and zone of the private endpoint; the zone is ``PRIVATE_DNS_ZONE``.
            tenant_id: Microsoft Entra tenant whose principals get roles.
            plan: purge protection and recovery.
            opts: as for every resource.
        """
        super().__init__("django-aca:key_vault:KeyVault", name, None, opts)
        plan = plan or KeyVaultPlan()
        self._name = name
        self._placement = placement
        self._vault = keyvault.Vault(
            f"{name}-vault",
            vault_name=vault_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            properties=keyvault.VaultPropertiesArgs(
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                tenant_id=tenant_id,
                # The SDK's default is false.
                enable_rbac_authorization=True,
                # Azure refuses false, because it cannot be turned off; so it is either true or not sent.
                enable_purge_protection=True if plan.purge_protection else None,
                public_network_access="Disabled",
                network_acls=keyvault.NetworkRuleSetArgs(
                    bypass=keyvault.NetworkRuleBypassOptions.NONE,
                    default_action=keyvault.NetworkRuleAction.DENY,
                ),
                create_mode=keyvault.CreateMode.RECOVER if plan.recover else None,
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=placement.protect),
        )
        self.vault_id = self._vault.id
        self.uri = self._vault.properties.apply(lambda properties: properties.vault_uri or "")
        self.private_endpoint = PrivateEndpoint(
            f"{name}-private",
            placement=placement,
            endpoint=endpoint,
            target_id=self._vault.id,
            group_id="vault",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"vaultId": self.vault_id, "uri": self.uri})

    def add_secret(self, name: str, value: pulumi.Input[str], digest: pulumi.Input[str]) -> VaultSecret:
        """Create a secret; each new value creates a new version.

        Azure returns no value, so the engine does not see one that somebody else wrote. The digest is a tag of the
        secret: with another key it differs, and the value is written again.

        Deleting a secret needs the data plane, which the deployer cannot reach, so a removed secret stays in the vault
        until the vault is deleted.

        Args:
            name: Azure's name of the secret.
            value: stored as a secret.
            digest: keyed digest of the value, not secret.
        """
        secret = keyvault.Secret(
            f"{self._name}-{name}",
            secret_name=name,
            vault_name=self._vault.name,
            resource_group_name=self._placement.resource_group_name,
            properties=keyvault.SecretPropertiesArgs(value=pulumi.Output.secret(value)),
            # Its only tag: a secret takes 15 at most, fewer than a resource.
            tags={"digest": digest},
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        return VaultSecret(secret.properties.apply(lambda properties: properties.secret_uri_with_version))
