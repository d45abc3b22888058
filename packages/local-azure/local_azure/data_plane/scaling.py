"""How many replicas a revision is to have: KEDA's and the Horizontal Pod Autoscaler's arithmetic.

https://learn.microsoft.com/azure/container-apps/scale-app#scale-behavior: polled every 30 seconds, down to zero 300
seconds after the last sign of work; up at once, in steps of 1, 4 and 100 % of what there is; down by the most that was
asked for in the last 300 seconds; the replicas wanted are the measured value divided by the target, rounded up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

POLLING_SECONDS = 30.0
COOLDOWN_SECONDS = 300.0
STABILISATION_SECONDS = 300.0
_TOLERANCE = 0.1
"""A value so near to its target changes nothing:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details."""
_SECOND_STEP = 4


@dataclass(frozen=True)
class Reading:
    """What a rule has measured."""

    value: float
    target: float
    """How much of it one replica is for; above 0."""
    activation: float = 0.0
    """Above it there is work, for which one replica is started."""

    @property
    def is_active(self) -> bool:
        """Return whether there is work."""
        return self.value > self.activation

    def replicas(self, current: int) -> int:
        """Return the replicas that it asks for where there are so many."""
        if abs(self.value / (self.target * current) - 1) <= _TOLERANCE:
            return current
        return math.ceil(self.value / self.target)


@dataclass(frozen=True)
class Failure:
    """Why a rule could not measure; without any secret."""

    reason: str


@dataclass(frozen=True)
class Limits:
    """The bounds of a revision's scale; times in seconds."""

    least: int
    most: int
    cooldown: float = COOLDOWN_SECONDS
    stabilisation: float = STABILISATION_SECONDS


class Autoscaler:
    """Decides for one revision. Moments are seconds of any steady clock."""

    def __init__(self, now: float) -> None:
        self._last_active = now
        self._asked: deque[tuple[float, int]] = deque()

    def woken(self, now: float) -> None:
        """There is work, whatever the rules have measured last."""
        self._last_active = now

    def decide(self, current: int, readings: Sequence[Reading | Failure], limits: Limits, now: float) -> int:
        """Return the replicas that are to be, where there are so many.

        A rule that fails neither starts nor ends a replica.
        """
        measured = [reading for reading in readings if isinstance(reading, Reading)]
        has_failed = len(measured) < len(readings)
        if is_active := any(item.is_active for item in measured):
            self._last_active = now
        if current == 0:
            self._asked.clear()
            return max(limits.least, 1) if is_active else limits.least
        if limits.least == 0 and not is_active and not has_failed and now - self._last_active >= limits.cooldown:
            self._asked.clear()
            return 0
        wanted = max((item.replicas(current) for item in measured), default=1)
        if has_failed:
            wanted = max(wanted, current)
        wanted = min(max(wanted, limits.least, 1), limits.most, max(_SECOND_STEP, 2 * current))
        if not self._asked:
            self._asked.append((now, current))
        self._asked.append((now, wanted))
        while now - self._asked[0][0] > limits.stabilisation:
            self._asked.popleft()
        if wanted < current:
            return min(current, limits.most, max(asked for _, asked in self._asked))
        return wanted
