"""Start-up tuning: which aliases are removed."""

from collections.abc import Callable

import pulumi
import pytest

from components.startup import without_versioned_types
from tests.unit.pulumi_mocks import Stack


def _left(aliases: list[str | pulumi.Alias] | None) -> list[str | pulumi.Alias] | None:
    options = pulumi.ResourceOptions(aliases=aliases)
    args = pulumi.ResourceTransformationArgs(
        resource=None,  # pyright: ignore[reportArgumentType]  # it has none before it is made
        type_="azure-native:redis:Redis",
        name="redis",
        props={},
        opts=options,
    )
    return without_versioned_types(args).opts.aliases


def test_aliases_with_an_api_version_are_removed_and_moved_types_stay() -> None:
    moved = pulumi.Alias(type_="azure-native:cache:Redis")
    versioned = [
        pulumi.Alias(type_="azure-native:redis/v20241101:Redis"),
        pulumi.Alias(type_="azure-native:cache/v20230501preview:Redis"),
    ]
    assert _left([versioned[0], moved, versioned[1]]) == [moved]


@pytest.mark.parametrize("alias", ["urn:pulumi:dev::shop::azure-native:redis:Redis::old", pulumi.Alias(name="old")])
def test_aliases_of_the_programs_own_stay(alias: str | pulumi.Alias) -> None:
    assert _left([alias]) == [alias]


def test_no_aliases_stay_none() -> None:
    assert _left(None) is None


def test_the_engine_gets_no_alias_with_a_version(run_stack: Callable[..., Stack]) -> None:
    types = {alias.spec.type for one in run_stack().recorder.registered for alias in one.request.aliases}
    assert "azure-native:cache:RedisEnterprise" in types
    assert not [kind for kind in types if "/v" in kind]
