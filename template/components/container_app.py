"""Create a container app from its secrets, environment variables, probes and scale rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_azure_native import app

from components.app_plan import RegistryPlan
from components.app_secrets import AppSecrets
from components.placement import Placement

CONSUMPTION = "Consumption"
"""Name and type of the workload profile of every environment."""

_DATA_VOLUME = "data"
_DATA_PATH = "/data"


@dataclass(frozen=True)
class Runtime:
    """What the apps of a stack have in common.

    Attributes:
        application: Python module whose Celery application workers and beat run by default.
        image: container image, with a tag or digest.
        identity_id: resource id of their user-assigned identity.
        secrets: their secrets.
        env: environment variables by name, in plain text.
        registry: private registry that holds the image; ``None``: the image is public.
        depends_on: resources that must exist before an app starts: DNS records, roles in force.
    """

    application: str
    image: str
    identity_id: pulumi.Input[str]
    secrets: AppSecrets
    env: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    registry: RegistryPlan | None = None
    depends_on: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True)
class Process:
    """How one app runs.

    Attributes:
        container: name of its container.
        command: command of the container; ``None``: that of the image.
        cpu: vCPU cores of a replica.
        memory: memory of a replica, such as ``1Gi``.
        min_replicas: minimum number of replicas.
        max_replicas: maximum number of replicas.
        termination_grace_seconds: time for graceful shutdown between SIGTERM and SIGKILL, in seconds.
        rules: scale rules; none: Azure's default HTTP rule.
        ingress: ingress; ``None``: it receives no requests.
        probes: health probes.
        init_command: command of an init container on the same data volume; ``None``: there is none.
    """

    container: str
    command: Sequence[str] | None
    cpu: float
    memory: str
    min_replicas: int
    max_replicas: int
    termination_grace_seconds: int
    rules: Sequence[app.ScaleRuleArgs] = ()
    ingress: app.IngressArgs | None = None
    probes: Sequence[app.ContainerAppProbeArgs] = ()
    init_command: Sequence[str] | None = None


def container_app(
    name: str,
    *,
    placement: Placement,
    environment_id: pulumi.Input[str],
    app_name: str,
    runtime: Runtime,
    process: Process,
    parent: pulumi.Resource,
) -> app.ContainerApp:
    """Create the container app ``app_name`` in an environment.

    Its template contains a digest of its secrets: Azure creates a new revision only for a changed template, and does
    not restart replicas for a changed secret. Azure chooses ``revisionSuffix``: a fixed one could not be used twice.
    """
    env = _variables(runtime)
    resources = app.ContainerResourcesArgs(cpu=process.cpu, memory=process.memory)
    mounts = [app.VolumeMountArgs(volume_name=_DATA_VOLUME, mount_path=_DATA_PATH)] if process.init_command else None
    return app.ContainerApp(
        name,
        container_app_name=app_name,
        resource_group_name=placement.resource_group_name,
        location=placement.location,
        tags=placement.tags,
        environment_id=environment_id,
        workload_profile_name=CONSUMPTION,
        identity=app.ManagedServiceIdentityArgs(
            type=app.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[runtime.identity_id]
        ),
        configuration=app.ConfigurationArgs(
            active_revisions_mode=app.ActiveRevisionsMode.SINGLE,
            ingress=process.ingress,
            registries=[app.RegistryCredentialsArgs(server=runtime.registry.server, identity=runtime.identity_id)]
            if runtime.registry
            else None,
            secrets=_secrets(runtime),
        ),
        template=app.TemplateArgs(
            init_containers=[
                app.InitContainerArgs(
                    name="migrate",
                    image=runtime.image,
                    command=process.init_command,
                    env=env,
                    resources=resources,
                    volume_mounts=mounts,
                )
            ]
            if process.init_command
            else None,
            containers=[
                app.ContainerArgs(
                    name=process.container,
                    image=runtime.image,
                    command=process.command,
                    env=env,
                    resources=resources,
                    probes=process.probes or None,
                    volume_mounts=mounts,
                )
            ],
            scale=app.ScaleArgs(
                min_replicas=process.min_replicas, max_replicas=process.max_replicas, rules=process.rules or None
            ),
            termination_grace_period_seconds=process.termination_grace_seconds,
            volumes=[app.VolumeArgs(name=_DATA_VOLUME, storage_type=app.StorageType.EMPTY_DIR)]
            if process.init_command
            else None,
        ),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=runtime.depends_on),
    )


def _secrets(runtime: Runtime) -> Sequence[app.SecretArgs]:
    """Return the app's secrets, sorted: Azure treats another order as a change."""
    return [
        app.SecretArgs(name=name, value=pulumi.Output.secret(secret.value))
        if secret.key_vault_uri is None
        else app.SecretArgs(name=name, key_vault_url=secret.key_vault_uri, identity=runtime.identity_id)
        for name, secret in sorted(runtime.secrets.by_name.items())
    ]


def _variables(runtime: Runtime) -> Sequence[app.EnvironmentVarArgs]:
    """Return the containers' environment variables, sorted: values, references to secrets, and the secrets' digest."""
    plain: dict[str, pulumi.Input[str]] = {**runtime.env, "SECRETS_DIGEST": runtime.secrets.digest}
    variables = [app.EnvironmentVarArgs(name=name, value=value) for name, value in plain.items()]
    variables += [
        app.EnvironmentVarArgs(name=secret.variable, secret_ref=name)
        for name, secret in runtime.secrets.by_name.items()
        if secret.variable
    ]
    return sorted(variables, key=lambda variable: str(variable.name))
