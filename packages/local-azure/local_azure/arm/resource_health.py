"""Resource Health: the availability status of a resource.

https://learn.microsoft.com/rest/api/resourcehealth/availability-statuses/get-by-resource. Of the caches, only classic
ones are among the types that Azure checks (May 2025,
https://learn.microsoft.com/azure/service-health/resource-health-checks-resource-types); the response for other types is
not documented. Assumed: both services have it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from local_azure.arm.addresses import Address
from local_azure.control_plane.model import Work
from local_azure.core.ids import ArmId
from local_azure.core.values import JsonObject
from local_azure.status.runtime_status import RuntimeStatus

TYPE = "Microsoft.ResourceHealth/availabilityStatuses"


def statuses(running: Callable[[], RuntimeStatus | None]) -> Callable[[Work, Address], list[JsonObject]]:
    """Return the list with the status of a resource, from the runtime status. Azure reports it some minutes later."""

    def view(work: Work, address: Address) -> list[JsonObject]:
        resource = work.existing(ArmId.parse(address.scope))
        found = running()
        caches = {one.id.lower(): one for one in found.caches} if found else {}
        cache = caches.get(resource.id.key)
        is_down = cache is not None and cache.port == 0
        state = "Unavailable" if is_down else "Available"
        now = datetime.now(UTC).isoformat()
        return [
            {
                "id": f"{resource.id}/providers/{TYPE}/current",
                "name": "current",
                "type": TYPE,
                "location": resource.location,
                "properties": {
                    "availabilityState": state,
                    "title": state,
                    "summary": "No connection can be made to this resource."
                    if is_down
                    else "There are no known problems that affect this resource.",
                    "reasonType": "Unplanned" if is_down else "",
                    "reasonChronicity": "Persistent",
                    "occuredTime": now,
                    "reportedTime": now,
                },
            }
        ]

    return view
