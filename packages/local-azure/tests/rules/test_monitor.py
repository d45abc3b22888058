"""What Azure refuses of diagnostic settings, alerts, action groups, workspaces and registries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_azure.core.values import JsonObject
from modules.landscape import Landscape, endpoint_properties, vault_properties
from rules.cases import Refusal, Step, all_of, check, group


def insights(landscape: Landscape, kind: str, name: str) -> str:
    return f"{landscape.group}/providers/Microsoft.Insights/{kind}/{name}"


def registry(landscape: Landscape, name: str = "contoso") -> str:
    return f"{landscape.group}/providers/Microsoft.ContainerRegistry/registries/{name}"


def watched(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    landscape.with_cache().with_vault()
    landscape.put(landscape.workspace)


def setting(
    name: str = "d",
    of: str = "vault",
    logs: list[JsonObject] | None = None,
    metrics: list[JsonObject] | None = None,
    workspace: str = "logs",
    **properties: Any,
) -> Step:
    """Return a diagnostic setting of a resource of the landscape that sends to a workspace."""
    given = {
        **({"logs": logs} if logs else {}),
        **({"metrics": metrics} if metrics else {}),
        **properties,
    }

    def step(landscape: Landscape) -> object:
        scope = getattr(landscape, of)
        sink = {"workspaceId": landscape.workspace.replace("/logs", f"/{workspace}")} if workspace else {}
        return landscape.put(f"{scope}/providers/Microsoft.Insights/diagnosticSettings/{name}", {**sink, **given})

    return step


ALL_LOGS = [{"categoryGroup": "allLogs", "enabled": True}]
ALL_METRICS = [{"category": "AllMetrics", "enabled": True}]
AUDIT = [{"category": "AuditEvent", "enabled": True}]


def second_workspace(landscape: Landscape) -> None:
    landscape.put(landscape.workspace.replace("/logs", "/logs2"))


SETTINGS = [
    Refusal(
        "a setting of what is not there",
        all_of(group, lambda landscape: landscape.put(landscape.workspace)),
        setting(logs=ALL_LOGS),
        "ResourceNotFound",
        "",
        all_of(lambda landscape: landscape.put(landscape.vault, vault_properties()), setting(logs=ALL_LOGS)),
    ),
    Refusal(
        "a setting that sends nowhere",
        watched,
        setting(logs=ALL_LOGS, workspace=""),
        "BadRequest",
        "properties",
        setting(logs=ALL_LOGS),
    ),
    Refusal(
        "a setting that sends to a workspace that is not there",
        watched,
        setting(logs=ALL_LOGS, workspace="none"),
        "ResourceNotFound",
        "properties.workspaceId",
        setting(logs=ALL_LOGS),
    ),
    Refusal(
        "a setting that sends to an account that is not there",
        watched,
        lambda landscape: setting(
            logs=ALL_LOGS, storageAccountId=f"{landscape.group}/providers/Microsoft.Storage/storageAccounts/none"
        )(landscape),
        "ResourceNotFound",
        "properties.storageAccountId",
        setting(logs=ALL_LOGS),
    ),
    Refusal(
        "logs of a cluster, whose database has them",
        watched,
        setting(of="cache", logs=ALL_LOGS),
        "BadRequest",
        "properties.logs[0].categoryGroup",
        setting(of="database", logs=ALL_LOGS),
        "Category 'allLogs' is not supported.",
    ),
    Refusal(
        "metrics of a database, whose cluster has them",
        watched,
        setting(of="database", metrics=ALL_METRICS),
        "BadRequest",
        "properties.metrics[0].category",
        setting(of="cache", metrics=ALL_METRICS),
    ),
    Refusal(
        "a category that a vault has not",
        watched,
        setting(logs=[{"category": "ConnectionEvents", "enabled": True}]),
        "BadRequest",
        "properties.logs[0].category",
        setting(logs=AUDIT),
    ),
    Refusal(
        "retention",
        watched,
        setting(logs=[{**AUDIT[0], "retentionPolicy": {"enabled": True, "days": 30}}]),
        "BadRequest",
        "properties.logs[0].retentionPolicy",
        setting(logs=[{**AUDIT[0], "retentionPolicy": {"enabled": False, "days": 0}}]),
    ),
    Refusal(
        "the same category to one workspace twice",
        all_of(watched, second_workspace, setting(logs=AUDIT)),
        setting("again", logs=AUDIT),
        "Conflict",
        "properties.workspaceId",
        setting("again", logs=AUDIT, workspace="logs2"),
        "is already used in diagnostic setting 'd' for category 'AuditEvent'",
    ),
    Refusal(
        "a category that all logs hold already",
        all_of(watched, setting(logs=ALL_LOGS)),
        setting("again", logs=AUDIT),
        "Conflict",
        "properties.workspaceId",
        setting("again", metrics=ALL_METRICS),
    ),
    Refusal(
        "a sixth setting",
        all_of(
            watched,
            *(
                lambda landscape, n=n: landscape.put(landscape.workspace.replace("/logs", f"/logs{n}"))
                for n in range(6)
            ),
            *(setting(f"d{n}", logs=AUDIT, workspace=f"logs{n}") for n in range(5)),
        ),
        setting("d5", logs=AUDIT, workspace="logs5"),
        "Conflict",
        "diagnosticSettings/d5",
        setting("d4", logs=AUDIT, workspace="logs5"),
    ),
    Refusal(
        "a name with a colon",
        watched,
        setting("to:logs", logs=AUDIT),
        "InvalidResourceName",
        "to:logs",
        setting("to-logs", logs=AUDIT),
    ),
]


def alert(
    metric: str = "evictedkeys",
    name: str = "alert",
    group_name: str = "",
    criterion: JsonObject | None = None,
    **changes: Any,
) -> Step:
    """Return an alert on a metric of the managed cache."""

    def step(landscape: Landscape) -> object:
        properties: JsonObject = {
            "severity": 2,
            "enabled": True,
            "scopes": [landscape.cache],
            "evaluationFrequency": "PT1M",
            "windowSize": "PT5M",
            "criteria": {
                "odata.type": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                "allOf": [{"name": "one", "metricName": metric, **(criterion or {})}],
            },
        }
        actions = (
            {"actions": [{"actionGroupId": insights(landscape, "actionGroups", group_name)}]} if group_name else {}
        )
        return landscape.put(
            insights(landscape, "metricAlerts", name), {**properties, **actions, **changes}, location="global"
        )

    return step


def classic(landscape: Landscape) -> str:
    return f"{landscape.group}/providers/Microsoft.Cache/redis/classic"


def classic_alert(metric: str) -> Step:
    """Return an alert on a metric of a classic cache."""
    return lambda landscape: alert(metric, scopes=[classic(landscape)])(landscape)


ALERTS = [
    Refusal(
        "an alert in a region",
        watched,
        lambda landscape: landscape.put(insights(landscape, "metricAlerts", "a"), {"scopes": [landscape.cache]}),
        "LocationNotAvailableForResourceType",
        "location",
        alert(),
    ),
    Refusal(
        "an alert on nothing",
        watched,
        alert(scopes=[]),
        "BadRequest",
        "properties.scopes",
        alert(),
    ),
    Refusal(
        "an alert on what is not there",
        group,
        alert(),
        "ResourceNotFound",
        "properties.scopes[0]",
        all_of(lambda landscape: landscape.with_cache(), alert()),
    ),
    Refusal(
        "an alert that calls nobody who is there",
        watched,
        alert(group_name="none"),
        "ResourceNotFound",
        "properties.actions[0].actionGroupId",
        alert(),
    ),
    Refusal("a severity of 5", watched, alert(severity=5), "BadRequest", "properties.severity", alert(severity=4)),
    Refusal(
        "an evaluation every two minutes",
        watched,
        alert(evaluationFrequency="PT2M"),
        "BadRequest",
        "properties.evaluationFrequency",
        alert(evaluationFrequency="PT5M"),
    ),
    Refusal(
        "a window of two days",
        watched,
        alert(windowSize="P2D"),
        "BadRequest",
        "properties.windowSize",
        alert(windowSize="P1D"),
    ),
    Refusal(
        "a window shorter than its evaluation",
        watched,
        alert(windowSize="PT1M", evaluationFrequency="PT5M"),
        "BadRequest",
        "properties.windowSize",
        alert(windowSize="PT5M", evaluationFrequency="PT5M"),
    ),
    Refusal(
        "a metric that managed caches have not",
        watched,
        alert("errors"),
        "BadRequest",
        "properties.criteria.allOf[0].metricName",
        alert("errors", criterion={"skipMetricValidation": True}),
        "Couldn't find a metric named errors",
    ),
    Refusal(
        "a metric that classic caches have not",
        all_of(
            group,
            lambda landscape: landscape.put(
                classic(landscape), {"sku": {"name": "Basic", "family": "C", "capacity": 0}}
            ),
        ),
        classic_alert("failedconnections"),
        "BadRequest",
        "properties.criteria.allOf[0].metricName",
        classic_alert("errors"),
        "Couldn't find a metric named failedconnections",
    ),
    Refusal(
        "a name with a slash of the other kind",
        watched,
        alert(name="a|b"),
        "InvalidResourceName",
        "a|b",
        alert(name="a-b"),
    ),
]


QUERY = 'REDConnectionEvents | where EventType == "auth"'


def log_alert(name: str = "rule", group_name: str = "", condition: JsonObject | None = None, **changes: Any) -> Step:
    """Return an alert on the logs in the workspace."""

    def step(landscape: Landscape) -> object:
        properties: JsonObject = {
            "severity": 2,
            "scopes": [landscape.workspace],
            "evaluationFrequency": "PT5M",
            "windowSize": "PT5M",
            "criteria": {
                "allOf": [
                    {
                        "query": QUERY,
                        "timeAggregation": "Count",
                        "operator": "GreaterThan",
                        "threshold": 0,
                        **(condition or {}),
                    }
                ]
            },
        }
        actions = {"actions": {"actionGroups": [insights(landscape, "actionGroups", group_name)]}} if group_name else {}
        given = {key: value for key, value in {**properties, **actions, **changes}.items() if value is not None}
        return landscape.put(insights(landscape, "scheduledQueryRules", name), given)

    return step


def periods(number: int, failing: int) -> JsonObject:
    return {"failingPeriods": {"numberOfEvaluationPeriods": number, "minFailingPeriodsToAlert": failing}}


_FIRST = "properties.criteria.allOf[0]"
LOG_ALERTS = [
    Refusal(
        "a log alert on a workspace that is not there",
        group,
        log_alert(),
        "ResourceNotFound",
        "properties.scopes[0]",
        all_of(lambda landscape: landscape.put(landscape.workspace), log_alert()),
    ),
    Refusal("a log alert on nothing", watched, log_alert(scopes=[]), "BadRequest", "properties.scopes", log_alert()),
    Refusal(
        "a log alert on two workspaces",
        all_of(watched, second_workspace),
        lambda landscape: log_alert(scopes=[landscape.workspace, landscape.workspace.replace("/logs", "/logs2")])(
            landscape
        ),
        "BadRequest",
        "properties.scopes",
        log_alert(),
    ),
    Refusal(
        "a log alert that calls nobody who is there",
        watched,
        log_alert(group_name="none"),
        "ResourceNotFound",
        "properties.actions.actionGroups[0]",
        all_of(lambda landscape: action_group(name="none")(landscape), log_alert(group_name="none")),
    ),
    *(
        Refusal(
            f"a log alert without {name}",
            watched,
            log_alert(**{name: None}),
            "BadRequest",
            f"properties.{name}",
            log_alert(),
        )
        for name in ("severity", "evaluationFrequency", "windowSize")
    ),
    Refusal(
        "a log alert without criteria",
        watched,
        log_alert(criteria={"allOf": []}),
        "BadRequest",
        "properties.criteria.allOf",
        log_alert(),
    ),
    Refusal(
        "a severity of 5 in a log alert",
        watched,
        log_alert(severity=5),
        "BadRequest",
        "properties.severity",
        log_alert(severity=0),
    ),
    Refusal(
        "a query every two minutes",
        watched,
        log_alert(evaluationFrequency="PT2M"),
        "BadRequest",
        "properties.evaluationFrequency",
        log_alert(evaluationFrequency="PT1M"),
    ),
    Refusal(
        "a query over a week",
        watched,
        log_alert(windowSize="P7D"),
        "BadRequest",
        "properties.windowSize",
        log_alert(windowSize="P2D"),
    ),
    Refusal(
        "a query over less than the time between two",
        watched,
        log_alert(evaluationFrequency="PT10M"),
        "BadRequest",
        "properties.windowSize",
        log_alert(evaluationFrequency="PT10M", condition=periods(2, 1)),
    ),
    Refusal(
        "a condition without a query",
        watched,
        log_alert(condition={"query": ""}),
        "BadRequest",
        f"{_FIRST}.query",
        log_alert(),
    ),
    Refusal(
        "an average of no column",
        watched,
        log_alert(condition={"timeAggregation": "Average"}),
        "BadRequest",
        f"{_FIRST}.metricMeasureColumn",
        log_alert(condition={"timeAggregation": "Average", "metricMeasureColumn": "EventStatus"}),
    ),
    Refusal(
        "a comparison that there is not",
        watched,
        log_alert(condition={"operator": "Above"}),
        "BadRequest",
        f"{_FIRST}.operator",
        log_alert(condition={"operator": "greaterThanOrEqual"}),
    ),
    Refusal(
        "more failures than periods",
        watched,
        log_alert(condition=periods(1, 2)),
        "BadRequest",
        f"{_FIRST}.failingPeriods",
        log_alert(condition=periods(2, 2)),
    ),
    Refusal(
        "muted and resolved by itself",
        watched,
        log_alert(muteActionsDuration="PT1H", autoMitigate=True),
        "BadRequest",
        "properties.muteActionsDuration",
        log_alert(muteActionsDuration="PT1H", autoMitigate=False),
    ),
    Refusal(
        "a log alert whose name has a bar",
        watched,
        log_alert(name="a|b"),
        "InvalidResourceName",
        "a|b",
        log_alert(name="a-b"),
    ),
]


def action_group(short: str | None = "redis", name: str = "team", **properties: Any) -> Step:
    """Return an action group."""
    given = {"enabled": True, **({"groupShortName": short} if short is not None else {}), **properties}
    return lambda landscape: landscape.put(insights(landscape, "actionGroups", name), given, location="global")


def emails(*pairs: tuple[str, str]) -> list[JsonObject]:
    return [{"name": name, "emailAddress": address} for name, address in pairs]


ACTION_GROUPS = [
    Refusal(
        "a short name of 13 characters",
        group,
        action_group("redis-alerts-"),
        "BadRequest",
        "properties.groupShortName",
        action_group("redis-alerts"),
    ),
    Refusal("no short name", group, action_group(None), "BadRequest", "properties.groupShortName", action_group("r")),
    Refusal(
        "two receivers of one name",
        group,
        action_group(emailReceivers=emails(("a", "a@contoso.com"), ("A", "b@contoso.com"))),
        "BadRequest",
        "properties.emailReceivers[1].name",
        action_group(emailReceivers=emails(("a", "a@contoso.com"), ("b", "b@contoso.com"))),
    ),
    Refusal(
        "an address that is none",
        group,
        action_group(emailReceivers=emails(("a", "contoso.com"))),
        "BadRequest",
        "properties.emailReceivers[0].emailAddress",
        action_group(emailReceivers=emails(("a", "a@contoso.com"))),
    ),
    Refusal(
        "a name that ends with a dot",
        group,
        action_group(name="team."),
        "InvalidResourceName",
        "team.",
        action_group(name="team"),
    ),
]
WORKSPACES = [
    Refusal(
        "a week of retention",
        group,
        lambda landscape: landscape.put(landscape.workspace, {"retentionInDays": 7}),
        "InvalidParameter",
        "properties.retentionInDays",
        lambda landscape: landscape.put(landscape.workspace, {"retentionInDays": 7, "sku": {"name": "Free"}}),
        "doesn't match the SKU limits",
    ),
    Refusal(
        "more than two years of retention",
        group,
        lambda landscape: landscape.put(landscape.workspace, {"retentionInDays": 731}),
        "InvalidParameter",
        "properties.retentionInDays",
        lambda landscape: landscape.put(landscape.workspace, {"retentionInDays": 730}),
    ),
    Refusal(
        "a price that there is not",
        group,
        lambda landscape: landscape.put(landscape.workspace, {"sku": {"name": "PerGB"}}),
        "InvalidParameter",
        "properties.sku.name",
        lambda landscape: landscape.put(landscape.workspace, {"sku": {"name": "pergb2018"}}),
    ),
    Refusal(
        "a name of three characters",
        group,
        lambda landscape: landscape.put(landscape.workspace.replace("/logs", "/log")),
        "InvalidResourceName",
        "log",
        lambda landscape: landscape.put(landscape.workspace),
    ),
]


def acr(size: str = "Premium", name: str = "contoso", **properties: Any) -> Step:
    """Return a container registry."""
    return lambda landscape: landscape.put(registry(landscape, name), properties, sku={"name": size})


REGISTRIES = [
    Refusal("an unknown size", group, acr("Classic"), "InvalidSku", "sku.name", acr("Basic")),
    Refusal(
        "a name with a hyphen", group, acr(name="con-toso"), "InvalidResourceName", "con-toso", acr(name="contoso1")
    ),
    Refusal(
        "a name that another registry has",
        all_of(group, acr(), lambda landscape: landscape.put(f"{landscape.subscription}/resourceGroups/two")),
        lambda landscape: landscape.put(registry(landscape, "Contoso").replace("/rg/", "/two/"), sku={"name": "Basic"}),
        "AlreadyInUse",
        "registries/Contoso",
        lambda landscape: landscape.put(
            registry(landscape, "fabrikam").replace("/rg/", "/two/"), sku={"name": "Basic"}
        ),
    ),
    *(
        Refusal(
            f"{name} on {size}",
            group,
            acr(size, **{name: value}),
            code,
            f"properties.{name}",
            acr("Premium", **{name: value}),
            f"not supported for the SKU {size}",
        )
        for size in ("Basic", "Standard")
        for name, value, code in (
            ("publicNetworkAccess", "Disabled", "DisablePublicNetworkAccessNotSupported"),
            ("networkRuleSet", {"defaultAction": "Deny"}, "NetworkRuleNotSupported"),
            ("zoneRedundancy", "Enabled", "ZoneRedundancyNotSupported"),
            ("dataEndpointEnabled", True, "DataEndpointNotSupported"),
        )
    ),
    Refusal(
        "anonymous pull on Basic",
        group,
        acr("Basic", anonymousPullEnabled=True),
        "AnonymousPullNotSupported",
        "properties.anonymousPullEnabled",
        acr("Standard", anonymousPullEnabled=True),
    ),
    Refusal(
        "a private endpoint of Standard",
        all_of(lambda landscape: landscape.with_network(), acr("Standard"), acr("Premium", name="premium")),
        lambda landscape: landscape.put(
            landscape.endpoint, endpoint_properties(landscape.endpoints_subnet, registry(landscape), "registry")
        ),
        "BadRequest",
        "properties.privateLinkServiceConnections[0].properties.privateLinkServiceId",
        lambda landscape: landscape.put(
            landscape.endpoint,
            endpoint_properties(landscape.endpoints_subnet, registry(landscape, "premium"), "registry"),
        ),
    ),
    Refusal(
        "passwords of a registry without administrator",
        all_of(group, acr()),
        lambda landscape: landscape.action(registry(landscape), "listCredentials"),
        "UnAuthorizedForCredentialOperations",
        "",
        all_of(acr(adminUserEnabled=True), lambda landscape: landscape.action(registry(landscape), "listCredentials")),
    ),
]


@pytest.mark.parametrize(
    "refusal", [*SETTINGS, *ALERTS, *LOG_ALERTS, *ACTION_GROUPS, *WORKSPACES, *REGISTRIES], ids=str
)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)
