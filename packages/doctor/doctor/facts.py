"""Define the facts of a deployed stack. What could not be read is `Absent`, with the reason.

Names of Azure's own fields are kept where they are values: ``Approved``, ``Running``, ``Disabled``. Resource ids are in
lower case, so that they can be compared: Azure spells one id in several ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import SecretStr


@dataclass(frozen=True)
class Absent:
    """A fact that could not be read, and why.

    Attributes:
        reason: why.
        gone: whether it is known not to exist.
    """

    reason: str
    gone: bool = False


class Service(StrEnum):
    """The two Redis services."""

    MANAGED = "managed"
    CLASSIC = "classic"


@dataclass(frozen=True)
class Address:
    """A host name and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Stack:
    """The stack's outputs.

    Attributes:
        name: the stack's name.
        group_id: resource id of its resource group, as Azure spells it.
        redis: address of the cache.
        broker: address of the cache that holds the queue.
        vault_uri: address of its vault.
        readiness_url: address of the web app's readiness check.
        missing: names of the outputs that it does not have: its first deployment did not finish. All but `name` and
            `group_id` are empty then.
    """

    name: str
    group_id: str
    redis: Address
    broker: Address
    vault_uri: str
    readiness_url: str
    missing: tuple[str, ...] = ()


# -- the network


@dataclass(frozen=True)
class Environment:
    """The Container Apps environment.

    Attributes:
        id: resource id.
        subnet_id: subnet that it is in; empty outside any network.
        peers: networks joined to the one of that subnet by a peering that is connected.
        delegated: whether the subnet is delegated to Container Apps.
    """

    id: str
    subnet_id: str
    peers: frozenset[str] | Absent = frozenset()
    delegated: bool | Absent = True

    @property
    def network_id(self) -> str:
        """The virtual network; empty outside any."""
        return network_of(self.subnet_id)


@dataclass(frozen=True)
class Endpoint:
    """A private endpoint, with its connection to one target.

    Attributes:
        id: resource id.
        target_id: resource id of its target.
        connection_id: the target's side of the connection: what an owner approves.
        groups: sub-resources of the target that it connects to.
        status: ``Approved``, ``Pending``, ``Rejected``, ``Disconnected``.
        subnet_id: subnet of its address.
        addresses: its private addresses.
        zone_ids: zones in which it keeps its records.
        zone_group_ids: what keeps them there.
    """

    id: str
    target_id: str
    groups: Sequence[str]
    status: str
    subnet_id: str
    addresses: frozenset[str] | Absent
    zone_ids: Sequence[str] | Absent
    zone_group_ids: Sequence[str]
    connection_id: str

    @property
    def name(self) -> str:
        """Its name."""
        return name_of(self.id)

    @property
    def network_id(self) -> str:
        """The virtual network of its address."""
        return network_of(self.subnet_id)


@dataclass(frozen=True)
class Zone:
    """A private DNS zone.

    Attributes:
        id: resource id.
        networks: virtual networks it is linked to.
        records: addresses by the name of their record.
    """

    id: str
    networks: frozenset[str] | Absent
    records: Mapping[str, frozenset[str]] | Absent

    @property
    def name(self) -> str:
        """Its name, such as ``privatelink.redis.azure.net``."""
        return name_of(self.id)


@dataclass(frozen=True)
class Network:
    """The network between the apps and their services."""

    environment: Environment | Absent
    endpoints: Sequence[Endpoint] | Absent
    zones: Sequence[Zone] | Absent


# -- what the apps call


@dataclass(frozen=True)
class Cache:
    """A Redis of either service.

    Attributes:
        id: resource id: on managed that of the cluster.
        service: which of the two it is.
        address: host name and TLS port.
        size: its SKU, such as ``Balanced_B0`` or ``Basic_C0``.
        replicated: whether it has a replica: high availability on managed, a size other than Basic on classic. A resize
            without one loses all data.
        state: Azure's word for whether it runs; ``Succeeded`` or ``Running`` when it does.
        clustering: its clustering policy, such as ``NoCluster``; on classic the number of its shards, where it has any.
        public_access: whether the internet reaches it.
        tls_version: the lowest that it accepts, such as ``1.2``.
        plaintext: whether it also takes connections without TLS.
        keys_enabled: whether access keys are accepted.
        databases: number of its databases.
        eviction_policy: what it does when its memory is full.
        memory_used: used memory in percent of what it has, lately.
        connections: how many clients were connected, lately.
        most_connections: how many its size allows; None where that is not known.
        keyed_id: resource id of what accepts the keys: on managed that of the database.
        keys: its access keys by their names, ``primary`` and ``secondary``.
    """

    id: str
    service: Service
    address: Address
    size: str
    replicated: bool
    state: str
    clustering: str
    public_access: bool
    tls_version: str
    plaintext: bool
    keys_enabled: bool
    databases: int
    eviction_policy: str
    memory_used: float | Absent
    connections: float | Absent
    most_connections: int | None
    keyed_id: str
    keys: Mapping[str, SecretStr] | Absent

    @property
    def name(self) -> str:
        """Its name."""
        return name_of(self.id)

    @property
    def failed(self) -> bool:
        """Whether Azure could not create or change it: ``Failed``, ``CreateFailed``, ``ScalingFailed``."""
        return self.state.endswith("Failed")


@dataclass(frozen=True)
class Vault:
    """A key vault.

    Attributes:
        id: resource id.
        uri: address of its data plane.
        public_access: whether the internet reaches it.
    """

    id: str
    uri: str
    public_access: bool

    @property
    def name(self) -> str:
        """Its name."""
        return name_of(self.id)


# -- the apps


@dataclass(frozen=True)
class VaultReference:
    """A reference of an app to a secret of a vault.

    Attributes:
        url: address of the secret, with its version where one is named.
        principal: object id of the identity that reads it; empty where the app has no such identity.
        exists: whether the vault has it.
        enabled: whether that version may be read.
        created: when that version was made.
        permitted: whether a role or a policy lets the identity read it.
    """

    url: str
    principal: str
    exists: bool | Absent
    enabled: bool | Absent
    created: datetime | Absent
    permitted: bool | Absent

    @property
    def name(self) -> str:
        """Name of the secret in the vault."""
        return self.url.partition("/secrets/")[2].partition("/")[0]

    @property
    def versioned(self) -> bool:
        """Whether it names a version of the secret."""
        return bool(self.url.partition("/secrets/")[2].partition("/")[2].strip("/"))


@dataclass(frozen=True)
class Secret:
    """A secret of an app.

    Attributes:
        name: its name in the app.
        reference: where the app reads it, where it does not hold the value itself.
        value: what it holds.
    """

    name: str
    reference: VaultReference | None
    value: SecretStr | Absent


@dataclass(frozen=True)
class Variable:
    """A variable of a container: set to a secret, or (no secret) by value."""

    container: str
    name: str
    secret: str | None


@dataclass(frozen=True)
class Container:
    """A container of a replica."""

    name: str
    started: bool
    ready: bool
    restarts: int
    state: str
    details: str = ""


@dataclass(frozen=True)
class Replica:
    """A replica of a revision."""

    name: str
    created: datetime | None
    state: str
    containers: Sequence[Container]


@dataclass(frozen=True)
class Revision:
    """A revision of an app.

    Attributes:
        name: its name.
        created: when it was made.
        running: Azure's ``runningState``.
        health: Azure's ``healthState``.
        provisioning: Azure's ``provisioningState``.
        error: why it could not be provisioned.
        replica_count: how many replicas Azure says it has.
        replicas: its replicas.
    """

    name: str
    created: datetime | None
    running: str
    health: str
    provisioning: str
    error: str
    replica_count: int
    replicas: Sequence[Replica] | Absent


class Symptom(StrEnum):
    """Why an app cannot use Redis, in the words that its log has for it.

    Of a key that Redis refuses (``auth``) the workload also says what is wrong with it.
    """

    DNS = "dns"
    TIMEOUT = "timeout"
    TLS = "tls"
    AUTH = "auth"
    DATABASE = "database"
    FULL = "full"
    CONNECTIONS = "connections, the server takes no more"
    READ_ONLY = "readonly, the server takes no writes"
    LOADING = "loading, the server has restarted"
    CANNOT_SAVE = "misconf, the server cannot save its data"
    CLUSTERED = "clustered, the server is a cluster"
    CERTIFICATE_RULE = "ssl_cert_reqs"
    KEY_MISSING = "auth, no access key in the URL"
    KEY_NOT_ENCODED = "auth, the access key is not percent-encoded in the URL"
    KEY_NOT_CURRENT = "auth, the server does not know the access key in the URL"


@dataclass(frozen=True)
class LoggedSymptom:
    """The last thing that a replica's log says about Redis: what fails, or that it works.

    Attributes:
        symptom: what fails; None where Redis answers.
        ready: whether the replica gets requests.
        at: when that was written; None where the line does not say.
    """

    symptom: Symptom | None
    ready: bool = True
    at: datetime | None = None


@dataclass(frozen=True)
class Event:
    """An entry of an app's system log.

    Attributes:
        moment: when it happened; None where that cannot be read.
        revision: name of the revision that it concerns; empty for the app.
        replica: name of the replica that it concerns; empty for the revision.
        reason: one word, such as ``KEDAScalerFailed`` or ``ContainerTerminated``.
        message: what happened, in Azure's words.
    """

    moment: datetime | None
    revision: str
    replica: str
    reason: str
    message: str


@dataclass(frozen=True)
class ScaleRule:
    """A scale rule.

    Attributes:
        name: its name.
        type: KEDA's type, such as ``redis``.
        identity: the managed identity that it signs in with; empty for none.
    """

    name: str
    type: str
    identity: str


@dataclass(frozen=True)
class App:
    """A container app.

    Attributes:
        id: resource id.
        secrets: its secrets.
        containers: names of its containers, init containers among them.
        variables: the variables of its containers.
        state: Azure's ``provisioningState``.
        min_replicas: replicas that always run.
        host: name under which it is served; empty without an ingress.
        external: whether the internet reaches it.
        modified: when it was last changed.
        latest: name of its latest revision.
        latest_ready: name of its latest revision that was ready.
        revisions: its revisions that are active or have replicas, and the latest.
        logged: the last thing that the log of the latest revision says of Redis; None where it says nothing.
        rules: its scale rules.
        commands: what each container runs, by the container's name; empty for the image's own command.
        commands_of: the same of its revisions, by their names.
        grace_seconds: time between SIGTERM and SIGKILL when a replica ends.
        events: its system log.
    """

    id: str
    secrets: Sequence[Secret]
    containers: Sequence[str]
    variables: Sequence[Variable]
    state: str
    min_replicas: int
    host: str
    external: bool
    modified: datetime | None
    latest: str
    latest_ready: str
    revisions: Sequence[Revision] | Absent
    logged: LoggedSymptom | Absent | None
    rules: Sequence[ScaleRule] = ()
    commands: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    commands_of: Mapping[str, Mapping[str, Sequence[str]]] = field(
        default_factory=dict[str, Mapping[str, Sequence[str]]]
    )
    grace_seconds: int = 30
    events: Sequence[Event] | Absent = ()

    @property
    def name(self) -> str:
        """Its name."""
        return name_of(self.id)

    def secret(self, name: str) -> Secret | None:
        """Return the secret of a name."""
        return next((one for one in self.secrets if one.name == name), None)

    def latest_revision(self) -> Revision | None:
        """Return its latest revision; None where the revisions are unknown."""
        if isinstance(self.revisions, Absent):
            return None
        return next((one for one in self.revisions if one.name == self.latest), None)


@dataclass(frozen=True)
class Readiness:
    """The answer of the web app's readiness check.

    Attributes:
        status: HTTP status.
        checks: its checks by their names; empty where the answer is not the app's own.
    """

    status: int
    checks: Mapping[str, bool]


@dataclass(frozen=True)
class Unanswered:
    """The app's address did not answer, and the fault is not the doctor's network."""

    reason: str


@dataclass(frozen=True)
class Facts:
    """All facts of a stack.

    ``redis`` and ``broker`` are the same cache unless the queue has one of its own.
    """

    stack: Stack
    network: Network
    redis: Cache | Absent
    broker: Cache | Absent
    vault: Vault | Absent
    apps: Sequence[App]
    readiness: Readiness | Unanswered | Absent

    @property
    def caches(self) -> Sequence[Cache]:
        """The caches that are known, each once."""
        found = [one for one in (self.redis, self.broker) if isinstance(one, Cache)]
        return [one for index, one in enumerate(found) if one.id not in {other.id for other in found[:index]}]

    @property
    def web(self) -> App | None:
        """The app that answers at the stack's address."""
        host = self.stack.readiness_url.partition("://")[2].partition("/")[0].lower()
        return next((app for app in self.apps if app.host.lower() == host), None)

    @property
    def uses_vault(self) -> bool:
        """Whether an app reads a secret from the vault."""
        return any(secret.reference for app in self.apps for secret in app.secrets)


def name_of(resource_id: str) -> str:
    """Return the last segment of a resource id."""
    return resource_id.rsplit("/", 1)[-1]


def network_of(subnet_id: str) -> str:
    """Return the id of the virtual network of a subnet; empty for none."""
    return subnet_id.rpartition("/subnets/")[0]
