"""The page that counts visits, and the endpoints of the task queue."""

from uuid import UUID

from celery.result import AsyncResult
from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from magictoolbox.tasks import work

# What Celery raises when the broker is out of reach, when Redis refuses, and when the result backend is out of reach.
QUEUE_ERRORS = (OperationalError, RedisError, RuntimeError)


class WorkForm(forms.Form):
    """How long the task takes, in seconds."""

    seconds = forms.FloatField(min_value=0, max_value=60, initial=1)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Count this visitor's visits in the session."""
    visits = request.session["visits"] = request.session.get("visits", 0) + 1
    return render(request, "magictoolbox/home.html", {"visits": visits, "form": WorkForm()})


@require_POST
def queue_task(request: HttpRequest) -> JsonResponse:
    """Queue a task of the posted `seconds`; 202 with its id and the URL of its result."""
    form = WorkForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    try:
        task = work.delay(form.cleaned_data["seconds"])
    except QUEUE_ERRORS:
        return JsonResponse({"error": "The task queue cannot be reached."}, status=503)
    return JsonResponse({"id": task.id, "url": reverse("task", args=[task.id])}, status=202)


@require_GET
def show_task(request: HttpRequest, task_id: UUID) -> JsonResponse:
    """Return the state of a task, PENDING for an unknown task, and its result once it is done."""
    task = AsyncResult(str(task_id))
    try:
        result = task.result if task.successful() else None
        return JsonResponse({"id": task.id, "state": task.state, "result": result})
    except QUEUE_ERRORS:
        return JsonResponse({"error": "The task results cannot be reached."}, status=503)
