"""The content of `local-azure status`: resources by type, unhealthy resources, the options and the active faults.

It reads the state file only and loads no resource type, so that the command is fast.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_azure.core import faults, options, provisioning
from local_azure.core.ids import ArmId
from local_azure.core.state import Store, Transaction

_HEALTHY_STATES = {
    "provisioningState": ("Succeeded", "Provisioned"),
    "healthState": ("Healthy", "None"),
    "connection": ("Approved",),
    "virtualNetworkLinkState": ("Completed",),
}
_LINK = "properties.privateLinkServiceConnectionState.status"
_QUERY = f"""
SELECT id,
       json_extract(body, '$.properties.provisioningState'),
       json_extract(body, '$.properties.healthState'),
       COALESCE(
           json_extract(body, '$.properties.privateLinkServiceConnections[0].{_LINK}'),
           json_extract(body, '$.properties.manualPrivateLinkServiceConnections[0].{_LINK}')
       ),
       json_extract(body, '$.properties.virtualNetworkLinkState')
FROM resource ORDER BY key
"""


@dataclass(frozen=True)
class UnhealthyResource:
    """A resource that is not healthy."""

    id: str
    state: str
    """Its state in Azure's words, such as `Creating, 12 s left`, `Failed` or `connection Rejected`."""


@dataclass(frozen=True)
class Overview:
    """A summary of a state."""

    counts: dict[str, int]
    """The number of resources by type."""
    unhealthy: list[UnhealthyResource]
    options: options.Options
    faults: list[faults.Active]

    def as_json(self) -> dict[str, Any]:
        """Return the summary for `status --json`; the keys are documented in `docs/time-faults-and-life.md`."""
        return {
            "options": asdict(self.options),
            "resources": self.counts,
            "unhealthy": [asdict(resource) for resource in self.unhealthy],
            "faults": [asdict(fault) for fault in self.faults],
        }

    def lines(self) -> Iterator[str]:
        """Yield the lines of `status`."""
        settings = self.options
        if settings.latency == "azure":
            yield f"latency: as on Azure, divided by {settings.speedup:g} (start --latency none|azure, --speedup N)"
        if settings.role_delay:
            yield f"roles: a new assignment takes effect after {settings.role_delay:g} s (start --role-delay SECONDS)"
        if settings.deployer_role != "Owner" or settings.deployer_without:
            role = settings.deployer_role
            without = f" without {settings.deployer_without}" if settings.deployer_without else ""
            yield f"deployer: {role}{without} (start --deployer-role ROLE, --deployer-without ACTIONS)"
        if not settings.data_plane:
            yield "data plane: off, caches and apps do not run (start --data-plane yes|no)"
        allowed = "can be created, as by existing customers" if settings.classic_redis else "are refused"
        yield f"Azure Cache for Redis: new caches {allowed} (start --classic-redis yes|no)"
        unhealthy = Counter(ArmId.parse(resource.id).type for resource in self.unhealthy)
        yield f"resources: {sum(self.counts.values())}"
        for name, count in self.counts.items():
            health = f"{unhealthy[name]} unhealthy" if unhealthy[name] else "healthy"
            yield f"  {name:<60} {count:>5}  {health}"
        for resource in self.unhealthy:
            yield f"  {resource.state}: {resource.id}"
        if self.faults:
            yield "faults:"
            for fault in self.faults:
                yield f"  {fault.describe()}"


def of(state: Path) -> Overview:
    """Return the overview of a state file; it is empty when the file does not exist."""
    if not state.exists():
        return Overview({}, [], options.Options(), [])
    store = Store(state)
    try:
        with store.transaction() as transaction:
            return _read(transaction)
    finally:
        store.close()


def _read(transaction: Transaction) -> Overview:
    now = datetime.now(UTC)
    operations = provisioning.recorded(transaction)
    ongoing = {key: operation for key, operation in operations.items() if not operation.is_done(now)}
    counts: Counter[str] = Counter()
    unhealthy: list[UnhealthyResource] = []
    for text, *states in transaction.execute(_QUERY):
        resource_id = ArmId.parse(text)
        counts[resource_id.type] += 1
        if operation := ongoing.get(resource_id.key):
            state = provisioning.state_word(resource_id.type, operation.kind)
            unhealthy.append(UnhealthyResource(text, f"{state}, {operation.seconds(now):.0f} s left"))
            continue
        for (name, healthy), value in zip(_HEALTHY_STATES.items(), states, strict=True):
            if value is not None and value not in healthy:
                state = f"connection {value}" if name == "connection" else str(value)
                unhealthy.append(UnhealthyResource(text, state))
                break
    return Overview(dict(sorted(counts.items())), unhealthy, options.read(transaction), faults.active(transaction))
