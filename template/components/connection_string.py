"""Build the Redis URL that redis-py, django-redis, the Celery broker and the Celery backend parse alike."""

from urllib.parse import quote


def redis_url(host: str, port: int, key: str, database: int) -> str:
    """Build ``rediss://:{key}@{host}:{port}/{database}?ssl_cert_reqs=required``.

    The key is percent-encoded completely, including ``/``: an access key is base64, and a raw ``/`` ends the authority
    of a URL, so that a client would parse another host or none. The database is in the path, because kombu ignores
    ``?db=``; ``required`` is the only spelling of the certificate rule that all four clients accept.

    Args:
        host: the cache's public host name, which the private DNS zone resolves to the private address.
        port: the TLS port, 1 to 65535.
        key: the raw access key, as the list-keys call returns it.
        database: the database's index, 0 or more.

    Returns:
        The URL. It contains the key: keep it secret.

    Raises:
        ValueError: if host or key is empty, or port or database is out of range. The key is never in the message.
    """
    if not host:
        raise ValueError("host is empty: a Redis URL needs the cache's name")
    if not key:
        raise ValueError("key is empty: a Redis URL without its access key is refused by the cache")
    if not 1 <= port <= 65535:
        raise ValueError(f"port {port} is out of range: a TCP port is 1 to 65535")
    if database < 0:
        raise ValueError(f"database {database} is out of range: a database's index is 0 or more")
    return f"rediss://:{quote(key, safe='')}@{host}:{port}/{database}?ssl_cert_reqs=required"
