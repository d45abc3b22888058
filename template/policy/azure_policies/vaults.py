"""Vaults give access by roles, and in production nobody can purge one."""

from collections.abc import Iterator

from azure_policies.kinds import VAULT
from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Resource
from azure_policies.rule import Level, ResourceRule


def judge_roles(resource: Resource, options: Options) -> Iterator[str]:
    """Yield a vault whose access policies, not Azure's roles, decide who reads it."""
    del options
    value = resource.get("properties", "enableRbacAuthorization")
    if resource.is_a(VAULT) and value is not True and value is not UNKNOWN:
        said = "is false" if value is False else "is not set, and the SDK sends false"
        yield f"properties.enableRbacAuthorization {said}: set it to true, and assign roles"


def judge_purge(resource: Resource, options: Options) -> Iterator[str]:
    """Yield a vault of production without protection against purging."""
    value = resource.get("properties", "enablePurgeProtection")
    if resource.is_a(VAULT) and options.is_production(resource) and value is not True and value is not UNKNOWN:
        yield "properties.enablePurgeProtection is not true: turn it on (it cannot be turned off again)"


RULES = (
    ResourceRule(
        "vault-access-by-roles",
        "Access to a vault is given by Azure roles.",
        Level.MANDATORY,
        judge_roles,
    ),
    ResourceRule(
        "vault-purge-protection",
        "In production, nobody can purge a vault before its retention ends.",
        Level.MANDATORY,
        judge_purge,
        options=("production",),
    ),
)
