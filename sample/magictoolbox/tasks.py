"""What the workers do."""

import logging
import time

from celery import Task, shared_task

logger = logging.getLogger(__name__)


@shared_task(bind=True)
def work(self: Task, seconds: float) -> dict[str, float | str]:
    """Simulate real work: take `seconds`, then return which worker did it."""
    time.sleep(seconds)
    return {"seconds": seconds, "worker": self.request.hostname}


@shared_task(ignore_result=True)
def heartbeat() -> None:
    """Show in the worker's log that beat is alive."""
    logger.info("Heartbeat from beat")
