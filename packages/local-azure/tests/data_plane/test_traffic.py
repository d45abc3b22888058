"""Where an app's host names lead."""

from local_azure.core.ids import ArmId
from local_azure.data_plane.desired_state import AppPlan, IngressPlan, Share
from local_azure.data_plane.traffic import Target, targets

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
DOMAIN = "calm.westeurope.azurecontainerapps.io"


def app(*shares: Share, single: bool = False, internal: bool = False, ingress: bool = True) -> AppPlan:
    """Return an app whose newest revision is the second."""
    fqdn = f"shop{'.internal' if internal else ''}.{DOMAIN}"
    return AppPlan(
        id=ArmId.parse(f"{GROUP}/providers/Microsoft.App/containerApps/shop"),
        created="",
        environment=ArmId.parse(f"{GROUP}/providers/Microsoft.App/managedEnvironments/env"),
        network=None,
        domain=DOMAIN,
        single=single,
        has_identity=False,
        latest="shop--2",
        ingress=IngressPlan(fqdn, not internal, 8000, "auto", shares, {}) if ingress else None,
        revisions=(),
        secrets={},
    )


def test_an_app_without_ingress_has_no_name() -> None:
    assert targets(app(ingress=False), "shop--2", {"shop--2"}) == {}


def test_in_single_mode_all_goes_to_the_latest_that_is_ready() -> None:
    found = targets(app(Share("", 100, ""), single=True), "shop--1", {"shop--1", "shop--2"})
    assert found == {
        f"shop.{DOMAIN}": (Target("shop--1", 100),),
        f"shop--1.{DOMAIN}": (Target("shop--1", 100),),
        f"shop--2.{DOMAIN}": (Target("shop--2", 100),),
    }


def test_before_any_was_ready_it_goes_to_the_newest() -> None:
    assert targets(app(single=True), "", {"shop--2"})[f"shop.{DOMAIN}"] == (Target("shop--2", 100),)


def test_weights_are_kept_and_the_latest_is_the_latest_ready() -> None:
    shares = (Share("", 20, ""), Share("shop--0", 80, ""), Share("shop--1", 0, "green"))
    found = targets(app(*shares), "shop--1", {"shop--0", "shop--1", "shop--2"})
    assert found[f"shop.{DOMAIN}"] == (Target("shop--1", 20), Target("shop--0", 80))
    assert found[f"shop---green.{DOMAIN}"] == (Target("shop--1", 100),), "a label needs no weight"


def test_the_names_of_an_internal_app_say_so() -> None:
    found = targets(app(single=True, internal=True), "shop--2", {"shop--2"})
    assert set(found) == {f"shop.internal.{DOMAIN}", f"shop--2.internal.{DOMAIN}"}
