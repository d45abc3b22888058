"""Queries before a deployment: permissions, available names, quotas, sizes, and policy violations."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus

from local_azure.arm.addresses import Address
from local_azure.control_plane.model import Work
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Transaction
from local_azure.core.values import JsonObject, as_object, get
from local_azure.resource_types import deployer, quotas
from local_azure.resource_types.container_apps.workload_profiles import PROFILE_CORES
from local_azure.resource_types.container_registry import Registry
from local_azure.resource_types.key_vault.names import DELETED_VAULT_TYPE, host_claim
from local_azure.resource_types.key_vault.vaults import Vault
from local_azure.resource_types.policies import denials
from local_azure.resource_types.policy_rules import Subject
from local_azure.resource_types.storage import StorageAccount

Question = Callable[[Work, Address, JsonObject], JsonObject]
"""Answers a POST with a body at a scope."""


def question_of(address: Address) -> Question | None:
    """Return what answers a POST that changes nothing, or None for any other."""
    return _QUESTIONS.get(address.type.lower())


# -- names


def _name_of(body: JsonObject) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise AzureError("InvalidRequestContent", "The name is missing.", target="name")
    return name


def _vault_name(work: Work, address: Address, body: JsonObject) -> JsonObject:
    """https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/check-name-availability"""
    name = _name_of(body)
    if fault := _broken_rule(Vault.name_rule, name):
        return _taken("AccountNameInvalid", fault)
    holder = work.transaction.holder(host_claim(name))
    found = work.transaction.get(holder) if holder else None
    if found and found.id.type == DELETED_VAULT_TYPE:
        return _taken(
            "AlreadyExists",
            f"The vault name '{name}' is already in use by a vault in the deleted state. Vault names are globally "
            "unique, so it is possible that the name is already taken.",
        )
    return _taken("AlreadyExists", f"The vault name '{name}' is already in use.") if holder else _FREE


def _storage_name(work: Work, address: Address, body: JsonObject) -> JsonObject:
    """https://learn.microsoft.com/rest/api/storagerp/storage-accounts/check-name-availability"""
    name = _name_of(body)
    if fault := _broken_rule(StorageAccount.name_rule, name):
        return _taken("AccountNameInvalid", fault)
    taken = work.transaction.holder(f"host/{name}.core.windows.net")
    return _taken("AlreadyExists", f"The storage account named {name} is already taken.") if taken else _FREE


def _registry_name(work: Work, address: Address, body: JsonObject) -> JsonObject:
    """https://learn.microsoft.com/rest/api/containerregistry/registries/check-name-availability"""
    name = _name_of(body)
    if fault := _broken_rule(Registry.name_rule, name):
        return _taken("Invalid", fault)
    taken = work.transaction.holder(f"host/{name}.azurecr.io")
    return _taken("AlreadyExists", f"The registry {name} is already in use.") if taken else _FREE


def _cache_name(work: Work, address: Address, body: JsonObject) -> JsonObject:
    """https://learn.microsoft.com/rest/api/redis/redis/check-name-availability: an empty answer for a free name, and a
    refusal for a taken one."""
    name = _name_of(body)
    if work.transaction.holder(f"host/{name}.redis.cache.windows.net"):
        raise AzureError(
            "NameNotAvailable",
            f"The name '{name}' is not available.",
            status=HTTPStatus.CONFLICT,
        )
    return {}


_FREE: JsonObject = {"nameAvailable": True}


def _taken(reason: str, message: str) -> JsonObject:
    return {"nameAvailable": False, "reason": reason, "message": message}


def _broken_rule(rule: object, name: str) -> str:
    pattern, words = getattr(rule, "pattern", ".*"), getattr(rule, "words", "")
    return "" if re.fullmatch(pattern, name, re.ASCII) else f"The name '{name}' is invalid: it must be {words}."


# -- policies


def _restrictions(work: Work, address: Address, body: JsonObject) -> JsonObject:
    """https://learn.microsoft.com/rest/api/policyinsights/policy-restrictions/check-at-subscription-scope"""
    content = as_object(get(body, "resourceDetails.resourceContent"))
    subject = Subject(str(content.get("type", "")), str(content.get("name", "")), content)
    return {
        "fieldRestrictions": [],
        "contentEvaluationResult": {
            "policyEvaluations": [
                {
                    "policyInfo": {
                        "policyDefinitionId": one.definition_id,
                        "policyAssignmentId": one.assignment.text,
                    },
                    "evaluationResult": "NonCompliant",
                    "evaluationDetails": {"evaluatedExpressions": []},
                    "effectDetails": {"policyEffect": "Deny"},
                }
                for one in denials(work.transaction, address.scope, subject)
            ]
        },
    }


_QUESTIONS: dict[str, Question] = {
    "microsoft.keyvault/checknameavailability": _vault_name,
    "microsoft.storage/checknameavailability": _storage_name,
    "microsoft.containerregistry/checknameavailability": _registry_name,
    "microsoft.cache/checknameavailability": _cache_name,
    "microsoft.policyinsights/checkpolicyrestrictions": _restrictions,
}


# -- lists


def usages(work: Work, address: Address) -> list[JsonObject]:
    """Return the quotas of a region and what is used of them."""
    subscription = address.scope.split("/")[2]
    return quotas.usages(work.transaction, subscription, address.names[0].replace(" ", "").lower())


def environment_usages(work: Work, address: Address) -> list[JsonObject]:
    """Return the quotas of an environment and what is used of them."""
    environment = ArmId.build(address.scope, "/".join(address.types[:-1]), *address.names[: len(address.types) - 2])
    return quotas.environment_usages(work.transaction, work.existing(environment))


def workload_profiles(work: Work, address: Address) -> list[JsonObject]:
    """https://learn.microsoft.com/rest/api/resource-manager/containerapps/available-workload-profiles/get"""
    return [
        {
            "id": f"{address.scope}/providers/Microsoft.App/availableManagedEnvironmentsWorkloadProfileTypes/{name}",
            "name": name,
            "type": "Microsoft.App/availableManagedEnvironmentsWorkloadProfileTypes",
            "location": address.names[0],
            "properties": {
                "displayName": name,
                "category": "Consumption" if name == "Consumption" else "General purpose D-series",
                "applicability": "LocationDefault" if name == "Consumption" else "Custom",
                "cores": cores,
                "memoryGiB": memory,
            },
        }
        for name, (cores, memory) in PROFILE_CORES.items()
    ]


def permissions(transaction: Transaction) -> list[JsonObject]:
    """https://learn.microsoft.com/rest/api/authorization/permissions: what the deployer's role permits."""
    return [as_object(one) for one in get(deployer.role(transaction).body(""), "properties.permissions")]
