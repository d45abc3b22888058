"""The rules as policies of Pulumi's policy SDK: what the engine sends, made plain, and what a judge says, reported."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from azure_policies.configuration import LEVEL
from azure_policies.options import Options, schema
from azure_policies.resource import UNKNOWN, Resource
from azure_policies.rule import ResourceRule, StackRule


def policies(rules: Sequence[ResourceRule | StackRule]) -> list[Policy]:
    """Each rule as a policy. They share what they have seen, so they belong to one run of the pack."""
    seen: dict[str, Resource] = {}
    return [
        _resource_policy(rule, seen) if isinstance(rule, ResourceRule) else _stack_policy(rule, seen) for rule in rules
    ]


def initial_config(
    choices: Mapping[str, Mapping[str, Any]], rules: Sequence[ResourceRule | StackRule]
) -> dict[str, EnforcementLevel | dict[str, Any]]:
    """The team's choices as the engine takes them: where they name no level, with the rule's own.

    The engine would take a policy with options and no level for an advisory one.
    """
    return {
        rule.name: {
            **choices[rule.name],
            LEVEL: EnforcementLevel(choices[rule.name].get(LEVEL, rule.level)),
        }
        for rule in rules
        if rule.name in choices
    }


def _resource_policy(rule: ResourceRule, seen: dict[str, Resource]) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        version: str | None = plain(args.provider.props).get("version") if args.provider else None
        resource = Resource(args.resource_type, args.urn, plain(args.props), version)
        seen[args.urn] = resource
        for message in rule.judge(resource, Options.read(args.get_config())):
            report(message, args.urn)

    return ResourceValidationPolicy(
        rule.name,
        rule.description,
        validate,
        enforcement_level=EnforcementLevel(rule.level),
        config_schema=_schema(rule),
    )


def _stack_policy(rule: StackRule, seen: Mapping[str, Resource]) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [_with_inputs(resource, seen) for resource in args.resources]
        for violation in rule.judge(resources, Options.read(args.get_config())):
            report(violation.message, violation.resource.urn)

    return StackValidationPolicy(
        rule.name,
        rule.description,
        validate,
        enforcement_level=EnforcementLevel(rule.level),
        config_schema=_schema(rule),
    )


def _schema(rule: ResourceRule | StackRule) -> PolicyConfigSchema | None:
    return PolicyConfigSchema(schema(rule.options)) if rule.options else None


def _with_inputs(resource: PolicyResource, seen: Mapping[str, Resource]) -> Resource:
    """A stack's resource with its inputs.

    The engine hands over outputs here, in which the provider leaves out the names a resource goes by in its parent.
    """
    known = seen.get(resource.urn)
    references = {
        name: tuple(one.urn for one in resources) for name, resources in resource.property_dependencies.items()
    }
    properties = known.properties if known else plain(resource.props)
    return Resource(resource.resource_type, resource.urn, properties, known and known.sdk_version, references)


def plain(value: Any) -> Any:
    """The SDK's view of properties as plain maps, lists and scalars, with `UNKNOWN` where reading would raise."""
    if isinstance(value, Mapping):
        return {str(key): _read(value, key) for key in value}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]: the SDK's view is untyped
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_read(value, index) for index in range(len(value))]  # pyright: ignore[reportUnknownArgumentType]: as above
    return value


def _read(holder: Any, key: Any) -> Any:
    try:
        return plain(holder[key])
    except UnknownValueError:
        return UNKNOWN
