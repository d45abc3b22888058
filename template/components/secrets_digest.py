"""Compute a digest of an app's secrets, which changes whenever a secret does and does not reveal it."""

import hmac
import json
from collections.abc import Mapping

DIGEST_LENGTH = 16


def secrets_digest(key: str, secrets: Mapping[str, str]) -> str:
    """Return the first 16 hexadecimal digits of HMAC-SHA256 over the sorted pairs of name and value.

    With the digest in an app's template, a changed secret changes the template, for which Azure creates a new revision.
    The key prevents guessing values from the digest, which is plain text.

    Args:
        key: a random key, kept secret.
        secrets: values by name.
    """
    message = json.dumps(sorted(secrets.items())).encode()
    return hmac.new(key.encode(), message, "sha256").hexdigest()[:DIGEST_LENGTH]
