"""Scale rules and limits: https://learn.microsoft.com/azure/container-apps/scale-app."""

from __future__ import annotations

import re
from collections.abc import Iterator

from local_azure.core.azure_error import AzureError
from local_azure.core.values import JsonObject, as_list, as_object, find, get
from local_azure.resource_types.base import Change
from local_azure.resource_types.container_apps.refusals import invalid_template, text, whole

RULE_KINDS = ("azureQueue", "custom", "http", "tcp")
_DEFAULT_MOST_REPLICAS = 10
_RULE_NAME = r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?"

_SCALER_METADATA: dict[str, tuple[str, ...]] = {
    "azure-queue": ("queueName", "connection|accountName"),
    "azure-servicebus": ("queueName|topicName", "connection|namespace"),
    "cpu": ("value",),
    "cron": ("timezone", "start", "end", "desiredReplicas"),
    "kafka": ("bootstrapServers", "consumerGroup"),
    "memory": ("value",),
    "mysql": ("query", "queryValue"),
    "postgresql": ("query", "targetQueryValue"),
    "prometheus": ("serverAddress", "query", "threshold"),
    "rabbitmq": ("queueName", "host"),
    "redis": ("address|host", "listName"),
    "redis-cluster": ("addresses|hosts", "listName"),
    "redis-cluster-streams": ("addresses|hosts", "stream"),
    "redis-sentinel": ("addresses|hosts", "listName", "sentinelMaster"),
    "redis-streams": ("address|host", "stream"),
}
"""What KEDA's scalers need (https://keda.sh/docs/latest/scalers/): as metadata, as the variable that `...FromEnv`
names, or as a parameter that a secret gives. A bar separates alternatives."""

_WHOLE_METADATA: dict[str, tuple[str, ...]] = {
    "azure-queue": ("queueLength",),
    "cron": ("desiredReplicas",),
    "redis": ("listLength", "databaseIndex"),
    "redis-streams": ("pendingEntriesCount", "databaseIndex"),
}
_TRUTH_METADATA: dict[str, tuple[str, ...]] = {"redis": ("enableTLS", "unsafeSsl"), "redis-streams": ("enableTLS",)}


def replicas_are_in_order(change: Change) -> None:
    """Check the bounds of the number of replicas. Over 1,000 replicas are not refused:
    https://github.com/microsoft/vscode-azurecontainerapps/issues/787.

    Source: https://github.com/MicrosoftDocs/azure-docs/issues/89742.
    """
    at = "properties.template.scale"
    least, most = change.desires(f"{at}.minReplicas", 0), change.desires(f"{at}.maxReplicas", _DEFAULT_MOST_REPLICAS)
    least_is_over = whole(least, f"{at}.minReplicas") > whole(most, f"{at}.maxReplicas")
    if least < 0 or most < 1 or least_is_over:
        raise AzureError(
            "ContainerAppInvalidScaleSpec",
            f"The scale options provided for Container App '{change.id.name}' is incorrect. minReplicas must not be "
            "less than 0. MaxReplicas must be greater than 0. maxReplicas must not be less than minReplicas.",
            target=f"{at}.minReplicas" if least < 0 or least_is_over else f"{at}.maxReplicas",
        )


def rules_are_whole(change: Change) -> None:
    """Check that each rule has a name of its own and is of one kind.

    Source: https://github.com/MicrosoftDocs/azure-docs/issues/90247.
    """
    seen: set[str] = set()
    for at, rule in find(change.desired, "properties.template.scale.rules[*]"):
        name = str(get(rule, "name", ""))
        if not re.fullmatch(_RULE_NAME, name) or name in seen:
            raise invalid_template(
                "template.scale.rules.name",
                f'"{name}": must be lower-case letters, digits, "-", "_" and ".", and used once',
                f"{at}.name",
            )
        seen.add(name)
        kinds = [kind for kind in RULE_KINDS if get(rule, kind) is not None]
        if len(kinds) != 1:
            raise _invalid_rule(
                change, name, "must have either Azure Queue or HTTP or TCP or Custom Rule specified.", at
            )
        _rule_is_valid(change, name, kinds[0], as_object(get(rule, kinds[0])), f"{at}.{kinds[0]}")


def _invalid_rule(change: Change, name: str, words: str, at: str) -> AzureError:
    return invalid_template(
        "template.scale.rules",
        f"\"{name}\": The scale rule '{name}' provided for Container App '{change.id.name}' is invalid {words}",
        at,
    )


def _rule_is_valid(change: Change, name: str, kind: str, rule: JsonObject, at: str) -> None:
    metadata = as_object(rule.get("metadata"))
    for key, value in metadata.items():
        text(value, f"{at}.metadata.{key}")
    for index, auth in enumerate(as_list(rule.get("auth"))):
        for part in ("secretRef", "triggerParameter"):
            if not get(auth, part):
                raise _invalid_rule(change, name, f"its auth needs a {part}.", f"{at}.auth[{index}].{part}")
    if kind == "azureQueue":
        _queue_is_named(change, name, rule, at)
    if kind == "custom":
        if not rule.get("type"):
            raise _invalid_rule(change, name, "a custom rule needs a type.", f"{at}.type")
        for missing in _missing_metadata(rule, metadata):
            raise _invalid_rule(change, name, f"a {rule['type']} scaler needs '{missing}'.", f"{at}.metadata.{missing}")
        for key in _WHOLE_METADATA.get(str(rule["type"]), ()):
            if key in metadata and not re.fullmatch(r"-?\d+", metadata[key]):
                raise _invalid_rule(change, name, f"'{key}' must be an integer.", f"{at}.metadata.{key}")
        for key in _TRUTH_METADATA.get(str(rule["type"]), ()):
            if key in metadata and metadata[key].lower() not in ("true", "false"):
                raise _invalid_rule(change, name, f"'{key}' must be true or false.", f"{at}.metadata.{key}")


def _queue_is_named(change: Change, name: str, rule: JsonObject, at: str) -> None:
    if not rule.get("queueName"):
        raise _invalid_rule(change, name, "an Azure Queue rule needs a queueName.", f"{at}.queueName")
    if rule.get("queueLength") is not None and whole(rule["queueLength"], f"{at}.queueLength") < 1:
        raise _invalid_rule(change, name, "queueLength must be greater than 0.", f"{at}.queueLength")
    if not rule.get("auth") and not (rule.get("accountName") and rule.get("identity")):
        raise _invalid_rule(change, name, "needs auth, or an accountName and an identity.", f"{at}.auth")


def _missing_metadata(rule: JsonObject, metadata: JsonObject) -> Iterator[str]:
    """Yield what a scaler lacks; the first of the alternatives where there are any."""
    given = {str(parameter) for _, parameter in find(rule, "auth[*].triggerParameter")}
    given |= {key.removesuffix("FromEnv") for key, value in metadata.items() if value}
    for needed in _SCALER_METADATA.get(str(rule.get("type")), ()):
        alternatives = needed.split("|")
        if not given & set(alternatives):
            yield alternatives[0]
