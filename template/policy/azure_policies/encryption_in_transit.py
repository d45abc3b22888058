"""TLS 1.2 or better on everything that is connected to, and no port that speaks plaintext."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from azure_policies.containers import containers_of
from azure_policies.kinds import (
    CLASSIC_REDIS,
    CONTAINER_APP,
    COSMOS_ACCOUNT,
    MANAGED_REDIS,
    MANAGED_REDIS_DATABASE,
    SQL_MANAGED_INSTANCE,
    SQL_SERVER,
    STORAGE_ACCOUNT,
)
from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Kind, Resource, items, same, value_at
from azure_policies.rule import Level, ResourceRule

_OLDEST = (1, 2)
_VERSION = re.compile(r"(?:tls)?v?_?(\d)[._]?(\d)?", re.IGNORECASE)


@dataclass(frozen=True)
class _Floor:
    """Where a type says the oldest TLS that it takes, and whether Azure's default does when it says nothing."""

    kind: Kind
    path: tuple[str, ...]
    default_is_enough: bool
    wanted: str


_FLOORS = (
    _Floor(CLASSIC_REDIS, ("minimumTlsVersion",), False, "1.2"),
    # Older versions are obsolete there: the API still names them and takes none of them for a new cluster.
    _Floor(MANAGED_REDIS, ("minimumTlsVersion",), True, "1.2"),
    _Floor(SQL_SERVER, ("minimalTlsVersion",), False, "1.2"),
    _Floor(SQL_MANAGED_INSTANCE, ("minimalTlsVersion",), False, "1.2"),
    _Floor(COSMOS_ACCOUNT, ("minimalTlsVersion",), True, "Tls12"),
    _Floor(STORAGE_ACCOUNT, ("minimumTlsVersion",), False, "TLS1_2"),
    _Floor(Kind("eventhub:Namespace", "servicebus:Namespace"), ("minimumTlsVersion",), True, "1.2"),
    _Floor(
        Kind("dbforpostgresql:SingleServer", "dbformysql:SingleServer", "dbformariadb:Server"),
        ("properties", "minimalTlsVersion"),
        False,
        "TLS1_2",
    ),
)
"""Source of the defaults: the descriptions of the properties, https://github.com/Azure/azure-rest-api-specs."""

_PLAIN_PORTS = {
    1433: "SQL Server", 1883: "MQTT", 3306: "MySQL", 5432: "PostgreSQL", 5672: "AMQP", 6379: "Redis",
    9200: "Elasticsearch", 11211: "memcached", 27017: "MongoDB",
}  # fmt: skip
"""Ports on which services listen without TLS unless they are configured otherwise."""
_PLAIN_IMAGE = re.compile(r"(?:^|/)(redis|valkey|keydb|dragonfly|memcached|mongo|rabbitmq)(?:-[\w-]+)?(?:[:@]|$)")
"""Images of such services, whatever the port."""

_SERVER_SETTING = Kind("dbforpostgresql:Configuration", "dbformysql:Configuration")


def judge_version(resource: Resource, options: Options) -> Iterator[str]:
    """Yield a floor below TLS 1.2, or none where Azure's own is lower."""
    del options
    for floor in _FLOORS:
        if not resource.is_a(floor.kind):
            continue
        path, value = ".".join(floor.path), resource.get(*floor.path)
        if value is None:
            if not floor.default_is_enough:
                yield f"{path} is not set, and older versions of TLS are let in: set it to {floor.wanted}"
        elif value is not UNKNOWN and _version(str(value)) < _OLDEST:
            yield f"{path} is {value}: set it to {floor.wanted}"
    if resource.is_a(_SERVER_SETTING):
        name, value = _server_setting(resource)
        if name in ("ssl_min_protocol_version", "tls_version") and isinstance(value, str):
            weak = [version for version in value.split(",") if _version(version.strip()) < _OLDEST]
            if weak:
                yield f"server parameter {name} is {value}: leave out what is older than TLSv1.2"


def judge_plaintext(resource: Resource, options: Options) -> Iterator[str]:
    """Yield ports and endpoints that take connections without TLS."""
    del options
    if resource.is_a(CLASSIC_REDIS) and resource.get("enableNonSslPort") is True:
        yield "enableNonSslPort is true: turn port 6379 off, clients connect to 6380 by rediss"
    if resource.is_a(MANAGED_REDIS_DATABASE) and same(resource.get("clientProtocol"), "Plaintext"):
        yield "clientProtocol is Plaintext: set it to Encrypted, clients connect by rediss"
    for switch in ("enableHttpsTrafficOnly", "supportsHttpsTrafficOnly"):  # the SDK's name, and Resource Manager's
        if resource.is_a(STORAGE_ACCOUNT) and resource.get(switch) is False:
            yield f"{switch} is false: turn it on"
    if resource.is_a(CONTAINER_APP):
        ingress = resource.get("configuration", "ingress")
        if value_at(ingress, "allowInsecure") is True:
            yield "configuration.ingress.allowInsecure is true: turn it off, so that HTTP is redirected to HTTPS"
        yield from _plain_services(resource, ingress)
    if resource.is_a(_SERVER_SETTING):
        name, value = _server_setting(resource)
        if name == "require_secure_transport" and any(same(value, off) for off in ("off", "0", "false")):
            yield f"server parameter {name} is {value}: set it to on"
    if same(resource.get("properties", "sslEnforcement"), "Disabled"):
        yield "properties.sslEnforcement is Disabled: set it to Enabled"


def _plain_services(app: Resource, ingress: object) -> Iterator[str]:
    """Yield ports that are open to the internet as they are, of services that speak plaintext.

    Ingress ends TLS for HTTP only: bytes of the transport ``tcp`` reach the container as they were sent.
    Source: https://learn.microsoft.com/azure/container-apps/ingress-overview#tcp.
    """
    images = [container.image for container in containers_of(app)]
    serving = next(
        (found[1] for image in images if isinstance(image, str) and (found := _PLAIN_IMAGE.search(image))), None
    )
    ports: list[tuple[str, object]] = []
    if value_at(ingress, "external") is True and same(value_at(ingress, "transport"), "tcp"):
        ports.append(("configuration.ingress", ingress))
    for index, mapped in enumerate(items(value_at(ingress, "additionalPortMappings"))):
        if value_at(mapped, "external") is True:
            ports.append((f"configuration.ingress.additionalPortMappings[{index}]", mapped))
    for path, port in ports:
        numbers = [value_at(port, name) for name in ("targetPort", "exposedPort")]
        known = next((_PLAIN_PORTS[number] for number in map(_integer, numbers) if number in _PLAIN_PORTS), serving)
        if known:
            yield f"{path} opens {known} to the internet without TLS: set external to false, or put TLS before it"


def _integer(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _server_setting(resource: Resource) -> tuple[str, object]:
    name = resource.get("configurationName")
    return (name.lower() if isinstance(name, str) else ""), resource.get("value")


def _version(text: str) -> tuple[int, int]:
    """``1.2``, ``TLS1_2``, ``Tls12``, ``TLSv1.2`` as (1, 2); anything else, such as ``None``, as less than all."""
    match = _VERSION.fullmatch(text)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


RULES = (
    ResourceRule(
        "tls-1.2-or-better",
        "Caches, databases and storage take TLS 1.2 or better.",
        Level.MANDATORY,
        judge_version,
    ),
    ResourceRule(
        "no-plaintext-port",
        "Nothing takes a connection without TLS.",
        Level.MANDATORY,
        judge_plaintext,
    ),
)
