"""Resource groups."""

from __future__ import annotations

from local_azure.core.arm_body import BodyShape
from local_azure.core.ids import RESOURCE_GROUP_TYPE
from local_azure.resource_types.base import Inputs, NameRule, ResourceType


class ResourceGroup(ResourceType):
    """Deleting one deletes all that is in it, whatever depends on what within it."""

    token = "azure-native:resources:ResourceGroup"
    arm_type = RESOURCE_GROUP_TYPE
    inputs = Inputs(name="resourceGroupName", scope=None)
    shape = BodyShape(flat=False)
    name_rule = NameRule(
        r"[\w().-]{0,89}[\w()-]", "1 to 90 letters, digits, '_', '-', '.', '(' and ')', not ending in '.'"
    )
    create_only = ("managedBy",)


TYPES = (ResourceGroup(),)
