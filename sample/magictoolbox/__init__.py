"""A Django and Celery application whose cache, sessions and task queue live in a private Redis."""

from magictoolbox.celery import app as celery_app

__all__ = ["celery_app"]
