"""Where a component's resources go, and the tags they carry."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True)
class Placement:
    """Resource group, region and tags that the resources of one stack share.

    Attributes:
        resource_group_name: name of the resource group.
        location: Azure's name of the region, such as ``westeurope``.
        tags: tags of every resource that can carry them.
    """

    resource_group_name: pulumi.Input[str]
    location: str
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
