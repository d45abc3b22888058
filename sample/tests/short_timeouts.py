"""The workload's settings with shorter times, so that tests need not wait for minutes; the environment has others."""

import os

from magictoolbox.settings import *  # noqa: F403
from magictoolbox.settings import CELERY_BEAT_SCHEDULE, CELERY_BROKER_TRANSPORT_OPTIONS

CELERY_BROKER_TRANSPORT_OPTIONS |= {
    "visibility_timeout": int(os.environ.get("TEST_VISIBILITY_TIMEOUT", "6")),
    "unacked_restore_interval": 1,
}
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = float(os.environ.get("TEST_SOFT_SHUTDOWN_TIMEOUT", "3"))
CELERY_BEAT_SCHEDULE["heartbeat"]["schedule"] = 1.0
