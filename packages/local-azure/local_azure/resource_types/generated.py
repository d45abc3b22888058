"""Values that Azure makes up: keys, ids, addresses and names."""

from __future__ import annotations

import base64
import ipaddress
import secrets
import string
import uuid

_LETTERS_AND_DIGITS = string.ascii_lowercase + string.digits
_WORDS = ("blueocean", "calmwater", "greenfield", "jollysand", "kindmeadow", "proudriver", "redcliff", "whitewave")


def access_key(size: int = 32) -> str:
    """Return an access key as Azure makes them: random bytes in base64, 44 characters for the usual 32 bytes.

    Each key holds `/` and `+` beside its `=`: about half of all real keys hold a `/`, and a program that only works
    with the other half must not pass here.
    """
    while True:
        key = base64.b64encode(secrets.token_bytes(size)).decode()
        if "/" in key and "+" in key:
            return key


def guid() -> str:
    """Return a random GUID."""
    return str(uuid.uuid4())


def suffix(length: int) -> str:
    """Random lower-case letters and digits, the first a letter."""
    return secrets.choice(string.ascii_lowercase) + "".join(
        secrets.choice(_LETTERS_AND_DIGITS) for _ in range(length - 1)
    )


def domain_label() -> str:
    """Return the first label of a Container Apps environment's domain: a word and eight hexadecimal digits."""
    return f"{secrets.choice(_WORDS)}-{secrets.token_hex(4)}"


def public_address() -> str:
    """Return an address from a range of Azure's own."""
    return str(ipaddress.IPv4Address("20.0.0.0") + 1 + secrets.randbelow(2**24 - 2))
