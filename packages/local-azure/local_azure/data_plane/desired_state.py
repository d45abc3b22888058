"""What is to run, read from the resources: apps, their revisions, and what the containers of a template are to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_list, as_object, get
from local_azure.resource_types.container_apps import APP_TYPE, REVISION_TYPE
from local_azure.resource_types.container_apps.environments import subnet_of
from local_azure.resource_types.container_apps.revisions import mode_of
from local_azure.resource_types.container_apps.secret_values import environment_of, secret_values

GRACE_SECONDS = 30
"""https://learn.microsoft.com/azure/container-apps/application-lifecycle-management#shutdown"""
MOST_REPLICAS = 10
"""https://learn.microsoft.com/azure/container-apps/scale-app#scale-definition"""


@dataclass(frozen=True)
class VolumePlan:
    """A volume of a template."""

    name: str
    kind: str
    """`EmptyDir`, `Secret`, or the type of a storage of the environment: `AzureFile`, `NfsAzureFile`."""
    storage: str
    secrets: tuple[tuple[str, str], ...]
    """Pairs of a secret's name and its file's; none: every secret of the app, each in a file of its name."""


@dataclass(frozen=True)
class ContainerPlan:
    """A container of a template."""

    name: str
    image: str
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    variables: tuple[JsonObject, ...]
    """As in the template: a name, and a value or a secretRef."""
    mounts: tuple[tuple[str, str, str], ...]
    """Triples of a volume's name, the path it is mounted at, and the path within the volume."""
    probes: tuple[JsonObject, ...]


@dataclass(frozen=True)
class Share:
    """A part of an app's requests, as its ingress shares them out."""

    revision: str
    """Empty for the latest revision that is ready."""
    weight: int
    label: str


@dataclass(frozen=True)
class IngressPlan:
    """An app's ingress."""

    fqdn: str
    external: bool
    target_port: int
    """0: whatever port the app listens on."""
    transport: str
    shares: tuple[Share, ...]
    settings: Mapping[str, Any]
    """The whole, as the resource has it."""


@dataclass(frozen=True)
class RevisionPlan:
    """A revision."""

    id: ArmId
    active: bool
    created: str
    restarted: str
    """When a restart of its replicas was last requested; empty: never."""
    template: JsonObject

    @property
    def name(self) -> str:
        """Return the revision's name."""
        return self.id.name

    @property
    def least(self) -> int:
        """Return the minimum number of replicas."""
        return int(get(self.template, "scale.minReplicas", 0))

    @property
    def most(self) -> int:
        """Return the maximum number of replicas."""
        return max(int(get(self.template, "scale.maxReplicas", MOST_REPLICAS)), 1)

    @property
    def grace_seconds(self) -> float:
        """Return the seconds between a replica's SIGTERM and SIGKILL."""
        return float(get(self.template, "terminationGracePeriodSeconds", GRACE_SECONDS))

    @property
    def rules(self) -> tuple[JsonObject, ...]:
        """Return its scale rules, as in the template."""
        return tuple(as_object(rule) for rule in as_list(get(self.template, "scale.rules")))

    def containers(self, kind: Literal["containers", "initContainers"]) -> tuple[ContainerPlan, ...]:
        """Return its containers, or its init containers in their order."""
        return tuple(_container(as_object(item)) for item in as_list(get(self.template, kind)))

    @property
    def volumes(self) -> tuple[VolumePlan, ...]:
        """Return its volumes."""
        return tuple(_volume(as_object(volume)) for volume in as_list(get(self.template, "volumes")))


@dataclass(frozen=True)
class AppPlan:
    """An app, as it is to be now."""

    id: ArmId
    created: str
    """When it was made: another app that comes under its id later was made at another time."""
    environment: ArmId
    network: ArmId | None
    """The virtual network that it is in, if that is its owner's."""
    domain: str
    """What the environment's host names end with."""
    single: bool
    """Whether one revision is active at a time."""
    has_identity: bool
    latest: str
    """The newest revision's name."""
    ingress: IngressPlan | None
    revisions: tuple[RevisionPlan, ...]
    """All that there are, active or not, oldest first."""
    secrets: Mapping[str, str] = field(repr=False)
    """The values that its secrets have now, by their names."""

    @property
    def name(self) -> str:
        """Return the app's name."""
        return self.id.name

    @property
    def key(self) -> str:
        """Return an identifier that differs from that of every other app, present or deleted."""
        return f"{self.id.key}@{self.created}"

    def revision(self, name: str) -> RevisionPlan | None:
        """Return a revision by its name."""
        return next((item for item in self.revisions if item.name == name), None)

    def revision_fqdn(self, revision: str) -> str:
        """Return the host name of one revision; empty without an ingress."""
        return self._prefixed(revision)

    def label_fqdn(self, label: str) -> str:
        """Return the host name of a label: https://learn.microsoft.com/azure/container-apps/revisions#labels."""
        return self._prefixed(f"{self.name}---{label}")

    def _prefixed(self, first: str) -> str:
        return f"{first}{self.ingress.fqdn.removeprefix(self.name)}" if self.ingress else ""


def read_apps(transaction: Transaction) -> list[AppPlan]:
    """Return the desired state of every app."""
    return [plan for app in transaction.of_type(APP_TYPE) if (plan := _app(app, transaction))]


def _app(app: Resource, transaction: Transaction) -> AppPlan | None:
    environment = environment_of(app, transaction)
    if environment is None:
        return None
    subnet = subnet_of(environment)
    identity = as_object(app.body.get("identity"))
    revisions = sorted(transaction.of_type(REVISION_TYPE, app.id), key=lambda item: item.created_at)
    return AppPlan(
        id=app.id,
        created=app.created_at.isoformat(),
        environment=environment.id,
        network=subnet.parent if subnet else None,
        domain=str(environment.properties.get("defaultDomain", "")),
        single=mode_of(app.body) == "Single",
        has_identity=bool(identity) and str(identity.get("type", "None")) != "None",
        latest=str(app.properties["latestRevisionName"]),
        ingress=_ingress(as_object(get(app.body, "properties.configuration.ingress"))),
        revisions=tuple(_revision(revision) for revision in revisions),
        secrets=secret_values(app),
    )


def _ingress(ingress: JsonObject) -> IngressPlan | None:
    if not ingress:
        return None
    shares = [as_object(item) for item in as_list(ingress.get("traffic"))]
    return IngressPlan(
        fqdn=str(ingress["fqdn"]),
        external=bool(ingress.get("external")),
        target_port=int(ingress.get("targetPort") or 0),
        transport=str(ingress.get("transport") or "auto").lower(),
        shares=tuple(
            Share(
                "" if share.get("latestRevision") else str(share.get("revisionName") or ""),
                int(share.get("weight") or 0),
                str(share.get("label") or ""),
            )
            for share in shares
        ),
        settings=ingress,
    )


def _revision(revision: Resource) -> RevisionPlan:
    properties = revision.properties
    return RevisionPlan(
        revision.id,
        bool(properties.get("active")),
        str(properties.get("createdTime", "")),
        str(properties.get("restartedTime", "")),
        as_object(properties.get("template")),
    )


def _container(container: JsonObject) -> ContainerPlan:
    mounts = [as_object(mount) for mount in as_list(container.get("volumeMounts"))]
    return ContainerPlan(
        name=str(container["name"]),
        image=str(container["image"]),
        command=tuple(map(str, as_list(container.get("command")))),
        arguments=tuple(map(str, as_list(container.get("args")))),
        variables=tuple(as_object(item) for item in as_list(container.get("env"))),
        mounts=tuple(
            (str(mount["volumeName"]), str(mount["mountPath"]), str(mount.get("subPath") or "")) for mount in mounts
        ),
        probes=tuple(as_object(probe) for probe in as_list(container.get("probes"))),
    )


def _volume(volume: JsonObject) -> VolumePlan:
    secrets = [as_object(secret) for secret in as_list(volume.get("secrets"))]
    return VolumePlan(
        str(volume["name"]),
        str(volume.get("storageType") or "EmptyDir"),
        str(volume.get("storageName") or ""),
        tuple((str(secret["secretRef"]), str(secret.get("path") or secret["secretRef"])) for secret in secrets),
    )
