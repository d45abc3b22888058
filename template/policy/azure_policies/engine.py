"""The rules as policies of Pulumi's policy SDK: what the engine sends, made plain, and what a judge says, reported."""

import traceback
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
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
from azure_policies.templates import with_embedded


def policies(rules: Sequence[ResourceRule | StackRule]) -> list[Policy]:
    """Each rule as a policy. They share what they have seen, so they belong to one run of the pack."""
    seen: dict[str, Resource] = {}
    failures = Failures()
    judging = [
        _resource_policy(rule, seen, failures)
        if isinstance(rule, ResourceRule)
        else _stack_policy(rule, seen, failures)
        for rule in rules
    ]
    # The SDK asks the policies in this order: these two hear of what went wrong in those before.
    return [*judging, *failures.policies()]


class Failures:
    """Policies that failed themselves, told by mandatory policies of their own.

    An exception out of a policy would keep those behind it from judging; and one in an advisory policy must not pass.
    """

    def __init__(self) -> None:
        self._messages: list[str] = []

    @contextmanager
    def caught(self, rule: str) -> Generator[None]:
        """Note that a rule failed, and where in the pack: an exception's own words may hold a value."""
        try:
            yield
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}, line {frame.lineno}"
            self._messages.append(
                f"policy {rule} could not judge it ({type(error).__name__} in {place}): "
                "correct the property that it reads, or report the policy's fault"
            )

    def policies(self) -> list[Policy]:
        """The policies that tell of what was noted since they told last, for a resource and for the stack."""

        def of_resource(args: ResourceValidationArgs, report: ReportViolation) -> None:
            for message in self._taken():
                report(message, args.urn)

        def of_stack(args: StackValidationArgs, report: ReportViolation) -> None:
            del args
            for message in self._taken():
                report(message, None)

        rule = "Every policy comes to a verdict."
        return [
            ResourceValidationPolicy("policies-judge-resources", rule, of_resource, EnforcementLevel.MANDATORY),
            StackValidationPolicy("policies-judge-stacks", rule, of_stack, EnforcementLevel.MANDATORY),
        ]

    def _taken(self) -> list[str]:
        messages, self._messages = self._messages, []
        return messages


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


def _resource_policy(rule: ResourceRule, seen: dict[str, Resource], failures: Failures) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        version: str | None = plain(args.provider.props).get("version") if args.provider else None
        resource = Resource(args.resource_type, args.urn, plain(args.props), version)
        seen[args.urn] = resource
        options = Options.read(args.get_config())
        with failures.caught(rule.name):
            for place, judged in with_embedded(resource):
                for message in rule.judge(judged, options):
                    report(f"{place}: {message}" if place else message, args.urn)

    return ResourceValidationPolicy(
        rule.name,
        rule.description,
        validate,
        enforcement_level=EnforcementLevel(rule.level),
        config_schema=_schema(rule),
    )


def _stack_policy(rule: StackRule, seen: Mapping[str, Resource], failures: Failures) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [_with_inputs(resource, seen) for resource in args.resources]
        with failures.caught(rule.name):
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
