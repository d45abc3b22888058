"""Sessions that answer 503 while Redis is out of reach."""

from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

REDIS_ERRORS = (RedisError, ConnectionInterrupted)
RETRY_SECONDS = 5


class RedisOutageSessionMiddleware(SessionMiddleware):
    """Django's sessions, but a request that needs one while Redis is out of reach is answered with 503 instead of 500.

    A session is loaded when a view first reads it, and saved after the view: both may fail.
    """

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer for a view that could not use Redis."""
        return _unavailable() if isinstance(exception, REDIS_ERRORS) else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Save the session; answer with 503 where that fails."""
        try:
            return super().process_response(request, response)
        except REDIS_ERRORS:
            return _unavailable()


def _unavailable() -> HttpResponse:
    text = "The service is out of order for a moment. Try again."
    return HttpResponse(text, status=503, content_type="text/plain", headers={"Retry-After": str(RETRY_SECONDS)})
