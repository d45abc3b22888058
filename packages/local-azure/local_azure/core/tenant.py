"""The tenant of the emulator and its caller; the ids are constants, so that no look-up is needed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Tenant:
    """The tenant, the subscription and the identity that calls the emulator."""

    tenant_id: str = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-azure/tenant"))
    subscription_id: str = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-azure/subscription"))
    object_id: str = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-azure/caller"))
    client_id: str = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-azure/client"))
