"""Give the versions of Azure's APIs that the doctor uses."""

from __future__ import annotations

_API_VERSIONS = {
    "microsoft.app": "2025-07-01",
    "microsoft.authorization": "2022-04-01",
    "microsoft.authorization/locks": "2020-05-01",
    "microsoft.cache/checknameavailability": "2024-11-01",
    "microsoft.cache/redis": "2024-11-01",
    "microsoft.cache/redisenterprise": "2025-07-01",
    "microsoft.containerregistry": "2023-07-01",
    "microsoft.insights": "2018-01-01",
    "microsoft.keyvault": "2026-02-01",
    "microsoft.network": "2024-05-01",
    "microsoft.network/privatednszones": "2024-06-01",
    "microsoft.policyinsights": "2023-03-01",
    "microsoft.resourcehealth": "2022-10-01",
    "microsoft.storage": "2023-05-01",
}
"""Stable versions of each provider's API, or of one of its types. A vault's older ones end in February 2027:
https://learn.microsoft.com/azure/key-vault/general/migrate-api-version."""


_SUBSCRIPTIONS, _RESOURCES = "2022-12-01", "2021-04-01"
"""For subscriptions and their regions; for groups, what is in them, and providers themselves."""


def version_of(resource_id: str) -> str:
    """Return the version for the innermost provider that a resource id names."""
    lowered = resource_id.lower()
    _, named, rest = lowered.rpartition("/providers/")
    steps = rest.split("/")
    if not named:
        return _RESOURCES if "/resourcegroups" in lowered else _SUBSCRIPTIONS
    if len(steps) < 2:
        return _RESOURCES
    by_type = _API_VERSIONS.get("/".join(steps[:2]))
    return by_type or _API_VERSIONS[steps[0]]
