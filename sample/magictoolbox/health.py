"""The health endpoints that Container Apps probes."""

import logging

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from magictoolbox.checks import cache_urls, check_cache, check_database, errors, log_redis_failure

logger = logging.getLogger(__name__)


@never_cache
def liveness(request: HttpRequest) -> JsonResponse:
    """Return the process answers. Whether Redis does is not asked: a restart would not mend it."""
    return JsonResponse({"status": "alive"})


@never_cache
def readiness(request: HttpRequest) -> JsonResponse:
    """Database and cache can be used; 503 when one of them cannot."""
    database_error, cache_error = errors(check_database, check_cache)
    if database_error:
        logger.error("Database check failed: %s", type(database_error).__name__)
    if cache_error:
        log_redis_failure(logger, cache_error, cache_urls())
    ready = not (database_error or cache_error)
    return JsonResponse(
        {
            "status": "ready" if ready else "not ready",
            "checks": {"database": not database_error, "cache": not cache_error},
        },
        status=200 if ready else 503,
    )
