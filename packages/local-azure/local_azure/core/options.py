"""The options of `local-azure start`: stored in the state, and effective from the next operation on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from local_azure.core.state import Store, Transaction
from local_azure.system.paths import Home

Latency = Literal["none", "azure"]


@dataclass(frozen=True)
class Options:
    """The options of `local-azure start`."""

    latency: Latency = "none"
    """Whether operations take as long as on Azure."""
    speedup: float = 1.0
    """The divisor of these durations and of the scale rules' durations."""
    classic_redis: bool = True
    """Whether the subscription had an Azure Cache for Redis before April 2026, and may therefore create new caches."""
    role_delay: float = 0.0
    """The seconds until a new role assignment takes effect; minutes on Azure."""
    data_plane: bool = True
    """Whether caches, replicas and their ingress run."""
    deployer_role: str = "Owner"
    """The built-in role of the deploying identity on the subscription."""
    deployer_without: str = ""
    """Actions that are removed from that role: patterns, separated by commas."""

    @property
    def pace(self) -> float:
        """The factor for Azure's durations; 0 when operations complete immediately."""
        return 1.0 / self.speedup if self.latency == "azure" else 0.0


def read(transaction: Transaction) -> Options:
    """Return the stored options; options that were never set have their defaults."""
    known = {one.name for one in fields(Options)}
    stored = {name: json.loads(value) for name, value in transaction.execute("SELECT name, value FROM option")}
    return replace(Options(), **{name: value for name, value in stored.items() if name in known})


def change(transaction: Transaction, **changes: Any) -> Options:
    """Set options; options that are not given keep their values."""
    changed = replace(read(transaction), **changes)
    for name, value in asdict(changed).items():
        transaction.execute("INSERT OR REPLACE INTO option VALUES (?, ?)", (name, json.dumps(value)))
    return changed


def load(home: Home) -> Options:
    """Return the options of an emulator, running or not."""
    if not home.state.exists():
        return Options()
    store = Store(home.state)
    try:
        with store.transaction() as transaction:
            return read(transaction)
    finally:
        store.close()


def save(home: Home, **changes: Any) -> Options:
    """Set options of an emulator, running or not; options that are not given keep their values."""
    home.create()
    store = Store(home.state)
    try:
        with store.transaction() as transaction:
            return change(transaction, **changes)
    finally:
        store.close()
