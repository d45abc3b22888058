"""The Container Apps environment and what runs in it: web, workers, and beat."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import pulumi
from pulumi_azure_native import app

from components.app_plan import BeatPlan, WebPlan, WorkerPlan, beat_command, worker_command
from components.container_app import CONSUMPTION, AppSecret, Process, Runtime, container_app
from components.placement import Placement
from components.scale_rules import CELERY_KEY_PREFIX, QUEUE_KEY, QueueAddress, queue_rules

REDIS_KEY_PREFIX = "cache"
"""Prefix of the cache's keys, which sets them apart from the queue's on a shared database."""

_WEB_TERMINATION_GRACE_SECONDS = 30
_WORKER_TERMINATION_GRACE_SECONDS = 120

_BEAT_CPU, _BEAT_MEMORY = 0.25, "0.5Gi"


class ContainerApps(pulumi.ComponentResource):
    """An environment in its own subnet, and the apps of one image.

    Attributes:
        environment_id: resource id of the environment.
        web_host_name: the name under which Azure serves web.
        web: the app that answers requests.
        workers: the apps that work off queues, by their plan's name.
        beat: Celery's scheduler, where it is enabled.
    """

    environment_id: pulumi.Output[str]
    web_host_name: pulumi.Output[str]
    web: app.ContainerApp
    workers: Mapping[str, app.ContainerApp]
    beat: app.ContainerApp | None

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        environment_name: pulumi.Input[str],
        app_name: Callable[[str], str],
        subnet_id: pulumi.Input[str],
        application: str,
        image: str,
        identity_id: pulumi.Input[str],
        secrets: Mapping[str, AppSecret],
        digest_key: pulumi.Input[str],
        queue: QueueAddress,
        web: WebPlan | None = None,
        workers: Sequence[WorkerPlan] = (WorkerPlan(),),
        beat: BeatPlan | None = None,
        registry_server: str | None = None,
        env: Mapping[str, str] | None = None,
        zone_redundant: bool = False,
        apps_depend_on: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the environment, and in it the apps.

        Args:
            name: Pulumi's name of the component.
            placement: resource group, region, tags.
            environment_name: Azure's name of the environment.
            app_name: gives Azure's name of an app by its role: empty for web, a worker's name, ``beat``.
            subnet_id: subnet of the environment, delegated to it, of /27 or larger.
            application: module whose Celery application workers and beat run by default.
            image: what all of them run, by tag or digest.
            identity_id: resource id of the identity they act as.
            secrets: secrets by name; ``redis-key`` goes to the workers alone.
            digest_key: key of the digest that makes a new revision of a changed secret.
            queue: where the broker keeps its messages.
            web: how web runs.
            workers: how the workers run.
            beat: whether and how beat runs.
            registry_server: private registry that holds the image.
            env: variables of every container, in the clear.
            zone_redundant: spread the environment over availability zones; cannot be changed afterwards.
            apps_depend_on: what must be there before an app starts: DNS records, roles in force. The environment does
                not wait for it.
            opts: as for every resource.
        """
        super().__init__("django-aca:container_apps:ContainerApps", name, None, opts)
        web, beat = web or WebPlan(), beat or BeatPlan()
        environment = app.ManagedEnvironment(
            f"{name}-environment",
            environment_name=environment_name,
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
            zone_redundant=zone_redundant,
            opts=pulumi.ResourceOptions(parent=self),
        )
        label = app_name("") if web.external else f"{app_name('')}.internal"
        self.environment_id = environment.id
        self.web_host_name = pulumi.Output.concat(label, ".", environment.default_domain)
        runtime = Runtime(
            placement=placement,
            environment_id=environment.id,
            image=image,
            identity_id=identity_id,
            registry_server=registry_server,
            secrets={key: secret for key, secret in secrets.items() if key != QUEUE_KEY},
            digest_key=digest_key,
            env={
                "ALLOWED_HOSTS": _join(self.web_host_name, web.hosts),
                "CELERY_KEY_PREFIX": CELERY_KEY_PREFIX,
                "CSRF_TRUSTED_ORIGINS": _join(self.web_host_name, web.hosts, "https://"),
                "REDIS_KEY_PREFIX": REDIS_KEY_PREFIX,
                **(env or {}),
            },
        )
        worker_runtime = dataclasses.replace(runtime, secrets=secrets)
        child = pulumi.ResourceOptions(parent=self, depends_on=apps_depend_on)
        self.web = container_app(f"{name}-web", app_name(""), runtime, _web(web, self.web_host_name), child)
        self.workers = {
            worker.name: container_app(
                f"{name}-{worker.name}",
                app_name(worker.name),
                worker_runtime,
                _worker(application, worker, queue),
                child,
            )
            for worker in workers
        }
        self.beat = (
            container_app(f"{name}-beat", app_name("beat"), runtime, _beat(application, beat), child)
            if beat.enabled
            else None
        )
        self.register_outputs({"environmentId": self.environment_id, "webHostName": self.web_host_name})


def _join(own: pulumi.Output[str], hosts: Sequence[str], scheme: str = "") -> pulumi.Output[str]:
    return own.apply(lambda host: ",".join(f"{scheme}{name}" for name in (host, *hosts)))


def _web(plan: WebPlan, host_name: pulumi.Input[str]) -> Process:
    def probe(kind: app.Type, path: str, period: int, failures: int) -> app.ContainerAppProbeArgs:
        return app.ContainerAppProbeArgs(
            type=kind,
            http_get=app.ContainerAppProbeHttpGetArgs(
                path=path,
                port=plan.target_port,
                # A probe asks by the replica's address, which Django's ALLOWED_HOSTS refuses.
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
            # Readiness gates the revision at its start only: were it asked for later on, a blip of the cache would
            # take every replica out of the ingress at once.
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
        rules=queue_rules(queue, plan.queues, plan.queue_length),
    )


def _beat(application: str, plan: BeatPlan) -> Process:
    return Process(
        container="beat",
        command=beat_command(application, plan),
        cpu=_BEAT_CPU,
        memory=_BEAT_MEMORY,
        # Two schedulers would send every task twice; none would send nothing.
        min_replicas=1,
        max_replicas=1,
        termination_grace_seconds=_WEB_TERMINATION_GRACE_SECONDS,
    )
