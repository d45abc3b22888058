"""Django's `migrate` under a lock: of replicas that start together one migrates, the others find nothing to do."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


class Command(migrate.Command):
    """Take the lock, then migrate as Django does."""

    def handle(self, *args: Any, **options: Any) -> None:
        with migration_lock(connections[options["database"]]):
            super().handle(*args, **options)


@contextmanager
def migration_lock(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Hold the database's migration lock, and wait for it first. The lock of a process that dies is free again.

    PostgreSQL's advisory lock belongs to a session: it does not hold through PgBouncer in transaction mode.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('django migrate'))")
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(hashtext('django migrate'))")
    else:
        with open(f"{connection.settings_dict['NAME']}.migrate.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
