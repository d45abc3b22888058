"""The emulator's state: resources in SQLite; each write and its side effects are one transaction.

A resource's `body` is the response to a GET; its `secrets` (keys, passwords, write-only values) are in a separate
column, so that code that lists, logs or shows resources does not handle them. Only the owner can access the file.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_azure.core.ids import ArmId
from local_azure.core.values import JsonObject

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
    key TEXT PRIMARY KEY,          -- the id in lower case
    id TEXT NOT NULL,
    type TEXT NOT NULL,            -- in lower case
    body TEXT NOT NULL,
    secrets TEXT NOT NULL,
    revision INTEGER NOT NULL,
    etag TEXT NOT NULL,
    created_at TEXT NOT NULL,
    changed_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS resource_by_type ON resource (type, key);
CREATE TABLE IF NOT EXISTS reference (
    source TEXT NOT NULL,          -- key of the resource whose body names the target
    path TEXT NOT NULL,            -- where it names it, as the rule is written: with wildcards
    target TEXT NOT NULL,
    PRIMARY KEY (source, path, target)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reference_by_target ON reference (target);
CREATE TABLE IF NOT EXISTS claim (
    name TEXT PRIMARY KEY,         -- something only one resource can have: a host name, an address of a subnet
    owner TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claim_by_owner ON claim (owner);
CREATE TABLE IF NOT EXISTS operation (
    key TEXT PRIMARY KEY,          -- the resource that an operation works on, or has failed on
    kind TEXT NOT NULL,            -- create, update or delete
    ends TEXT NOT NULL,
    locks TEXT NOT NULL,           -- JSON: what no other operation may hold meanwhile
    failure TEXT                   -- JSON: the error that it ends with
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settling (
    key TEXT PRIMARY KEY,          -- a resource whose service is busy after its operation has completed
    kind TEXT NOT NULL,            -- the operation: create or update
    until TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asynchronous_answer (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,     -- by which a client asks what has become of its request
    resource TEXT NOT NULL,        -- the id
    method TEXT NOT NULL,
    api_version TEXT NOT NULL,
    path TEXT NOT NULL,
    started TEXT NOT NULL,
    ready TEXT NOT NULL,           -- the moment when it is done
    failure TEXT                   -- JSON: the error that it comes to
);
CREATE TABLE IF NOT EXISTS creation (
    key TEXT PRIMARY KEY,          -- a resource that the engine had made
    urn TEXT NOT NULL,
    server TEXT                    -- the server process that has not answered the engine yet
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS creation_by_urn ON creation (urn);
CREATE TABLE IF NOT EXISTS fault (number INTEGER PRIMARY KEY AUTOINCREMENT, description TEXT NOT NULL, times INTEGER);
CREATE TABLE IF NOT EXISTS option (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS registration (
    namespace TEXT PRIMARY KEY,    -- in lower case; a namespace without a row is registered
    state TEXT NOT NULL            -- Azure's word: NotRegistered, Registering, Registered
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO counter VALUES ('revision', 0);
"""


@dataclass(frozen=True)
class Resource:
    """A stored resource."""

    id: ArmId
    body: JsonObject
    """The response to a GET, except for properties that the type computes on each GET."""
    secrets: JsonObject = field(default_factory=dict[str, Any], repr=False)
    """Values that no GET returns: keys and write-only values."""
    revision: int = 0
    """A counter that increases with every write of any resource."""
    etag: str = ""
    created_at: datetime = datetime.min
    changed_at: datetime = datetime.min

    @property
    def properties(self) -> JsonObject:
        """The body's `properties`."""
        return self.body.setdefault("properties", {})

    @property
    def location(self) -> str:
        """The region, or an empty string."""
        return self.body.get("location") or ""


@dataclass(frozen=True)
class StoredReference:
    """A reference from one resource to another."""

    source: str
    path: str
    target: str


def timestamp(moment: datetime) -> str:
    """Return a time in Azure's format, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Transaction:
    """An atomic set of reads and writes. Ids are compared case-insensitively."""

    def __init__(self, connection: sqlite3.Connection, now: datetime) -> None:
        self._connection = connection
        self.now = now

    def get(self, resource_id: ArmId | str) -> Resource | None:
        """Return the resource with an id or key, or None."""
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM resource WHERE key = ?", (_key(resource_id),))
        return next(map(_resource, row), None)

    def has(self, resource_id: ArmId | str) -> bool:
        """Return whether a resource with an id or key exists."""
        return bool(self.execute("SELECT 1 FROM resource WHERE key = ?", (_key(resource_id),)))

    def types_under(self, resource_id: ArmId | str) -> list[str]:
        """Return the types of the resources nested in a resource, in lower case."""
        key = _key(resource_id)
        rows = self.execute("SELECT DISTINCT type FROM resource WHERE key >= ? AND key < ?", (f"{key}/", f"{key}0"))
        return [name for (name,) in rows]

    def walk(self, scope: ArmId | str = "", resource_type: str = "", after: str = "") -> Iterator[Resource]:
        """Yield the resources nested in a scope at any depth, in the order of their keys.

        `resource_type` limits them to one type, `after` to keys greater than it. Each resource is read lazily.
        """
        # "0" is the character after "/": the range holds every key that starts with the id and a slash.
        key = _key(scope)
        condition, parameters = "key >= ? AND key > ? AND key < ?", [f"{key}/", after, f"{key}0"]
        if resource_type:
            condition, parameters = f"type = ? AND {condition}", [resource_type.lower(), *parameters]
        yield from map(
            _resource,
            self._connection.execute(f"SELECT {_COLUMNS} FROM resource WHERE {condition} ORDER BY key", parameters),
        )

    def under(self, resource_id: ArmId | str) -> list[Resource]:
        """Return the resources nested in a resource at any depth, including extensions; for a group, its resources."""
        return list(self.walk(resource_id))

    def of_type(self, resource_type: str, scope: ArmId | str = "") -> list[Resource]:
        """Return the resources of a type, in all scopes or under one."""
        return list(self.walk(scope, resource_type))

    def save(self, resource: Resource) -> Resource:
        """Save a resource; return it with its new revision, etag and times."""
        earlier = self.get(resource.id)
        (revision,) = self._connection.execute(
            "UPDATE counter SET value = value + 1 WHERE name = 'revision' RETURNING value"
        ).fetchone()
        saved = replace(
            resource,
            id=earlier.id if earlier else resource.id,
            revision=revision,
            etag=str(uuid.uuid4()),
            created_at=earlier.created_at if earlier else self.now,
            changed_at=self.now,
        )
        self._connection.execute(
            f"INSERT OR REPLACE INTO resource (key, type, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                saved.id.key,
                saved.id.type_key,
                saved.id.text,
                json.dumps(saved.body),
                json.dumps(saved.secrets),
                saved.revision,
                saved.etag,
                saved.created_at.isoformat(),
                saved.changed_at.isoformat(),
            ),
        )
        return saved

    def execute(self, statement: str, parameters: Iterable[Any] = ()) -> list[Any]:
        """Execute a statement; for tables that other modules own (operations, options and others)."""
        return self._connection.execute(statement, tuple(parameters)).fetchall()

    def remove(self, resource_id: ArmId) -> None:
        """Delete a resource with its references, claims and records."""
        self._connection.execute("DELETE FROM resource WHERE key = ?", (resource_id.key,))
        self._connection.execute("DELETE FROM reference WHERE source = ?", (resource_id.key,))
        self._connection.execute("DELETE FROM claim WHERE owner = ?", (resource_id.key,))
        self._connection.execute("DELETE FROM operation WHERE key = ?", (resource_id.key,))
        self._connection.execute("DELETE FROM settling WHERE key = ?", (resource_id.key,))
        self._connection.execute("DELETE FROM creation WHERE key = ?", (resource_id.key,))

    def refer(self, source: ArmId, references: Iterable[tuple[str, ArmId]]) -> None:
        """Replace the references of a resource: pairs of the rule's path and the target."""
        self._connection.execute("DELETE FROM reference WHERE source = ?", (source.key,))
        self._connection.executemany(
            "INSERT OR IGNORE INTO reference VALUES (?, ?, ?)",
            [(source.key, path, target.key) for path, target in references],
        )

    def referring_to(self, target: ArmId | str, source_type: str = "") -> list[StoredReference]:
        """Return the references to a target, optionally from resources of one type only."""
        statement, parameters = "SELECT source, path, target FROM reference WHERE target = ?", [_key(target)]
        if source_type:
            statement += " AND EXISTS (SELECT 1 FROM resource WHERE key = source AND type = ?)"
            parameters.append(source_type.lower())
        rows = self._connection.execute(f"{statement} ORDER BY source", parameters)
        return [StoredReference(*row) for row in rows]

    def claim(self, name: str, owner: ArmId) -> str | None:
        """Claim a name for a resource; return the owner's key if another resource has claimed it, else None."""
        self._connection.execute("INSERT OR IGNORE INTO claim VALUES (?, ?)", (name.lower(), owner.key))
        holder = self.holder(name)
        return holder if holder != owner.key else None

    def holder(self, name: str) -> str | None:
        """Return the key of the resource that has claimed a name, or None."""
        row = self._connection.execute("SELECT owner FROM claim WHERE name = ?", (name.lower(),)).fetchone()
        return row[0] if row else None

    def transfer_claim(self, name: str, owner: ArmId) -> None:
        """Transfer a claimed name to another resource."""
        self._connection.execute("UPDATE claim SET owner = ? WHERE name = ?", (owner.key, name.lower()))

    def claims(self, prefix: str) -> list[str]:
        """Return the claimed names with a prefix that ends with a slash."""
        first = prefix.lower()
        rows = self._connection.execute(
            "SELECT name FROM claim WHERE name >= ? AND name < ?", (first, f"{first[:-1]}0")
        )
        return [name for (name,) in rows]

    def claims_between(self, first: str, last: str) -> list[str]:
        """Return the claimed names in a closed interval, sorted."""
        rows = self._connection.execute(
            "SELECT name FROM claim WHERE name >= ? AND name <= ? ORDER BY name", (first.lower(), last.lower())
        )
        return [name for (name,) in rows]

    def last_claim(self, prefix: str, before: str) -> str | None:
        """Return the last claimed name between a prefix and an upper bound (exclusive), or None."""
        row = self._connection.execute(
            "SELECT max(name) FROM claim WHERE name >= ? AND name < ?", (prefix.lower(), before.lower())
        ).fetchone()
        return row[0] if row else None

    def release(self, name: str) -> None:
        """Release a claimed name."""
        self._connection.execute("DELETE FROM claim WHERE name = ?", (name.lower(),))


_COLUMNS = "id, body, secrets, revision, etag, created_at, changed_at"


def _key(resource_id: ArmId | str) -> str:
    return resource_id.key if isinstance(resource_id, ArmId) else resource_id.lower()


def _resource(row: tuple[str, str, str, int, str, str, str]) -> Resource:
    text, body, secrets, revision, etag, created_at, changed_at = row
    return Resource(
        ArmId.parse(text),
        json.loads(body),
        json.loads(secrets),
        revision,
        etag,
        datetime.fromisoformat(created_at),
        datetime.fromisoformat(changed_at),
    )


class Store:
    """The state file. Thread-safe: transactions are serialized, and each takes a few milliseconds."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        # Created before SQLite opens it, so that others can never read it; SQLite's companion files inherit its mode.
        # Only if it is missing: closing the file would release the locks of another store of this process (fcntl(2)),
        # which keep processes apart (https://www.sqlite.org/howtocorrupt.html, section 2.2).
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # Survives a crash of the process at any time; only a power failure may lose the newest writes.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA busy_timeout = 5000")
        self._connection.executescript(_SCHEMA)

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Return a context manager: a transaction that is committed at the end, or rolled back after an exception."""
        return self._begun("BEGIN IMMEDIATE")

    def reading(self) -> AbstractContextManager[Transaction]:
        """Return a context manager: a read-only transaction with a consistent snapshot that neither waits for nor
        blocks writers."""
        return self._begun("BEGIN")

    @contextmanager
    def _begun(self, begin: str) -> Generator[Transaction, None, None]:
        with self._lock:
            self._connection.execute(begin)
            try:
                yield Transaction(self._connection, self._clock())
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
