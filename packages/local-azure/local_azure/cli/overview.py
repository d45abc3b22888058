"""What `status` shows of a state: its resources by type, what is not healthy, the options and the faults in force.

It reads the state alone, with no rule of any type, so that it answers at once.
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

_SOUND = {
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
class Ailment:
    """A resource that is not healthy."""

    id: str
    state: str
    """What it is in instead, such as `Creating` or `connection Rejected`."""


@dataclass(frozen=True)
class Overview:
    """What there is to see of a state."""

    counts: dict[str, int]
    """The number of resources by type."""
    ailing: list[Ailment]
    options: options.Options
    faults: list[faults.Active]

    def as_json(self) -> dict[str, Any]:
        """For programs to read."""
        return {
            "options": asdict(self.options),
            "resources": self.counts,
            "ailing": [asdict(one) for one in self.ailing],
            "faults": [asdict(one) for one in self.faults],
        }

    def lines(self) -> Iterator[str]:
        """For people to read."""
        time = self.options
        if time.latency == "azure":
            yield f"time: operations take what they take on Azure, {time.speedup:g} times faster"
        if time.role_delay:
            yield f"roles: a new assignment is in force after {time.role_delay:g} s"
        if time.deployer_role != "Owner" or time.deployer_without:
            without = f" without {time.deployer_without}" if time.deployer_without else ""
            yield f"deployer: {time.deployer_role}{without} (start --deployer-role ROLE, --deployer-without ACTIONS)"
        if not time.data_plane:
            yield "caches and apps do not really run (start --data-plane yes|no)"
        allowed = "can be created, as where there was one before April 2026" if time.classic_redis else "are refused"
        yield f"Azure Cache for Redis: new caches {allowed} (start --classic-redis yes|no)"
        ailing = Counter(ArmId.parse(one.id).type for one in self.ailing)
        yield f"resources: {sum(self.counts.values())}"
        for name, count in self.counts.items():
            health = f"{ailing[name]} not healthy" if ailing[name] else "healthy"
            yield f"  {name:<60} {count:>5}  {health}"
        for one in self.ailing:
            yield f"  {one.state}: {one.id}"
        if self.faults:
            yield "faults:"
            for fault in self.faults:
                yield f"  {fault.words()}"


def of(state: Path) -> Overview:
    """The overview of a state file; an empty one where there is none."""
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
    ongoing = {key: one for key, one in provisioning.recorded(transaction).items() if not one.is_done(now)}
    counts: Counter[str] = Counter()
    ailing: list[Ailment] = []
    for text, *states in transaction.execute(_QUERY):
        resource_id = ArmId.parse(text)
        counts[resource_id.type] += 1
        if one := ongoing.get(resource_id.key):
            word = provisioning.state_word(resource_id.type, one.kind)
            ailing.append(Ailment(text, f"{word}, {one.seconds(now):.0f} s left"))
            continue
        for (name, sound), value in zip(_SOUND.items(), states, strict=True):
            if value is not None and value not in sound:
                ailing.append(Ailment(text, f"connection {value}" if name == "connection" else str(value)))
                break
    return Overview(dict(sorted(counts.items())), ailing, options.read(transaction), faults.active(transaction))
