"""What a deployment by template makes, as the rules see it: a resource for each of the template's."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from azure_policies.kinds import DEPLOYMENT, DEPLOYMENT_STACK, GENERIC_RESOURCE
from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Resource, items, mapping, value_at
from azure_policies.rule import Level, ResourceRule

_NAMES = {
    "app/containerapps": "app:ContainerApp",
    "app/jobs": "app:Job",
    "app/managedenvironments": "app:ManagedEnvironment",
    "app/managedenvironments/daprcomponents": "app:DaprComponent",
    "app/sessionpools": "app:ContainerAppsSessionPool",
    "cache/redis": "redis:Redis",
    "cache/redis/firewallrules": "redis:FirewallRule",
    "cache/redisenterprise": "redisenterprise:RedisEnterprise",
    "cache/redisenterprise/databases": "redisenterprise:Database",
    "containerinstance/containergroups": "containerinstance:ContainerGroup",
    "containerregistry/registries": "containerregistry:Registry",
    "dbformysql/flexibleservers": "dbformysql:Server",
    "dbformysql/flexibleservers/configurations": "dbformysql:Configuration",
    "dbformysql/flexibleservers/firewallrules": "dbformysql:FirewallRule",
    "dbforpostgresql/flexibleservers": "dbforpostgresql:Server",
    "dbforpostgresql/flexibleservers/configurations": "dbforpostgresql:Configuration",
    "dbforpostgresql/flexibleservers/firewallrules": "dbforpostgresql:FirewallRule",
    "documentdb/databaseaccounts": "cosmosdb:DatabaseAccount",
    "documentdb/mongoclusters": "mongocluster:MongoCluster",
    "eventhub/namespaces": "eventhub:Namespace",
    "keyvault/managedhsms": "keyvault:ManagedHsm",
    "keyvault/vaults": "keyvault:Vault",
    "kusto/clusters": "kusto:Cluster",
    "servicebus/namespaces": "servicebus:Namespace",
    "sql/managedinstances": "sql:ManagedInstance",
    "sql/servers": "sql:Server",
    "sql/servers/firewallrules": "sql:FirewallRule",
    "storage/storageaccounts": "storage:StorageAccount",
    "storage/storageaccounts/blobservices/containers": "storage:BlobContainer",
    "synapse/workspaces": "synapse:Workspace",
    "web/sites": "web:WebApp",
    "web/sites/slots": "web:WebAppSlot",
}
"""The SDK's name of a type of Resource Manager's, without ``Microsoft.`` and in lower case."""
_SITE_CONFIGS = {"appsettings": "web:WebAppApplicationSettings", "connectionstrings": "web:WebAppConnectionStrings"}
_NESTED = "resources/deployments"
_DEPTH = 8
"""Resource Manager takes no deeper nesting of templates than 5 or so."""
_EXPRESSION = re.compile(r"\[(?!\[).*\]", re.DOTALL)
_LOOKED_UP = re.compile(r"\[\s*(parameters|variables)\(\s*'([^']+)'\s*\)\s*\]", re.IGNORECASE)


def with_embedded(resource: Resource) -> Iterator[tuple[str, Resource]]:
    """Yield the resource itself, and what a template in it makes, each with where it is: empty for itself.

    What only Resource Manager can compute, but for parameters and variables by their name, is `UNKNOWN`.
    """
    yield "", resource
    if resource.is_a(DEPLOYMENT):
        properties = resource.get("properties")
        yield from _of_template(resource, "properties.template", properties, 0)
    elif resource.is_a(DEPLOYMENT_STACK):
        yield from _of_template(resource, "template", resource.properties, 0)
    elif resource.is_a(GENERIC_RESOURCE):
        kinds = (
            resource.get("resourceProviderNamespace"),
            resource.get("parentResourcePath"),
            resource.get("resourceType"),
        )
        if all(isinstance(one, str | None) for one in kinds):
            kind = "/".join(one.strip("/") for one in kinds if one)
            yield "it", _as_resource(resource, kind, {**resource.properties, "name": resource.get("resourceName")})


def _of_template(holder: Resource, path: str, properties: Any, depth: int) -> Iterator[tuple[str, Resource]]:
    template = value_at(properties, "template")
    if isinstance(template, str):
        try:
            template = json.loads(template)
        except ValueError:
            return
    given = mapping(value_at(properties, "parameters"))
    values: dict[tuple[str, str], Any] = {}
    for name, declared in mapping(value_at(template, "parameters")).items():
        values["parameters", name.lower()] = value_at(declared, "defaultValue")
    for name, parameter in given.items():
        values["parameters", name.lower()] = value_at(parameter, "value")
    for name, value in mapping(value_at(template, "variables")).items():
        values["variables", name.lower()] = value
    yield from _of_resources(holder, path, value_at(template, "resources"), values, "", depth)


def _of_resources(
    holder: Resource, path: str, resources: Any, values: Mapping[tuple[str, str], Any], parent: str, depth: int
) -> Iterator[tuple[str, Resource]]:
    if depth > _DEPTH:
        return
    # A list, or with symbolic names a map.
    named = list(mapping(resources).items()) or [(str(index), one) for index, one in enumerate(items(resources))]
    for name, one in named:
        body = _resolved(one, values)
        kind = value_at(body, "type")
        if not isinstance(kind, str):
            continue
        full = f"{parent}/{kind}" if parent and "." not in kind.partition("/")[0] else kind
        place = f"{path}.resources[{name}]"
        if full.lower() == f"microsoft.{_NESTED}":
            yield from _of_template(holder, f"{place}.properties.template", value_at(body, "properties"), depth + 1)
            continue
        yield place, _as_resource(holder, full, mapping(body))
        yield from _of_resources(holder, place, value_at(body, "resources"), values, full, depth + 1)


def _as_resource(holder: Resource, kind: str, body: Mapping[str, Any]) -> Resource:
    short = kind.lower().removeprefix("microsoft.")
    name = body.get("name")
    last = name.rpartition("/")[2] if isinstance(name, str) else ""
    module, _, rest = short.partition("/")
    token = _NAMES.get(short) or f"{module}:{rest.rpartition('/')[2].capitalize()}"
    if short in ("web/sites/config", "web/sites/slots/config"):
        token = _SITE_CONFIGS.get(last.lower(), token)
    inner = body.get("properties")
    # The SDK has most types' properties on the outermost level, and some types' beneath `properties`.
    properties = {"configurationName": last, **body, **mapping(inner), "properties": inner}
    version = body.get("apiVersion")
    dated = f"/v{version.replace('-', '')}" if isinstance(version, str) else ""
    token = token.replace(":", f"{dated}:", 1)
    return Resource(f"azure-native:{token}", holder.urn, properties, holder.sdk_version)


def _resolved(value: Any, values: Mapping[tuple[str, str], Any], depth: int = 0) -> Any:
    """The value with parameters and variables in their places, and `UNKNOWN` for other expressions."""
    if isinstance(value, str) and _EXPRESSION.fullmatch(value):
        found = _LOOKED_UP.fullmatch(value)
        known = values.get((found[1].lower(), found[2].lower())) if found else None
        return UNKNOWN if known is None or depth > _DEPTH else _resolved(known, values, depth + 1)
    if isinstance(value, Mapping):
        return {str(key): _resolved(one, values, depth) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]: any JSON
    if isinstance(value, list | tuple):
        return [_resolved(one, values, depth) for one in value]  # pyright: ignore[reportUnknownVariableType]: as above
    return value


def judge_links(resource: Resource, options: Options) -> Iterator[str]:
    """Yield deployments by templates that are elsewhere, and that nobody judges."""
    del options
    if resource.is_a(DEPLOYMENT) or resource.is_a(DEPLOYMENT_STACK):
        for path in (("properties", "templateLink"), ("templateLink",)):
            if resource.get(*path) is not None:
                yield f"{'.'.join(path)} is set, and no policy sees what it makes: put the template into the program"


RULE = ResourceRule(
    "template-in-the-program",
    "A deployment by template has the template in the program, where policies see it.",
    Level.MANDATORY,
    judge_links,
)
