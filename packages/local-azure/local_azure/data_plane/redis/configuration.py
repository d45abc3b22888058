"""The configuration that a redis-server is started with. It holds the keys as hashes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_azure.data_plane.redis.desired_state import RedisPlan

ADMINISTRATOR = "local-azure"
"""The user by whom the data plane changes a running server."""
BUS = 0
"""The key of the port by which the servers of a cluster talk to each other; Azure shows none."""


@dataclass(frozen=True)
class Administration:
    """How the data plane alone changes a running server. Made anew for each start."""

    password_hash: str
    renamed: Mapping[str, str]
    """The names, which cannot be guessed, of commands that do not exist for clients."""


@dataclass(frozen=True)
class ServerFiles:
    """What a server reads and writes."""

    directory: Path
    certificate: Path
    certificate_key: Path


def user_rules(plan: RedisPlan) -> list[str]:
    """Return what the only user of a cache may do, and with which keys: `ACL SETUSER default reset ...`.

    Of the commands that manage the server only those that read are permitted.
    """
    commands = (
        "+@all",
        *("-acl", "+acl|cat", "+acl|whoami"),
        *("-module", "+module|list"),
        "-cluster",
        *(f"+cluster|{name}" for name in _cluster_commands(plan)),
    )
    state = "on" if plan.key_hashes else "off"
    return [state, *(f"#{key_hash}" for key_hash in plan.key_hashes), "~*", "&*", *commands]


def _cluster_commands(plan: RedisPlan) -> tuple[str, ...]:
    """Return the cluster commands that clients may use."""
    if plan.clustering == "EnterpriseCluster":
        return ()  # it looks like one server
    seen = ("countkeysinslot", "getkeysinslot", "info", "keyslot", "myid", "nodes", "replicas", "slaves", "slots")
    return (*seen, "shards") if plan.is_cluster else seen


def configuration(
    plan: RedisPlan, number: int, administration: Administration, files: ServerFiles, ports: Mapping[int, int]
) -> str:
    """Return the text of the configuration file of one of the cache's servers, counted from 0.

    `ports` has the local port for each of Azure's, at `BUS` that of the cluster.
    """
    lines: list[tuple[str, ...]] = [
        ("bind", "127.0.0.1"),
        ("port", str(ports[plan.plain_port] if plan.plain_port else 0)),
        ("daemonize", "no"),
        ("logfile", ""),
        ("dir", str(files.directory)),
        # What is in memory survives a stop. A server that is killed has lost it, as on Azure.
        ("save", "86400", "1"),
        ("stop-writes-on-bgsave-error", "no"),
        ("appendonly", "no"),
        ("databases", str(plan.databases)),
        # As Azure has it for its own: .../azure-cache-for-redis/cache-configure#default-redis-server-configuration.
        ("maxmemory-samples", "3"),
        ("client-output-buffer-limit", "pubsub", "32mb", "8mb", "60"),
    ]
    if plan.tls_port:
        lines += [
            ("tls-port", str(ports[plan.tls_port])),
            ("tls-cert-file", str(files.certificate)),
            ("tls-key-file", str(files.certificate_key)),
            ("tls-auth-clients", "no"),
        ]
    if plan.is_cluster:
        lines += [
            ("cluster-enabled", "yes"),
            ("cluster-config-file", "nodes.conf"),
            ("cluster-port", str(ports[BUS])),
            ("cluster-announce-bus-port", str(ports[BUS])),
            ("cluster-announce-ip", "127.0.0.1"),
        ]
    if plan.clustering == "OSSCluster":
        announced = str(plan.first_node_port + number)
        lines += [
            ("cluster-announce-hostname", plan.host),
            ("cluster-preferred-endpoint-type", "hostname"),
            # Redis 7.0 announces this one also to those who came by TLS.
            ("cluster-announce-port", announced),
            ("cluster-announce-tls-port", announced if plan.tls_port else "0"),
        ]
    lines += [(name, value) for name, value in plan.settings.items()]
    lines += [("rename-command", name, "") for name in plan.blocked]
    lines += [("rename-command", name, renamed) for name, renamed in administration.renamed.items()]
    lines += [
        ("user", ADMINISTRATOR, "on", f"#{administration.password_hash}", "~*", "&*", "+@all"),
        ("user", "default", *user_rules(plan)),
    ]
    return "".join(f"{' '.join(map(_quoted, line))}\n" for line in lines)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
