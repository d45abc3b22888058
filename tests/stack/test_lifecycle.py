"""The life of a stack, by the real engine: deployed, deployed again, protected, destroyed."""

from collections.abc import Callable

from tests.stack.deployment import Deployment

Deploy = Callable[..., Deployment]

APPS = {"apps-web", "apps-worker"}


def test_a_stack_is_deployed_once_kept_while_it_is_protected_and_then_destroyed(deploy: Deploy) -> None:
    """With the first row of test_combinations.py."""
    stack = deploy(useKeyVaultReferences=False, protect=True)
    created = stack.up()
    assert {step.operation for step in created} == {"create"}
    assert {"redis-cluster", "redis-database", "vault-vault", *APPS} <= {step.name for step in created}
    outputs = stack.outputs()
    assert outputs["redisUrl"].startswith("rediss://:")
    assert outputs["redisUrl"].endswith(f"@{outputs['redisHostName']}:10000/0?ssl_cert_reqs=required")
    assert "%2F" in outputs["redisUrl"], "generated keys always hold the characters that break a URL"

    assert stack.up() == [], "the second time nothing changes"
    assert stack.preview() == []
    assert stack.refresh() == []

    before = len(stack.resources())
    refused = stack.pulumi("destroy", "--yes", "--stack", "dev", check=False)
    assert refused.returncode != 0
    assert "protect" in refused.stdout + refused.stderr
    assert len(stack.resources()) == before
    assert stack.up() == []
    stack.configure("protect", False)
    stack.up()
    assert {step.operation for step in stack.destroy()} == {"delete"}
    assert stack.resources() == []
