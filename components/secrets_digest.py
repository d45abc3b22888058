"""A fingerprint of an app's secrets, which changes whenever one of them does, and tells nothing about them."""

import hmac
import json
from collections.abc import Mapping

DIGEST_LENGTH = 16


def secrets_digest(key: str, secrets: Mapping[str, str]) -> str:
    """First 16 hexadecimal digits of HMAC-SHA256 over the sorted pairs of name and value.

    In an app's template it makes a changed secret a changed template, which is what Azure makes a new revision for.
    The key keeps anyone from trying values against the digest, which stands in the clear.

    Args:
        key: a random key, kept secret.
        secrets: values by name.
    """
    message = json.dumps(sorted(secrets.items())).encode()
    return hmac.new(key.encode(), message, "sha256").hexdigest()[:DIGEST_LENGTH]
