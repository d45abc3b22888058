"""How KEDA counts a worker's messages: the queues' lists, and the hash of those taken but not yet acknowledged."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import app

from components.redis_caches import QueueAddress
from components.secret_names import SecretName

CELERY_KEY_PREFIX = "celery:"
"""Prefix of the queue's keys, as Celery's ``global_keyprefix``: it stands before every name as it is."""


def queue_rules(address: QueueAddress, queues: Sequence[str], queue_length: int) -> Sequence[app.ScaleRuleArgs]:
    """One rule for each queue, and one for Celery's hash ``unacked``.

    A message that a worker has taken is no longer in the list but in the hash. Without the second rule a busy worker,
    or the only one that could restore a dead one's messages, would be scaled away with its tasks.

    Args:
        address: the broker.
        queues: Celery queues, whose lists have their names behind the prefix.
        queue_length: messages for each replica that is added.
    """
    counted = {
        **{f"queue-{index}": (queue, queue_length) for index, queue in enumerate(queues)},
        "unacknowledged": ("unacked", queue_length),
    }
    return [_rule(address, name, key, length) for name, (key, length) in counted.items()]


def _rule(address: QueueAddress, name: str, key: str, length: int) -> app.ScaleRuleArgs:
    return app.ScaleRuleArgs(
        name=name,
        custom=app.CustomScaleRuleArgs(
            type="redis",
            metadata={
                "address": pulumi.Output.concat(address.host_name, ":", str(address.port)),
                "listName": f"{CELERY_KEY_PREFIX}{key}",
                "listLength": str(length),
                "enableTLS": "true",
                "databaseIndex": str(address.database),
            },
            auth=[app.ScaleRuleAuthArgs(secret_ref=SecretName.REDIS_KEY.value, trigger_parameter="password")],
        ),
    )
