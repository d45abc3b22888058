"""Which resource the engine had made for which of its own, and whether it was told.

A resource that was made, and whose answer never left because the local Azure was killed, is unknown to the engine: it
takes a failed creation for none. The same creation asked for again is then taken for the same, as ARM's PUT allows,
and not refused as one of a resource that is already there. An engine that is killed itself gets no such help, as it
gets none from Azure: `recover` says how it learns of the resource.
"""

from __future__ import annotations

from dataclasses import dataclass

from local_azure.core.ids import ArmId
from local_azure.core.state import Transaction


@dataclass(frozen=True)
class Creation:
    """A resource that the engine had made."""

    key: str
    """The resource's id in lower case."""
    urn: str
    """The engine's name for it."""
    server: str | None
    """The server process that was to answer, while it has not."""


def record(transaction: Transaction, resource_id: ArmId, urn: str, server: str) -> None:
    """Remember a creation that is not answered yet."""
    transaction.execute("INSERT OR REPLACE INTO creation VALUES (?, ?, ?)", (resource_id.key, urn, server))


def answered(transaction: Transaction, urn: str) -> None:
    """The engine has had its answer, or has gone; or a later request shows that it knows the resource."""
    transaction.execute("UPDATE creation SET server = NULL WHERE urn = ? AND server IS NOT NULL", (urn,))


def known(transaction: Transaction, key: str) -> None:
    """A later request shows that the engine knows a resource."""
    transaction.execute("UPDATE creation SET server = NULL WHERE key = ? AND server IS NOT NULL", (key,))


def of(transaction: Transaction, urn: str) -> list[Creation]:
    """What was made for one of the engine's resources and is still there."""
    rows = transaction.execute("SELECT key, urn, server FROM creation WHERE urn = ? ORDER BY key", (urn,))
    return [Creation(*row) for row in rows]


def lost(transaction: Transaction, urn: str, server: str) -> list[Creation]:
    """What was made for one of the engine's resources by an earlier server process that never answered."""
    return [one for one in of(transaction, urn) if one.server not in (None, server)]


def unanswered(transaction: Transaction) -> list[Creation]:
    """Return every creation without an answer."""
    rows = transaction.execute("SELECT key, urn, server FROM creation WHERE server IS NOT NULL ORDER BY key")
    return [Creation(*row) for row in rows]
