"""How long a container that has ended waits before it is started again: Kubernetes' CrashLoopBackOff.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy: at once the first time, then after 10
seconds, doubled each time up to 300; forgotten once it has run for ten minutes.
"""

from __future__ import annotations

FIRST_SECONDS = 10.0
MOST_SECONDS = 300.0
FORGET_SECONDS = 600.0


class Backoff:
    """The waits of one container."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, ran_seconds: float) -> float:
        """Return the seconds to wait after it has ended, when it had run for so long."""
        wait = 0.0 if ran_seconds >= FORGET_SECONDS else self._next
        self._next = min(max(wait * 2, FIRST_SECONDS), MOST_SECONDS)
        return wait
