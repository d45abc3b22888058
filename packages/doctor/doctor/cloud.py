"""Find the cloud: the address of its Resource Manager, and the credential for it.

The same variables as those of the program's provider and of Microsoft's clients decide: ``ARM_METADATA_HOSTNAME`` (a
cloud of one's own) or ``ARM_ENVIRONMENT`` (``public``, ``usgovernment``, ``china``), and for the caller whatever
`DefaultAzureCredential` reads. Sources: https://www.pulumi.com/registry/packages/azure-native/installation-configuration,
https://learn.microsoft.com/azure/developer/python/sdk/authentication/credential-chains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from azure.core.credentials import TokenCredential
from azure.identity import AzureAuthorityHosts, DefaultAzureCredential

from doctor.errors import CannotLookError
from doctor.values import get, text

_METADATA_HOSTS = {
    "public": "management.azure.com",
    "usgovernment": "management.usgovcloudapi.net",
    "china": "management.chinacloudapi.cn",
}
_METADATA_VERSION = "2022-09-01"
_KNOWN_AUTHORITIES = {
    AzureAuthorityHosts.AZURE_PUBLIC_CLOUD,
    AzureAuthorityHosts.AZURE_GOVERNMENT,
    AzureAuthorityHosts.AZURE_CHINA,
}
_TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class Cloud:
    """A cloud's addresses.

    Attributes:
        resource_manager: address of Azure Resource Manager, without a slash at the end.
        audience: what a token for it is for.
        authority: address that callers sign in at.
        vault_audience: what a token for the data plane of vaults is for.
    """

    resource_manager: str
    audience: str
    authority: str
    vault_audience: str


PUBLIC = Cloud(
    "https://management.azure.com",
    "https://management.azure.com",
    f"https://{AzureAuthorityHosts.AZURE_PUBLIC_CLOUD}",
    "https://vault.azure.net",
)


def find(environment: Mapping[str, str]) -> Cloud:
    """Return the cloud that the environment variables name, with its addresses from its metadata endpoint.

    Raises:
        CannotLookError: when there is no such cloud, or it does not answer.
    """
    host = environment.get("ARM_METADATA_HOSTNAME", "")
    if not host:
        name = environment.get("ARM_ENVIRONMENT", "public").lower()
        if name == "public":
            return PUBLIC
        if name not in _METADATA_HOSTS:
            raise CannotLookError(
                f"ARM_ENVIRONMENT is {name!r}: it is one of {', '.join(_METADATA_HOSTS)}; for another cloud set "
                "ARM_METADATA_HOSTNAME"
            )
        host = _METADATA_HOSTS[name]
    url = f"https://{host}/metadata/endpoints"
    try:
        answer = requests.get(url, params={"api-version": _METADATA_VERSION}, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        body = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise CannotLookError(
            f"the cloud does not answer at {url} ({type(error).__name__}): check ARM_METADATA_HOSTNAME or "
            "ARM_ENVIRONMENT, and the network"
        ) from None
    resource_manager = text(body, "resourceManager").rstrip("/")
    audiences = get(body, "authentication.audiences", [])
    return Cloud(
        resource_manager=resource_manager,
        audience=str(audiences[-1] if audiences else resource_manager).rstrip("/"),
        authority=text(body, "authentication.loginEndpoint").rstrip("/"),
        vault_audience=f"https://{text(body, 'suffixes.keyVaultDns').lstrip('.')}",
    )


def credential(cloud: Cloud, environment: Mapping[str, str]) -> TokenCredential:
    """Return the credential of `DefaultAzureCredential`: a service principal, a managed identity, a CLI's user."""
    authority = environment.get("AZURE_AUTHORITY_HOST") or cloud.authority
    host = urlsplit(authority if "//" in authority else f"//{authority}").netloc
    # Instance discovery knows Microsoft Entra's own hosts only; another host is trusted because the variables name it.
    return DefaultAzureCredential(authority=authority, disable_instance_discovery=host not in _KNOWN_AUTHORITIES)
