"""The Celery application: `celery -A magictoolbox worker` and `celery -A magictoolbox beat`."""

import os

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init

from magictoolbox.recovery import RecoveryReporter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magictoolbox.settings")

app = Celery("magictoolbox")
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
