"""Django and Celery settings, read from the environment.

| Variable | Meaning |
|---|---|
| `SECRET_KEY` | Django's secret key |
| `REDIS_URL` | cache: `rediss://:{percent-encoded key}@{host}:{port}/{database}?ssl_cert_reqs=required` |
| `CELERY_BROKER_URL`, `CELERY_RESULT_BACKEND` | task queue and task results, in the same form |
| `REDIS_KEY_PREFIX`, `CELERY_KEY_PREFIX` | what keys begin with, so that cache and queue can share one database |
| `ALLOWED_HOSTS`, `CSRF_TRUSTED_ORIGINS` | comma separated |
| `DATABASE_URL` | default: SQLite in `/data`, the mounted volume |
"""

import os

import dj_database_url
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

REQUIRED = ("SECRET_KEY", "REDIS_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND")
if missing := [name for name in REQUIRED if not os.environ.get(name)]:
    raise ImproperlyConfigured(f"Set the environment variables {', '.join(missing)}.")


def comma_separated(name: str) -> list[str]:
    """Return the items of the variable `name`; none when it is not set."""
    return [item.strip() for item in os.environ.get(name, "").split(",") if item.strip()]


REDIS_URLS_WITH_RAW_KEY: set[str] = set()
"""The variables whose URL is broken by a raw "/" in its key."""


def redis_url(name: str) -> str:
    """Return the URL in the variable `name`, without its key when a raw "/" in the key breaks the URL.

    Parsers quote the pieces of a broken URL, and so of the key, in their errors. Without a key Redis refuses the
    connection instead, and the log says `auth`, which is where to look.
    """
    scheme, _, rest = os.environ[name].partition("://")
    if "@" not in rest.partition("/")[0]:
        if "@" in rest:
            REDIS_URLS_WITH_RAW_KEY.add(name)
        rest = rest.rpartition("@")[2]
    os.environ[name] = f"{scheme}://{rest}"  # Celery prefers its variables to these settings
    return os.environ[name]


SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = comma_separated("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = comma_separated("CSRF_TRUSTED_ORIGINS")

# The ingress ends TLS, redirects plain HTTP and always sets this header itself.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

TIME_ZONE = "UTC"

ROOT_URLCONF = "magictoolbox.urls"
WSGI_APPLICATION = "magictoolbox.wsgi.application"
INSTALLED_APPS = ["magictoolbox", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "magictoolbox.middleware.RedisOutageSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

DATABASES = {
    "default": dj_database_url.config(default="sqlite:////data/db.sqlite3", conn_max_age=60, conn_health_checks=True)
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A writer waits for its turn from the start; SQLite lets none wait that has read something before.
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}

# Seconds that an attempt to connect to Redis, or to hear from it, may take.
REDIS_TIMEOUT = 2
# Azure drops idle connections: a connection that was idle for so many seconds is checked before it is used.
REDIS_HEALTH_CHECK_INTERVAL = 30

CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": redis_url("REDIS_URL"),
        "KEY_PREFIX": os.environ.get("REDIS_KEY_PREFIX", ""),
        "OPTIONS": {
            "CLIENT_CLASS": "magictoolbox.cache.SharedDatabaseClient",
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "SOCKET_CONNECT_TIMEOUT": REDIS_TIMEOUT,
            "SOCKET_TIMEOUT": REDIS_TIMEOUT,
            "CONNECTION_POOL_KWARGS": {
                "health_check_interval": REDIS_HEALTH_CHECK_INTERVAL,
                # redis-py 8's default, RESP3, also asks for notices of maintenance. They name a node that a virtual
                # network cannot resolve.
                "protocol": 2,
                "retry": Retry(NoBackoff(), 1),
            },
        },
    }
}
SESSION_ENGINE = "magictoolbox.sessions"

# All in seconds. Container Apps gives a worker 120 s to stop. A task may run for TIME_LIMIT; a worker that is asked to
# stop waits for its tasks for SOFT_SHUTDOWN_TIMEOUT and puts back in the queue what is not done by then. A task that
# no worker has finished after VISIBILITY_TIMEOUT, because its worker was killed, is given to another worker; while the
# first may still be at it that would do it twice. A worker also holds a task that is to run later, so this is longer
# than the longest countdown, which magictoolbox.celery enforces, and the longest task together. Celery's default
# countdown of a retry is 180 s.
CELERY_TASK_TIME_LIMIT = 90
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
LONGEST_COUNTDOWN = 180
VISIBILITY_TIMEOUT = 300

CELERY_KEY_PREFIX = os.environ.get("CELERY_KEY_PREFIX", "")
CELERY_BROKER_URL = redis_url("CELERY_BROKER_URL")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": CELERY_KEY_PREFIX,
    "visibility_timeout": VISIBILITY_TIMEOUT,
    "unacked_restore_throttle": 1,  # look for killed workers' tasks every 10 s instead of every 100 s
    "socket_connect_timeout": REDIS_TIMEOUT,
    "socket_timeout": REDIS_TIMEOUT,
    "socket_keepalive": True,
    "health_check_interval": REDIS_HEALTH_CHECK_INTERVAL,
}
CELERY_RESULT_BACKEND = redis_url("CELERY_RESULT_BACKEND")
CELERY_RESULT_EXPIRES = 3600
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {
    "global_keyprefix": CELERY_KEY_PREFIX,
    "retry_policy": {"timeout": 10},
}
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = REDIS_TIMEOUT
CELERY_REDIS_SOCKET_TIMEOUT = REDIS_TIMEOUT
CELERY_REDIS_SOCKET_KEEPALIVE = True
CELERY_REDIS_BACKEND_HEALTH_CHECK_INTERVAL = REDIS_HEALTH_CHECK_INTERVAL

# A task stays in the queue until it is done, so that one whose worker dies is done by another.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TRACK_STARTED = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_CONCURRENCY = 2

# No file to keep: times of day survive a restart of beat by themselves.
CELERY_BEAT_SCHEDULER = "celery.beat.Scheduler"
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {
        "task": "magictoolbox.tasks.heartbeat",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
