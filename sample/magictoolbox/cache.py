"""The cache's client for a Redis database that the task queue may share."""

from django_redis.client import DefaultClient
from redis import Redis


class SharedDatabaseClient(DefaultClient):
    """django-redis's client, but `cache.clear()` deletes the cache's own keys instead of the whole database."""

    def clear(self, client: Redis | None = None) -> None:
        self.delete_pattern("*", client=client, itersize=1000)
