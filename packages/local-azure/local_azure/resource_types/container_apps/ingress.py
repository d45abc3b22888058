"""Ingress of an app, and how it shares requests among revisions.

https://learn.microsoft.com/azure/container-apps/ingress-overview
"""

from __future__ import annotations

import ipaddress

from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource
from local_azure.core.values import JsonObject, as_list, as_object, find, get
from local_azure.resource_types.base import Change
from local_azure.resource_types.container_apps.environments import subnet_of
from local_azure.resource_types.container_apps.names import REVISION_TYPE
from local_azure.resource_types.container_apps.refusals import invalid_request, whole
from local_azure.resource_types.container_apps.revisions import mode_of, next_revision_name

_AT = "properties.configuration.ingress"
_MOST_ADDITIONAL_PORTS = 5
_HTTP_PORTS = (80, 443)
_LATEST = [{"latestRevision": True, "weight": 100}]


def ingress_is_valid(change: Change, environment: Resource) -> None:
    """Ports, transport, affinity and address rules."""
    ingress = as_object(change.desires(_AT))
    if not ingress:
        return
    for name in ("targetPort", "exposedPort"):
        _port_is_valid(ingress, name, _AT)
    transport = str(ingress.get("transport") or "auto").lower()
    if transport not in ("auto", "http", "http2", "tcp"):
        raise invalid_request(f"Ingress.Transport '{ingress['transport']}' is invalid.", f"{_AT}.transport")
    if transport == "tcp":
        _tcp_is_possible(ingress, environment)
    elif ingress.get("exposedPort"):
        raise invalid_request("Ingress.ExposedPort can only be set for tcp transport.", f"{_AT}.exposedPort")
    _affinity_is_possible(change, ingress)
    _address_rules_are_of_one_kind(ingress)
    _additional_ports_are_valid(ingress)


def _port_is_valid(holder: JsonObject, name: str, at: str) -> None:
    port = holder.get(name)
    # 0 means none: Azure then finds the target port out by itself.
    if port is not None and whole(port, f"{at}.{name}") not in range(0, 65536):
        raise invalid_request(f"Ingress.{name} '{port}' is invalid. It must be 1 to 65535.", f"{at}.{name}")


def _tcp_is_possible(ingress: JsonObject, environment: Resource) -> None:
    """Check that an ingress by TCP has a port, and only what TCP and its environment allow.

    Source: https://learn.microsoft.com/azure/container-apps/ingress-overview#tcp.
    """
    if not ingress.get("targetPort"):
        raise invalid_request("Ingress.TargetPort is required for tcp transport.", f"{_AT}.targetPort")
    if ingress.get("external") and subnet_of(environment) is None:
        raise invalid_request(
            "External tcp ingress is only possible in an environment with a virtual network of its own.",
            f"{_AT}.external",
        )
    if (ingress.get("exposedPort") or ingress["targetPort"]) in _HTTP_PORTS:
        raise invalid_request("Ports 80 and 443 cannot be exposed by tcp transport.", f"{_AT}.exposedPort")
    for name, code in (
        ("customDomains", "ContainerAppInvalidIngressCustomDomainForTcpApp"),
        ("corsPolicy", "ContainerAppInvalidIngressCORSPolicyForTcpApp"),
    ):
        if ingress.get(name):
            words = "Custom domains" if name == "customDomains" else "CORS policy"
            raise AzureError(code, f"{words} can only be set for http transport.", target=f"{_AT}.{name}")


def _affinity_is_possible(change: Change, ingress: JsonObject) -> None:
    """Enforce Azure's rule: in Single mode, and by HTTP.

    Source: https://learn.microsoft.com/azure/container-apps/sticky-sessions.
    """
    if str(get(ingress, "stickySessions.affinity", "none")).lower() != "sticky":
        return
    if mode_of(change.desired) != "Single":
        raise AzureError(
            "ContainerAppInvalidIngressStickySessionRevisionMode",
            "Sticky sessions can only be set in single revision mode.",
            target=f"{_AT}.stickySessions",
        )
    if str(ingress.get("transport")).lower() == "tcp":
        raise invalid_request("Sticky sessions can only be set for http transport.", f"{_AT}.stickySessions")


def _address_rules_are_of_one_kind(ingress: JsonObject) -> None:
    """Enforce Azure's rule: all allow, or all deny.

    Source: https://learn.microsoft.com/azure/container-apps/ip-restrictions.
    """
    at = f"{_AT}.ipSecurityRestrictions"
    rules = [as_object(restriction) for restriction in as_list(ingress.get("ipSecurityRestrictions"))]
    if len({str(item.get("action")) for item in rules}) > 1:
        raise invalid_request("Ingress.IpSecurityRestrictions must be all Allow or all Deny.", at)
    for index, rule in enumerate(rules):
        try:
            ipaddress.ip_network(str(rule.get("ipAddressRange")), strict=False)
        except ValueError:
            raise invalid_request(
                f"The address range '{rule.get('ipAddressRange')}' is not in CIDR notation.",
                f"{at}[{index}].ipAddressRange",
            ) from None


def _additional_ports_are_valid(ingress: JsonObject) -> None:
    """Enforce Azure's rule: at most five, and none more open than the app itself.

    Source: https://learn.microsoft.com/azure/container-apps/ingress-overview#additional-tcp-ports.
    """
    at = f"{_AT}.additionalPortMappings"
    mappings = [as_object(mapping) for mapping in as_list(ingress.get("additionalPortMappings"))]
    if len(mappings) > _MOST_ADDITIONAL_PORTS:
        raise invalid_request(f"An app may have at most {_MOST_ADDITIONAL_PORTS} additional ports.", at)
    for index, mapping in enumerate(mappings):
        for name in ("targetPort", "exposedPort"):
            _port_is_valid(mapping, name, f"{at}[{index}]")
        if mapping.get("external") and not ingress.get("external"):
            raise AzureError(
                "ContainerAppInvalidIngressAdditionalPortMappings",
                "An additional port cannot be external while the ingress of the app is internal.",
                target=f"{at}[{index}].external",
            )


def traffic_is_shared_out(change: Change) -> None:
    """Enforce Azure's rule: weights go to revisions that are there, add up to 100, and are for Multiple mode.

    Source: https://learn.microsoft.com/azure/container-apps/traffic-splitting.
    """
    at = f"{_AT}.traffic"
    shares = [as_object(item) for item in as_list(change.desires(at))]
    if not shares:
        return
    mode = mode_of(change.desired)
    for index, share in enumerate(shares):
        if bool(share.get("latestRevision")) == bool(share.get("revisionName")):
            raise invalid_request(
                "Ingress.Traffic is invalid. Each weight is for either the latest revision or a named one.",
                f"{at}[{index}]",
            )
        name = share.get("revisionName")
        if name and mode == "Single":
            raise invalid_request(
                "Ingress.Traffic is invalid. Weights of revisions cannot be used in single revision mode.",
                f"{at}[{index}].revisionName",
            )
        if name and name != next_revision_name(change) and not _revision_is_there(change, str(name)):
            raise invalid_request(
                f"Ingress.Traffic is invalid. The revision '{name}' does not exist.", f"{at}[{index}].revisionName"
            )
        if whole(share.get("weight", 0), f"{at}[{index}].weight") not in range(0, 101):
            raise invalid_request("Ingress.Traffic is invalid. A weight is 0 to 100.", f"{at}[{index}].weight")
    if sum(int(share.get("weight") or 0) for share in shares) != 100:
        raise invalid_request("Ingress.Traffic is invalid. The weights must add up to 100.", at)
    labels = [label for _, label in find(shares, "[*].label")]
    if len(labels) != len(set(labels)):
        raise invalid_request("Ingress.Traffic is invalid. A label is for one revision.", at)


def _revision_is_there(change: Change, name: str) -> bool:
    return change.transaction.get(change.id.child(REVISION_TYPE.rsplit("/", 1)[-1], name)) is not None


def complete_ingress(change: Change, environment: Resource) -> None:
    """Fill in an ingress's host name and defaults."""
    ingress = as_object(change.properties.get("configuration")).get("ingress")
    if not ingress:
        return
    for name, value in {
        "allowInsecure": False,
        "exposedPort": 0,
        "external": False,
        "traffic": [dict(item) for item in _LATEST],
        "transport": "Auto",
    }.items():
        change.default(f"{_AT}.{name}", value)
    ingress["fqdn"] = f"{change.id.name}{infix_of(ingress)}.{environment.properties['defaultDomain']}"


def infix_of(ingress: JsonObject) -> str:
    """Return the part between an app's name and its environment's domain."""
    return "" if ingress.get("external") else ".internal"
