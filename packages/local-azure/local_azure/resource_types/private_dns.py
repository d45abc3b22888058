"""Private DNS zones and their links to virtual networks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_object
from local_azure.resource_types.base import Change, Claim, Inputs, NameRule, Reference, ResourceType
from local_azure.resource_types.generated import suffix
from local_azure.resource_types.network import LINK_TYPE, NETWORK_NAME, RECORD_TYPE, VNET_TYPE, ZONE_TYPE


def location_is_global(change: Change) -> None:
    """Check that the location is `global`: some types lie in no region."""
    if change.location != "global":
        raise AzureError(
            "LocationNotAvailableForResourceType",
            f"The provided location '{change.location}' is not available for resource type '{change.id.type}'. "
            "List of available regions for the resource type is 'global'.",
            target="location",
        )


_TAGS = 15
_TAG_NAME = re.compile(r"[^\W\d][\w.:-]*", re.ASCII)


def tags_suit_dns(change: Change) -> None:
    """Refuse tags that private DNS does not take: more than 15, or of a name with spaces, parentheses, other special
    characters or a leading digit.

    https://github.com/Azure/azure-rest-api-specs/issues/13600 and
    https://github.com/Azure/bicep-registry-modules/issues/1541 (the count and its words);
    https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations (the names; that
    public zones' rule holds for private ones and links too, and which characters are special, are assumptions).
    """
    tags = as_object(change.desires("tags"))
    wrong = next((name for name in tags if not _TAG_NAME.fullmatch(name)), None)
    if len(tags) > _TAGS or wrong is not None:
        raise AzureError(
            "BadRequest",
            f"The resource tags are invalid. A maximum of {_TAGS} tags are allowed with keys no longer than 512 and "
            "values no longer than 256 characters.",
            target="tags" if wrong is None else f"tags.{wrong}",
        )


class PrivateZone(ResourceType):
    """https://learn.microsoft.com/rest/api/dns/privatedns/private-zones"""

    token = "azure-native:privatedns:PrivateZone"
    arm_type = ZONE_TYPE
    inputs = Inputs(name="privateZoneName")
    name_rule = NameRule(
        r"(?=.{1,253}$)[A-Za-z0-9_]([\w-]{0,61}\w)?(\.[A-Za-z0-9_]([\w-]{0,61}\w)?)+",
        "a domain name of two labels or more",
    )
    rules = (location_is_global, tags_suit_dns)
    keeps_nested = (LINK_TYPE,)

    def complete(self, change: Change) -> None:
        change.keep("properties.internalId", lambda: suffix(32))
        change.properties.update(
            {
                "maxNumberOfRecordSets": 25000,
                "maxNumberOfVirtualNetworkLinks": 1000,
                "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
            }
        )

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        links = transaction.of_type(LINK_TYPE, resource.id)
        resource.properties.update(
            {
                # The zone's own start of authority is a record set too.
                "numberOfRecordSets": 1 + len(transaction.of_type(RECORD_TYPE, resource.id)),
                "numberOfVirtualNetworkLinks": len(links),
                "numberOfVirtualNetworkLinksWithRegistration": sum(
                    bool(link.properties.get("registrationEnabled")) for link in links
                ),
            }
        )
        return resource.body


def _one_registration_zone(change: Change) -> None:
    """Enforce Azure's rule: one zone registers a network.

    Source: https://learn.microsoft.com/azure/dns/private-dns-autoregistration#restrictions.
    """
    vnet = change.desires("properties.virtualNetwork.id")
    if not vnet:
        raise AzureError(
            "BadRequest", "The link names no virtual network; one is required.", target="properties.virtualNetwork.id"
        )
    name = f"registration{vnet}"
    if not change.desires("properties.registrationEnabled"):
        if change.transaction.holder(name) == change.id.key:
            change.transaction.release(name)
    elif change.transaction.claim(name, change.id):
        raise AzureError(
            "BadRequest",
            f"The virtual network {vnet} is already registered with another private zone; only one may have "
            "registration enabled for it.",
            target="properties.registrationEnabled",
        )


class VirtualNetworkLink(ResourceType):
    """https://learn.microsoft.com/rest/api/dns/privatedns/virtual-network-links

    A link does not prevent the deletion of its network; it then has no target.
    """

    token = "azure-native:privatedns:VirtualNetworkLink"
    arm_type = LINK_TYPE
    inputs = Inputs(name="virtualNetworkLinkName", parents=("privateZoneName",))
    name_rule = NETWORK_NAME
    rules = (location_is_global, tags_suit_dns, _one_registration_zone)
    references = (Reference("properties.virtualNetwork.id", (VNET_TYPE,)),)
    create_only = ("properties.virtualNetwork.id",)

    def claims(self, change: Change) -> Iterable[Claim]:
        """Claim the network for a zone's name: a network is linked to only one zone of a name.

        Source: https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links; code and words as public logs
        of deployments have them.

        Source: https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links; code and words as public logs
        of deployments have them.
        """
        zone = change.id.names[0]
        vnet = str(change.desires("properties.virtualNetwork.id"))
        yield Claim(
            f"zone/{zone}{vnet}",
            "BadRequest",
            "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to link "
            f"virtual network with '{zone}' and '{zone}' zones.",
            "properties.virtualNetwork.id",
        )

    def complete(self, change: Change) -> None:
        change.default("properties.registrationEnabled", False)
        change.default("properties.resolutionPolicy", "Default")
        change.properties["virtualNetworkLinkState"] = "Completed"


TYPES = (PrivateZone(), VirtualNetworkLink())
