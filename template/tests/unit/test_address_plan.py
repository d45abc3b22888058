"""The address plan: each of Azure's rules at its boundary, from both sides."""

from ipaddress import IPv4Network

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from components.address_plan import RESERVED_RANGES, AddressPlan
from components.section import Fault


def faults(space: str, apps: str, endpoints: str) -> list[Fault]:
    plan = AddressPlan(address_space=space, apps_subnet=apps, endpoints_subnet=endpoints)
    return list(plan.faults("network"))


def faults_of(space: str, apps: str, endpoints: str) -> list[tuple[str, str]]:
    """Return setting and rule of each fault."""
    return [(fault.setting.removeprefix("network."), fault.rule) for fault in faults(space, apps, endpoints)]


@pytest.mark.parametrize(
    ("space", "apps", "endpoints", "case"),
    [
        ("10.0.0.0/16", "10.0.0.0/23", "10.0.2.0/24", "the default"),
        ("10.0.0.0/16", "10.0.0.0/27", "10.0.0.32/29", "the smallest of each, side by side"),
        ("10.0.0.0/26", "10.0.0.0/27", "10.0.0.32/27", "two halves of a space fill it"),
        ("10.0.0.0/26", "10.0.0.32/27", "10.0.0.0/27", "the order does not matter"),
        ("10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "the largest space"),
        ("172.16.0.0/12", "172.29.255.0/24", "172.16.0.0/24", "up to the reserved range"),
        ("172.16.0.0/12", "172.29.0.0/16", "172.16.0.0/16", "touching the reserved range"),
        ("192.168.0.0/16", "192.168.0.0/23", "192.168.255.0/24", "the last of a space"),
        ("100.64.0.0/10", "100.101.0.0/16", "100.64.0.0/16", "beside the reserved ranges"),
        ("100.64.0.0/10", "100.99.0.0/16", "100.100.224.0/24", "behind the last reserved range"),
    ],
)
def test_a_plan_within_the_rules_has_no_fault(space: str, apps: str, endpoints: str, case: str) -> None:
    assert faults_of(space, apps, endpoints) == [], case


@pytest.mark.parametrize(
    ("prefix", "refused"), [(23, False), (26, False), (27, False), (28, True), (29, True), (32, True)]
)
def test_the_apps_subnet_is_27_or_larger(prefix: int, refused: bool) -> None:
    rules = faults_of("10.0.0.0/16", f"10.0.0.0/{prefix}", "10.0.2.0/24")
    assert rules == ([("appsSubnet", "the apps subnet needs /27 or larger")] if refused else [])


@pytest.mark.parametrize(("prefix", "refused"), [(24, False), (28, False), (29, False), (30, True), (32, True)])
def test_the_endpoints_subnet_is_29_or_larger(prefix: int, refused: bool) -> None:
    rules = faults_of("10.0.0.0/16", "10.0.0.0/23", f"10.0.2.0/{prefix}")
    assert rules == ([("endpointsSubnet", "a subnet needs /29 or larger")] if refused else [])


@pytest.mark.parametrize(
    ("endpoints", "overlaps"),
    [
        ("10.0.3.248/29", False),
        ("10.0.4.0/29", True),
        ("10.0.5.248/29", True),
        ("10.0.6.0/29", False),
        ("10.0.4.0/23", True),
        ("10.0.0.0/20", True),
    ],
)
def test_subnets_may_touch_but_not_overlap(endpoints: str, overlaps: bool) -> None:
    rules = faults_of("10.0.0.0/16", "10.0.4.0/23", endpoints)
    wanted = [("endpointsSubnet", "the range overlaps network.appsSubnet 10.0.4.0/23")]
    assert rules == (wanted if overlaps else [])


@pytest.mark.parametrize(
    ("apps", "endpoints", "outside"),
    [
        ("10.1.0.0/24", "10.1.1.0/24", []),
        ("10.0.255.0/24", "10.1.0.0/24", ["appsSubnet"]),
        ("10.1.0.0/24", "10.2.0.0/24", ["endpointsSubnet"]),
        ("10.0.0.0/24", "192.168.0.0/24", ["appsSubnet", "endpointsSubnet"]),
        ("10.0.0.0/15", "10.1.0.0/24", ["appsSubnet", "endpointsSubnet"]),
    ],
)
def test_subnets_lie_inside_the_address_space(apps: str, endpoints: str, outside: list[str]) -> None:
    found = faults("10.1.0.0/16", apps, endpoints)
    assert [fault.setting.removeprefix("network.") for fault in found] == outside


def test_subnets_are_not_checked_against_a_wrong_address_space() -> None:
    outside = [fault for fault in faults("10.1.0.0/16", "10.0.0.0/24", "10.2.0.0/24") if "outside" in fault.rule]
    assert [fault.also for fault in outside] == [("network.addressSpace",)] * 2


@pytest.mark.parametrize("reserved", RESERVED_RANGES, ids=str)
@pytest.mark.parametrize("which", ["appsSubnet", "endpointsSubnet"])
@pytest.mark.parametrize("part", ["whole", "first", "last", "around"])
def test_no_subnet_overlaps_a_range_that_container_apps_reserves(reserved: IPv4Network, which: str, part: str) -> None:
    wanted = {
        "whole": reserved,
        "first": next(reserved.subnets(new_prefix=27)),
        "last": IPv4Network((int(reserved.broadcast_address) - 31, 27)),
        "around": reserved.supernet(),
    }[part]
    other = "10.0.0.0/24"
    subnets = (str(wanted), other) if which == "appsSubnet" else (other, str(wanted))
    rules = [rule for setting, rule in faults_of("10.0.0.0/8", *subnets) if setting == which]
    assert any(rule.endswith("for itself") for rule in rules)
    assert not any("keeps" in rule for setting, rule in faults_of("10.0.0.0/8", *subnets) if setting != which)


def test_the_reserved_ranges_are_azures() -> None:
    assert {str(reserved) for reserved in RESERVED_RANGES} == {
        "169.254.0.0/16",
        "172.30.0.0/16",
        "172.31.0.0/16",
        "192.0.2.0/24",
        "100.100.0.0/17",
        "100.100.128.0/19",
        "100.100.160.0/19",
        "100.100.192.0/19",
    }


@pytest.mark.parametrize(
    ("space", "rule"),
    [
        ("10.0.0.0/7", "a virtual network is at most /8"),
        ("8.0.0.0/7", "a virtual network is at most /8"),
        ("0.0.0.0/0", "a virtual network is at most /8"),
        ("8.8.0.0/16", "the range is public and would hide the hosts that use it"),
        ("172.0.0.0/8", "the range is public and would hide the hosts that use it"),
        ("172.32.0.0/16", "the range is public and would hide the hosts that use it"),
        ("100.128.0.0/16", "the range is public and would hide the hosts that use it"),
        ("192.169.0.0/16", "the range is public and would hide the hosts that use it"),
    ],
)
def test_the_address_space_is_private_and_no_larger_than_azure_allows(space: str, rule: str) -> None:
    subnets = IPv4Network(space).subnets(new_prefix=24)
    assert ("addressSpace", rule) in faults_of(space, str(next(subnets)), str(next(subnets)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "not an IPv4 range"),
        ("banana", "not an IPv4 range"),
        ("10.0.0.0/33", "not an IPv4 range"),
        ("10.0.0/16", "not an IPv4 range"),
        ("10.0.0.256/24", "not an IPv4 range"),
        ("fd00::/64", "not an IPv4 range"),
        (" 10.0.0.0/16", "not an IPv4 range"),
        ("10.0.0.0", "did you mean 10.0.0.0/32?"),
        ("10.0.0.1/16", "did you mean 10.0.0.0/16?"),
        ("10.0.0.0/255.255.0.0", "did you mean 10.0.0.0/16?"),
        ("10.0.0.0/0.0.255.255", "did you mean 10.0.0.0/16?"),
        ("10.0.0.0/016", "did you mean 10.0.0.0/16?"),
    ],
)
@pytest.mark.parametrize("field", ["address_space", "apps_subnet", "endpoints_subnet"])
def test_only_cidr_notation_is_accepted(field: str, value: str, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        AddressPlan.model_validate({field: value})
    assert message in str(refused.value)


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    length=st.integers(8, 24), apps_longer=st.integers(0, 10), endpoints_longer=st.integers(0, 10), place=st.integers(0)
)
def test_faults_of_subnets_inside_a_space_are_exactly_those_of_size_and_overlap(
    length: int, apps_longer: int, endpoints_longer: int, place: int
) -> None:
    space = IPv4Network((10 << 24, length))
    apps = IPv4Network((int(space.network_address), min(length + apps_longer, 32)))
    prefix = min(length + endpoints_longer, 32)
    step = 1 << (32 - prefix)
    index = place % (space.num_addresses // step)
    endpoints = IPv4Network((int(space.network_address) + index * step, prefix))
    wrong = {setting for setting, _ in faults_of(str(space), str(apps), str(endpoints))}
    expected = {
        *(["appsSubnet"] if apps.prefixlen > 27 else []),
        *(["endpointsSubnet"] if endpoints.prefixlen > 29 or apps.overlaps(endpoints) else []),
    }
    assert wrong == expected
