"""The texts of a resource that everyone who may read the resource sees, and that a secret must not stand in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from azure_policies.containers import containers_of
from azure_policies.kinds import (
    CONTAINER_APP,
    CONTAINER_JOB,
    DAPR_COMPONENT,
    JAVA_COMPONENT,
    WEB_APP,
    WEB_APP_CONNECTION_STRINGS,
    WEB_APP_SETTINGS,
)
from azure_policies.resource import Resource, items, mapping, value_at

_BY_SECRET_REF = "make it a secret of the app, and set secretRef"
_BY_VAULT = "make it a reference to a Key Vault (@Microsoft.KeyVault(SecretUri=...))"


@dataclass(frozen=True)
class PlainText:
    """A text in the clear.

    Attributes:
        path: where it is, such as ``template.containers[0].env``.
        name: what it is called there; empty if it has no name.
        value: the text.
        remedy: what to do if it is a secret.
    """

    path: str
    name: str
    value: str
    remedy: str


def plain_texts(resource: Resource) -> Iterator[PlainText]:
    """Yield the texts in the clear; what is not known yet, and what refers to a secret, is left out."""
    for path, name, value, remedy in _found(resource):
        if isinstance(name, str) and isinstance(value, str):
            yield PlainText(path, name, value, remedy)


Found = tuple[str, Any, Any, str]


def _found(resource: Resource) -> Iterator[Found]:
    for container in containers_of(resource):
        yield from _of_container(container.path, container.properties)
    if resource.is_a(CONTAINER_APP):
        for index, rule in enumerate(items(resource.get("template", "scale", "rules"))):
            for kind in ("custom", "http", "tcp"):
                path = f"template.scale.rules[{index}].{kind}.metadata"
                yield from _map(path, value_at(rule, kind, "metadata"), "name a secret of the app in auth instead")
    if resource.is_a(CONTAINER_JOB):
        place = ("configuration", "eventTriggerConfig", "scale", "rules")
        for index, rule in enumerate(items(resource.get(*place))):
            path = f"{'.'.join(place)}[{index}].metadata"
            yield from _map(path, value_at(rule, "metadata"), "name a secret of the job in auth instead")
    if resource.is_a(DAPR_COMPONENT):
        yield from _list(
            "metadata",
            resource.get("metadata"),
            "name",
            "value",
            "make it a secret of the component, and set secretRef",
        )
    if resource.is_a(JAVA_COMPONENT):
        path = ("properties", "configurations")
        yield from _list(".".join(path), resource.get(*path), "propertyName", "value", "keep it in an app's secret")
    if resource.is_a(WEB_APP):
        yield from _list(
            "siteConfig.appSettings", resource.get("siteConfig", "appSettings"), "name", "value", _BY_VAULT
        )
        strings = resource.get("siteConfig", "connectionStrings")
        yield from _list("siteConfig.connectionStrings", strings, "name", "connectionString", _BY_VAULT)
    if resource.is_a(WEB_APP_SETTINGS):
        yield from _map("properties", resource.get("properties"), _BY_VAULT)
    if resource.is_a(WEB_APP_CONNECTION_STRINGS):
        for name, value in mapping(resource.get("properties")).items():
            yield f"properties.{name}", name, value_at(value, "value"), _BY_VAULT


def _of_container(path: str, container: Any) -> Iterator[Found]:
    yield from _list(f"{path}.env", value_at(container, "env"), "name", "value", _BY_SECRET_REF)
    variables = value_at(container, "environmentVariables")
    yield from _list(f"{path}.environmentVariables", variables, "name", "value", "set it as secureValue")
    for kind in ("command", "args"):
        words = [word if isinstance(word, str) else "" for word in items(value_at(container, kind))]
        # Together, for an option and its value are often two words, and one by one, for a word may hold blanks.
        for text in (" ".join(words), *words):
            yield f"{path}.{kind}", "", text, "pass it by a variable with secretRef"
    probes = [(f"{path}.probes[{index}]", one) for index, one in enumerate(items(value_at(container, "probes")))]
    probes += [(f"{path}.{kind}", value_at(container, kind)) for kind in ("livenessProbe", "readinessProbe")]
    for place, probe in probes:
        headers = value_at(probe, "httpGet", "httpHeaders")
        yield from _list(
            f"{place}.httpGet.httpHeaders", headers, "name", "value", "probe a path that wants no credential"
        )


def _list(path: str, values: Any, name: str, value: str, remedy: str) -> Iterator[Found]:
    for one in items(values):
        yield path, value_at(one, name), value_at(one, value), remedy


def _map(path: str, values: Any, remedy: str) -> Iterator[Found]:
    for name, value in mapping(values).items():
        yield path, name, value, remedy
