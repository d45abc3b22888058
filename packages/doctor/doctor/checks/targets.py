"""List what the apps reach through a private endpoint, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from doctor.facts import Absent, Cache, Facts, Service, Vault

REDIS, BROKER, VAULT = "redis", "broker", "vault"


@dataclass(frozen=True)
class Target:
    """A service behind a private endpoint.

    Attributes:
        subject: what the stack calls it.
        id: resource id; None where it was not found.
        why: why it was not found.
        group: sub-resource that its endpoint has to connect to.
        zone: private DNS zone of its service.
        record: name of its record in that zone.
    """

    subject: str
    id: str | None
    why: str
    group: str
    zone: str
    record: str


def caches(facts: Facts) -> Iterator[tuple[str, Cache | Absent]]:
    """Yield the stack's caches by their role, ``redis`` and ``broker``."""
    yield REDIS, facts.redis
    if facts.stack.broker != facts.stack.redis:
        yield BROKER, facts.broker


def targets(facts: Facts) -> Iterator[Target]:
    """Yield the caches, and the vault where apps refer to it.

    Zones and groups: https://learn.microsoft.com/azure/private-link/private-endpoint-dns.
    """
    for subject, cache in caches(facts):
        if isinstance(cache, Absent):
            yield Target(subject, None, cache.reason, "", "", "")
            continue
        labels = cache.address.host.split(".")
        # A managed cache has its region in its name, and in that of its record.
        own = 2 if cache.service is Service.MANAGED else 1
        group = "redisEnterprise" if cache.service is Service.MANAGED else "redisCache"
        zone = "privatelink." + ".".join(labels[own:])
        yield Target(subject, cache.id, "", group, zone, ".".join(labels[:own]))
    if facts.uses_vault:
        yield _vault(facts.vault)


def _vault(vault: Vault | Absent) -> Target:
    if isinstance(vault, Absent):
        return Target(VAULT, None, vault.reason, "", "", "")
    name, _, domain = vault.uri.partition("://")[2].strip("/").lower().partition(".")
    return Target(VAULT, vault.id, "", VAULT, f"privatelink.{domain.replace('vault.', 'vaultcore.', 1)}", name)
