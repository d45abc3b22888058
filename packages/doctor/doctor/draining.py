"""Wait until no replica of an old revision is left: only then may an old key be regenerated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from doctor import waiting
from doctor.client import Client, RefusedError, UnreachableError
from doctor.collecting import app_bodies
from doctor.collecting.apps import listed_revisions, revisions_of
from doctor.facts import Absent, Stack
from doctor.stack import not_deployed
from doctor.values import JsonObject, text

_NEWEST = 10
"""Revisions of an app that may still have replicas that are ending, though they are no longer active."""


def wait(client: Client, stack: Stack, limit_seconds: float, say: Callable[[str], None]) -> bool:
    """Wait until every app has a latest revision that is ready, and replicas of no other one.

    Args:
        client: asks Azure.
        stack: whose apps.
        limit_seconds: how long to wait.
        say: gets what is left in words, whenever that changes.

    Returns:
        Whether nothing was left within the limit.

    Raises:
        CannotLookError: when the apps cannot be read.
    """
    if stack.missing:
        raise not_deployed(stack.name, stack.missing)
    return waiting.until(lambda: "; ".join(_left(client, stack)), limit_seconds, say)


def _left(client: Client, stack: Stack) -> Iterator[str]:
    """Yield what is left to wait for, in words, of each app."""
    bodies = app_bodies(client, stack)
    with ThreadPoolExecutor(len(bodies)) as pool:
        for words in pool.map(partial(_left_of, client), bodies):
            yield from words


def _left_of(client: Client, body: JsonObject) -> list[str]:
    name, latest = text(body, "name"), text(body, "properties.latestRevisionName")
    if text(body, "properties.latestReadyRevisionName") != latest:
        return [f"{name}: {latest} is not ready yet"]
    try:
        app_id = text(body, "id")
        revisions = revisions_of(client, app_id, listed_revisions(client, app_id), latest, _NEWEST)
    except (RefusedError, UnreachableError) as error:
        return [f"{name}: {error}"]
    if isinstance(revisions, Absent):
        return [f"{name}: {revisions.reason}"]
    found: list[str] = []
    for one in revisions:
        if one.name == latest:
            continue
        if isinstance(one.replicas, Absent):
            found.append(f"{name}: the replicas of {one.name} are unknown: {one.replicas.reason}")
        elif one.replicas or one.replica_count:
            found.append(f"{name}: {one.name} has {max(len(one.replicas), one.replica_count)} replicas")
    return found
