"""Create the Container Apps environment and its apps: web, workers and beat."""

import dataclasses
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_azure_native import app

from components.app_plan import BeatPlan, Processes, WebPlan, WorkerPlan, beat_command, worker_command
from components.container_app import CONSUMPTION, Process, Runtime, container_app
from components.placement import Placement
from components.redis_caches import QueueAddress
from components.scale_rules import CELERY_KEY_PREFIX, queue_rules
from components.secret_names import SecretName
from components.stack_names import StackNames

REDIS_KEY_PREFIX = "cache"
"""Prefix of the cache's keys, to separate them from the queue's in a shared database."""

_WEB_TERMINATION_GRACE_SECONDS = 30
_WORKER_TERMINATION_GRACE_SECONDS = 120

_BEAT_CPU, _BEAT_MEMORY = 0.25, "0.5Gi"


class ContainerApps(pulumi.ComponentResource):
    """A Container Apps environment in its own subnet, and the apps of one image.

    Attributes:
        environment_id: resource id of the environment.
        image: container image of the apps.
        web_host_name: host name of web.
        web_url: URL of web.
        readiness_url: URL of web's readiness check.
        web: the app that serves HTTP requests.
        workers: the Celery workers, by the name in their plan.
        beat: Celery's scheduler, if it is enabled.
    """

    environment_id: pulumi.Output[str]
    image: str
    web_host_name: pulumi.Output[str]
    web_url: pulumi.Output[str]
    readiness_url: pulumi.Output[str]
    web: app.ContainerApp
    workers: Mapping[str, app.ContainerApp]
    beat: app.ContainerApp | None

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        names: StackNames,
        subnet_id: pulumi.Input[str],
        runtime: Runtime,
        processes: Processes,
        queue: QueueAddress,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the environment, and in it the apps.

        Args:
            name: Pulumi's name of the component.
            placement: resource group, region, tags, zone redundancy.
            names: Azure's names of environment and apps.
            subnet_id: subnet of the environment, delegated to it, of /27 or larger.
            runtime: what the apps have in common; the environment does not wait for its ``depends_on``.
            processes: how web, workers and beat run.
            queue: address of the queues, for KEDA.
            opts: as for every resource.
        """
        super().__init__("django-aca:container_apps:ContainerApps", name, None, opts)
        web = processes.web
        environment = app.ManagedEnvironment(
            f"{name}-environment",
            environment_name=names.common("cae"),
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            vnet_configuration=app.VnetConfigurationArgs(infrastructure_subnet_id=subnet_id, internal=False),
            workload_profiles=[app.WorkloadProfileArgs(name=CONSUMPTION, workload_profile_type=CONSUMPTION)],
            peer_traffic_configuration=app.ManagedEnvironmentPeerTrafficConfigurationArgs(
                encryption=app.ManagedEnvironmentEncryptionArgs(enabled=True)
            ),
            # Logs leave by a diagnostic setting, which takes no shared key of the workspace.
            app_logs_configuration=app.AppLogsConfigurationArgs(destination="azure-monitor"),
            zone_redundant=placement.zone_redundant,
            opts=pulumi.ResourceOptions(parent=self),
        )
        label = names.container_app() if web.external else f"{names.container_app()}.internal"
        self.environment_id = environment.id
        self.web_host_name = pulumi.Output.concat(label, ".", environment.default_domain)
        self.web_url = pulumi.Output.concat("https://", self.web_host_name)
        self.readiness_url = pulumi.Output.concat(self.web_url, web.readiness_path)
        self.image = runtime.image
        worker_runtime = dataclasses.replace(
            runtime,
            env={
                "ALLOWED_HOSTS": _join(self.web_host_name, web.hosts),
                "CELERY_KEY_PREFIX": CELERY_KEY_PREFIX,
                "CSRF_TRUSTED_ORIGINS": _join(self.web_host_name, web.hosts, "https://"),
                "REDIS_KEY_PREFIX": REDIS_KEY_PREFIX,
                **runtime.env,
            },
        )
        # Only the scaler reads the raw key, so only the workers, which it scales, hold it.
        web_runtime = dataclasses.replace(worker_runtime, secrets=runtime.secrets.without(SecretName.REDIS_KEY))

        def make(role: str, app_name: str, runtime: Runtime, process: Process) -> app.ContainerApp:
            return container_app(
                f"{name}-{role}",
                placement=placement,
                environment_id=environment.id,
                app_name=app_name,
                runtime=runtime,
                process=process,
                parent=self,
            )

        self.web = make("web", names.container_app(), web_runtime, _web(web, self.web_host_name))
        self.workers = {
            plan.name: make(
                plan.name, names.container_app(plan.name), worker_runtime, _worker(runtime.application, plan, queue)
            )
            for plan in processes.workers
        }
        self.beat = (
            make("beat", names.container_app("beat"), web_runtime, _beat(runtime.application, processes.beat))
            if processes.beat.enabled
            else None
        )
        self.register_outputs({"environmentId": self.environment_id, "webHostName": self.web_host_name})

    @property
    def all(self) -> Sequence[app.ContainerApp]:
        """Return every app: web, workers and, if it is enabled, beat."""
        return [self.web, *self.workers.values(), *([self.beat] if self.beat else [])]


def _join(own: pulumi.Output[str], hosts: Sequence[str], scheme: str = "") -> pulumi.Output[str]:
    return own.apply(lambda host: ",".join(f"{scheme}{name}" for name in (host, *hosts)))


def _web(plan: WebPlan, host_name: pulumi.Input[str]) -> Process:
    def probe(kind: app.Type, path: str, period: int, failures: int) -> app.ContainerAppProbeArgs:
        return app.ContainerAppProbeArgs(
            type=kind,
            http_get=app.ContainerAppProbeHttpGetArgs(
                path=path,
                port=plan.target_port,
                # A probe's default Host header is the replica's address, which Django's ALLOWED_HOSTS refuses.
                http_headers=[app.ContainerAppProbeHttpHeadersArgs(name="Host", value=host_name)],
            ),
            period_seconds=period,
            timeout_seconds=5,
            failure_threshold=failures,
        )

    return Process(
        container="web",
        command=plan.command,
        cpu=plan.cpu,
        memory=plan.memory,
        min_replicas=plan.min_replicas,
        max_replicas=plan.max_replicas,
        termination_grace_seconds=_WEB_TERMINATION_GRACE_SECONDS,
        ingress=app.IngressArgs(external=plan.external, target_port=plan.target_port, allow_insecure=False),
        probes=[
            # Readiness is checked at start-up only: later, a short outage of the cache would take every replica out of
            # the ingress at once.
            probe(app.Type.STARTUP, plan.readiness_path, period=4, failures=25),
            probe(app.Type.READINESS, plan.liveness_path, period=10, failures=3),
            probe(app.Type.LIVENESS, plan.liveness_path, period=10, failures=6),
        ],
        init_command=plan.init_command,
    )


def _worker(application: str, plan: WorkerPlan, queue: QueueAddress) -> Process:
    return Process(
        container="worker",
        command=worker_command(application, plan),
        cpu=plan.cpu,
        memory=plan.memory,
        min_replicas=plan.min_replicas,
        max_replicas=plan.max_replicas,
        termination_grace_seconds=_WORKER_TERMINATION_GRACE_SECONDS,
        rules=queue_rules(queue, plan),
    )


def _beat(application: str, plan: BeatPlan) -> Process:
    return Process(
        container="beat",
        command=beat_command(application, plan),
        cpu=_BEAT_CPU,
        memory=_BEAT_MEMORY,
        # Two schedulers would send every task twice.
        min_replicas=1,
        max_replicas=1,
        termination_grace_seconds=_WEB_TERMINATION_GRACE_SECONDS,
    )
