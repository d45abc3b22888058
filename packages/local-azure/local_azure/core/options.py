"""What a local Azure is started with and keeps: options stand with its state and hold from the next operation on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from local_azure.core.state import Store, Transaction
from local_azure.system.paths import Home

Latency = Literal["none", "azure"]


@dataclass(frozen=True)
class Options:
    """The options of `./local start`."""

    latency: Latency = "none"
    """Whether operations take the time that they take on Azure."""
    speedup: float = 1.0
    """How many times faster that time passes, and that of the scale rules."""
    classic_redis: bool = True
    """Whether the subscription had an Azure Cache for Redis before April 2026, and so may still create one."""
    role_delay: float = 0.0
    """The seconds until a new role assignment is in force; on Azure, minutes."""
    data_plane: bool = True
    """Whether caches, replicas and their ingress really run."""
    deployer_role: str = "Owner"
    """The built-in role that the caller has on the subscription."""
    deployer_without: str = ""
    """Actions that are taken from that role: patterns, separated by commas."""

    @property
    def pace(self) -> float:
        """What Azure's seconds are multiplied by; 0 when no time passes."""
        return 1.0 / self.speedup if self.latency == "azure" else 0.0


def read(transaction: Transaction) -> Options:
    """Return the options in force; what was never set has its default."""
    known = {one.name for one in fields(Options)}
    stored = {name: json.loads(value) for name, value in transaction.execute("SELECT name, value FROM option")}
    return replace(Options(), **{name: value for name, value in stored.items() if name in known})


def change(transaction: Transaction, **changes: Any) -> Options:
    """Set options; those that are not named stay as they are."""
    changed = replace(read(transaction), **changes)
    for name, value in asdict(changed).items():
        transaction.execute("INSERT OR REPLACE INTO option VALUES (?, ?)", (name, json.dumps(value)))
    return changed


def kept(home: Home) -> Options:
    """Return the options of a local Azure, running or not."""
    if not home.state.exists():
        return Options()
    store = Store(home.state)
    try:
        with store.transaction() as transaction:
            return read(transaction)
    finally:
        store.close()


def keep(home: Home, **changes: Any) -> Options:
    """Set options of a local Azure, running or not; those that are not named stay as they are."""
    home.create()
    store = Store(home.state)
    try:
        with store.transaction() as transaction:
            return change(transaction, **changes)
    finally:
        store.close()
