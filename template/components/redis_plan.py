"""Settings of the caches: service, size and eviction policy, with the rules of Azure and of Celery."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from components.section import Fault, Section


class RedisService(StrEnum):
    """Azure Managed Redis, or Azure Cache for Redis (closed to new tenants, retired on 2028-09-30)."""

    MANAGED = "managed"
    CLASSIC = "classic"


EvictionPolicy = Literal[
    "AllKeysLFU",
    "AllKeysLRU",
    "AllKeysRandom",
    "NoEviction",
    "VolatileLFU",
    "VolatileLRU",
    "VolatileRandom",
    "VolatileTTL",
]
"""Eviction policies by their names in Azure Managed Redis; classic gets Redis's own names of the same policies."""

MANAGED_SIZES_GB = {
    **{f"Balanced_B{size}": gigabytes for size, gigabytes in ((0, 0.5), (1, 1), (3, 3), (5, 6), (10, 12), (20, 24))},
    **{f"MemoryOptimized_M{size}": gigabytes for size, gigabytes in ((10, 12), (20, 24))},
    **{f"ComputeOptimized_X{size}": gigabytes for size, gigabytes in ((3, 3), (5, 6), (10, 12), (20, 24))},
}
"""Sizes of Azure Managed Redis that allow the clustering policy ``NoCluster``: those of up to 25 GB.

Clients without cluster support need that policy: ``OSSCluster`` answers ``MOVED``, ``EnterpriseCluster`` refuses the
multi-key transactions of the Celery broker.
Source: https://learn.microsoft.com/azure/redis/architecture (cluster policies).
"""

_MANAGED_SIZE = re.compile(r"(?:Balanced_B|MemoryOptimized_M|ComputeOptimized_X|FlashOptimized_A)(?P<number>[0-9]+)")
_MANAGED_NUMBER_MOST = 20
"""Sizes with a higher number hold more than 25 GB."""

_CLASSIC_SIZE = re.compile(r"(?P<name>Basic|Standard|Premium)_(?P<family>[CP])(?P<capacity>[0-9])")
_CLASSIC_CAPACITIES = {("Basic", "C"): range(0, 7), ("Standard", "C"): range(0, 7), ("Premium", "P"): range(1, 6)}

_SMALLEST = {RedisService.MANAGED: "Balanced_B0", RedisService.CLASSIC: "Basic_C0"}


@dataclass(frozen=True)
class ClassicSku:
    """The three parts of a size of Azure Cache for Redis: ``Standard_C1`` is Standard, family C, capacity 1."""

    name: str
    family: str
    capacity: int


def classic_sku(sku: str) -> ClassicSku:
    """Parse a size such as ``Standard_C1``.

    Raises:
        ValueError: if Azure Cache for Redis has no such size.
    """
    match = _CLASSIC_SIZE.fullmatch(sku)
    if match is not None:
        parts = ClassicSku(match["name"], match["family"], int(match["capacity"]))
        if parts.capacity in _CLASSIC_CAPACITIES.get((parts.name, parts.family), ()):
            return parts
    raise ValueError("choose Basic_C0 to Basic_C6, Standard_C0 to Standard_C6 or Premium_P1 to Premium_P5")


def redis_policy_name(policy: EvictionPolicy) -> str:
    """Return Redis's own name of a policy: ``volatile-lru`` for ``VolatileLRU``."""
    return policy.lower().replace("allkeys", "allkeys-").replace("volatile", "volatile-")


class RedisPlan(Section):
    """The cache or caches of a stack.

    Attributes:
        service: ``managed`` or ``classic``.
        sku: size, as ``Balanced_B0`` or ``Basic_C0``; unset: the service's smallest.
        high_availability: keep a replica in another zone; unset: off on ``managed``, given by the size on ``classic``.
            Reports differ on whether Azure allows it on ``Balanced_B0``; ``Balanced_B1`` and larger have it.
        eviction_policy: eviction policy of the cache; unset: ``AllKeysLRU``, or ``VolatileLRU`` if the queue shares it.
        active_key: access key in the connection strings.
        dedicated_broker: create a separate cache for the Celery queue, which never evicts.
        queue_drained_for: service, size and broker for which the operator has drained the queue, as the refusal of a
            change that would lose tasks names them; it allows that change and no other.
    """

    service: RedisService = RedisService.MANAGED
    sku: str | None = None
    high_availability: bool | None = None
    eviction_policy: EvictionPolicy | None = None
    active_key: Literal["primary", "secondary"] = "primary"
    dedicated_broker: bool = False
    queue_drained_for: str | None = None

    @property
    def size(self) -> str:
        """Return the configured or default size."""
        return self.sku or _SMALLEST[self.service]

    @property
    def cache_policy(self) -> EvictionPolicy:
        """Return the cache's eviction policy.

        A queue has no time to live, so a cache that it shares may only evict keys that have one.
        """
        return self.eviction_policy or ("AllKeysLRU" if self.dedicated_broker else "VolatileLRU")

    @property
    def broker_database(self) -> int:
        """Return the index of the queue's database: managed has database 0 only, key prefixes separate the queue."""
        return 0 if self.service is RedisService.MANAGED else 1

    def faults(self, at: str) -> Iterator[Fault]:
        """Yield sizes that the service does not offer, and eviction policies that could drop queued tasks."""
        yield from self._size_faults(f"{at}.sku", f"{at}.service")
        if not self.dedicated_broker and self.cache_policy.startswith("AllKeys"):
            yield Fault(
                f"{at}.evictionPolicy",
                self.cache_policy,
                "the queue shares this cache, and its keys have no time to live: the policy could drop queued tasks",
                f"choose NoEviction or a Volatile policy, or set {at}.dedicatedBroker",
                also=(f"{at}.dedicatedBroker",),
            )

    def _size_faults(self, setting: str, service_setting: str) -> Iterator[Fault]:
        if self.service is RedisService.MANAGED:
            if _CLASSIC_SIZE.fullmatch(self.size):
                rule, remedy = "the size belongs to classic", f"choose one of {', '.join(MANAGED_SIZES_GB)}"
                yield Fault(
                    setting, self.size, rule, f"{remedy}, or set {service_setting} to classic", (service_setting,)
                )
            elif self.size not in MANAGED_SIZES_GB:
                match = _MANAGED_SIZE.fullmatch(self.size)
                rule = (
                    "Celery needs a cache without clustering, which holds at most 25 GB"
                    if match and int(match["number"]) > _MANAGED_NUMBER_MOST
                    else "Azure Managed Redis has no such size"
                )
                yield Fault(
                    setting, self.size, rule, f"choose one of {', '.join(MANAGED_SIZES_GB)}", (service_setting,)
                )
            return
        if _MANAGED_SIZE.fullmatch(self.size):
            remedy = f"for example Standard_C1, or set {service_setting} to managed"
            yield Fault(setting, self.size, "the size belongs to managed", remedy, (service_setting,))
            return
        try:
            parts = classic_sku(self.size)
        except ValueError as error:
            yield Fault(setting, self.size, "Azure Cache for Redis has no such size", str(error), (service_setting,))
            return
        if self.high_availability is not None and self.high_availability == (parts.name == "Basic"):
            path = setting.removesuffix("sku") + "highAvailability"
            rule = f"{parts.name} sizes {'have no' if parts.name == 'Basic' else 'always have a'} replica"
            yield Fault(path, self.high_availability, rule, f"change {setting}, or leave this unset", (setting,))
