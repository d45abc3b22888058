"""What Azure refuses of an app's template: containers, sizes, probes, volumes, scale, revisions; row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modules.landscape import Landscape
from rules.apps import CONTAINER, app, environment, referring, with_app, with_environment
from rules.cases import Refusal, Step, check

TEMPLATE = "InvalidParameterValueInContainerTemplate"
AT = "properties.template.containers[0]"


def sized(cpu: Any, memory: str) -> Step:
    return app((f"{CONTAINER}.resources", {"cpu": cpu, "memory": memory}))


def probe(*probes: dict[str, Any]) -> Step:
    get = {"httpGet": {"path": "/", "port": 8000}}
    return app((f"{CONTAINER}.probes", [{"type": "Liveness", **get, **item} for item in probes]))


def init(**resources: Any) -> Step:
    container = {"name": "migrate", "image": "app:1", "resources": resources}
    size = {"cpu": 0.5, "memory": "1Gi"}
    return app(("template.initContainers", [container]), (f"{CONTAINER}.resources", size))


def mounted(volume: dict[str, Any], mount: dict[str, Any]) -> Step:
    return app(("template.volumes", [volume]), (f"{CONTAINER}.volumeMounts", [mount]))


EMPTY = {"name": "data", "storageType": "EmptyDir"}
DATA = {"volumeName": "data", "mountPath": "/data"}


def file_share(landscape: Landscape) -> object:
    share = {"accountName": "account", "accountKey": "key", "shareName": "share", "accessMode": "ReadWrite"}
    return landscape.put(f"{landscape.environment}/storages/files", {"azureFile": share}, location=None)


FILES = {"name": "data", "storageType": "AzureFile", "storageName": "files"}


def scale(**given: Any) -> Step:
    return app(("template.scale", given))


def rule(kind: str, given: dict[str, Any], **rule: Any) -> Step:
    return scale(rules=[{"name": "queue", kind: given, **rule}])


REDIS = {"type": "redis", "metadata": {"address": "red:10000", "listName": "celery"}}
AUTH = [{"secretRef": "redis-url", "triggerParameter": "password"}]


def redis(**metadata: Any) -> Step:
    merged = {**REDIS["metadata"], **metadata}  # pyright: ignore[reportGeneralTypeIssues]  # a dict, as it stands above
    return rule("custom", {**REDIS, "metadata": {key: item for key, item in merged.items() if item is not None}})


QUEUE = {"queueName": "jobs", "queueLength": 5, "auth": [{"secretRef": "redis-url", "triggerParameter": "connection"}]}
RULES = "properties.template.scale.rules[0]"


def suffix(value: str, image: str = "app:2") -> Step:
    return app(("template.revisionSuffix", value), (f"{CONTAINER}.image", image))


def on_d4(landscape: Landscape) -> None:
    with_environment(landscape)
    environment(workloadProfiles=[{"name": "big", "workloadProfileType": "D4", "minimumCount": 0, "maximumCount": 1}])(
        landscape
    )


def on_profile(name: str, cpu: float, memory: str) -> Step:
    size = {"cpu": cpu, "memory": memory}
    return app(("workloadProfileName", name), (f"{CONTAINER}.resources", size))


REFUSALS = [
    Refusal(
        "no containers",
        with_environment,
        app(("template.containers", [])),
        TEMPLATE,
        "properties.template.containers",
        app(),
    ),
    Refusal(
        "a container without image",
        with_environment,
        app((f"{CONTAINER}.image", "")),
        "ContainerAppImageRequired",
        f"{AT}.image",
        app(),
    ),
    Refusal(
        "a container's name in upper case",
        with_environment,
        app((f"{CONTAINER}.name", "Web")),
        TEMPLATE,
        f"{AT}.name",
        app((f"{CONTAINER}.name", "web-1")),
    ),
    Refusal(
        "two containers of one name",
        with_environment,
        app(("template.containers", [{"name": "web", "image": "app:1"}] * 2)),
        TEMPLATE,
        "properties.template.containers[1].name",
        app(("template.containers", [{"name": name, "image": "app:1"} for name in ("web", "side")])),
    ),
    Refusal(
        "a variable without name",
        with_environment,
        app((f"{CONTAINER}.env", [{"value": "x"}])),
        TEMPLATE,
        f"{AT}.env[0].name",
        app((f"{CONTAINER}.env", [{"name": "X", "value": "x"}])),
    ),
    Refusal(
        "a variable with both a value and a secret",
        with_environment,
        app((f"{CONTAINER}.env", [{"name": "X", "value": "x", "secretRef": "redis-url"}])),
        TEMPLATE,
        f"{AT}.env[0]",
        app((f"{CONTAINER}.env", [{"name": "X", "value": "", "secretRef": "redis-url"}])),
    ),
    *(
        Refusal(
            f"{cpu} cores with {memory}",
            with_environment,
            sized(cpu, memory),
            "ContainerAppInvalidResourceTotal",
            "properties.template.containers",
            sized(*legal),
            "add up to one of the following",
        )
        for cpu, memory, legal in (
            (1, "1Gi", (1, "2Gi")),
            (0.25, "1Gi", (0.25, "0.5Gi")),
            (0.3, "0.6Gi", (0.75, "1.5Gi")),
            (4.25, "8.5Gi", (4, "8Gi")),
            (0.5, "2Gi", ("0.5", "1.0Gi")),
        )
    ),
    Refusal(
        "two containers that together are no pair",
        with_environment,
        app(("template.containers", [{"name": name, "image": "app:1"} for name in "abcdefghi"])),
        "ContainerAppInvalidResourceTotal",
        "properties.template.containers",
        app(("template.containers", [{"name": name, "image": "app:1"} for name in "abcdefgh"])),
        "CPU: 4.5, memory: 9",
    ),
    Refusal(
        "memory in other units",
        with_environment,
        sized(0.5, "1024Mi"),
        TEMPLATE,
        f"{AT}.resources.memory",
        sized(0.5, "1Gi"),
    ),
    Refusal(
        "cores in thousandths",
        with_environment,
        sized(0.125, "0.25Gi"),
        TEMPLATE,
        f"{AT}.resources.cpu",
        sized(0.25, "0.5Gi"),
    ),
    Refusal(
        "cores that are no number",
        with_environment,
        sized("half", "1Gi"),
        "ContainerAppInvalidSchema",
        f"{AT}.resources.cpu",
        sized(0.5, "1Gi"),
    ),
    Refusal(
        "an init container with more cores than the app",
        with_environment,
        init(cpu=0.75, memory="1Gi"),
        "ContainerAppInitContainersInvalidCpu",
        "properties.template.initContainers[0].resources.cpu",
        init(cpu=0.5, memory="1Gi"),
    ),
    Refusal(
        "an init container with more memory than the app",
        with_environment,
        init(cpu=0.5, memory="1.5Gi"),
        "ContainerAppInitContainersInvalidMemory",
        "properties.template.initContainers[0].resources.memory",
        init(),
    ),
    Refusal(
        "a workload profile that the environment lacks",
        with_environment,
        app(("workloadProfileName", "big")),
        "WorkloadProfileNotFound",
        "properties.workloadProfileName",
        app(("workloadProfileName", "Consumption")),
    ),
    Refusal(
        "more than a node of the dedicated profile has",
        on_d4,
        on_profile("big", 5, "10Gi"),
        "ContainerAppInvalidResourceTotal",
        "properties.template.containers",
        on_profile("big", 3.5, "14Gi"),
    ),
    # -- probes
    Refusal(
        "two probes of one type",
        with_environment,
        probe({}, {}),
        TEMPLATE,
        f"{AT}.probes[1].type",
        probe({}, {"type": "readiness"}),
    ),
    Refusal(
        "a probe by HTTP and TCP",
        with_environment,
        probe({"tcpSocket": {"port": 8000}}),
        TEMPLATE,
        f"{AT}.probes[0]",
        probe({"httpGet": None, "tcpSocket": {"port": 8000}}),
    ),
    Refusal(
        "a probe of a port by name",
        with_environment,
        probe({"httpGet": {"path": "/", "port": "http"}}),
        "ContainerAppInvalidSchema",
        f"{AT}.probes[0].httpGet.port",
        probe({}),
    ),
    Refusal(
        "a probe of port 0",
        with_environment,
        probe({"httpGet": {"path": "/", "port": 0}}),
        TEMPLATE,
        f"{AT}.probes[0].httpGet.port",
        probe({"httpGet": {"path": "/", "port": 1}}),
    ),
    *(
        Refusal(
            f"a probe's {name} of {wrong}",
            with_environment,
            probe({name: wrong}),
            f"ContainerAppProbe{name[0].upper()}{name[1:]}OutOfRange",
            f"{AT}.probes[0].{name}",
            probe({name: right}),
            "must be in the range of",
        )
        for name, wrong, right in (
            ("failureThreshold", 31, 30),
            ("failureThreshold", 0, 1),
            ("initialDelaySeconds", 61, 60),
            ("periodSeconds", 241, 240),
            ("periodSeconds", 0, 1),
            ("successThreshold", 2, 1),
            ("timeoutSeconds", 241, 240),
        )
    ),
    Refusal(
        "a readiness probe that may fail forty-nine times",
        with_environment,
        probe({"type": "Readiness", "failureThreshold": 49}),
        "ContainerAppProbeFailureThresholdOutOfRange",
        f"{AT}.probes[0].failureThreshold",
        probe({"type": "Readiness", "failureThreshold": 48}),
        "['1', '48']",
    ),
    Refusal(
        "a startup probe that may fail 241 times",
        with_environment,
        probe({"type": "Startup", "failureThreshold": 241}),
        "ContainerAppProbeFailureThresholdOutOfRange",
        f"{AT}.probes[0].failureThreshold",
        probe({"type": "Startup", "failureThreshold": 240}),
        "'1', '240'",
    ),
    Refusal(
        "a readiness probe that wants eleven successes",
        with_environment,
        probe({"type": "Readiness", "successThreshold": 11}),
        "ContainerAppProbeSuccessThresholdOutOfRange",
        f"{AT}.probes[0].successThreshold",
        probe({"type": "Readiness", "successThreshold": 10}),
    ),
    Refusal(
        "a grace period of over ten minutes",
        with_environment,
        app(("template.terminationGracePeriodSeconds", 601)),
        TEMPLATE,
        "properties.template.terminationGracePeriodSeconds",
        app(("template.terminationGracePeriodSeconds", 600)),
    ),
    # -- volumes
    Refusal(
        "a mount of no volume",
        with_environment,
        mounted(EMPTY, {**DATA, "volumeName": "other"}),
        "ContainerAppInvalidVolumeMount",
        f"{AT}.volumeMounts[0].volumeName",
        mounted(EMPTY, DATA),
    ),
    Refusal(
        "a mount at the root",
        with_environment,
        mounted(EMPTY, {**DATA, "mountPath": "/"}),
        "ContainerAppInvalidMountPath",
        f"{AT}.volumeMounts[0].mountPath",
        mounted(EMPTY, DATA),
    ),
    Refusal(
        "a mount at a path with a colon",
        with_environment,
        mounted(EMPTY, {**DATA, "mountPath": "/a:b"}),
        "ContainerAppInvalidMountPath",
        f"{AT}.volumeMounts[0].mountPath",
        mounted(EMPTY, DATA),
    ),
    Refusal(
        "two mounts at one path",
        with_environment,
        app(("template.volumes", [EMPTY]), (f"{CONTAINER}.volumeMounts", [DATA, DATA])),
        "ContainerAppInvalidMountPath",
        f"{AT}.volumeMounts[1].mountPath",
        app(("template.volumes", [EMPTY]), (f"{CONTAINER}.volumeMounts", [DATA, {**DATA, "mountPath": "/more"}])),
    ),
    Refusal(
        "two volumes of one name",
        with_environment,
        app(("template.volumes", [EMPTY, EMPTY])),
        TEMPLATE,
        "properties.template.volumes[1].name",
        app(("template.volumes", [EMPTY, {**EMPTY, "name": "more"}])),
    ),
    Refusal(
        "a volume of a storage that the environment lacks",
        with_environment,
        mounted(FILES, DATA),
        "ManagedEnvironmentStorageNotFound",
        "properties.template.volumes[0].storageName",
        lambda landscape: (file_share(landscape), mounted(FILES, DATA)(landscape)),
    ),
    # -- scale
    Refusal(
        "more replicas at least than at most",
        with_environment,
        scale(minReplicas=3, maxReplicas=2),
        "ContainerAppInvalidScaleSpec",
        "properties.template.scale.minReplicas",
        scale(minReplicas=2, maxReplicas=2),
    ),
    Refusal(
        "more replicas at least than the default at most",
        with_environment,
        scale(minReplicas=11),
        "ContainerAppInvalidScaleSpec",
        "properties.template.scale.minReplicas",
        scale(minReplicas=10),
    ),
    Refusal(
        "no replica at most",
        with_environment,
        scale(minReplicas=0, maxReplicas=0),
        "ContainerAppInvalidScaleSpec",
        "properties.template.scale.maxReplicas",
        scale(minReplicas=0, maxReplicas=1),
    ),
    Refusal(
        "less than no replica",
        with_environment,
        scale(minReplicas=-1),
        "ContainerAppInvalidScaleSpec",
        "properties.template.scale.minReplicas",
        scale(minReplicas=0),
    ),
    Refusal(
        "a scale rule of no kind",
        with_environment,
        scale(rules=[{"name": "queue"}]),
        TEMPLATE,
        RULES,
        rule("custom", REDIS),
        "must have either",
    ),
    Refusal(
        "a scale rule of two kinds",
        with_environment,
        rule("custom", REDIS, http={"metadata": {"concurrentRequests": "10"}}),
        TEMPLATE,
        RULES,
        rule("http", {"metadata": {"concurrentRequests": "10"}}),
    ),
    Refusal(
        "a scale rule's metadata that is no text",
        with_environment,
        rule("http", {"metadata": {"concurrentRequests": 10}}),
        "ContainerAppInvalidSchema",
        f"{RULES}.http.metadata.concurrentRequests",
        rule("http", {"metadata": {"concurrentRequests": "10"}}),
    ),
    Refusal(
        "two scale rules of one name",
        with_environment,
        scale(rules=[{"name": "queue", "custom": REDIS}] * 2),
        TEMPLATE,
        "properties.template.scale.rules[1].name",
        scale(rules=[{"name": name, "custom": REDIS} for name in ("queue", "unacked")]),
    ),
    Refusal(
        "a redis scaler without list",
        with_environment,
        redis(listName=None),
        TEMPLATE,
        f"{RULES}.custom.metadata.listName",
        redis(),
        "needs 'listName'",
    ),
    Refusal(
        "a redis scaler without address",
        with_environment,
        redis(address=None),
        TEMPLATE,
        f"{RULES}.custom.metadata.address",
        redis(address=None, addressFromEnv="REDIS_ADDRESS"),
    ),
    Refusal(
        "a redis scaler whose list's length is no number",
        with_environment,
        redis(listLength="many"),
        TEMPLATE,
        f"{RULES}.custom.metadata.listLength",
        redis(listLength="10"),
    ),
    Refusal(
        "a redis scaler whose enableTLS is yes",
        with_environment,
        redis(enableTLS="yes"),
        TEMPLATE,
        f"{RULES}.custom.metadata.enableTLS",
        redis(enableTLS="true"),
    ),
    Refusal(
        "a custom rule without type",
        with_environment,
        rule("custom", {"metadata": {}}),
        TEMPLATE,
        f"{RULES}.custom.type",
        rule("custom", {"type": "a-scaler-that-is-not-known-here", "metadata": {}}),
    ),
    Refusal(
        "an azure-queue scaler without queue",
        with_environment,
        rule("custom", {"type": "azure-queue", "metadata": {"accountName": "account"}}),
        TEMPLATE,
        f"{RULES}.custom.metadata.queueName",
        rule("custom", {"type": "azure-queue", "metadata": {"accountName": "account", "queueName": "jobs"}}),
    ),
    Refusal(
        "an Azure Queue rule without queue",
        with_environment,
        rule("azureQueue", {**QUEUE, "queueName": ""}),
        TEMPLATE,
        f"{RULES}.azureQueue.queueName",
        rule("azureQueue", QUEUE),
    ),
    Refusal(
        "an Azure Queue rule for queues of no length",
        with_environment,
        rule("azureQueue", {**QUEUE, "queueLength": 0}),
        TEMPLATE,
        f"{RULES}.azureQueue.queueLength",
        rule("azureQueue", {**QUEUE, "queueLength": 1}),
    ),
    Refusal(
        "an Azure Queue rule that cannot sign in",
        with_environment,
        rule("azureQueue", {**QUEUE, "auth": []}),
        TEMPLATE,
        f"{RULES}.azureQueue.auth",
        lambda landscape: rule(
            "azureQueue", {**QUEUE, "auth": [], "accountName": "account", "identity": landscape.identity}
        )(landscape),
    ),
    Refusal(
        "a scaler's secret for no parameter",
        with_environment,
        rule("custom", {**REDIS, "auth": [{"secretRef": "redis-url"}]}),
        TEMPLATE,
        f"{RULES}.custom.auth[0].triggerParameter",
        rule("custom", {**REDIS, "auth": AUTH}),
    ),
    Refusal(
        "a scaler's secret that is not there",
        with_environment,
        rule("custom", {**REDIS, "auth": [{**AUTH[0], "secretRef": "absent"}]}),
        "ContainerAppSecretRefNotFound",
        f"{RULES}.custom.auth[0].secretRef",
        rule("custom", {**REDIS, "auth": AUTH}),
        "scale rule 'queue'",
    ),
    # -- revisions
    *(
        Refusal(
            f"the revision suffix '{wrong}'",
            with_app,
            suffix(wrong),
            "ContainerAppInvalidRevisionName",
            "properties.template.revisionSuffix",
            suffix(right),
        )
        for wrong, right in (
            ("V1", "v1"),
            ("v1.0", "v1-0"),
            ("v--1", "v-1"),
            ("-v1", "1v"),
            ("v1-", "v1"),
            ("a" * 52, "a" * 51),
        )
    ),
    Refusal(
        "a revision suffix again, for another template",
        lambda landscape: (with_app(landscape), suffix("v1")(landscape)),
        suffix("v1", "app:3"),
        "ContainerAppOperationError",
        "properties.template.revisionSuffix",
        lambda landscape: (suffix("v1")(landscape), suffix("v2", "app:3")(landscape)),
        "revision with suffix v1 already exists",
    ),
    Refusal(
        "more inactive revisions than are kept",
        with_environment,
        app(("configuration.maxInactiveRevisions", 101)),
        "InvalidRequestParameterWithDetails",
        "properties.configuration.maxInactiveRevisions",
        app(("configuration.maxInactiveRevisions", 100)),
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


@pytest.mark.parametrize("quarters", range(1, 17))
def test_every_pair_of_cores_and_memory_is_accepted(quarters: int, tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    with_environment(landscape)
    sized(quarters / 4, f"{quarters / 2:g}Gi")(landscape)


def test_a_reference_and_a_template_are_judged_together(tmp_path: Path) -> None:
    """A template that is refused is refused before the vault is asked."""
    landscape = Landscape(tmp_path / "state.sqlite")
    with_environment(landscape)
    with pytest.raises(Exception, match="ContainerAppImageRequired"):
        referring("https://absent.vault.azure.net/secrets/x", None, (f"{CONTAINER}.image", ""))(landscape)
