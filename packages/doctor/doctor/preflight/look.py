"""The questions to Azure: each is asked once, whichever check asks it first."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from doctor.client import Client, RefusedError
from doctor.preflight.plan import Plan
from doctor.values import JsonObject, text

T = TypeVar("T")
_MISSING = 404


@dataclass
class Look:
    """One look at a subscription, for one plan. Checks share it between threads.

    Attributes:
        client: who asks.
        plan: what will be deployed.
        subscription: the subscription's id, a GUID.
    """

    client: Client
    plan: Plan
    subscription: str
    _answers: dict[str, Future[Any]] = field(default_factory=dict[str, "Future[Any]"])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def scope(self) -> str:
        """The subscription's resource id."""
        return f"/subscriptions/{self.subscription}"

    def get(self, path: str) -> JsonObject:
        """Return one resource or list. Raises `RefusedError`, `UnreachableError`."""
        return self._once(f"GET {path}", lambda: self.client.get(path))

    def list(self, path: str) -> list[JsonObject]:
        """Return all pages of a list. Raises `RefusedError`, `UnreachableError`."""
        return self._once(f"LIST {path}", lambda: self.client.list(path))

    def ask(self, path: str, body: JsonObject) -> JsonObject:
        """Return the answer of a POST that changes nothing. Raises `RefusedError`, `UnreachableError`."""
        key = f"POST {path} {json.dumps(body, sort_keys=True)}"
        return self._once(key, lambda: self.client.read_action(path, body))

    def find(self, path: str) -> JsonObject | None:
        """Return one resource, or None where there is none. Raises `RefusedError`, `UnreachableError`."""
        try:
            return self.get(path)
        except RefusedError as error:
            if error.status == _MISSING:
                return None
            raise

    def provider(self, namespace: str) -> JsonObject:
        """Return a resource provider with its state and its types' regions."""
        return self.get(f"{self.scope}/providers/{namespace}")

    def group(self, name: str) -> JsonObject | None:
        """Return a resource group, or None where there is none."""
        return self.find(f"{self.scope}/resourceGroups/{name}")

    def deployment_scope(self, group: str) -> str:
        """Return the group's id where it is there, else the subscription's: what holds a new resource's rights."""
        found = self.group(group) if group else None
        return text(found, "id") if found else self.scope

    def _once(self, key: str, ask: Callable[[], T]) -> T:
        with self._lock:
            future = self._answers.get(key)
            is_first = future is None
            if future is None:
                future = self._answers[key] = Future()
        if is_first:
            try:
                future.set_result(ask())
            except Exception as error:
                future.set_exception(error)
        return cast("T", future.result())
