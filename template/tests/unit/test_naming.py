"""Names: Azure's rule for each type, the naming convention, and uniqueness."""

import itertools
import re
import string
from collections.abc import Callable

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import TypeAdapter

from components.naming import REGION_CODES, Names, fit
from settings import AppName, EnvironmentName, Instance, Suffix

# Azure's rules, after https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules; that of
# managedEnvironments after https://azure.github.io/PSRule.Rules.Azure/en/rules/Azure.ContainerApp.EnvNaming.
RESOURCE_GROUP = re.compile(r"[A-Za-z0-9_.()-]{0,89}[A-Za-z0-9_()-]")
REDIS_ENTERPRISE = re.compile(r"(?!.*--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?")
REDIS = re.compile(r"(?!.*--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
VAULT = re.compile(r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]")
CONTAINER_APP = re.compile(r"(?!.*--)[a-z][a-z0-9-]{0,30}[a-z0-9]")
MANAGED_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,58}[a-z0-9]")
WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]")
IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}")
NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}[A-Za-z0-9_]")

SOVEREIGN_AND_COMING = (
    "brazilnortheast",
    "chinaeast",
    "chinaeast2",
    "chinaeast3",
    "chinanorth",
    "chinanorth2",
    "chinanorth3",
    "germanycentral",
    "germanynortheast",
    "saudiarabiacentral",
    "southcentralus2",
    "taiwannorthwest",
    "usdodcentral",
    "usdodeast",
    "usgovarizona",
    "usgoviowa",
    "usgovtexas",
    "usgovvirginia",
    "usnateast",
    "ussecwestcentral",
)
"""Regions without a short code, which are written in full."""

REGIONS = (*REGION_CODES, *SOVEREIGN_AND_COMING)

_LETTERS_AND_DIGITS = string.ascii_lowercase + string.digits


def _apps() -> st.SearchStrategy[str]:
    parts = st.lists(st.text(_LETTERS_AND_DIGITS, min_size=1, max_size=30), max_size=4)
    joined = st.builds(lambda first, rest: "-".join((first, *rest))[:60].rstrip("-"), _words(), parts)
    return joined | st.sampled_from(["a", "magictoolbox", "a-b-c-d-e-f-g-h-i-j", "a" * 60, "-".join("a" * 30)])


def _words() -> st.SearchStrategy[str]:
    return st.builds(
        str.__add__, st.sampled_from(string.ascii_lowercase), st.text(_LETTERS_AND_DIGITS, min_size=0, max_size=20)
    )


APPS = _apps()
ROLES = _apps() | st.sampled_from(["worker", "beat", "w" * 16, "w" * 17, "w" * 200])
ENVIRONMENTS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,98}[A-Za-z0-9_])?", fullmatch=True)
INSTANCES = st.text(_LETTERS_AND_DIGITS, min_size=1, max_size=8)
SUFFIXES = st.text(_LETTERS_AND_DIGITS, max_size=8)
ANY_REGION = st.sampled_from(REGIONS) | st.from_regex(r"[a-z]{4,24}[0-9]?", fullmatch=True)

quickly = hypothesis.settings(max_examples=40, deadline=None)


def _assert_valid(rule: re.Pattern[str], name: str, ending: str = "") -> None:
    assert rule.fullmatch(name), f"Azure refuses {name!r} ({len(name)} characters)"
    assert name.endswith(f"-{ending}" if ending else ""), f"{name!r} does not end in {ending!r}"


def _assert_all_valid(names: Names, suffix: str, role: str) -> None:
    _assert_valid(RESOURCE_GROUP, names.resource_group(suffix), suffix)
    for cache in ("", "broker"):
        _assert_valid(REDIS_ENTERPRISE, names.redis(cache, suffix), suffix)
        _assert_valid(REDIS, names.redis(cache, suffix), suffix)
    _assert_valid(VAULT, names.key_vault(suffix), suffix)
    for app in ("", "beat", role):
        _assert_valid(CONTAINER_APP, names.container_app(app), app if len(app) <= 16 else "")
    _assert_valid(MANAGED_ENVIRONMENT, names.common("cae"))
    _assert_valid(WORKSPACE, names.common("log"))
    _assert_valid(IDENTITY, names.common("id"))
    _assert_valid(NETWORK, names.common("vnet"))
    for endpoint in ("redis", "broker", "vault"):
        _assert_valid(NETWORK, names.common("pep", endpoint))


@pytest.mark.parametrize(
    ("rule", "strategy"), [(AppName, APPS), (EnvironmentName, ENVIRONMENTS), (Instance, INSTANCES), (Suffix, SUFFIXES)]
)
def test_the_strategies_generate_valid_settings(rule: object, strategy: st.SearchStrategy[str]) -> None:
    allowed = TypeAdapter[str](rule)

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(value=strategy)
    def check(value: str) -> None:
        assert allowed.validate_python(value) == value

    check()


@quickly
@hypothesis.given(
    app=APPS, environment=ENVIRONMENTS, region=ANY_REGION, instance=INSTANCES, suffix=SUFFIXES, role=ROLES
)
def test_every_name_is_valid_for_its_type_and_ends_in_the_suffix(
    app: str, environment: str, region: str, instance: str, suffix: str, role: str
) -> None:
    _assert_all_valid(Names(app, environment, region, instance), suffix, role)


@pytest.mark.parametrize("region", REGIONS)
def test_names_are_valid_in_every_region_at_every_length(region: str) -> None:
    apps = ("a", "magictoolbox", "m" * 60, "-".join("m" * 30))
    lengths = itertools.product(apps, ("d", "d" * 100), ("1", "12345678"), ("", "x", "x7k2q", "x7k2qx7k"))
    for app, environment, instance, suffix in lengths:
        _assert_all_valid(Names(app, environment, region, instance), suffix, "w" * 17)


@quickly
@hypothesis.given(app=APPS, length=st.integers(1, 60), suffix=SUFFIXES, role=ROLES)
def test_a_truncated_name_has_no_extra_hyphen(app: str, length: int, suffix: str, role: str) -> None:
    # Each length moves the cut by one, so that it falls on, before and behind every hyphen.
    _assert_all_valid(Names(app[:length].rstrip("-"), "dev", "usgovvirginia", "01"), suffix, role)


def test_names_without_a_suffix() -> None:
    names = Names("magictoolbox", "dev", "westeurope", "01")
    assert names.resource_group("") == "rg-westeurope-magictoolbox-dev"
    assert names.redis("", "") == "red-westeurope-magictoolbox-01"
    assert names.container_app("") == "app-we-magictoolbox-01"


def test_names_with_role_suffix_and_limit() -> None:
    names = Names("magictoolbox", "dev", "westeurope", "01")
    assert names.resource_group("x7k2q") == "rg-westeurope-magictoolbox-dev-x7k2q"
    assert names.redis("", "x7k2q") == "red-westeurope-magictoolbox-01-x7k2q"
    assert names.redis("broker", "x7k2q") == "red-westeurope-magictoolbox-broker-01-x7k2q"
    assert names.key_vault("") == "kv-we-magictoolbox-01"
    assert names.container_app("worker") == "app-we-magictoolbox-01-worker"
    assert names.common("pep", "vault") == "pep-westeurope-magictoolbox-vault-01"
    assert re.fullmatch(r"kv-we-magic-[0-9a-f]{6}-x7k2q", names.key_vault("x7k2q"))


@pytest.mark.parametrize("written", ["westeurope", "West Europe", "WestEurope", "west europe"])
def test_a_region_is_recognized_by_name_and_display_name(written: str) -> None:
    assert Names("shop", "dev", written, "01").redis() == "red-westeurope-shop-01"
    assert Names("shop", "dev", written, "01").container_app() == "app-we-shop-01"


def test_no_two_regions_share_a_code_and_none_has_the_name_of_another() -> None:
    assert len({*REGION_CODES.values()}) == len(REGION_CODES)
    assert not {*REGION_CODES.values()} & {*REGIONS}


KINDS: dict[str, Callable[[Names, str], str]] = {
    "resource group": lambda names, suffix: names.resource_group(suffix),
    "redis": lambda names, suffix: names.redis("", suffix),
    "broker": lambda names, suffix: names.redis("broker", suffix),
    "vault": lambda names, suffix: names.key_vault(suffix),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(app=APPS, region=ANY_REGION, suffixes=st.tuples(SUFFIXES, SUFFIXES))
def test_two_suffixes_give_two_names(
    kind: Callable[[Names, str], str], app: str, region: str, suffixes: tuple[str, str]
) -> None:
    hypothesis.assume(suffixes[0] != suffixes[1])
    names = Names(app, "dev", region, "01")
    assert kind(names, suffixes[0]) != kind(names, suffixes[1]), "two stacks of one app would collide"


@quickly
@hypothesis.given(
    apps=st.lists(APPS, min_size=2, max_size=2, unique=True), region=ANY_REGION, suffix=SUFFIXES, role=ROLES
)
def test_two_apps_have_no_name_in_common(apps: list[str], region: str, suffix: str, role: str) -> None:
    one, other = (Names(app, "dev", region, "01") for app in apps)
    for kind in KINDS.values():
        assert kind(one, suffix) != kind(other, suffix)
    for app in ("", "beat", role):
        assert one.container_app(app) != other.container_app(app)
    assert one.common("vnet") != other.common("vnet")


@quickly
@hypothesis.given(app=APPS, region=ANY_REGION, instances=st.lists(INSTANCES, min_size=2, max_size=2, unique=True))
def test_two_instances_have_no_name_in_common(app: str, region: str, instances: list[str]) -> None:
    one, other = (Names(app, "dev", region, instance) for instance in instances)
    assert one.redis() != other.redis()
    assert one.key_vault() != other.key_vault()
    assert one.container_app() != other.container_app()
    assert one.common("vnet") != other.common("vnet")


@quickly
@hypothesis.given(app=APPS, region=ANY_REGION, roles=st.lists(ROLES, min_size=2, max_size=4, unique=True))
def test_two_roles_of_one_stack_have_two_names(app: str, region: str, roles: list[str]) -> None:
    names = Names(app, "dev", region, "01")
    apps = {"", "beat", *roles}
    assert len({names.container_app(role) for role in apps}) == len(apps)
    assert names.redis() != names.redis("broker")
    assert len({names.common("pep", role) for role in ("redis", "broker", "vault")}) == 3


def test_long_worker_names_that_differ_at_their_end_stay_apart() -> None:
    names = Names("magictoolbox", "dev", "southafricanorth", "01")
    roles = [f"{'customer-notifications-' * 3}{number}" for number in range(50)]
    assert len({names.container_app(role) for role in roles}) == 50


@quickly
@hypothesis.given(
    app=APPS,
    region=st.sampled_from(REGIONS),
    environments=st.lists(ENVIRONMENTS, min_size=2, max_size=2, unique_by=str.lower),
)
def test_two_environments_have_two_resource_groups(app: str, region: str, environments: list[str]) -> None:
    groups = {Names(app, environment, region, "01").resource_group().lower() for environment in environments}
    assert len(groups) == 2, "to Azure, names that differ in case only are the same"


def test_a_limit_with_no_room_for_hash_and_suffix_is_refused() -> None:
    with pytest.raises(ValueError, match="no room for a name that ends in 'x7k2q'"):
        fit("kv-we-magictoolbox-01", 13, "x7k2q")
    assert re.fullmatch(r"k-[0-9a-f]{6}-x7k2q", fit("kv-we-magictoolbox-01", 14, "x7k2q"))
