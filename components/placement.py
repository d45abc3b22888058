"""Where and how a component's resources are created: what all resources of a stack have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True)
class Placement:
    """Where and how the resources of one stack are created.

    Attributes:
        resource_group_name: name of the resource group.
        location: Azure's name of the region, such as ``westeurope``.
        tags: tags of every resource that can carry them.
        zone_redundant: spread over availability zones whatever can be spread; cannot be changed afterwards.
        protect: resources that hold data refuse deletion.
    """

    resource_group_name: pulumi.Input[str]
    location: str
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    zone_redundant: bool = False
    protect: bool = False
