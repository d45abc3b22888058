"""Azure's regions: names and display names.

https://learn.microsoft.com/azure/reliability/regions-list, with those of
https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations that only some subscriptions may use.
"""

from __future__ import annotations

from collections.abc import Mapping

_DISPLAY_NAMES = (
    *("Australia Central", "Australia Central 2", "Australia East", "Australia Southeast", "Austria East"),
    *("Belgium Central", "Brazil South", "Brazil Southeast", "Canada Central", "Canada East", "Central India"),
    *("Central US", "Chile Central", "Denmark East", "East Asia", "East US", "East US 2", "France Central"),
    *("France South", "Germany North", "Germany West Central", "Indonesia Central", "Israel Central", "Italy North"),
    *("Japan East", "Japan West", "Jio India Central", "Jio India West", "Korea Central", "Korea South"),
    *("Malaysia West", "Mexico Central", "New Zealand North", "North Central US", "North Europe", "Norway East"),
    *("Norway West", "Poland Central", "Qatar Central", "South Africa North", "South Africa West"),
    *("South Central US", "South India", "Southeast Asia", "Spain Central", "Sweden Central", "Sweden South"),
    *("Switzerland North", "Switzerland West", "UAE Central", "UAE North", "UK South", "UK West"),
    *("West Central US", "West Europe", "West India", "West US", "West US 2", "West US 3"),
)
REGIONS: Mapping[str, str] = {name.replace(" ", "").lower(): name for name in _DISPLAY_NAMES}
"""The display name of each region by its name."""
REGIONS_WITHOUT_ZONES = frozenset(
    {
        "australiacentral",
        "australiacentral2",
        "australiasoutheast",
        "brazilsoutheast",
        "canadaeast",
        "francesouth",
        "germanynorth",
        "jioindiacentral",
        "jioindiawest",
        "koreasouth",
        "northcentralus",
        "norwaywest",
        "southafricawest",
        "southindia",
        "switzerlandwest",
        "uaecentral",
        "ukwest",
        "westcentralus",
        "westindia",
        "westus",
    }
)
"""https://learn.microsoft.com/azure/reliability/regions-list"""
