"""The versions of Azure's APIs that the doctor speaks."""

from __future__ import annotations

_API_VERSIONS = {
    "microsoft.app": "2025-07-01",
    "microsoft.authorization": "2022-04-01",
    "microsoft.cache/redis": "2024-11-01",
    "microsoft.cache/redisenterprise": "2025-07-01",
    "microsoft.insights": "2018-01-01",
    "microsoft.keyvault": "2026-02-01",
    "microsoft.network": "2024-05-01",
    "microsoft.network/privatednszones": "2024-06-01",
    "microsoft.resourcehealth": "2022-10-01",
}
"""Stable versions of each provider's API, or of one of its types. A vault's older ones end in February 2027:
https://learn.microsoft.com/azure/key-vault/general/migrate-api-version."""


def version_of(resource_id: str) -> str:
    """The version for the innermost provider that a resource id names."""
    steps = resource_id.lower().rsplit("/providers/", 1)[-1].split("/")
    by_type = _API_VERSIONS.get("/".join(steps[:2]))
    return by_type or _API_VERSIONS[steps[0]]
