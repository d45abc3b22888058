"""Send logs and metrics to Log Analytics, and create alerts on the caches."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import monitor

from components.placement import Placement
from components.redis_cache import RedisCache
from components.redis_plan import RedisService


@dataclass(frozen=True)
class _Alert:
    """A condition on a cache's metric, over five minutes."""

    metric: str
    aggregation: str
    threshold: float
    description: str


_COMMON_ALERTS = {
    "memory": _Alert(
        "usedmemorypercentage", "Maximum", 80, "the cache is nearly full: it will evict keys or refuse writes"
    ),
    "cpu": _Alert("percentProcessorTime", "Maximum", 80, "the cache is near the limit of its processors"),
    "evictions": _Alert("evictedkeys", "Total", 0, "the cache evicts keys: cached sessions and values are lost"),
}
_ALERTS = {
    # Azure Managed Redis has no metric for failed connections, and Azure refuses an alert on a missing metric: that
    # alert queries the logs.
    RedisService.MANAGED: _COMMON_ALERTS,
    RedisService.CLASSIC: {
        **_COMMON_ALERTS,
        "connections": _Alert("errors", "Maximum", 0, "the cache reports failed connections and other errors"),
    },
}
"""Source of the metrics: https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/
microsoft-cache-redisenterprise-metrics and microsoft-cache-redis-metrics."""

_REFUSED_CONNECTIONS = textwrap.dedent(
    """\
    REDConnectionEvents
    | where _ResourceId =~ "{database}"
    | where EventType == "auth" and EventStatus in (0, 1, 4, 6)"""
)
"""Log entries of refused connections, for example with a wrong key. A failure of DNS, network or TLS leaves no entry.

Source of the codes: https://learn.microsoft.com/azure/azure-monitor/reference/queries/redconnectionevents; the others
mean success (2, 7, 8) or in progress (3, 5)."""

_RESOURCE_TYPE = {
    RedisService.MANAGED: "Microsoft.Cache/redisEnterprise",
    RedisService.CLASSIC: "Microsoft.Cache/redis",
}


class Observability(pulumi.ComponentResource):
    """Diagnostic settings of caches, vault and environment; alerts on the caches."""

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        workspace_id: pulumi.Input[str],
        caches: Mapping[str, RedisCache],
        vault_id: pulumi.Input[str],
        environment_id: pulumi.Input[str],
        emails: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create diagnostic settings, and alerts that send mail to ``emails``.

        Args:
            name: Pulumi's name of the component.
            placement: resource group, region, tags.
            workspace_id: resource id of the Log Analytics workspace.
            caches: caches by their role.
            vault_id: resource id of the vault.
            environment_id: resource id of the Container Apps environment.
            emails: recipients of alerts; empty: no alerts are created, and a warning is logged.
            opts: as for every resource.
        """
        super().__init__("django-aca:observability:Observability", name, None, opts)
        self._name = name
        self._workspace_id = workspace_id
        for role, cache in caches.items():
            if cache.service is RedisService.MANAGED:
                # The cluster has the metrics, its database the logs.
                self._send(f"{role}-cluster", cache.id, logs=False)
                self._send(f"{role}-database", cache.logs_id, metrics=False)
            else:
                self._send(role, cache.id)
        # Azure keeps no destination type for a vault: with one, each refresh would plan an update.
        self._send("vault", vault_id, dedicated=False)
        self._send("environment", environment_id)
        if emails:
            group = self._action_group(placement, emails)
            for role, cache in caches.items():
                for kind, alert in _ALERTS[cache.service].items():
                    self._alert_on_metric(placement, role, kind, cache, alert, group)
                if cache.service is RedisService.MANAGED:
                    self._alert_on_refused_connections(placement, role, cache, group)
        else:
            pulumi.log.warn("alerts.emails is empty: no alerts about Redis will be sent", self)
        self.register_outputs({})

    def _send(
        self,
        what: str,
        resource_id: pulumi.Input[str],
        *,
        logs: bool = True,
        metrics: bool = True,
        dedicated: bool = True,
    ) -> None:
        monitor.DiagnosticSetting(
            f"{self._name}-{what}",
            name="to-log-analytics",
            resource_uri=resource_id,
            workspace_id=self._workspace_id,
            # Resource-specific tables instead of AzureDiagnostics: queries and alerts name these tables.
            log_analytics_destination_type="Dedicated" if logs and dedicated else None,
            logs=[monitor.DiagnosticsLogSettingsArgs(category_group="allLogs", enabled=True)] if logs else None,
            metrics=[monitor.DiagnosticsMetricSettingsArgs(category="AllMetrics", enabled=True)] if metrics else None,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _action_group(self, placement: Placement, emails: Sequence[str]) -> monitor.ActionGroup:
        return monitor.ActionGroup(
            f"{self._name}-action-group",
            action_group_name="redis-alerts",
            group_short_name="redis",
            resource_group_name=placement.resource_group_name,
            location="Global",
            tags=placement.tags,
            enabled=True,
            email_receivers=[
                monitor.MicrosoftCommonEmailReceiverArgs(name=email, email_address=email, use_common_alert_schema=True)
                for email in emails
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _alert_on_metric(
        self,
        placement: Placement,
        role: str,
        kind: str,
        cache: RedisCache,
        alert: _Alert,
        group: monitor.ActionGroup,
    ) -> None:
        monitor.MetricAlert(
            f"{self._name}-{role}-{kind}",
            rule_name=f"{role}-{kind}",
            resource_group_name=placement.resource_group_name,
            location="Global",
            tags=placement.tags,
            description=f"{role}: {alert.description}",
            enabled=True,
            severity=2,
            scopes=[cache.id],
            target_resource_type=_RESOURCE_TYPE[cache.service],
            target_resource_region=placement.location,
            # The caches' metrics come every minute, and a condition is over five: more often tells nothing new.
            evaluation_frequency="PT5M",
            window_size="PT5M",
            criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
                odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                all_of=[
                    monitor.MetricCriteriaArgs(
                        name=kind,
                        criterion_type="StaticThresholdCriterion",
                        metric_namespace=_RESOURCE_TYPE[cache.service],
                        metric_name=alert.metric,
                        operator="GreaterThan",
                        threshold=alert.threshold,
                        time_aggregation=alert.aggregation,
                    )
                ],
            ),
            actions=[monitor.MetricAlertActionArgs(action_group_id=group.id)],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _alert_on_refused_connections(
        self, placement: Placement, role: str, cache: RedisCache, group: monitor.ActionGroup
    ) -> None:
        query = cache.logs_id.apply(lambda database: _REFUSED_CONNECTIONS.format(database=database))
        monitor.ScheduledQueryRule(
            f"{self._name}-{role}-connections",
            rule_name=f"{role}-connections",
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            kind="LogAlert",
            description=f"{role}: the cache refuses connections, for example with a wrong key",
            enabled=True,
            severity=2,
            scopes=[self._workspace_id],
            evaluation_frequency="PT5M",
            window_size="PT5M",
            # The workspace has the table only after the first entry.
            skip_query_validation=True,
            criteria=monitor.ScheduledQueryRuleCriteriaArgs(
                all_of=[
                    monitor.ConditionArgs(
                        query=query,
                        time_aggregation="Count",
                        operator="GreaterThan",
                        threshold=0,
                        failing_periods=monitor.ConditionFailingPeriodsArgs(
                            number_of_evaluation_periods=1, min_failing_periods_to_alert=1
                        ),
                    )
                ]
            ),
            actions=monitor.ActionsArgs(action_groups=[group.id]),
            opts=pulumi.ResourceOptions(parent=self),
        )
