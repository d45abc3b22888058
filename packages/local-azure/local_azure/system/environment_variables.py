"""Environment variables that are removed before a program runs against the emulator."""

from collections.abc import Mapping

# Credentials of Azure, of Pulumi and of pipelines: a local run does not need them and could leak them. Sources:
# azure-native's configuration (ARM_*), azure-identity's EnvironmentCredential and ManagedIdentityCredential (AZURE_*,
# IDENTITY_*, MSI_*), GitHub's OIDC token request (ACTIONS_ID_TOKEN_*), Azure DevOps (SYSTEM_*), Pulumi's documented
# environment variables.
_DROPPED_PREFIXES = (
    "ARM_",
    "AZURE_",
    "ACTIONS_ID_TOKEN_",
    "IDENTITY_",
    "MSI_",
    "PULUMI_CONFIG",
    "PULUMI_DIY_BACKEND_",
    "PULUMI_SELF_MANAGED_STATE_",
)
_DROPPED = frozenset(
    {
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_API",
        "PULUMI_AUTOMATION_API",
        "PULUMI_BACKEND_URL",
        "PULUMI_CREDENTIALS_PATH",
        "PULUMI_CREDENTIAL_STORE",
        "PULUMI_DEBUG_LANGUAGES",
        "PULUMI_DEBUG_PROVIDERS",
        "PULUMI_DEFAULT_ORGANIZATION",
        "PULUMI_HOME",
        "PULUMI_OPTION_CONFIG_FILE",
        "PULUMI_OPTION_CWD",
        "PULUMI_OPTION_SECRETS_PROVIDER",
        "PULUMI_TEAM_ACCESS_TOKEN",
        "SYSTEM_ACCESSTOKEN",
        "SYSTEM_OIDCREQUESTURI",
    }
)


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without credentials of Azure and Pulumi and without settings that select another cloud."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)
    }
