"""Properties that all resources of a stack have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True)
class Placement:
    """Where and how the resources of a stack are created.

    Attributes:
        resource_group_name: name of the resource group.
        location: Azure's name of the region, such as ``westeurope``.
        tags: tags of every resource whose type supports them.
        zone_redundant: spread resources over availability zones, where the type supports it; cannot be changed later.
        protect: refuse deletion of resources that hold data.
    """

    resource_group_name: pulumi.Input[str]
    location: str
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    zone_redundant: bool = False
    protect: bool = False
