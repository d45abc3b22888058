"""What a revision's scale rules measure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_azure.core.ids import ArmId
from local_azure.core.values import JsonObject, as_list, as_object, get
from local_azure.data_plane import keda_redis
from local_azure.data_plane.desired_state import AppPlan, RevisionPlan
from local_azure.data_plane.keda_redis import RedisRule, RuleError, target_of
from local_azure.data_plane.scaling import Failure, Reading

HTTP_PERIOD_SECONDS = 15.0
"""https://learn.microsoft.com/azure/container-apps/scale-app#http: requests are counted over 15 seconds."""
_REQUESTS_AT_A_TIME = 10
_DEFAULT_RULES: tuple[JsonObject, ...] = ({"name": "http", "http": {}},)


@dataclass(frozen=True)
class Sources:
    """Where rules measure."""

    locate: Callable[[ArmId | None, str, int], tuple[str, int]]
    """The local address and port for a host name and a port, as seen from within a network. Raises `OSError` as a
    connection would fail there."""
    trust: Path
    """The authorities that TLS clients trust."""
    requests: Callable[[str], int]
    """How many requests a revision has had so far."""


def rules_of(app: AppPlan, revision: RevisionPlan) -> tuple[JsonObject, ...]:
    """Return a revision's rules; without any, an app with an ingress has one by HTTP
    (https://learn.microsoft.com/azure/container-apps/scale-app#default-scale-rule)."""
    return revision.rules or (_DEFAULT_RULES if app.ingress else ())


class Meter:
    """Measures for one revision."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._counted: tuple[float, int] | None = None

    async def measure(self, app: AppPlan, revision: RevisionPlan) -> dict[str, Reading | Failure]:
        """Return what each rule measures now, by the rules' names."""
        rules = rules_of(app, revision)
        rate = self._requests_per_second(revision.name)
        readings = await asyncio.gather(*(self._measure(rule, app, revision, rate) for rule in rules))
        return {str(rule.get("name")): reading for rule, reading in zip(rules, readings, strict=True)}

    def _requests_per_second(self, revision: str) -> float:
        now, count = time.monotonic(), self._sources.requests(revision)
        then, before = self._counted or (now, count)  # what came before it ran is not of now
        self._counted = (now, count)
        return (count - before) / max(now - then, 0.001)

    async def _measure(
        self, rule: JsonObject, app: AppPlan, revision: RevisionPlan, requests_per_second: float
    ) -> Reading | Failure:
        if (by_requests := rule.get("http", rule.get("tcp"))) is not None:
            metadata = as_object(as_object(by_requests).get("metadata"))
            name = "concurrentRequests" if metadata.get("concurrentRequests") else "concurrentConnections"
            try:
                return Reading(requests_per_second, target_of(name, metadata.get(name) or _REQUESTS_AT_A_TIME))
            except RuleError as error:
                return Failure(str(error))
        custom = as_object(rule.get("custom"))
        if custom.get("type") != "redis":
            kind = custom.get("type") or "azure-queue"
            return Failure(f"the local Azure does not measure rules of type {kind}")
        # A rule with an identity, of a type that knows none, reaches KEDA without its metadata:
        # https://github.com/microsoft/azure-container-apps/issues/1786.
        metadata: JsonObject = {} if custom.get("identity") else as_object(custom.get("metadata"))
        try:
            parsed = RedisRule.parse(metadata, _parameters(custom, app), _variables(app, revision))
        except RuleError as error:
            return Failure(str(error))
        return await keda_redis.measure(
            parsed, lambda host, port: self._sources.locate(app.network, host, port), str(self._sources.trust)
        )


def _parameters(custom: JsonObject, app: AppPlan) -> dict[str, str]:
    found: dict[str, str] = {}
    for auth in as_list(custom.get("auth")):
        secret = str(get(auth, "secretRef"))
        if secret not in app.secrets:
            raise RuleError(f"the secret {secret} has no value")
        found[str(get(auth, "triggerParameter"))] = app.secrets[secret]
    return found


def _variables(app: AppPlan, revision: RevisionPlan) -> Mapping[str, str]:
    """Return the variables of the main container, which `...FromEnv` names."""
    main = revision.containers("containers")[0]
    return {
        str(variable["name"]): app.secrets.get(str(variable.get("secretRef")), "") or str(variable.get("value") or "")
        for variable in main.variables
    }
