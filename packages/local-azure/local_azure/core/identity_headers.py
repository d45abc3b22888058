"""The secrets with which an app's processes authenticate to the managed-identity endpoint.

https://learn.microsoft.com/azure/container-apps/managed-identity#rest-endpoint-reference: `IDENTITY_HEADER`.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from pathlib import Path

from local_azure.core.ids import ArmId
from local_azure.system.files import kept_text


class IdentityHeaders:
    """The secrets of the apps, derived from one key in the home directory: `identity-header.key` (mode 0600)."""

    def __init__(self, home: Path) -> None:
        self._key = bytes.fromhex(kept_text(home / "identity-header.key", lambda: secrets.token_hex(32)).strip())

    def header(self, app: ArmId) -> str:
        """Return the `IDENTITY_HEADER` of an app's processes."""
        return hmac.new(self._key, app.key.encode(), sha256).hexdigest()
