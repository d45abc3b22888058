"""Names that must be unique in all of Azure are free.

Reads: the providers' `checkNameAvailability`, deleted vaults (`Microsoft.KeyVault/deletedVaults/read`) and the
subscription's managed caches. A name with a random suffix is known only to the deployment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from doctor.client import RefusedError, UnreachableError
from doctor.preflight.findings import Fault, Finding, Unchecked
from doctor.preflight.look import Look
from doctor.preflight.plan import Planned
from doctor.preflight.types import CLASSIC_REDIS, MANAGED_REDIS, REGISTRY, STORAGE, VAULT
from doctor.values import JsonObject, get, text

_OTHER_NAME = "set another uniqueSuffix or instance"
_REFUSED = (400, 409)
"""With which of these a taken name of a cache is refused is an assumption."""
_UNREGISTERED = "MissingSubscriptionRegistration"


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each name that is taken."""
    unnamed: list[str] = []
    for one in look.plan.written:
        if one.type not in _CHECKS or not one.takes_a_name:
            continue
        if not one.azure_name:
            unnamed.append(one.name)
            continue
        try:
            yield from _CHECKS[one.type](look, one)
        except (RefusedError, UnreachableError) as error:
            yield Unchecked(f"name {one.azure_name}", str(error))
    if unnamed:
        yield Unchecked(
            f"names of {', '.join(unnamed)}",
            "they have a suffix that only the deployment draws; with the setting uniqueSuffix they are known before",
        )


def _vault(look: Look, vault: Planned) -> Iterator[Finding]:
    deleted = _deleted_vault(look, vault.azure_name)
    if text(vault.inputs, "properties.createMode").lower() == "recover":
        yield from _recovered(vault, deleted)
        return
    if deleted is not None:
        until = text(deleted, "properties.scheduledPurgeDate")[:10]
        protected = get(deleted, "properties.purgeProtectionEnabled") is True
        purge = "" if protected else f", or purge it: `az keyvault purge --name {vault.azure_name}`"
        yield Fault(
            "vault-soft-deleted",
            f"vault name {vault.azure_name}",
            "held by a deleted vault",
            f"a deleted vault keeps its name{f' until {until}' if until else ''}",
            f"recover it: `pulumi config set --path keyVault.recover true`{purge}",
        )
        return
    yield from _asked(look, vault, VAULT, "vault name")


def _recovered(vault: Planned, deleted: JsonObject | None) -> Iterator[Finding]:
    if deleted is None:
        yield Fault(
            "vault-not-deleted",
            "keyVault.recover",
            "true",
            f"there is no deleted vault {vault.azure_name} to recover",
            "run `pulumi config rm --path keyVault.recover`, or correct uniqueSuffix",
        )
        return
    region = text(deleted, "properties.location").replace(" ", "").lower()
    if region != vault.location:
        yield Fault(
            "vault-deleted-elsewhere",
            f"deleted vault {vault.azure_name}",
            f"in {region}",
            f"it can be recovered only there, and {vault.location} is asked for",
            f"run `pulumi config set azure-native:location {region}`, or {_OTHER_NAME}",
        )


def _deleted_vault(look: Look, name: str) -> JsonObject | None:
    listed = look.list(f"{look.scope}/providers/Microsoft.KeyVault/deletedVaults")
    return next((one for one in listed if text(one, "name").lower() == name.lower()), None)


def _asked(look: Look, planned: Planned, arm_type: str, what: str) -> Iterator[Finding]:
    path = f"{look.scope}/providers/{planned.kind.namespace}/checkNameAvailability"
    answer = look.ask(path, {"name": planned.azure_name, "type": arm_type})
    if get(answer, "nameAvailable") is False:
        yield _taken(what, planned, text(answer, "message") or "somebody has it")


def _classic(look: Look, cache: Planned) -> Iterator[Finding]:
    path = f"{look.scope}/providers/Microsoft.Cache/checkNameAvailability"
    try:
        look.ask(path, {"name": cache.azure_name, "type": "Microsoft.Cache/Redis"})
    except RefusedError as error:
        if error.status not in _REFUSED or error.code.startswith(_UNREGISTERED):
            raise
        yield _taken("cache name", cache, str(error))


def _managed(look: Look, cache: Planned) -> Iterator[Finding]:
    # Azure has no question for these names; the subscription's own clusters can be seen.
    for one in look.list(f"{look.scope}/providers/{MANAGED_REDIS}"):
        same_region = text(one, "location").replace(" ", "").lower() == cache.location
        if text(one, "name").lower() == cache.azure_name.lower() and same_region:
            yield _taken("cache name", cache, f"{text(one, 'id')} has it")
            return
    yield Unchecked(f"cache name {cache.azure_name}", "Azure does not tell whether another subscription has it")


def _taken(what: str, planned: Planned, why: str) -> Fault:
    rule = f"it must be unique in all of Azure ({why.rstrip('.')})"
    return Fault("name-taken", f"{what} {planned.azure_name}", "taken", rule, _OTHER_NAME)


_CHECKS: dict[str, Callable[[Look, Planned], Iterator[Finding]]] = {
    VAULT: _vault,
    CLASSIC_REDIS: _classic,
    MANAGED_REDIS: _managed,
    REGISTRY: lambda look, one: _asked(look, one, REGISTRY, "registry name"),
    STORAGE: lambda look, one: _asked(look, one, STORAGE, "storage account name"),
}
