"""Access tokens: JSON Web Tokens of the tenant, signed by a local key, for the service principal and managed
identities.

The claims are those of https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from local_azure.resource_types.base import Tenant
from local_azure.system.files import kept_text

SERVICE_PRINCIPAL_NAME = "local-azure"
LIFETIME_SECONDS = 3600
_ALGORITHM = "RS256"


@dataclass(frozen=True)
class Principal:
    """A caller: the object id that roles are assigned to, and the client id for the sign-in."""

    object_id: str
    client_id: str
    resource_id: str | None = None
    """The ARM id of a managed identity."""


class InvalidTokenError(Exception):
    """A token is not ours, has another audience or has expired. `code` is Azure Resource Manager's."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class TokenIssuer:
    """Signs and verifies tokens with a key in the home directory: `token.key` (mode 0600)."""

    def __init__(self, home: Path, tenant: Tenant) -> None:
        self.tenant = tenant
        pem = kept_text(home / "token.key", _new_key)
        key = serialization.load_pem_private_key(pem.encode(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{home / 'token.key'} is no RSA key")
        self._key = key
        self._public_key = key.public_key()

    @cached_property
    def _key_id(self) -> str:
        numbers = self._public_key.public_numbers()
        return base64.urlsafe_b64encode(sha256(str(numbers.n).encode()).digest()[:20]).decode().rstrip("=")

    @property
    def issuer(self) -> str:
        """The issuer claim of the tokens, in the format of Microsoft Entra's version 1.0, which ARM uses."""
        return f"https://sts.windows.net/{self.tenant.tenant_id}/"

    @property
    def service_principal(self) -> Principal:
        """The tenant's service principal, owner of its subscriptions."""
        return Principal(self.tenant.object_id, self.tenant.client_id)

    def issue(self, principal: Principal, audience: str) -> str:
        """Return a token of a principal for an audience."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
            "appid": principal.client_id,
            "appidacr": "1",
            "idp": self.issuer,
            "idtyp": "app",
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": self.tenant.tenant_id,
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0",
        }
        if principal.resource_id:
            claims["xms_mirid"] = principal.resource_id
        return jwt.encode(claims, self._key, _ALGORITHM, {"kid": self._key_id})

    def verify(self, token: str, audiences: Iterable[str]) -> Principal:
        """Return the principal of a token. Raises `InvalidTokenError`."""
        try:
            claims = jwt.decode(
                token,
                self._public_key,
                [_ALGORITHM],
                options={"require": ["exp", "aud", "iss", "oid", "appid"], "verify_aud": False},
                issuer=self.issuer,
            )
        except jwt.ExpiredSignatureError:
            raise InvalidTokenError(
                "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time."
            ) from None
        except jwt.InvalidIssuerError:
            raise InvalidTokenError(
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer. It must match one of the tenants "
                f"'{self.issuer}' associated with this subscription.",
            ) from None
        except jwt.InvalidTokenError:
            raise InvalidTokenError("InvalidAuthenticationToken", "The access token is invalid.") from None
        if str(claims["aud"]).rstrip("/") not in {one.rstrip("/") for one in audiences}:
            raise InvalidTokenError(
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for wrong audience or resource. It should exactly match one of "
                f"the allowed audiences '{', '.join(audiences)}'.",
            )
        return Principal(str(claims["oid"]), str(claims["appid"]), claims.get("xms_mirid"))

    def key_set(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set (RFC 7517)."""
        key = RSAAlgorithm.to_jwk(self._public_key, as_dict=True)
        return {"keys": [{**key, "kid": self._key_id, "use": "sig", "alg": _ALGORITHM}]}


class ServicePrincipalSecret:
    """The secret of the service principal: `service-principal-secret` (mode 0600) in the home directory."""

    def __init__(self, home: Path) -> None:
        self.file = home / "service-principal-secret"
        # Hexadecimal: the Azure CLI takes a secret that begins with "-" for an option, even one read from a file.
        self._secret = kept_text(self.file, lambda: secrets.token_hex(32)).strip()

    def matches(self, given: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(given.encode(), self._secret.encode())


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def trace_id() -> str:
    """Return a request id in Azure's format."""
    return str(uuid.uuid4())
