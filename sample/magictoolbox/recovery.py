"""What a worker or beat says of Redis: at its start, and once Redis answers again after an error."""

import logging
import os
import threading
import time

from magictoolbox.checks import check_queue, errors, log_redis_failure, queue_urls, redis_failure

logger = logging.getLogger(__name__)

INTERVAL = 5
"""Seconds between two looks at a Redis that has failed."""
LOGGERS = ("celery.beat", "celery.worker.consumer", "kombu")
"""Where Celery and kombu log what Redis refuses, such as a command while its memory is full."""


class RecoveryReporter(logging.Handler):
    """Looks at Redis after each error that it is handed, until Redis answers, and says so.

    Celery says when it has connected anew, but not when a connection that stayed open works again: a log would end with
    the error for ever. Nothing is asked of Redis while all is well.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._watching = threading.Lock()
        self._process = os.getpid()

    def install(self) -> None:
        """Be handed the errors of Celery and kombu."""
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self)

    def report(self) -> None:
        """Say whether Redis answers now; if not, say later that it does."""
        if error := _failure():
            self._watch(log_redis_failure(logger, error, queue_urls()))
        else:
            logger.info("Redis connection successful - the task queue answers")

    def emit(self, record: logging.LogRecord) -> None:
        self._watch()

    def _watch(self, said: str = "") -> None:
        """Look until Redis answers, in a thread of its own; `said` is the failure that is in the log already."""
        # The pool's processes inherit this and are not the ones to speak.
        if os.getpid() == self._process and self._watching.acquire(blocking=False):
            threading.Thread(target=self._look, args=[said], name="redis-recovery", daemon=True).start()

    def _look(self, said: str) -> None:
        time.sleep(INTERVAL)
        while error := _failure():
            if redis_failure(error) != said:
                said = log_redis_failure(logger, error, queue_urls())
            time.sleep(INTERVAL)
        # First, so that an error from now on begins another watch.
        self._watching.release()
        logger.info("Redis connection successful - the task queue answers again")


def _failure() -> BaseException | None:
    [error] = errors(check_queue)
    return error
