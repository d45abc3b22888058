"""A Container Apps environment sits in a subnet, without which no private endpoint is in its reach."""

from collections.abc import Iterator

from azure_policies.kinds import CONTAINER_ENVIRONMENT
from azure_policies.options import Options
from azure_policies.resource import Resource
from azure_policies.rule import Level, ResourceRule


def judge(resource: Resource, options: Options) -> Iterator[str]:
    """Yield an environment outside any network of ours."""
    del options
    if resource.is_a(CONTAINER_ENVIRONMENT) and not resource.get("vnetConfiguration", "infrastructureSubnetId"):
        yield (
            "vnetConfiguration.infrastructureSubnetId is not set: name a subnet delegated to Microsoft.App/environments"
            " (an environment cannot be moved into one later)"
        )


RULE = ResourceRule(
    "environment-in-a-subnet",
    "A Container Apps environment sits in a subnet.",
    Level.MANDATORY,
    judge,
)
