"""API versions that Azure has announced to retire, and the SDK would go on to send."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from azure_policies.options import Options
from azure_policies.resource import Resource
from azure_policies.rule import Level, StackRule, Violation


@dataclass(frozen=True)
class Retirement:
    """An announcement.

    Attributes:
        module: the SDK's module of the resource provider.
        ends: day after which requests fail, year first.
        oldest: first API version to use instead.
        source: where it is announced.
        versions: the versions that go; empty: all before `oldest`.
    """

    module: str
    ends: str
    oldest: str
    source: str
    versions: frozenset[str] = frozenset()

    def ends_version(self, version: str) -> bool:
        """Whether an API version goes."""
        return version in self.versions if self.versions else version < self.oldest


RETIREMENTS = (
    Retirement(
        "keyvault",
        "2027-02-27",
        "2026-02-01",
        "https://learn.microsoft.com/azure/key-vault/general/access-control-default",
    ),
    Retirement(
        "redisenterprise",
        "2026-10-31",
        "2025-07-01",
        "https://learn.microsoft.com/answers/questions/5634733",
    ),
    Retirement(
        "app",
        "2023-11-16",
        "2022-10-01",
        "https://azure.github.io/PSRule.Rules.Azure/en/rules/Azure.ContainerApp.APIVersion",
        versions=frozenset({"2022-06-01-preview", "2022-11-01-preview"}),
    ),
    Retirement(
        "app",
        "2024-03-06",
        "2023-05-01",
        "https://azure.microsoft.com/updates/retirement-azure-container-apps-preview-api-versions-20230401preview",
        versions=frozenset({"2023-04-01-preview"}),
    ),
)

DEFAULT_VERSIONS = {
    ("keyvault", "2"): "2023-02-01",
    ("keyvault", "3"): "2024-11-01",
    ("redisenterprise", "3"): "2025-07-01",
    ("app", "2"): "2022-10-01",
    ("app", "3"): "2025-02-02-preview",
}
"""API version of a token without one, by module and the SDK's major version; the SDK's descriptions tell it."""


def judge(resources: Sequence[Resource], options: Options) -> Iterator[Violation]:
    """Yield each API version that ends, be it in a type's token or the SDK's default: once, however many use it."""
    del options
    told: set[tuple[Retirement, str]] = set()
    for resource in sorted(resources, key=lambda one: one.urn):
        kind = resource.type
        major = (resource.sdk_version or "").partition(".")[0]
        version = kind.api_version or DEFAULT_VERSIONS.get((kind.module, major), "")
        for one in RETIREMENTS:
            if one.module == kind.module and version and one.ends_version(version) and (one, version) not in told:
                told.add((one, version))
                whose = "in the type's token" if kind.api_version else f"the default of azure-native {major}"
                yield Violation(
                    resource,
                    f"API version {version} of {kind.module}, {whose}, ends on {one.ends}: "
                    f"use {one.oldest} or later ({one.source})",
                )


RULE = StackRule(
    "retiring-api-versions",
    "No resource is managed by an API version that Azure has announced to retire.",
    Level.ADVISORY,
    judge,
)
