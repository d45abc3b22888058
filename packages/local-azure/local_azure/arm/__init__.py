"""The Azure of a model over HTTPS: Azure Resource Manager, the data plane of vaults, a tenant to sign in to.

`serve` starts it inside a running event loop. Everything is bound to the loopback address.
"""

from __future__ import annotations

from local_azure.arm.serving import Served, serve

__all__ = ["Served", "serve"]
