"""Azure Policy: definitions, their assignments, and the refusal of what an assignment denies.

Only `deny` acts; definitions of other effects are kept and do nothing. Sets of definitions are not evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import RESOURCE_GROUP_TYPE, SUBSCRIPTION_TYPE, ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_list, as_object, get
from local_azure.resource_types.authorization import scopes_above
from local_azure.resource_types.base import Change, Inputs, ResourceType
from local_azure.resource_types.policy_rules import Subject, UnsupportedRuleError, applies, resolved

_GROUP = f"{SUBSCRIPTION_TYPE}/resourceGroups"
"""What Azure Policy calls a resource group."""
ASSIGNMENT_TYPE = "Microsoft.Authorization/policyAssignments"
DEFINITION_TYPE = "Microsoft.Authorization/policyDefinitions"


def _built_in(name: str, condition: JsonObject, mode: str = "Indexed") -> JsonObject:
    return {
        "displayName": name,
        "policyType": "BuiltIn",
        "mode": mode,
        "policyRule": {"if": condition, "then": {"effect": "deny"}},
    }


_LOCATION = {"field": "location", "notIn": "[parameters('listOfAllowedLocations')]"}
_BUILT_IN = {
    "e56962a6-4747-49cd-b67b-bf8b01975c4c": _built_in(
        "Allowed locations", {"allOf": [_LOCATION, {"field": "location", "notEquals": "global"}]}
    ),
    "e765b5de-1225-4ba3-bd56-1ac6695af988": _built_in(
        "Allowed locations for resource groups",
        {"allOf": [{"field": "type", "equals": _GROUP}, _LOCATION]},
        "All",
    ),
    "6c112d4e-5bc7-47ae-a041-ea2d9dccd749": _built_in(
        "Not allowed resource types", {"field": "type", "in": "[parameters('listOfResourceTypesNotAllowed')]"}, "All"
    ),
    "871b6d14-10aa-478d-b590-94f262ecfa99": _built_in(
        "Require a tag on resources", {"field": "[concat('tags[', parameters('tagName'), ']')]", "exists": "false"}
    ),
}
"""Some of https://learn.microsoft.com/azure/governance/policy/samples/built-in-policies, by their ids."""


class PolicyDefinition(ResourceType):
    """https://learn.microsoft.com/rest/api/policy/policy-definitions"""

    token = "azure-native:authorization:PolicyDefinition"
    arm_type = DEFINITION_TYPE
    inputs = Inputs(name="policyDefinitionName", scope=None)
    has_provisioning_state = False
    tracked = False

    def complete(self, change: Change) -> None:
        change.default("properties.policyType", "Custom")
        change.default("properties.mode", "Indexed")


class PolicyAssignment(ResourceType):
    """https://learn.microsoft.com/rest/api/policy/policy-assignments: an extension resource of its scope."""

    token = "azure-native:authorization:PolicyAssignment"
    arm_type = ASSIGNMENT_TYPE
    inputs = Inputs(name="policyAssignmentName", scope="scope")
    has_provisioning_state = False
    tracked = False

    def complete(self, change: Change) -> None:
        change.properties["scope"] = change.id.scope
        change.default("properties.enforcementMode", "Default")


@dataclass(frozen=True)
class Denial:
    """An assignment that denies a resource."""

    assignment: ArmId
    assignment_name: str
    definition_id: str
    definition_name: str

    @property
    def identifiers(self) -> str:
        """Return what the refusal says of it, in JSON."""
        return json.dumps(
            [
                {
                    "policyAssignment": {"name": self.assignment_name, "id": self.assignment.text},
                    "policyDefinition": {"name": self.definition_name, "id": self.definition_id},
                }
            ]
        )


def denials(transaction: Transaction, scope: str, subject: Subject) -> Iterator[Denial]:
    """Yield the assignments at a scope and above it that deny a resource there."""
    for above in scopes_above(scope):
        for assignment in transaction.of_type(ASSIGNMENT_TYPE, f"{above}/providers/{ASSIGNMENT_TYPE}"):
            if denied := _denied_by(transaction, assignment, scope, subject):
                yield denied


def _denied_by(transaction: Transaction, assignment: Resource, scope: str, subject: Subject) -> Denial | None:
    properties = assignment.properties
    excluded_scopes = [str(excluded).lower() for excluded in as_list(properties.get("notScopes"))]
    if properties.get("enforcementMode") == "DoNotEnforce" or any(
        scope.lower().startswith(item) for item in excluded_scopes
    ):
        return None
    definition_id = str(properties.get("policyDefinitionId"))
    found = transaction.get(definition_id)
    definition = found.properties if found else _BUILT_IN.get(definition_id.rsplit("/", 1)[-1].lower())
    if definition is None:
        return None
    defaults = {
        name: as_object(declared).get("defaultValue")
        for name, declared in as_object(definition.get("parameters")).items()
    }
    given = {
        name: as_object(parameter).get("value") for name, parameter in as_object(properties.get("parameters")).items()
    }
    parameters = {**defaults, **given}
    # "Indexed" leaves out what has neither tags nor a location.
    if str(definition.get("mode", "")).lower() == "indexed" and not get(subject.body, "location"):
        return None
    try:
        effect = resolved(get(definition, "policyRule.then.effect"), parameters)
        if str(effect).lower() != "deny" or not applies(
            as_object(get(definition, "policyRule.if")), subject, parameters
        ):
            return None
    except UnsupportedRuleError:
        return None
    return Denial(
        assignment.id,
        str(properties.get("displayName") or assignment.id.name),
        definition_id,
        str(definition.get("displayName") or definition_id.rsplit("/", 1)[-1]),
    )


def no_policy_denies(change: Change) -> None:
    """Refuse a write that an assigned policy denies.

    Source:
    https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy.
    """
    if change.id.type in (ASSIGNMENT_TYPE, DEFINITION_TYPE) or not change.operations.type_of(change.id).token:
        return
    scope = change.id.scope
    resource_type = _GROUP if change.id.type == RESOURCE_GROUP_TYPE else change.id.type
    for denial in denials(change.transaction, scope, Subject(resource_type, change.id.name, change.body)):
        raise AzureError(
            "RequestDisallowedByPolicy",
            f"Resource '{change.id.name}' was disallowed by policy. Policy identifiers: '{denial.identifiers}'.",
            target=change.id.name,
            status=HTTPStatus.FORBIDDEN,
        )


TYPES = (PolicyDefinition(), PolicyAssignment())
