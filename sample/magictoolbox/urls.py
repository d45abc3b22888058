"""The application's addresses. Health paths match with and without "/", so that no probe meets a redirect."""

from django.urls import path, re_path

from magictoolbox import health, views

urlpatterns = [
    path("", views.home, name="home"),
    path("api/tasks/", views.queue_task, name="tasks"),
    path("api/tasks/<uuid:task_id>/", views.show_task, name="task"),
    re_path(r"^api/health/liveness/?$", health.liveness, name="liveness"),
    re_path(r"^api/health/readiness/?$", health.readiness, name="readiness"),
]
