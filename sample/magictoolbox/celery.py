"""The Celery application: `celery -A magictoolbox worker` and `celery -A magictoolbox beat`."""

import os
from datetime import UTC, datetime
from typing import Any

from celery import Celery, Task
from celery.signals import beat_init, setup_logging, worker_init

from magictoolbox.recovery import RecoveryReporter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magictoolbox.settings")


class SoonTask(Task):
    """A task that is not queued for later than the broker can hold it without giving it to a second worker."""

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Queue the task. Raises ValueError if it is to run later than in LONGEST_COUNTDOWN seconds."""
        from django.conf import settings

        eta, seconds = options.get("eta"), options.get("countdown") or 0
        if isinstance(eta, datetime):
            now = datetime.now(UTC)
            seconds = ((eta if eta.tzinfo else eta.replace(tzinfo=UTC)) - now).total_seconds()
        if seconds > settings.LONGEST_COUNTDOWN:
            raise ValueError(
                f"a task can wait for {settings.LONGEST_COUNTDOWN} s at most: a longer one would run twice "
                "(LONGEST_COUNTDOWN, VISIBILITY_TIMEOUT); use beat, or raise both"
            )
        return super().apply_async(*args, **options)


app = Celery("magictoolbox", task_cls=SoonTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_: object) -> None:
    """Leave logging to Django's LOGGING: Celery sets up none of its own while this signal has a receiver."""


@worker_init.connect
@beat_init.connect
def report_redis(**_: object) -> None:
    """Say when a worker or beat starts whether Redis answers, and after each error when it does again.

    If it does not, Celery itself tries again.
    """
    reporter = RecoveryReporter()
    reporter.install()
    reporter.report()
