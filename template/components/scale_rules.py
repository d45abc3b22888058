"""Build KEDA's scale rules of a worker: messages in its queues, and messages not yet acknowledged."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import app

from components.app_plan import WorkerPlan
from components.redis_caches import QueueAddress
from components.secret_names import SecretName

CELERY_KEY_PREFIX = "celery:"
"""Prefix of the queue's keys, Celery's ``global_keyprefix``."""


def queue_rules(address: QueueAddress, plan: WorkerPlan) -> Sequence[app.ScaleRuleArgs]:
    """Return a rule for each list of a worker's queues, and one for Celery's hash of unacknowledged messages.

    A message that a worker has received is no longer in the list but in the hash. Without that rule KEDA would remove a
    busy worker, or the only one that could restore the messages of a lost one. A replica processes as many messages as
    its concurrency, so the hash is divided by it: with a larger number, KEDA would remove replicas that are all busy.

    kombu keeps messages of a priority in a list of their own, which KEDA does not count under the queue's name.
    Source: https://github.com/celery/kombu/blob/main/kombu/transport/redis.py (``_q_for_pri``).

    Args:
        address: address of the queues.
        plan: the worker, with its queues, priorities and concurrency.
    """
    counted = {f"queue-{index}": (queue, plan.queue_length) for index, queue in enumerate(plan.queues)}
    for index, queue in enumerate(plan.queues):
        for step in plan.priorities:
            counted[f"queue-{index}-priority-{step}"] = (
                f"{queue}{plan.priority_separator}{step}",
                plan.queue_length,
            )
    counted["unacknowledged"] = (plan.unacked_key, plan.concurrency)
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
