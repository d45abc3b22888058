"""Records of resources that the engine created and whether their creation was answered.

If the emulator is killed between creating a resource and answering the engine, the engine treats the creation as failed
and requests it again. That request is idempotent, as ARM's PUT is, instead of being refused because the resource
exists. An engine that was killed itself gets no such help, as on Azure: `recover` prints the commands that repair its
state.
"""

from __future__ import annotations

from dataclasses import dataclass

from local_azure.core.ids import ArmId
from local_azure.core.state import Transaction


@dataclass(frozen=True)
class Creation:
    """A creation that the engine requested."""

    key: str
    """The resource's id in lower case."""
    urn: str
    """The resource's URN in the engine."""
    server: str | None
    """The server process that has yet to answer; None after the answer."""


def record(transaction: Transaction, resource_id: ArmId, urn: str, server: str) -> None:
    """Record a creation that is not answered yet."""
    transaction.execute("INSERT OR REPLACE INTO creation VALUES (?, ?, ?)", (resource_id.key, urn, server))


def answered(transaction: Transaction, urn: str) -> None:
    """Record that a creation was answered, or that its engine has disconnected."""
    transaction.execute("UPDATE creation SET server = NULL WHERE urn = ? AND server IS NOT NULL", (urn,))


def known(transaction: Transaction, key: str) -> None:
    """Record that the engine knows a resource, because a later request contains its id."""
    transaction.execute("UPDATE creation SET server = NULL WHERE key = ? AND server IS NOT NULL", (key,))


def of(transaction: Transaction, urn: str) -> list[Creation]:
    """Return the creations for a URN whose resources still exist."""
    rows = transaction.execute("SELECT key, urn, server FROM creation WHERE urn = ? ORDER BY key", (urn,))
    return [Creation(*row) for row in rows]


def lost(transaction: Transaction, urn: str, server: str) -> list[Creation]:
    """Return the creations for a URN that an earlier server process never answered."""
    return [one for one in of(transaction, urn) if one.server not in (None, server)]


def unanswered(transaction: Transaction) -> list[Creation]:
    """Return all creations that were not answered."""
    rows = transaction.execute("SELECT key, urn, server FROM creation WHERE server IS NOT NULL ORDER BY key")
    return [Creation(*row) for row in rows]
