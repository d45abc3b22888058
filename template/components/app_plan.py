"""Settings of web, workers and beat: sizes, commands and environment variables, with the rules of Container Apps."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from components.secret_names import SECRET_NAME_LIMIT, VARIABLE_OF_SECRET, SecretName, secret_name
from components.section import Fault, Section

Cpu = Annotated[float, Field(gt=0)]

_CPU_STEP = 0.25
_CPU_MOST = 4.0
_GIBIBYTES_PER_CPU = 2
REPLICAS_MOST = 1000
"""Source: https://learn.microsoft.com/azure/container-apps/scale-app (scale limits)."""

_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?)Gi")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+")
_WORKER_NAME = re.compile(r"[a-z](?:-?[a-z0-9])*")
_QUEUE_NAME = re.compile(r"[^,\s]+")
_REGISTRY_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ContainerRegistry/registries/[^/]+", re.IGNORECASE
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

PLAIN_VARIABLES = ("ALLOWED_HOSTS", "CELERY_KEY_PREFIX", "CSRF_TRUSTED_ORIGINS", "REDIS_KEY_PREFIX", "SECRETS_DIGEST")
"""Environment variables that the stack sets by value."""


def _is_host(host: str) -> str:
    if _HOST.fullmatch(host) is None:
        raise ValueError("it is not a host name in lower case; write the name alone, for example www.example.org")
    return host


def _is_absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("it is not an absolute path; begin it with a slash, for example /api/health/liveness/")
    return path


def _is_worker_name(name: str) -> str:
    if _WORKER_NAME.fullmatch(name) is None:
        raise ValueError("it must consist of lower-case letters, digits and single hyphens; for example emails")
    return name


def _is_queue_name(name: str) -> str:
    if _QUEUE_NAME.fullmatch(name) is None:
        raise ValueError("a queue's name has no comma and no space; for example emails")
    return name


def _has_items(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("the list is empty; add an item, or leave it out")
    return values


def _is_registry_id(value: str) -> str:
    if _REGISTRY_ID.fullmatch(value) is None:
        raise ValueError("it is not the resource id of a container registry; `az acr show --query id` prints it")
    return value


def _is_registry_server(server: str) -> str:
    if _HOST.fullmatch(server) is None:
        raise ValueError(
            "it is not a host name in lower case; write it without a scheme, for example contoso.azurecr.io"
        )
    return server


def _is_email(address: str) -> str:
    if _EMAIL.fullmatch(address) is None:
        raise ValueError("it is not an e-mail address; for example team@example.org")
    return address


Host = Annotated[str, AfterValidator(_is_host)]
Path = Annotated[str, AfterValidator(_is_absolute)]
Command = Annotated[tuple[str, ...], AfterValidator(_has_items)]
Replicas = Annotated[int, Field(ge=0, le=REPLICAS_MOST)]


class Replicated(Section):
    """The size of a replica, and the limits of scaling.

    Attributes:
        cpu: vCPU cores of a replica, 0.25 to 4 in steps of 0.25.
        memory: memory of a replica in GiB, such as ``1Gi``: always twice the cores.
        min_replicas: minimum number of replicas.
        max_replicas: maximum number of replicas.
    """

    cpu: Cpu = 0.5
    memory: str = "1Gi"
    min_replicas: Replicas = 0
    max_replicas: Annotated[int, Field(ge=1, le=REPLICAS_MOST)] = 5

    def faults(self, at: str) -> Iterator[Fault]:
        """Yield a pair of cores and memory that the Consumption profile does not offer, and a minimum over the maximum.

        Source of the pairs: https://learn.microsoft.com/azure/container-apps/containers (allocations).
        """
        if self.cpu > _CPU_MOST or self.cpu % _CPU_STEP:
            yield Fault(f"{at}.cpu", self.cpu, "a replica has 0.25 to 4 cores in steps of 0.25", "for example 0.5")
        else:
            wanted = f"{self.cpu * _GIBIBYTES_PER_CPU:g}Gi"
            memory = _MEMORY.fullmatch(self.memory)
            if memory is None or float(memory[1]) != self.cpu * _GIBIBYTES_PER_CPU:
                rule = f"Container Apps pairs {self.cpu:g} cores with {wanted}"
                yield Fault(f"{at}.memory", self.memory, rule, f"write {wanted}, or change {at}.cpu", (f"{at}.cpu",))
        if self.min_replicas > self.max_replicas:
            yield Fault(
                f"{at}.minReplicas",
                self.min_replicas,
                f"it is over {at}.maxReplicas, which is {self.max_replicas}",
                "lower it, or raise the other",
                (f"{at}.maxReplicas",),
            )


class WebPlan(Replicated):
    """The app that serves HTTP requests.

    Attributes:
        command: command of the container, in place of the image's ENTRYPOINT and CMD; unset: those of the image.
        init_command: command of the init container, which completes before a replica starts: the migrations.
        target_port: port on which the container listens.
        external: whether it is reachable from the internet, or only within the environment.
        hosts: further host names in ``ALLOWED_HOSTS``, beside the one that Azure assigns.
        readiness_path: path of the readiness check, which a new revision must pass before it gets traffic.
        liveness_path: path of the liveness check, which must not depend on the cache.
    """

    min_replicas: Replicas = 1
    max_replicas: Annotated[int, Field(ge=1, le=REPLICAS_MOST)] = 3
    command: Command | None = None
    init_command: Command = ("python", "manage.py", "migrate", "--noinput")
    target_port: Annotated[int, Field(ge=1, le=65535)] = 8000
    external: bool = True
    hosts: tuple[Host, ...] = ()
    readiness_path: Path = "/api/health/readiness/"
    liveness_path: Path = "/api/health/liveness/"


class WorkerPlan(Replicated):
    """An app that runs a Celery worker; it may scale to zero.

    Attributes:
        name: name of the worker, unique in the stack.
        queues: Celery queues that it consumes.
        command: command of the container, in place of the image's ENTRYPOINT and CMD; unset: Celery's worker for these
            queues.
        queue_length: number of messages in a queue per replica that KEDA adds.
        concurrency: number of tasks that a replica processes at once: ``--concurrency`` of the default command. With a
            command of your own it must say the same, for KEDA keeps a replica for so many unacknowledged messages.
        priorities: priorities over 0 that messages of these queues may have, as kombu keeps them: of 3, 6 and 9 the
            next lower one. Without them, a message with a priority starts no worker that is scaled to zero.
        priority_separator: text between a queue's name and a priority: ``sep`` of Celery's
            ``broker_transport_options``. kombu's default has control characters.
        unacked_key: key of the unacknowledged messages: ``unacked_key`` of Celery's ``broker_transport_options``. All
            workers of a broker share the default one, and so are kept while any of them is busy; give each worker its
            own where that matters.
    """

    name: Annotated[str, AfterValidator(_is_worker_name)] = "worker"
    queues: Annotated[tuple[Annotated[str, AfterValidator(_is_queue_name)], ...], AfterValidator(_has_items)] = (
        "celery",
    )
    command: Command | None = None
    queue_length: Annotated[int, Field(ge=1)] = 10
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 2
    priorities: tuple[Annotated[int, Field(ge=1, le=255)], ...] = ()
    priority_separator: Annotated[str, Field(min_length=1)] = "\x06\x16"
    unacked_key: Annotated[str, AfterValidator(_is_queue_name)] = "unacked"


class BeatPlan(Section):
    """Celery's scheduler: exactly one replica where it is enabled.

    Attributes:
        enabled: whether beat runs.
        command: command of the container, in place of the image's ENTRYPOINT and CMD; unset: Celery's beat.
    """

    enabled: bool = False
    command: Command | None = None


class RegistryPlan(Section):
    """A private container registry, from which images are pulled with the apps' identity.

    Attributes:
        server: its login server, such as ``contoso.azurecr.io``.
        id: its resource id, the scope of the role AcrPull.
    """

    server: Annotated[str, AfterValidator(_is_registry_server)]
    id: Annotated[str, AfterValidator(_is_registry_id)]


class AlertsPlan(Section):
    """Who receives alerts about the caches.

    Attributes:
        emails: addresses that alerts are sent to; empty: no alerts are created.
    """

    emails: tuple[Annotated[str, AfterValidator(_is_email)], ...] = ()


@dataclass(frozen=True)
class Processes:
    """How the processes of an image run: an app each for web, every worker and, where it is enabled, beat."""

    web: WebPlan = field(default_factory=WebPlan)
    workers: Sequence[WorkerPlan] = field(default_factory=lambda: (WorkerPlan(),))
    beat: BeatPlan = field(default_factory=BeatPlan)


def workers_faults(at: str, workers: tuple[WorkerPlan, ...]) -> Iterator[Fault]:
    """Yield each worker's faults, and names that two apps of a stack would share."""
    seen = {"web": "web", "beat": "beat"}
    for index, worker in enumerate(workers):
        path = f"{at}[{index}]"
        yield from worker.faults(path)
        if worker.name in seen:
            other = seen[worker.name]
            rule = f"{other} already has this name"
            yield Fault(f"{path}.name", worker.name, rule, "choose another", (f"{other}.name",))
        seen.setdefault(worker.name, path)


def variables_faults(env: Mapping[str, str], secret_env: Mapping[str, SecretStr]) -> Iterator[Fault]:
    """Yield invalid, reserved and duplicate names of environment variables; no value is shown."""
    ours = {*VARIABLE_OF_SECRET.values(), *PLAIN_VARIABLES}
    our_secrets = [name.value for name in SecretName]
    for at, names in (("env", env), ("secretEnv", secret_env)):
        for name in names:
            path = f"{at}.{name}"
            if _VARIABLE.fullmatch(name) is None:
                remedy = "use letters, digits and underscores, not starting with a digit"
                yield Fault(path, None, "this is not a valid name of an environment variable", remedy)
            elif name in ours:
                yield Fault(path, None, "the stack sets this variable itself", "leave it out")
    by_secret: dict[str, str] = {}
    for name in secret_env:
        path, secret = f"secretEnv.{name}", secret_name(name)
        if _VARIABLE.fullmatch(name) is None or name in ours:
            continue  # reported above
        if not secret_env[name].get_secret_value():
            yield Fault(path, None, "the value is empty, which Azure refuses", "set a value, or leave it out")
        if name in env:
            yield Fault(path, None, "env has a variable of this name", "remove one of the two", (f"env.{name}",))
        if secret in our_secrets:
            yield Fault(path, None, f"its secret would be {secret}, which the stack already has", "choose another name")
        elif secret in by_secret:
            yield Fault(path, None, f"{by_secret[secret]} would share its secret {secret}", "choose another name")
        elif not 1 <= len(secret) <= SECRET_NAME_LIMIT:
            remedy = f"use at least one letter or digit, and at most {SECRET_NAME_LIMIT} characters"
            yield Fault(path, None, "no secret can be named after it", remedy)
        by_secret.setdefault(secret, path)


_IMAGE_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    # The first part may be a registry with its port; without a slash behind it, the same would be a tag.
    rf"{_IMAGE_PART}(?::[0-9]+(?=/))?(?:/{_IMAGE_PART})*"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?P<digest>@sha256:[0-9a-f]{64})?"
)


def image_faults(at: str, image: str) -> Iterator[Fault]:
    """Yield an invalid image reference, or one without tag and digest.

    Source: https://github.com/opencontainers/distribution-spec (pulling manifests).
    """
    match = _IMAGE.fullmatch(image)
    if match is None:
        yield Fault(at, image, "this is not an image reference", "for example contoso.azurecr.io/shop:1.4.2")
    elif not match["tag"] and not match["digest"]:
        rule = "it has neither tag nor digest, so two replicas could run two images"
        yield Fault(at, image, rule, f"for example {image}:1.4.2")


def worker_command(app: str, worker: WorkerPlan) -> tuple[str, ...]:
    """Return a worker's command: the configured one, or Celery's worker for its queues."""
    module = app.replace("-", "_")
    concurrency = ("--concurrency", str(worker.concurrency))
    queues = ("-Q", ",".join(worker.queues))
    return worker.command or ("celery", "-A", module, "worker", "--loglevel", "info", *concurrency, *queues)


def beat_command(app: str, beat: BeatPlan) -> tuple[str, ...]:
    """Return beat's command: the configured one, or Celery's beat with its schedule in a directory it can write to."""
    module = app.replace("-", "_")
    schedule = "/tmp/celerybeat-schedule"
    return beat.command or ("celery", "-A", module, "beat", "--loglevel", "info", "--schedule", schedule)
