"""Rules for programs that use Pulumi's azure-native provider; a module for each concern.

A rule's judge is a pure function of a resource's plain properties; `engine` alone knows Pulumi's policy SDK.
"""

from azure_policies import (
    alerts,
    anonymous_access,
    app_secrets,
    encryption_in_transit,
    environments,
    images,
    private_endpoints,
    public_access,
    queues,
    regions,
    resilience,
    retirements,
    tags,
    templates,
    vaults,
)
from azure_policies.rule import ResourceRule, StackRule

RULES: tuple[ResourceRule | StackRule, ...] = (
    public_access.RULE,
    anonymous_access.RULE,
    *encryption_in_transit.RULES,
    *app_secrets.RULES,
    *vaults.RULES,
    *private_endpoints.RULES,
    queues.RULE,
    environments.RULE,
    *images.RULES,
    regions.RULE,
    tags.RULE,
    templates.RULE,
    retirements.RULE,
    *resilience.RULES,
    alerts.RULE,
)
