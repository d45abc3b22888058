"""What the subscription forbids whatever the resource: it is disabled, a provider is not registered, a region lacks a
type, a quota is used up, or the deployer's roles do not reach.
"""

from __future__ import annotations

from local_azure.core import faults, registrations
from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.regions import REGIONS
from local_azure.resource_types.base import Change
from local_azure.resource_types.container_apps.names import ENVIRONMENT_TYPE
from local_azure.resource_types.deployer import require_linked_actions
from local_azure.resource_types.environment_subnet import SUBNET_PATH
from local_azure.resource_types.locks import no_lock_forbids_writing
from local_azure.resource_types.policies import no_policy_denies
from local_azure.resource_types.quotas import ENVIRONMENTS, environments_in, limit

_CONTAINER_SERVICE = "Microsoft.ContainerService"


def subscription_is_enabled(change: Change) -> None:
    """Refuse a write in a subscription that is not enabled.

    Source: https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states.
    """
    if faults.has(change.transaction, "subscription-disabled"):
        raise conflict(
            f"The subscription '{change.id.subscription}' is disabled and therefore marked as read only. You cannot "
            "perform any write actions on this subscription until it is re-enabled.",
            "ReadOnlyDisabledSubscription",
        )


def provider_is_registered(change: Change) -> None:
    """Check that the type's resource provider is registered. An environment in a network also needs the provider that
    its nodes come from (https://github.com/Azure/bicep/issues/14935).

    Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider.
    """
    namespace = change.id.type.split("/")[0]
    registrations.require(change.transaction, namespace)
    if (
        change.id.type == ENVIRONMENT_TYPE
        and change.desires(SUBNET_PATH)
        and not registrations.is_registered(change.transaction, _CONTAINER_SERVICE)
    ):
        raise AzureError(
            "SubscriptionIsNotRegistered",
            f"Subscripton '{change.id.subscription}' is not registered with the required resource providers, please "
            f"register with the resource providers {namespace} and {_CONTAINER_SERVICE}.",
        )


def region_offers_the_type(change: Change) -> None:
    """Check that the region offers the type and size.

    Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-sku-not-available, and the
    list of a type's regions of https://learn.microsoft.com/rest/api/resources/providers/get.
    """
    if change.existing or change.location not in REGIONS:
        return
    if faults.lacks_type(change.transaction, change.id.type, change.location):
        offered = (region for region in REGIONS if not faults.lacks_type(change.transaction, change.id.type, region))
        raise AzureError(
            "LocationNotAvailableForResourceType",
            f"The provided location '{change.location}' is not available for resource type '{change.id.type}'. List "
            f"of available regions for the resource type is '{','.join(offered)}'.",
            target="location",
        )


def environments_are_within_the_quota(change: Change) -> None:
    """Check that a new environment is within the subscription's quota.

    Source: https://learn.microsoft.com/azure/container-apps/quotas; the code is that of
    https://github.com/microsoft/azure-container-apps/issues/429.
    """
    if change.id.type != ENVIRONMENT_TYPE or change.existing:
        return
    most = limit(change.transaction, ENVIRONMENTS, change.location)
    if environments_in(change.transaction, change.id.subscription or "", change.location) >= most:
        raise AzureError(
            "MaxNumberOfRegionalEnvironmentsInSubExceeded",
            f"The subscription '{change.id.subscription}' cannot have more than {most} Container App Environments in "
            f"{REGIONS.get(change.location, change.location)}.",
        )


def deployer_may_link(change: Change) -> None:
    """Check that the deployer has the permission to link the resources that a write names.

    Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-authorization-failed.
    """
    require_linked_actions(change)


SUBSCRIPTION_RULES = (
    subscription_is_enabled,
    provider_is_registered,
    no_lock_forbids_writing,
    region_offers_the_type,
    environments_are_within_the_quota,
    deployer_may_link,
    no_policy_denies,
)
