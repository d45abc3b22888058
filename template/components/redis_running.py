"""The wait for Azure Managed Redis, whose operations end before it is running."""

import asyncio
from collections.abc import Callable

import pulumi
from pulumi_azure_native import redisenterprise

from components.placement import Placement

_POLL_SECONDS = 5
_MOST_SECONDS = 3600
_FINAL_STATES = ("Disabled", "CreateFailed", "UpdateFailed", "ScalingFailed", "EnableFailed", "DisableFailed")
"""States that no waiting changes. Source: `ResourceState` in azure-rest-api-specs, specification/redisenterprise."""


def running_cluster(cluster: redisenterprise.RedisEnterprise, placement: Placement) -> pulumi.Output[str]:
    """Return a cluster's name once Azure takes its next request.

    Raises:
        pulumi.RunError: in a deployment, when the cluster comes to a state that is not Running.
    """
    return cluster.name.apply(
        lambda name: _running(
            lambda: redisenterprise.get_redis_enterprise_output(
                cluster_name=name,
                resource_group_name=placement.resource_group_name,
                opts=pulumi.InvokeOutputOptions(parent=cluster),
            ).apply(lambda found: found.resource_state),
            name,
            cluster,
        )
    )


def running_database(
    database: redisenterprise.Database, cluster_name: pulumi.Output[str], placement: Placement
) -> pulumi.Output[str]:
    """Return a database's name once Azure takes its next request and the one to its cluster.

    Raises:
        pulumi.RunError: in a deployment, when the database comes to a state that is not Running.
    """
    return pulumi.Output.all(cluster_name, database.name).apply(
        lambda names: _running(
            lambda: redisenterprise.get_database_output(
                cluster_name=names[0],
                database_name=names[1],
                resource_group_name=placement.resource_group_name,
                opts=pulumi.InvokeOutputOptions(parent=database),
            ).apply(lambda found: found.resource_state),
            names[1],
            database,
        )
    )


async def _running(read_state: Callable[[], pulumi.Output[str]], name: str, resource: pulumi.Resource) -> str:
    """Return the name when the state that is read becomes Running; at once in a preview, which changes nothing.

    The operation ends before: azurerm's provider waits for the state, too (cluster_state_poller in
    internal/services/managedredis). Until then the next request can be refused with a conflict.
    """
    if pulumi.runtime.is_dry_run():
        return name
    for waited in range(0, _MOST_SECONDS, _POLL_SECONDS):
        state = await read_state().future()
        if state == "Running":
            return name
        if state in _FINAL_STATES:
            raise pulumi.RunError(f"{name} is {state}: see the activity log of the resource, and docs/recovery.md")
        pulumi.log.info(f"{name} is {state} after {waited} s; waiting until it is Running", resource, ephemeral=True)
        await asyncio.sleep(_POLL_SECONDS)
    raise pulumi.RunError(f"{name} is not Running after {_MOST_SECONDS // 60} min: see its activity log")
