"""Medians, spreads and ratios; what is compared is measured in turns."""

import pytest

from bench.measure import Samples, interleaved
from bench.results import Section, Table, Target, document, spread


def test_median_and_spread() -> None:
    samples = Samples((3.0, 1.0, 9.0))
    assert samples.median == 3
    assert samples.spread == (1, 9)
    assert spread(samples, 1) == ("3.0", "1.0 to 9.0")


def test_a_ratio_is_of_measurements_of_the_same_round() -> None:
    # The machine was ten times slower in the second round: the ratio is not.
    ratio = Samples((2.0, 20.0, 2.2)).over(Samples((1.0, 10.0, 1.0)))
    assert ratio.values == pytest.approx((2, 2, 2.2))
    with pytest.raises(ValueError, match="argument"):
        Samples((1.0, 2.0)).over(Samples((1.0,)))


def test_contestants_take_turns_and_warm_up_does_not_count() -> None:
    order: list[str] = []

    def contestant(name: str, measurement: float) -> float:
        order.append(name)
        return measurement + len(order)

    found = interleaved({"a": lambda: contestant("a", 0), "b": lambda: contestant("b", 100)}, rounds=2, warm_up=1)
    assert order == ["a", "b"] * 3
    assert found == {"a": Samples((3, 5)), "b": Samples((104, 106))}


@pytest.mark.parametrize(("measured", "outcome"), [(1.04, "met"), (1.05, "met"), (1.06, "**missed**")])
def test_a_target_says_whether_it_was_met(measured: float, outcome: str) -> None:
    assert str(Target("the ratio", measured, 1.05)).endswith(f"measured {measured:.3g}: {outcome}.")


def test_the_document_tells_of_the_machine_and_not_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "secret-host")
    table = Table(("", "median"), (("one", "1.00"),))
    text = document([Section("What was measured", ("Words.", table, Target("it", 1, 2)))], "3.259.0")
    assert "cores" in text
    assert "Pulumi 3.259.0" in text
    assert "| one | 1.00 |" in text
    assert "secret-host" not in text


@pytest.mark.parametrize(("load", "warned"), [(1.0, False), (6.5, True)])
def test_results_of_a_busy_machine_say_so(monkeypatch: pytest.MonkeyPatch, load: float, warned: bool) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, load))
    assert ("Others were at work" in document([], "3.259.0")) == warned
