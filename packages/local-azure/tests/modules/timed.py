"""A landscape with a clock that only the test advances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from local_azure.control_plane.model import Model
from local_azure.core import faults, options
from local_azure.core.faults import Fault
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Store
from local_azure.core.values import JsonObject
from modules.landscape import REGION, Landscape


class Timed(Landscape):
    """Its requests are let in and begun as those of a client are."""

    def __init__(self, path: Path, latency: options.Latency = "azure", speedup: float = 1.0) -> None:
        super().__init__(path)
        self.path = path
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)
        self.restart()
        with self.model.store.transaction() as transaction:
            options.change(transaction, latency=latency, speedup=speedup)

    def restart(self) -> None:
        """Replace the serving process without a shutdown, as after a kill."""
        self.model = Model(Store(self.path, lambda: self.now))

    def after(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def request_put(self, resource_id: str, properties: JsonObject | None = None, urn: str = "") -> Resource:
        """Put a resource as a client does; with a URN, as the engine creates it."""
        target = ArmId.parse(resource_id)
        body = {"location": REGION, **({"properties": properties} if properties is not None else {})}
        outcome = self.model.evaluate_faults("put", target)
        return self.model.put(target, body, create=bool(urn), urn=urn, outcome=outcome)

    def request_delete(self, resource_id: str) -> None:
        """Delete a resource as a client does."""
        target = ArmId.parse(resource_id)
        self.model.delete(target, outcome=self.model.evaluate_faults("delete", target))

    def complete_operations(self) -> None:
        """Advance the clock until all operations are complete."""
        self.after(100_000)

    def state(self, resource_id: str) -> str | None:
        """Return the provisioning state that a GET shows; None where there is nothing."""
        with self.model.work() as work:
            found = work.transaction.get(resource_id)
            return work.present(found).properties["provisioningState"] if found else None

    def add_fault(self, fault: Fault, times: int | None = None) -> int:
        """Put a fault in force; return its number."""
        with self.model.store.transaction() as transaction:
            return faults.add(transaction, fault, times).number

    def faults(self) -> list[str]:
        """Return the faults in force, in words."""
        with self.model.store.transaction() as transaction:
            return [one.describe() for one in faults.active(transaction)]
