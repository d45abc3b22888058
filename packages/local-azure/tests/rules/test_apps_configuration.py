"""What Azure refuses of an app's configuration: secrets, identities, registries, ingress, traffic; row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modules.landscape import Landscape, app_properties, assigned
from rules.apps import CONTAINER, app, changed, grant, revision_id, with_app, with_environment
from rules.cases import Refusal, Step, all_of, check

REQUEST = "InvalidRequestParameterWithDetails"
SECRETS = "properties.configuration.secrets"
INGRESS = "properties.configuration.ingress"
REGISTRIES = "properties.configuration.registries"
ACR_PULL = "/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d"
VALUE = {"name": "redis-url", "value": "s3cret"}


def secrets(*given: dict[str, Any], **changes: Any) -> Step:
    return app(("configuration.secrets", list(given)), *changes.items())


def multiple(*changes: tuple[str, Any]) -> Step:
    return app(("configuration.activeRevisionsMode", "Multiple"), *changes)


def named(name: str) -> Step:
    return secrets(VALUE, {"name": name, "value": "v"})


def without_secret(mode: str, *, mentioned: bool = False) -> Step:
    """Take the secret away, and with it the variable unless it is to be mentioned on."""
    changes: list[tuple[str, Any]] = [("configuration.activeRevisionsMode", mode), ("configuration.secrets", [])]
    return app(*changes, *([] if mentioned else [(f"{CONTAINER}.env", [])]))


def deactivated(name: str) -> Step:
    return lambda landscape: landscape.action(revision_id(landscape, name), "deactivate")


def registry(**given: Any) -> Step:
    return app(("configuration.registries", [{"server": "contoso.azurecr.io", **given}]))


def by_identity(landscape: Landscape) -> object:
    """Return an image that the app's identity pulls from a registry that is here."""
    image = (f"{CONTAINER}.image", "contoso.azurecr.io/shop:1")
    pulled = {"server": "contoso.azurecr.io", "identity": landscape.identity}
    return app(("configuration.registries", [pulled]), image)(landscape)


def with_images(*references: str) -> Step:
    """Return the registries that are here hold these images and no other."""
    return lambda landscape: setattr(landscape.model, "has_image", references.__contains__)


def with_registry(landscape: Landscape) -> None:
    with_environment(landscape)
    registry_id = f"{landscape.group}/providers/Microsoft.ContainerRegistry/registries/contoso"
    landscape.put(registry_id, {}, sku={"name": "Basic"})


def ingress(**given: Any) -> Step:
    return app(("configuration.ingress", {"external": True, "targetPort": 8000, **given}))


def outside(**given: Any) -> Step:
    """Return an app in an environment without a network."""

    def step(landscape: Landscape) -> object:
        properties = app_properties(f"{landscape.environment}-2")
        wanted = {"external": True, "targetPort": 8000, **given}
        return landscape.put(f"{landscape.app}-2", changed(properties, ("configuration.ingress", wanted)))

    return step


def no_network(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    landscape.put(f"{landscape.environment}-2")


def traffic(*shares: dict[str, Any], mode: str = "Multiple") -> Step:
    ingress = {"external": True, "targetPort": 8000, "traffic": list(shares)}
    return app(("configuration.activeRevisionsMode", mode), ("configuration.ingress", ingress))


LATEST = {"latestRevision": True, "weight": 100}
FIRST = {"revisionName": "web--0000001", "weight": 40}
RANGE = {"name": "office", "ipAddressRange": "203.0.113.0/24", "action": "Allow"}

REFUSALS = [
    Refusal(
        "an app's name in upper case",
        with_environment,
        app(name="Web"),
        "ContainerAppInvalidName",
        "Web",
        app(name="web-1"),
    ),
    Refusal(
        "an app's name of 33 characters",
        with_environment,
        app(name="w" * 33),
        "ContainerAppInvalidName",
        "w" * 33,
        app(name="w" * 32),
    ),
    Refusal(
        "an app's name with two hyphens",
        with_environment,
        app(name="web--1"),
        "ContainerAppInvalidName",
        "web--1",
        app(name="web-1"),
    ),
    Refusal(
        "an app in no environment",
        with_environment,
        lambda landscape: landscape.put(landscape.app, app_properties(f"{landscape.environment}-2")),
        "ContainerAppInvalidEnvironmentId",
        "properties.environmentId",
        app(),
    ),
    Refusal(
        "an app in another region than its environment",
        with_environment,
        app(location="northeurope"),
        "ContainerAppInvalidLocation",
        "location",
        app(),
    ),
    # -- secrets
    *(
        Refusal(
            f"the secret name '{wrong}'",
            with_environment,
            named(wrong),
            "ContainerAppInvalidSecretName",
            f"{SECRETS}[1].name",
            named(right),
        )
        for wrong, right in (("MY_KEY", "my-key"), ("my.key", "my-key"), ("-key", "key"), ("k" * 254, "k" * 253))
    ),
    Refusal(
        "a secret without value",
        with_environment,
        secrets({"name": "redis-url", "value": ""}),
        "ContainerAppSecretInvalid",
        SECRETS,
        secrets(VALUE),
    ),
    Refusal(
        "a reference without identity",
        with_environment,
        secrets({"name": "redis-url", "keyVaultUrl": "https://kv-demo.vault.azure.net/secrets/redis-url"}),
        "ContainerAppSecretInvalid",
        SECRETS,
        secrets(VALUE),
    ),
    Refusal(
        "two secrets of one name",
        with_environment,
        secrets(VALUE, VALUE),
        "ContainerAppSecretNameDuplicate",
        SECRETS,
        secrets(VALUE, {**VALUE, "name": "more"}),
    ),
    *(
        Refusal(
            f"a secret that is not there, in {where}",
            with_environment,
            app((path, wrong)),
            "ContainerAppSecretRefNotFound",
            f"properties.{target}",
            app((path, right)),
        )
        for where, path, wrong, right, target in (
            (
                "a variable",
                f"{CONTAINER}.env",
                [{"name": "X", "secretRef": "absent"}],
                [{"name": "X", "secretRef": "redis-url"}],
                "template.containers[0].env[0].secretRef",
            ),
            (
                "an init container's variable",
                "template.initContainers",
                [{"name": "i", "image": "app:1", "env": [{"name": "X", "secretRef": "absent"}]}],
                [{"name": "i", "image": "app:1", "env": [{"name": "X", "secretRef": "redis-url"}]}],
                "template.initContainers[0].env[0].secretRef",
            ),
            (
                "a volume",
                "template.volumes",
                [{"name": "v", "storageType": "Secret", "secrets": [{"secretRef": "absent"}]}],
                [{"name": "v", "storageType": "Secret", "secrets": [{"secretRef": "redis-url"}]}],
                "template.volumes[0].secrets[0].secretRef",
            ),
            (
                "a registry",
                "configuration.registries",
                [{"server": "docker.io", "username": "me", "passwordSecretRef": "absent"}],
                [{"server": "docker.io", "username": "me", "passwordSecretRef": "redis-url"}],
                "configuration.registries[0].passwordSecretRef",
            ),
        )
    ),
    Refusal(
        "taking away a secret that an earlier, active revision has",
        lambda landscape: (with_environment(landscape), multiple()(landscape)),
        without_secret("Multiple"),
        "ContainerAppSecretInUse",
        SECRETS,
        without_secret("Single"),
        "web--0000001",
    ),
    Refusal(
        "taking away a secret that an active revision beside the newest has",
        lambda landscape: (
            with_environment(landscape),
            multiple()(landscape),
            multiple((f"{CONTAINER}.env", []))(landscape),
        ),
        without_secret("Multiple"),
        "ContainerAppSecretInUse",
        SECRETS,
        lambda landscape: (deactivated("web--0000001")(landscape), without_secret("Multiple")(landscape)),
    ),
    Refusal(
        "taking away a secret that the new template still has",
        with_app,
        without_secret("Single", mentioned=True),
        "ContainerAppSecretRefNotFound",
        "properties.template.containers[0].env[0].secretRef",
        without_secret("Single"),
    ),
    Refusal(
        "activating a revision whose secret is gone",
        lambda landscape: (with_app(landscape), without_secret("Single")(landscape)),
        lambda landscape: landscape.action(revision_id(landscape), "activate"),
        "ContainerAppSecretRefNotFound",
        "revisions/web--0000001",
        lambda landscape: (app()(landscape), landscape.action(revision_id(landscape), "activate")),
    ),
    Refusal(
        "restarting a revision that is stopped",
        lambda landscape: (with_app(landscape), deactivated("web--0000001")(landscape)),
        lambda landscape: landscape.action(revision_id(landscape), "restart"),
        "RevisionInactive",
        "revisions/web--0000001",
        lambda landscape: (
            landscape.action(revision_id(landscape), "activate"),
            landscape.action(revision_id(landscape), "restart"),
        ),
    ),
    # -- identities and registries
    Refusal(
        "a registry's identity that is not the app's",
        with_environment,
        lambda landscape: app(
            ("configuration.registries", [{"server": "contoso.azurecr.io", "identity": landscape.identity}]),
            identity={"type": "None"},
        )(landscape),
        "ContainerAppIdentityNotAssigned",
        f"{REGISTRIES}[0].identity",
        lambda landscape: registry(identity=landscape.identity)(landscape),
    ),
    Refusal(
        "a system-assigned identity that the app has not",
        with_environment,
        registry(identity="system"),
        "ContainerAppIdentityNotAssigned",
        f"{REGISTRIES}[0].identity",
        lambda landscape: app(
            ("configuration.registries", [{"server": "contoso.azurecr.io", "identity": "system"}]),
            identity={"type": "SystemAssigned"},
        )(landscape),
    ),
    Refusal(
        "an identity that is not there",
        with_environment,
        lambda landscape: app(identity=assigned(f"{landscape.identity}-2"))(landscape),
        "FailedIdentityOperation",
        "identity.userAssignedIdentities",
        app(),
    ),
    Refusal(
        "a registry with neither identity nor password",
        with_environment,
        registry(),
        REQUEST,
        f"{REGISTRIES}[0]",
        registry(username="me", passwordSecretRef="redis-url"),
    ),
    Refusal(
        "a registry with a scheme",
        with_environment,
        registry(server="https://contoso.azurecr.io", username="me", passwordSecretRef="redis-url"),
        REQUEST,
        f"{REGISTRIES}[0].server",
        registry(username="me", passwordSecretRef="redis-url"),
    ),
    Refusal(
        "an image that the identity may not pull",
        with_registry,
        by_identity,
        "ContainerAppOperationError",
        "properties.template.containers[0].image",
        lambda landscape: (grant("group", ACR_PULL)(landscape), by_identity(landscape)),
        "unable to pull image using Managed identity",
    ),
    Refusal(
        "an image that is not in its registry",
        all_of(with_registry, grant("group", ACR_PULL), with_images("contoso.azurecr.io/shop:2")),
        by_identity,
        "ContainerAppOperationError",
        "properties.template.containers[0].image",
        all_of(with_images("contoso.azurecr.io/shop:1"), by_identity),
        'MANIFEST_UNKNOWN: manifest tagged by "1" is not found; map[Tag:1]',
    ),
    Refusal(
        "an image without a tag that is not in its registry",
        all_of(with_registry, with_images()),
        app((f"{CONTAINER}.image", "contoso.azurecr.io/shop")),
        "ContainerAppOperationError",
        "properties.template.containers[0].image",
        app((f"{CONTAINER}.image", "elsewhere.azurecr.io/shop")),
        'manifest tagged by "latest" is not found',
    ),
    # -- ingress
    Refusal(
        "a target port beyond 65535",
        with_environment,
        ingress(targetPort=65536),
        REQUEST,
        f"{INGRESS}.targetPort",
        ingress(targetPort=65535),
    ),
    Refusal(
        "a transport that is none",
        with_environment,
        ingress(transport="udp"),
        REQUEST,
        f"{INGRESS}.transport",
        ingress(transport="http2"),
    ),
    Refusal(
        "an exposed port by HTTP",
        with_environment,
        ingress(exposedPort=8080),
        REQUEST,
        f"{INGRESS}.exposedPort",
        ingress(transport="tcp", exposedPort=8080),
    ),
    Refusal(
        "tcp without target port",
        with_environment,
        ingress(transport="tcp", targetPort=None),
        REQUEST,
        f"{INGRESS}.targetPort",
        ingress(targetPort=None),
    ),
    Refusal(
        "tcp at port 443",
        with_environment,
        ingress(transport="tcp", exposedPort=443),
        REQUEST,
        f"{INGRESS}.exposedPort",
        ingress(transport="tcp", exposedPort=444),
    ),
    Refusal(
        "tcp from the internet without a network",
        no_network,
        outside(transport="tcp"),
        REQUEST,
        f"{INGRESS}.external",
        outside(transport="tcp", external=False),
    ),
    Refusal(
        "cross-origin rules for tcp",
        with_environment,
        ingress(transport="tcp", corsPolicy={"allowedOrigins": ["*"]}),
        "ContainerAppInvalidIngressCORSPolicyForTcpApp",
        f"{INGRESS}.corsPolicy",
        ingress(corsPolicy={"allowedOrigins": ["*"]}),
    ),
    Refusal(
        "a custom domain for tcp",
        with_environment,
        ingress(transport="tcp", customDomains=[{"name": "www.example.org"}]),
        "ContainerAppInvalidIngressCustomDomainForTcpApp",
        f"{INGRESS}.customDomains",
        ingress(customDomains=[{"name": "www.example.org"}]),
    ),
    Refusal(
        "sticky sessions in Multiple mode",
        with_environment,
        multiple(("configuration.ingress", {"targetPort": 8000, "stickySessions": {"affinity": "sticky"}})),
        "ContainerAppInvalidIngressStickySessionRevisionMode",
        f"{INGRESS}.stickySessions",
        ingress(stickySessions={"affinity": "sticky"}),
    ),
    Refusal(
        "sticky sessions by tcp",
        with_environment,
        ingress(transport="tcp", stickySessions={"affinity": "sticky"}),
        REQUEST,
        f"{INGRESS}.stickySessions",
        ingress(transport="tcp", stickySessions={"affinity": "none"}),
    ),
    Refusal(
        "address rules that allow and deny",
        with_environment,
        ingress(ipSecurityRestrictions=[RANGE, {**RANGE, "name": "other", "action": "Deny"}]),
        REQUEST,
        f"{INGRESS}.ipSecurityRestrictions",
        ingress(ipSecurityRestrictions=[RANGE, {**RANGE, "name": "other"}]),
    ),
    Refusal(
        "an address rule for no range",
        with_environment,
        ingress(ipSecurityRestrictions=[{**RANGE, "ipAddressRange": "office"}]),
        REQUEST,
        f"{INGRESS}.ipSecurityRestrictions[0].ipAddressRange",
        ingress(ipSecurityRestrictions=[RANGE]),
    ),
    Refusal(
        "an additional port more open than the app",
        with_environment,
        ingress(external=False, additionalPortMappings=[{"external": True, "targetPort": 9000}]),
        "ContainerAppInvalidIngressAdditionalPortMappings",
        f"{INGRESS}.additionalPortMappings[0].external",
        ingress(external=False, additionalPortMappings=[{"external": False, "targetPort": 9000}]),
    ),
    Refusal(
        "six additional ports",
        with_environment,
        ingress(additionalPortMappings=[{"external": False, "targetPort": 9000 + n} for n in range(6)]),
        REQUEST,
        f"{INGRESS}.additionalPortMappings",
        ingress(additionalPortMappings=[{"external": False, "targetPort": 9000 + n} for n in range(5)]),
    ),
    # -- traffic
    Refusal(
        "weights that do not add up to 100",
        with_app,
        traffic(FIRST, {"latestRevision": True, "weight": 50}),
        REQUEST,
        f"{INGRESS}.traffic",
        traffic(FIRST, {"latestRevision": True, "weight": 60}),
        "add up to 100",
    ),
    Refusal(
        "a weight for a revision that is not there",
        with_app,
        traffic({**FIRST, "revisionName": "web--0000002", "weight": 100}),
        REQUEST,
        f"{INGRESS}.traffic[0].revisionName",
        traffic({**FIRST, "weight": 100}),
        "does not exist",
    ),
    Refusal(
        "a weight for both a revision and the latest",
        with_app,
        traffic({**FIRST, **LATEST}),
        REQUEST,
        f"{INGRESS}.traffic[0]",
        traffic(LATEST),
    ),
    Refusal(
        "weights of revisions in Single mode",
        with_app,
        traffic({**FIRST, "weight": 100}, mode="Single"),
        REQUEST,
        f"{INGRESS}.traffic[0].revisionName",
        traffic(LATEST, mode="Single"),
    ),
    Refusal(
        "a weight below 0",
        with_app,
        traffic({**FIRST, "weight": -1}, {**LATEST, "weight": 101}),
        REQUEST,
        f"{INGRESS}.traffic[0].weight",
        traffic({**FIRST, "weight": 0}, LATEST),
    ),
    Refusal(
        "a label for two revisions",
        with_app,
        traffic({**FIRST, "label": "blue"}, {**LATEST, "weight": 60, "label": "blue"}),
        REQUEST,
        f"{INGRESS}.traffic",
        traffic({**FIRST, "label": "blue"}, {**LATEST, "weight": 60, "label": "green"}),
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)
