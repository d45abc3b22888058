"""How many replicas the autoscaler wants, second by second, on a clock of the test's own."""

import pytest

from local_azure.data_plane.keda_redis import RedisRule, RuleError
from local_azure.data_plane.scaling import Autoscaler, Failure, Limits, Reading

LIMITS = Limits(least=0, most=10)
IDLE = Reading(0, 10)


def waiting(messages: float) -> Reading:
    """Return a queue with messages, of which one replica is for ten."""
    return Reading(messages, 10)


def test_nothing_runs_while_there_is_nothing_to_do() -> None:
    assert Autoscaler(0).decide(0, [IDLE], LIMITS, 0) == 0


def test_the_first_message_starts_one_replica_however_many_there_are() -> None:
    assert Autoscaler(0).decide(0, [IDLE, waiting(500)], LIMITS, 0) == 1


def test_below_its_activation_a_queue_starts_nothing() -> None:
    assert Autoscaler(0).decide(0, [Reading(5, 10, activation=5)], LIMITS, 0) == 0
    assert Autoscaler(0).decide(0, [Reading(6, 10, activation=5)], LIMITS, 0) == 1


def test_it_grows_to_four_and_then_doubles_up_to_the_most() -> None:
    scaler, seen, current = Autoscaler(0), list[int](), 0
    for moment in range(0, 150, 30):
        current = scaler.decide(current, [waiting(500)], LIMITS, moment)
        seen.append(current)
    assert seen == [1, 4, 8, 10, 10]


@pytest.mark.parametrize(("messages", "wanted"), [(1, 1), (10, 1), (11, 2), (20, 2), (31, 4), (35, 4)])
def test_replicas_are_the_messages_by_the_target_rounded_up(messages: float, wanted: int) -> None:
    assert Autoscaler(0).decide(1, [waiting(messages)], LIMITS, 0) == wanted


def test_a_little_over_the_target_changes_nothing() -> None:
    assert Autoscaler(0).decide(4, [waiting(43)], LIMITS, 0) == 4


def test_the_rule_that_asks_for_most_decides() -> None:
    assert Autoscaler(0).decide(1, [waiting(5), waiting(31), waiting(20)], LIMITS, 0) == 4


def test_it_shrinks_only_when_the_last_five_minutes_asked_for_less() -> None:
    scaler = Autoscaler(0)
    assert scaler.decide(1, [waiting(40)], LIMITS, 0) == 4
    assert scaler.decide(4, [waiting(40)], LIMITS, 30) == 4
    assert scaler.decide(4, [waiting(20)], LIMITS, 60) == 4
    assert scaler.decide(4, [waiting(5)], LIMITS, 300) == 4, "4 were asked for 270 s ago"
    assert scaler.decide(4, [waiting(5)], LIMITS, 340) == 2, "2 were asked for 280 s ago"
    assert scaler.decide(2, [waiting(5)], LIMITS, 370) == 1


def test_it_goes_down_to_zero_300_seconds_after_the_last_work() -> None:
    scaler = Autoscaler(0)
    assert scaler.decide(1, [waiting(1)], LIMITS, 100) == 1
    assert scaler.decide(1, [IDLE], LIMITS, 399) == 1
    assert scaler.decide(1, [IDLE], LIMITS, 400) == 0


def test_a_new_revision_has_its_300_seconds_as_well() -> None:
    scaler = Autoscaler(1000)
    assert scaler.decide(1, [IDLE], LIMITS, 1299) == 1
    assert scaler.decide(1, [IDLE], LIMITS, 1300) == 0


def test_being_woken_begins_them_again() -> None:
    scaler = Autoscaler(0)
    scaler.woken(1000)
    assert scaler.decide(1, [IDLE], LIMITS, 1299) == 1
    assert scaler.decide(1, [IDLE], LIMITS, 1300) == 0


def test_an_app_without_rules_goes_down_to_zero_and_stays_there() -> None:
    scaler = Autoscaler(0)
    assert scaler.decide(1, [], LIMITS, 300) == 0
    assert scaler.decide(0, [], LIMITS, 3000) == 0


def test_it_never_leaves_its_bounds() -> None:
    limits = Limits(least=2, most=3)
    assert Autoscaler(0).decide(2, [waiting(1000)], limits, 0) == 3
    assert Autoscaler(0).decide(2, [IDLE], limits, 10_000) == 2
    assert Autoscaler(0).decide(0, [IDLE], limits, 0) == 2


def test_a_rule_that_fails_neither_starts_nor_ends_a_replica() -> None:
    failing = Failure("WRONGPASS")
    assert Autoscaler(0).decide(0, [failing], LIMITS, 0) == 0
    assert Autoscaler(0).decide(3, [failing, IDLE], LIMITS, 10_000) == 3
    assert Autoscaler(0).decide(3, [failing, waiting(50)], LIMITS, 0) == 5, "another rule may still ask for more"


# -- the rule `redis`


def test_a_rule_is_read_from_its_metadata_its_secrets_and_the_variables() -> None:
    metadata = {"address": "cache.example:10000", "listName": "celery:celery", "enableTLS": "true"}
    rule = RedisRule.parse(metadata, {"password": "key"}, {})
    assert (rule.host, rule.port, rule.list_name, rule.password) == ("cache.example", 10000, "celery:celery", "key")
    assert (rule.tls, rule.verify, rule.target, rule.activation, rule.database) == (True, True, 5, 0, 0)
    variables = {"REDIS_HOST": "cache.example", "REDIS_PORT": "6380", "KEY": "other"}
    metadata = {"hostFromEnv": "REDIS_HOST", "portFromEnv": "REDIS_PORT", "passwordFromEnv": "KEY", "listName": "x"}
    rule = RedisRule.parse({**metadata, "unsafeSsl": "true", "databaseIndex": "3"}, {}, variables)
    assert (rule.host, rule.port, rule.password, rule.database) == ("cache.example", 6380, "other", 3)
    assert (rule.tls, rule.verify) == (False, False)


@pytest.mark.parametrize("metadata", [{"listName": "x"}, {"address": "cache.example", "listName": "x"}])
def test_a_rule_without_an_address_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(RuleError, match="address"):
        RedisRule.parse(metadata, {"password": "s3cret"}, {})
