"""The link that holds a subnet for a while after a Container Apps environment in it was deleted.

Azure names it `legionservicelink` and removes it by itself, minutes to days later; meanwhile no other environment can
be made in the subnet, and the subnet cannot be deleted: https://github.com/microsoft/azure-container-apps/issues/974,
https://github.com/microsoft-foundry/foundry-samples/issues/153. How often and for how long is an assumption: here it
holds while the fault `subnet-held` is in force, and against another environment for as long as `HOLD_SECONDS` last at
Azure's pace, which is no time without `--latency azure`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from local_azure.core import faults, options
from local_azure.core.ids import ArmId
from local_azure.core.state import Transaction

HOLD_SECONDS = 900.0
"""Assumption."""


def leave(subnet: ArmId, transaction: Transaction) -> None:
    """Leave a link in a subnet, as its environment is deleted."""
    for name in transaction.claims(_prefix(subnet)):
        transaction.release(name)
    transaction.claim(f"{_prefix(subnet)}{transaction.now.isoformat()}", subnet)


def is_held(subnet: ArmId, transaction: Transaction, *, by_fault_only: bool = False) -> bool:
    """Return whether a link of a deleted environment holds a subnet."""
    links = transaction.claims(_prefix(subnet))
    if links and faults.is_in(transaction, "subnet-held", subnet):
        return True
    hold = timedelta(seconds=HOLD_SECONDS * options.read(transaction).pace)
    moments = [datetime.fromisoformat(name.rsplit("/", 1)[-1]) for name in links]
    return not by_fault_only and any(transaction.now < moment + hold for moment in moments)


def _prefix(subnet: ArmId) -> str:
    return f"service-link{subnet.key}/"
