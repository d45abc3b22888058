"""Rules that Azure Resource Manager keeps for every type: regions and tags."""

from __future__ import annotations

import re

from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.ids import RESOURCE_GROUP_TYPE, ArmId
from local_azure.core.regions import REGIONS
from local_azure.core.values import as_object
from local_azure.resource_types.base import Change

_TAGS = 50
_TAG_NAME_LENGTH = 512
_TAG_VALUE_LENGTH = 256
_RESERVED = re.compile(r"[<>%&\\?/\x00-\x1f]")


def region_is_known(change: Change) -> None:
    """Check that a resource's location is a region of Azure's.

    Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors.
    """
    if change.location in REGIONS or change.location in ("", "global"):
        return
    if not change.operations.type_of(change.id).tracked:
        return  # What lies in no region of these, or is not known well enough to say: some types lie in a continent.
    code, what = (
        ("LocationNotAvailableForResourceGroup", "resource group. List of available regions")
        if change.id.type == RESOURCE_GROUP_TYPE
        else (
            "LocationNotAvailableForResourceType",
            f"resource type '{change.id.type}'. List of available regions for the resource type",
        )
    )
    raise AzureError(
        code,
        f"The provided location '{change.location}' is not available for {what} is '{','.join(REGIONS)}'.",
        target="location",
    )


def tags_are_in_bounds(change: Change) -> None:
    """Check the number of tags, and the length of their names and values.

    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations.
    """
    tags = as_object(change.desires("tags"))
    if len(tags) > _TAGS:
        raise AzureError(
            "InvalidTagsCount", f"A resource can have at most {_TAGS} tags; {len(tags)} are given.", target="tags"
        )
    for name, value in tags.items():
        if _RESERVED.search(name):
            raise AzureError(
                "InvalidTagNameCharacters",
                f"The tag names '{name}' have reserved characters '<,>,%,&,\\,?,/' or control characters.",
                target=f"tags.{name}",
            )
        if not 1 <= len(name) <= _TAG_NAME_LENGTH:
            raise AzureError(
                "InvalidTagNameLength",
                f"A tag's name has 1 to {_TAG_NAME_LENGTH} characters; one has {len(name)}.",
                target="tags",
            )
        if isinstance(value, str) and len(value) > _TAG_VALUE_LENGTH:
            raise AzureError(
                "InvalidTagValueLength",
                f"A tag's value has at most {_TAG_VALUE_LENGTH} characters; that of '{name}' has {len(value)}.",
                target=f"tags.{name}",
            )


def moved(resource_id: ArmId, there: str, asked: str) -> AzureError:
    """Return the error for a write of a resource in another region than its own."""
    if resource_id.type == RESOURCE_GROUP_TYPE:
        return conflict(
            f"Invalid resource group location '{asked}'. The Resource group already exists in location '{there}'.",
            "InvalidResourceGroupLocation",
            "location",
        )
    return conflict(
        f"The resource '{resource_id.name}' already exists in location '{there}' in resource group "
        f"'{resource_id.resource_group}'. A resource with the same name cannot be created in location '{asked}'. "
        "Please select a new resource name.",
        "InvalidResourceLocation",
        "location",
    )


EVERY_TYPE = (region_is_known, tags_are_in_bounds)
