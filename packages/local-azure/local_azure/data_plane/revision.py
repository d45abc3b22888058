"""The replicas of one revision: as many as are wanted, and new ones for those that leave."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from local_azure.core.values import get
from local_azure.data_plane.desired_state import AppPlan, RevisionPlan
from local_azure.data_plane.measures import HTTP_PERIOD_SECONDS, Meter, Sources, rules_of
from local_azure.data_plane.replica import Replica, ReplicaServices
from local_azure.data_plane.scaling import (
    COOLDOWN_SECONDS,
    POLLING_SECONDS,
    STABILISATION_SECONDS,
    Autoscaler,
    Failure,
    Limits,
)
from local_azure.status.runtime_status import RunningRevision

_log = logging.getLogger(__name__)

_SAY_AGAIN_SECONDS = 5.0
"""The least time between two events of the same fault, however fast time passes."""


class RevisionRunner:
    """Runs one revision."""

    def __init__(
        self,
        services: ReplicaServices,
        sources: Sources,
        speedup: Callable[[], float],
        app: Callable[[], AppPlan],
        plan: RevisionPlan,
        wanted: int,
        changed: Callable[[], None],
    ) -> None:
        """`wanted` is the number of replicas to begin with; `speedup` divides the autoscaler's times."""
        self.plan = plan
        self.wanted = wanted
        self.replicas: list[Replica] = []
        self.was_ready = False
        """Whether it was ready once."""
        self.is_ending = False
        """Whether its end was requested."""
        self._is_waking = False
        """Whether it had no replica, and has none yet that is ready."""
        self._services = services
        self._speedup = speedup
        self._app = app
        self._changed = changed
        self._meter = Meter(sources)
        self._autoscaler = Autoscaler(self._now())
        self._scaling = asyncio.create_task(self._scale(), name=f"scale {plan.name}")
        self._said: dict[str, tuple[str, float]] = {}

    @property
    def staying(self) -> list[Replica]:
        """Return its replicas but those that leave."""
        return [replica for replica in self.replicas if not replica.leaving]

    @property
    def ready(self) -> list[Replica]:
        """Return its replicas that can take requests."""
        return [replica for replica in self.staying if replica.is_ready]

    @property
    def has_ended(self) -> bool:
        """Return whether its end was requested, and is complete."""
        return self.is_ending and not self.replicas

    def update(self, plan: RevisionPlan) -> None:
        """Take a changed plan: bounds, and requests to restart its replicas."""
        self.plan = plan

    def end(self) -> None:
        """Scale to no replicas for good."""
        self.is_ending = True
        self._scaling.cancel()
        self.wanted = 0

    def wake(self) -> bool:
        """Report that work waits and no replica is there; return whether the revision scales up from zero."""
        self._autoscaler.woken(self._now())
        if self.wanted == 0 and not self.is_ending:
            self._set_wanted(1)
        return self._is_waking

    def _set_wanted(self, wanted: int) -> None:
        self._is_waking = self._is_waking or self.wanted == 0
        self.wanted = wanted
        self._changed()

    def reconcile(self) -> list[Replica]:
        """Start the replicas that are missing; returns those that are to leave, which it has marked so."""
        current = [item for item in self.staying if item.revision.restarted == self.plan.restarted]
        outdated = [item for item in self.staying if item.revision.restarted != self.plan.restarted]
        for _ in range(self.wanted - len(current)):
            replica = Replica(self._services, self._app, self.plan, self._changed)
            self.replicas.append(replica)
            current.append(replica)
            replica.start()
        # Kubernetes, too, first takes those that are not ready, and then the youngest.
        surplus = sorted(current, key=lambda item: (item.is_ready, -current.index(item)))
        leaving = surplus[: max(0, len(current) - self.wanted)]
        ready = sum(item.is_ready and self._can_be_reached(item) for item in current)
        if ready >= self.wanted:
            leaving += outdated
        for replica in leaving:
            replica.leaving = True
        self._is_waking = self._is_waking and not ready
        self.was_ready = self.was_ready or 0 < self.wanted <= ready
        return leaving

    def _can_be_reached(self, replica: Replica) -> bool:
        """Return whether requests reach a replica: its probes may pass before the port that it listens on is known."""
        ingress = self._app().ingress
        return ingress is None or replica.port(ingress.target_port) is not None

    def forget(self, replica: Replica) -> None:
        """Remove a replica that has ended."""
        self.replicas.remove(replica)

    def as_running(self) -> RunningRevision:
        """Return its state."""
        state, health = self._state()
        return RunningRevision(
            id=self.plan.id.text,
            name=self.plan.name,
            state=state,
            health=health,
            replicas=tuple(replica.as_running() for replica in self.replicas),
        )

    def _state(self) -> tuple[str, str]:
        staying, ready = self.staying, self.ready
        if not staying:
            return ("ScaledToZero", "Healthy") if not self.is_ending else ("Stopped", "None")
        if len(ready) >= len(staying):
            return ("RunningAtMaxScale" if len(staying) >= self.plan.most else "Running"), "Healthy"
        has_failed = any(replica.has_failed for replica in staying)
        if not self.was_ready:
            return ("ActivationFailed", "Unhealthy") if has_failed else ("Activating", "None")
        return ("Degraded" if ready else "Failed" if has_failed else "Activating"), "Unhealthy"

    # -- scaling

    async def _scale(self) -> None:
        while True:
            pause = POLLING_SECONDS / self._speedup()
            try:
                pause = await self._scale_once()
            except Exception as error:  # the replicas that there are go on, and the next round may do
                # Its words may have a value that is secret.
                _log.error("%s: could not be scaled: %s; it is tried again", self.plan.name, type(error).__name__)
            await asyncio.sleep(pause)

    async def _scale_once(self) -> float:
        """Measure and decide; the seconds until the next time."""
        readings = await self._meter.measure(self._app(), self.plan)
        for name, reading in readings.items():
            self._say(name, reading.reason if isinstance(reading, Failure) else "")
        speedup = self._speedup()
        scale = self.plan.template
        limits = Limits(
            self.plan.least,
            self.plan.most,
            float(get(scale, "scale.cooldownPeriod") or COOLDOWN_SECONDS) / speedup,
            STABILISATION_SECONDS / speedup,
        )
        decided = self._autoscaler.decide(self.wanted, list(readings.values()), limits, self._now())
        if decided == 0 and not self.was_ready:  # it has to be ready once, or it could never take over
            decided = 1
            self._autoscaler.woken(self._now())
        if decided != self.wanted:
            self._set_wanted(decided)
        by_http = any("http" in rule or "tcp" in rule for rule in rules_of(self._app(), self.plan))
        usual = HTTP_PERIOD_SECONDS if by_http else POLLING_SECONDS
        return float(get(scale, "scale.pollingInterval") or usual) / speedup

    def _say(self, rule: str, fault: str) -> None:
        """Write a rule's fault to the system log at every poll, and once that it is over.

        KEDA emits an event each time that a scaler fails. Assumed: Azure shows one, too, when all scalers work again.
        """
        earlier, now = self._said.get(rule), self._now()
        if fault and (earlier is None or earlier[0] != fault or now - earlier[1] >= _SAY_AGAIN_SECONDS):
            self._said[rule] = (fault, now)
            self._log_event("KEDAScalerFailed", f"Scaler of rule '{rule}': {fault}")
        elif not fault and self._said.pop(rule, None) and not self._said:
            self._log_event("ScaledObjectReady", "ScaledObject is ready for scaling")

    def _log_event(self, reason: str, message: str) -> None:
        self._services.logs.system(self._app().name, self.plan.name, "", reason, message)

    @staticmethod
    def _now() -> float:
        return time.monotonic()

    async def stop(self, grace_seconds: float) -> None:
        """End all its replicas at once."""
        self.end()
        await asyncio.gather(self._scaling, return_exceptions=True)
        await asyncio.gather(
            *(replica.stop(min(grace_seconds, replica.revision.grace_seconds)) for replica in self.replicas)
        )
