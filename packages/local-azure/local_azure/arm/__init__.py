"""The HTTPS endpoints of the emulator: Azure Resource Manager, the data plane of vaults, the tenant's sign-in.

`serve` starts it inside a running event loop. Everything is bound to the loopback address.
"""

from __future__ import annotations

from local_azure.arm.serving import Served, serve

__all__ = ["Served", "serve"]
