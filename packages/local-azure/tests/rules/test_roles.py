"""What Azure refuses of role assignments and identities, and what an assignment gives, where and from when on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local_azure.core import options
from local_azure.resource_types.authorization import IN_FORCE_FROM, roles_in_force
from modules.landscape import SECRETS_USER, Landscape, assigned, vault_properties
from rules.cases import Refusal, Step, all_of, check, group

PRINCIPAL = "11111111-1111-1111-1111-111111111111"
NAME = "22222222-2222-2222-2222-222222222222"
OTHER = "33333333-3333-3333-3333-333333333333"
OFFICER = "/providers/Microsoft.Authorization/roleDefinitions/b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
GUID_OF_USER = SECRETS_USER.rsplit("/", 1)[-1]


def assignment(landscape: Landscape, scope: str = "", name: str = NAME) -> str:
    return f"{scope or landscape.group}/providers/Microsoft.Authorization/roleAssignments/{name}"


def assign(name: str = NAME, scope: str = "", **changes: Any) -> Step:
    """Assign a role; what is None is left out."""
    given = {"principalId": PRINCIPAL, "roleDefinitionId": SECRETS_USER, "principalType": "ServicePrincipal", **changes}
    properties = {key: value for key, value in given.items() if value is not None}
    return lambda landscape: landscape.put(assignment(landscape, scope, name), properties, location=None)


def identity(landscape: Landscape) -> None:
    landscape.put(landscape.identity)


def assign_to_identity(**changes: Any) -> Step:
    """Assign a role to the managed identity."""
    return lambda landscape: assign(principalId=landscape.get(landscape.identity).properties["principalId"], **changes)(
        landscape
    )


def delayed(seconds: float) -> Step:
    """Assignments take this long."""

    def step(landscape: Landscape) -> None:
        with landscape.model.store.transaction() as transaction:
            options.change(transaction, role_delay=seconds)

    return step


REFUSALS = [
    Refusal(
        "a name that is no GUID",
        group,
        assign("mine"),
        "InvalidRoleAssignmentId",
        "mine",
        assign(),
    ),
    Refusal(
        "a principal that is none",
        group,
        assign(principalId="me"),
        "InvalidPrincipalId",
        "properties.principalId",
        assign(),
    ),
    Refusal(
        "a role by its name",
        group,
        assign(roleDefinitionId="Key Vault Secrets User"),
        "RoleDefinitionDoesNotExist",
        "properties.roleDefinitionId",
        assign(),
    ),
    Refusal(
        "a kind of principal that there is not",
        group,
        assign(principalType="Application"),
        "InvalidPrincipalType",
        "properties.principalType",
        assign(principalType="Group"),
    ),
    Refusal(
        "an identity that is said to be a user",
        all_of(group, identity),
        assign_to_identity(principalType="User"),
        "UnmatchedPrincipalType",
        "properties.principalType",
        assign_to_identity(),
    ),
    Refusal(
        "a new identity that Azure has to look up",
        all_of(group, identity, delayed(600)),
        assign_to_identity(principalType=None),
        "PrincipalNotFound",
        "properties.principalType",
        assign_to_identity(principalType="ServicePrincipal"),
    ),
    Refusal(
        "the same role again by another name",
        all_of(group, assign()),
        assign(OTHER),
        "RoleAssignmentExists",
        f"roleAssignments/{OTHER}",
        assign(OTHER, roleDefinitionId=OFFICER),
    ),
    Refusal(
        "the same role again, with its subscription and in other case",
        all_of(group, assign()),
        lambda landscape: assign(
            OTHER, roleDefinitionId=f"{landscape.subscription}{SECRETS_USER}".replace("b69e6", "B69E6")
        )(landscape),
        "RoleAssignmentExists",
        f"roleAssignments/{OTHER}",
        assign(NAME),
    ),
    Refusal(
        "another principal for an assignment",
        all_of(group, assign()),
        assign(principalId=OTHER),
        "RoleAssignmentUpdateNotPermitted",
        "properties.principalId",
        assign(OTHER, principalId=OTHER),
    ),
    Refusal(
        "another role for an assignment",
        all_of(group, assign()),
        assign(roleDefinitionId=OFFICER),
        "RoleAssignmentUpdateNotPermitted",
        "properties.roleDefinitionId",
        assign(description="why"),
    ),
    Refusal(
        "a role at what is not there",
        group,
        lambda landscape: landscape.put(
            assignment(landscape, landscape.vault), {"principalId": PRINCIPAL, "roleDefinitionId": SECRETS_USER}
        ),
        "ResourceNotFound",
        "",
        all_of(
            lambda landscape: landscape.put(landscape.vault, vault_properties()),
            lambda landscape: landscape.put(
                assignment(landscape, landscape.vault), {"principalId": PRINCIPAL, "roleDefinitionId": SECRETS_USER}
            ),
        ),
    ),
    Refusal(
        "an identity with a short name",
        group,
        lambda landscape: landscape.put(landscape.identity.replace("app-identity", "id")),
        "InvalidResourceName",
        "id",
        lambda landscape: landscape.put(landscape.identity.replace("app-identity", "idd")),
    ),
    Refusal(
        "an identity that is not there",
        group,
        lambda landscape: landscape.put(landscape.classic, classic(), identity=assigned(landscape.identity)),
        "FailedIdentityOperation",
        "identity.userAssignedIdentities",
        all_of(
            identity,
            lambda landscape: landscape.put(landscape.classic, classic(), identity=assigned(landscape.identity)),
        ),
    ),
    Refusal(
        "assigned identities of an identity without that type",
        all_of(group, identity),
        lambda landscape: landscape.put(
            landscape.classic, classic(), identity={**assigned(landscape.identity), "type": "SystemAssigned"}
        ),
        "InvalidIdentityValues",
        "identity.type",
        lambda landscape: landscape.put(
            landscape.classic,
            classic(),
            identity={**assigned(landscape.identity), "type": "SystemAssigned, UserAssigned"},
        ),
    ),
]


def classic() -> dict[str, Any]:
    return {"sku": {"name": "Basic", "family": "C", "capacity": 0}}


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


def roles(landscape: Landscape, scope: str, principal: str = PRINCIPAL) -> set[str]:
    with landscape.model.store.transaction() as transaction:
        return roles_in_force(transaction, principal, scope)


@pytest.mark.parametrize("at", ["subscription", "group", "vault"])
def test_a_role_holds_at_its_scope_and_below_it_and_nowhere_else(tmp_path: Path, at: str) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    group(landscape)
    landscape.put(f"{landscape.subscription}/resourceGroups/two")
    landscape.put(landscape.vault, vault_properties())
    assign(scope=getattr(landscape, at))(landscape)
    holds = {
        scope: bool(roles(landscape, scope)) for scope in (landscape.subscription, landscape.group, landscape.vault)
    }
    order = [landscape.subscription, landscape.group, landscape.vault]
    assert holds == {scope: order.index(scope) >= order.index(getattr(landscape, at)) for scope in order}
    assert roles(landscape, f"{landscape.vault}/secrets/s") == {GUID_OF_USER}
    assert bool(roles(landscape, f"{landscape.subscription}/resourceGroups/two")) == (at == "subscription")
    assert not roles(landscape, landscape.vault, OTHER)
    landscape.delete(assignment(landscape, getattr(landscape, at)))
    assert not roles(landscape, landscape.vault)


def test_an_assignment_takes_effect_when_its_delay_is_over_and_a_later_put_starts_no_new_one(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    before = datetime.now(UTC)
    all_of(group, delayed(600), assign())(landscape)
    assert not roles(landscape, landscape.group)
    made = landscape.get(assignment(landscape))
    assert IN_FORCE_FROM not in str(made.body)
    delay = timedelta(seconds=600)
    assert before + delay <= datetime.fromisoformat(made.secrets[IN_FORCE_FROM]) <= datetime.now(UTC) + delay
    made.secrets[IN_FORCE_FROM] = datetime.now(UTC).isoformat()
    with landscape.model.store.transaction() as transaction:
        transaction.save(made)
    assert roles(landscape, landscape.group) == {GUID_OF_USER}
    all_of(delayed(900), assign(description="the same"))(landscape)
    assert roles(landscape, landscape.group) == {GUID_OF_USER}


def test_the_directory_says_what_an_unnamed_principal_is(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    all_of(group, identity, assign(principalType=None), assign_to_identity(name=OTHER, principalType=None))(landscape)
    assert landscape.get(assignment(landscape)).properties["principalType"] == "User"
    assert landscape.get(assignment(landscape, name=OTHER)).properties["principalType"] == "ServicePrincipal"


def test_an_assignment_outlives_its_principal(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    all_of(group, identity, assign_to_identity())(landscape)
    landscape.delete(landscape.identity)
    assert landscape.exists(assignment(landscape))
