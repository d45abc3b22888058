"""What a change of a cache's size does to its data."""

from __future__ import annotations

from local_azure.core.state import Resource
from local_azure.resource_types.base import Change

_EMPTIED = "emptiedAt"
_OFFLINE = "offlineDuringUpdate"


def record_resize(change: Change, *, loses_data: bool) -> None:
    """Remember whether a change empties the cache, and takes it offline for as long as the change takes.

    Only a cache with a replica moves its data to its new size. Sources:
    https://learn.microsoft.com/azure/redis/how-to-scale#do-i-lose-data-from-my-cache-during-scaling,
    https://learn.microsoft.com/azure/azure-cache-for-redis/cache-how-to-scale (Basic, at another size).
    """
    earlier = change.existing.secrets.get(_EMPTIED) if change.existing else None
    if loses_data:
        change.secrets.update({_EMPTIED: change.now.isoformat(), _OFFLINE: True})
    elif earlier:
        change.secrets[_EMPTIED] = earlier


def data_began(cache: Resource) -> str:
    """Return what distinguishes the data of a cache from the data that it lost; empty if it never lost any."""
    return str(cache.secrets.get(_EMPTIED, ""))


def is_offline_during_update(cache: Resource) -> bool:
    """Return whether the cache is away until its last update is done."""
    return bool(cache.secrets.get(_OFFLINE))
