"""The one tenant of every local Azure, and who calls it: always the same, so that nothing has to be looked up."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Tenant:
    """The identity that calls the local Azure, and where it lives."""

    tenant_id: str = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-azure/tenant"))
    subscription_id: str = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-azure/subscription"))
    object_id: str = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-azure/caller"))
    client_id: str = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-azure/client"))
