"""Sessions in the cache if Redis answers when the server starts, in the database if it does not."""

import logging

from magictoolbox.checks import cache_urls, check_cache, errors, log_redis_failure

logger = logging.getLogger(__name__)

[error] = errors(check_cache)
if error:
    from django.contrib.sessions.backends.db import SessionStore

    log_redis_failure(logger, error, cache_urls())
else:
    from django.contrib.sessions.backends.cache import SessionStore

    logger.info("Redis connection successful - using cache-based sessions")

__all__ = ["SessionStore"]
