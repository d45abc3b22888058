"""Build KEDA's scale rules of a worker: messages in its queues, and messages not yet acknowledged."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import app

from components.redis_caches import QueueAddress
from components.secret_names import SecretName

CELERY_KEY_PREFIX = "celery:"
"""Prefix of the queue's keys, Celery's ``global_keyprefix``."""


def queue_rules(address: QueueAddress, queues: Sequence[str], queue_length: int) -> Sequence[app.ScaleRuleArgs]:
    """Return a rule for each queue, and one for Celery's hash ``unacked``.

    A message that a worker has received is no longer in the list but in the hash. Without the second rule KEDA would
    remove a busy worker, or the only one that could restore the messages of a lost one.

    Args:
        address: address of the queues.
        queues: names of the Celery queues, without prefix.
        queue_length: number of messages per replica.
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
