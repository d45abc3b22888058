"""The life of a stack, by the real engine: deployed, deployed again, changed, rotated, destroyed."""

from collections.abc import Callable

import pytest

from tests.stack.deployment import Deployment, operations

Deploy = Callable[..., Deployment]

APPS = {"apps-web", "apps-worker"}


def test_a_stack_is_deployed_once_and_the_second_time_nothing_changes(deploy: Deploy) -> None:
    stack = deploy()
    created = stack.up()
    assert {step.operation for step in created} == {"create"}
    assert {"redis-cluster", "redis-database", "vault-vault", *APPS} <= {step.name for step in created}
    outputs = stack.outputs()
    assert outputs["redisUrl"].startswith("rediss://:")
    assert outputs["redisUrl"].endswith(f"@{outputs['redisHostName']}:10000/0?ssl_cert_reqs=required")
    assert "%2F" in outputs["redisUrl"], "generated keys always hold the characters that break a URL"

    assert stack.up() == []
    assert stack.preview() == []
    assert stack.refresh() == []

    deleted = stack.destroy()
    assert {step.operation for step in deleted} == {"delete"}
    assert stack.resources() == []


def test_a_new_image_updates_only_what_runs_it(deploy: Deploy) -> None:
    stack = deploy(beat={"enabled": True})
    stack.up()
    before = stack.revisions()
    stack.configure("image", "contoso.azurecr.io/shop:1.5.0")
    apps = {*APPS, "apps-beat"}
    assert operations(stack.up()) == {("update", app) for app in apps}
    after = stack.revisions()
    assert all(after[app] != before[app] for app in apps)


@pytest.mark.parametrize("references", [True, False], ids=["references", "direct"])
def test_another_active_key_makes_one_revision_of_each_app_and_touches_only_secrets_beside(
    deploy: Deploy, references: bool
) -> None:
    stack = deploy(useKeyVaultReferences=references)
    stack.up()
    before, first = stack.revisions(), stack.outputs()["redisUrl"]
    stack.configure("redis.activeKey", "secondary")
    secrets = {"vault-redis-url", "vault-celery-broker-url", "vault-celery-result-backend", "vault-redis-key"}
    assert operations(stack.up()) == {("update", name) for name in APPS | secrets}
    after = stack.revisions()
    assert stack.outputs()["redisUrl"] != first
    assert all(after[app] != before[app] for app in APPS)
    assert stack.up() == [], "the change is made once"
    assert stack.revisions() == after


def test_a_protected_stack_refuses_to_be_destroyed_until_it_is_told_otherwise(deploy: Deploy) -> None:
    stack = deploy(protect=True)
    stack.up()
    before = len(stack.resources())
    refused = stack.pulumi("destroy", "--yes", "--stack", "dev", check=False)
    assert refused.returncode != 0
    assert "protect" in refused.stdout + refused.stderr
    assert len(stack.resources()) == before
    assert stack.up() == []
    stack.configure("protect", False)
    stack.up()
    stack.destroy()
    assert stack.resources() == []


def test_a_renamed_project_deploys_the_same(deploy: Deploy) -> None:
    stack = deploy(project="shop-platform")
    stack.up()
    assert "shop-platform" in stack.resource("keyvault:Vault")["urn"]
    assert stack.outputs()["resourceGroupName"].startswith("rg-westeurope-magictoolbox-dev-")
