"""What is deployed is compared with the settings: the queue is not moved or emptied by accident."""

from collections.abc import Callable

from tests.stack.deployment import Deployment

Deploy = Callable[..., Deployment]


def test_the_queue_moves_only_when_it_was_drained(deploy: Deploy) -> None:
    stack = deploy()
    stack.up()
    for setting, value in (("redis.dedicatedBroker", True), ("redis.sku", "Balanced_B1"), ("redis.service", "classic")):
        stack.configure(setting, value)
        for command in (["preview"], ["up", "--yes", "--skip-preview"]):
            refused = stack.pulumi(*command, "--stack", "dev", check=False)
            assert refused.returncode != 0, f"{setting}: tasks are lost"
            assert "redis.queueDrainedFor" in refused.stdout + refused.stderr
        stack.configure("redis", {})
    assert stack.up() == [], "nothing was changed"

    stack.configure("redis", {"dedicatedBroker": True, "queueDrainedFor": "managed Balanced_B0 dedicated"})
    assert ("create", "broker-cluster") in {(step.operation, step.name) for step in stack.up()}
    assert stack.up() == []
    stack.configure("redis.dedicatedBroker", False)
    assert stack.pulumi("preview", "--stack", "dev", check=False).returncode != 0, "the word was for the other change"
