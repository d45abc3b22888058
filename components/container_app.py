"""One container app: how its secrets, variables, probes and replicas become Azure's resource."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import app

from components.placement import Placement
from components.secrets_digest import secrets_digest

CONSUMPTION = "Consumption"
"""The workload profile that every environment here has."""

_DATA_VOLUME = "data"
_DATA_PATH = "/data"


@dataclass(frozen=True)
class AppSecret:
    """A secret of an app.

    Attributes:
        value: what it holds; needed also where the app gets only a reference, for the digest is made from it.
        variable: the variable that is set to it, if any.
        key_vault_uri: versioned address in a vault, where the app is to read it there; else the app holds the value.
    """

    value: pulumi.Input[str]
    variable: str | None = None
    key_vault_uri: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class Runtime:
    """What the apps of a stack have in common.

    Attributes:
        placement: resource group, region, tags.
        environment_id: resource id of the environment they run in.
        image: what they run, by tag or digest.
        identity_id: resource id of the identity they act as.
        registry_server: private registry that holds the image, if any.
        secrets: secrets by name.
        digest_key: key of the secrets' digest.
        env: variables by name, in the clear.
    """

    placement: Placement
    environment_id: pulumi.Input[str]
    image: str
    identity_id: pulumi.Input[str]
    registry_server: str | None
    secrets: Mapping[str, AppSecret]
    digest_key: pulumi.Input[str]
    env: Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True)
class Process:
    """What tells one app from another.

    Attributes:
        container: name of its container.
        command: what it runs; ``None``: the image's own command.
        cpu: cores of a replica.
        memory: memory of a replica, such as ``1Gi``.
        min_replicas: replicas that always run.
        max_replicas: replicas at the most.
        termination_grace_seconds: time to finish between being told to stop and being killed, in seconds.
        rules: scale rules beyond the default.
        ingress: how requests reach it, if they do.
        probes: how its health is asked for.
        init_command: what runs to its end before it starts, on the same data volume.
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
    name: str, app_name: str, runtime: Runtime, process: Process, opts: pulumi.ResourceOptions
) -> app.ContainerApp:
    """Make the container app ``app_name``.

    Its template carries a digest of its secrets: Azure makes a new revision only for a changed template, and restarts
    nothing for a changed secret. ``revisionSuffix`` is left to Azure, for a fixed one could not be used twice.
    """
    env = _variables(runtime)
    resources = app.ContainerResourcesArgs(cpu=process.cpu, memory=process.memory)
    mounts = [app.VolumeMountArgs(volume_name=_DATA_VOLUME, mount_path=_DATA_PATH)] if process.init_command else None
    return app.ContainerApp(
        name,
        container_app_name=app_name,
        resource_group_name=runtime.placement.resource_group_name,
        location=runtime.placement.location,
        tags=runtime.placement.tags,
        environment_id=runtime.environment_id,
        workload_profile_name=CONSUMPTION,
        identity=app.ManagedServiceIdentityArgs(
            type=app.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[runtime.identity_id]
        ),
        configuration=app.ConfigurationArgs(
            active_revisions_mode=app.ActiveRevisionsMode.SINGLE,
            ingress=process.ingress,
            registries=[app.RegistryCredentialsArgs(server=runtime.registry_server, identity=runtime.identity_id)]
            if runtime.registry_server
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
        opts=opts,
    )


def _secrets(runtime: Runtime) -> Sequence[app.SecretArgs]:
    """The app's secrets, sorted: Azure takes another order for a change."""
    return [
        app.SecretArgs(name=name, value=pulumi.Output.secret(secret.value))
        if secret.key_vault_uri is None
        else app.SecretArgs(name=name, key_vault_url=secret.key_vault_uri, identity=runtime.identity_id)
        for name, secret in sorted(runtime.secrets.items())
    ]


def _variables(runtime: Runtime) -> Sequence[app.EnvironmentVarArgs]:
    """The containers' variables, sorted: by value, by reference to a secret, and the digest of all secrets."""
    values = {name: secret.value for name, secret in runtime.secrets.items()}
    digest = pulumi.Output.all(runtime.digest_key, pulumi.Output.from_input(values)).apply(
        lambda args: secrets_digest(args[0], args[1])
    )
    plain: dict[str, pulumi.Input[str]] = {**runtime.env, "SECRETS_DIGEST": pulumi.Output.unsecret(digest)}
    variables = [app.EnvironmentVarArgs(name=name, value=value) for name, value in plain.items()]
    variables += [
        app.EnvironmentVarArgs(name=secret.variable, secret_ref=name)
        for name, secret in runtime.secrets.items()
        if secret.variable
    ]
    return sorted(variables, key=lambda variable: str(variable.name))
